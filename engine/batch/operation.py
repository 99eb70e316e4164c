"""What a batch operation type is: one value, in one file of `engine/operations/`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.work import Work


class Selects(Struct, frozen=True, kw_only=True):
    """What a filter may pick: the kind of target and the conditions that are forced on it."""

    entity: str
    states: tuple[str, ...] = ()
    roots_only: bool = False

    @property
    def filtered(self) -> str:
        """What the filter is about: incidents are found by their process instances."""
        return "PROCESS_INSTANCE" if self.entity == "INCIDENT" else self.entity


class Item(Struct, frozen=True, kw_only=True):
    """One target. `at_end` is the last piece of work when the effects span steps: it reports the outcome."""

    key: int
    process_instance_key: int
    root_process_instance_key: int
    at_end: Work


def _same(body: Struct) -> Struct:
    return body


class Operation(Struct, frozen=True, kw_only=True):
    """A batch operation type.

    `decide(parameters, item, view)` yields the effects on one item; it raises Reject to make the item FAILED, and ends
    with True when the effects are complete, False when `item.at_end` will tell. `check(parameters)` gives what can be
    refused before the log, as texts. `body` is what clients give, where that has another shape than the parameters,
    which `read(body)` makes of it. `path` is the REST path under /v2 that creates it, `help` the first line of the
    module's docstring.
    """

    name: str
    path: str
    help: str
    parameters: type[Struct]
    check: Callable[[Any], list[str]]
    selects: Selects
    decide: Callable[[Any, Item, View], Deciding]
    reversible: bool
    body: type[Struct] | None = None
    read: Callable[[Any], Struct] = _same
