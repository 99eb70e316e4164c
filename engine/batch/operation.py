"""What a batch operation type is: one value, in one file of `engine/operations/`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from engine.core.ports import FILTERED, WITHOUT_INSTANCE
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.work import Work
from engine.records.batch_operation_chunk import ItemFacts

from .contradictions import contradictions

#: States of process instances that have finished.
FINISHED = frozenset(("COMPLETED", "TERMINATED"))
#: What an item is -> of what its permission is, where that is no process.
RESOURCES = {"DECISION_INSTANCE": "DECISION_DEFINITION", "BATCH_OPERATION": "BATCH"}


class Selects(Struct, frozen=True, kw_only=True):
    """What a filter may pick: the kind of target and the conditions that are forced on it.

    `expects`: the states that make sense where none is forced, so that others are told item by item.
    """

    entity: str
    states: tuple[str, ...] = ()
    roots_only: bool = False
    expects: tuple[str, ...] = ()

    @property
    def states_named(self) -> tuple[str, ...]:
        """The states that a filter may name; empty for any."""
        return self.states or self.expects

    @property
    def only_running(self) -> bool:
        """Whether no target of a finished process instance can be picked."""
        return bool(self.states) and FINISHED.isdisjoint(self.states)

    @property
    def is_of_instances(self) -> bool:
        """Whether each target belongs to a process instance; one that is known of nobody is not known at all."""
        return self.entity not in WITHOUT_INSTANCE

    @property
    def filtered(self) -> str:
        """What the filter is about."""
        return FILTERED[self.entity]


class Item(Struct, frozen=True, kw_only=True):
    """One target. `at_end` is the last piece of work when the effects span steps: it reports the outcome.

    `facts`: what secondary storage knew of its process instance, for an operation that asks for it (`variables`).
    `awaited`: whether somebody waits for secondary storage to obey; nobody does of what is done at once.
    """

    key: int
    process_instance_key: int
    root_process_instance_key: int
    at_end: Work
    facts: ItemFacts | None = None
    awaited: bool = True


def _admit_all(_parameters: Struct, _view: View) -> list[str]:
    return []


def _same(body: Struct) -> Struct:
    return body


class Operation(Struct, frozen=True, kw_only=True):
    """A batch operation type.

    `decide(parameters, item, view)` yields the effects on one item; it raises Reject to make the item FAILED, and ends
    with True when the effects are complete, False when `item.at_end` will tell. `check(parameters)` gives what can be
    refused before the log, as texts; `admit(parameters, view)` what can only be known where the operation is created,
    so that not every item must fail. `body` is what clients give, where that has another shape than the parameters,
    which `read(body)` makes of it. `skips_missing`: an item that is not found is SKIPPED, whatever the settings say;
    `skips_unknown`: so is a key given by hand of which nothing is known, which is FAILED otherwise.
    `replaces(parameters, item_key, view)`: what deciding would replace, as a text that the item keeps if its batch
    operation is to be undone; `restore`, in place of `decide`, puts that back, which the item's facts have.
    `variables(parameters)`: it is about what the state no longer has, so facts are looked up with the items, with these
    values of variables (see `engine.core.ports`). `starts_instances`: of the definitions that the facts name; what it
    needs the `permission` for are these.
    `permission` is what its creator needs of the process definition of each item (see RESOURCES). `undone_by`: the type
    that puts back what this one changed, without parameters of its own, or the same type, which restores it; empty if
    nothing can be proved to. `path` is the REST path under /v2 that creates it, `help` the first line of the module's
    docstring.
    """

    name: str
    path: str
    help: str
    parameters: type[Struct]
    check: Callable[[Any], list[str]]
    selects: Selects
    decide: Callable[[Any, Item, View], Deciding]
    skips_missing: bool = False
    skips_unknown: bool = False
    admit: Callable[[Any, View], list[str]] = _admit_all
    body: type[Struct] | None = None
    read: Callable[[Any], Struct] = _same
    permission: str = "UPDATE_PROCESS_INSTANCE"
    undone_by: str = ""
    variables: Callable[[Any], str] | None = None
    starts_instances: bool = False
    replaces: Callable[[Any, int, View], str] | None = None
    restore: Callable[[Any, Item, View], Deciding] | None = None

    def facts_of(self, parameters: Struct) -> str:
        """Which values of variables are looked up with the items; empty if nothing is."""
        return "" if self.variables is None else self.variables(parameters)

    def contradictions(self, text: str) -> list[str]:
        """What of the JSON text of a filter can never be true of an item of this type."""
        return contradictions(self, text)

    def unplanned(self, *, undoes: bool) -> str:
        """What of this type no plan can be made of, for each item needs secondary storage; empty if one can."""
        if undoes and self.restore is not None:
            return "an undo of values"
        return "" if self.variables is None else self.name

    @property
    def resource_type(self) -> str:
        """Of what the permission is."""
        return RESOURCES.get(self.selects.entity, "PROCESS_DEFINITION")
