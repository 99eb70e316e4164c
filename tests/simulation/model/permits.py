"""Whether a command, or an item of a batch operation, is permitted to whoever it is from.

What each command needs is read from the table in docs/authorization.md: it is what users are promised. True: it is
permitted; False: it is refused with FORBIDDEN; None: the model cannot say, for it looks away from the instance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from engine.core.principal import principal_of
from engine.core.record import NONE, Record
from engine.records import (
    BatchOperationCreation,
    DecisionEvaluation,
    HistoryDeletion,
    ProcessInstanceCreation,
    VariableDocument,
)

from .part import Part
from .rights import Resources
from .world import World

DOCUMENT = Path(__file__).parents[3] / "docs" / "authorization.md"
ROW = re.compile(r"\| `(\S+) (\S+)` \| `(\S+)` \| (.*) \| (one or all|all) \|")
CREATING = "CREATE_BATCH_OPERATION_"

#: Type of batch operation -> what each item needs of its process; the others need UPDATE_PROCESS_INSTANCE.
OF_ITEMS = {
    "CANCEL_PROCESS_INSTANCE": "CANCEL_PROCESS_INSTANCE",
    "MODIFY_PROCESS_INSTANCE": "MODIFY_PROCESS_INSTANCE",
    "SUSPEND_PROCESS_INSTANCE": "SUSPEND_PROCESS_INSTANCE",
    "RESUME_PROCESS_INSTANCE": "SUSPEND_PROCESS_INSTANCE",
    "RESTART_PROCESS_INSTANCE": "CREATE_PROCESS_INSTANCE",
    "DELETE_PROCESS_INSTANCE": "DELETE_PROCESS_INSTANCE",
    "SET_REMOVAL_TIME": "DELETE_PROCESS_INSTANCE",
}
#: Those about what belongs to no process -> what they need for all of it.
OF_ALL = {
    "DELETE_DECISION_INSTANCE": ("DECISION_DEFINITION", "DELETE_DECISION_INSTANCE"),
    "SET_DECISION_REMOVAL_TIME": ("DECISION_DEFINITION", "DELETE_DECISION_INSTANCE"),
    "SET_BATCH_REMOVAL_TIME": ("BATCH", "UPDATE"),
}
#: Those about what may have finished: of an instance that is gone nobody knows the process.
OF_FINISHED = ("DELETE_PROCESS_INSTANCE", "SET_REMOVAL_TIME", "RESTART_PROCESS_INSTANCE")


class Unsure(Exception):
    """The model looks away from what would tell."""


class Need(NamedTuple):
    """One of `permissions`, for the resource that the command is about or, unless `of_one`, for all."""

    resource_type: str
    permissions: tuple[str, ...]
    of_one: bool


@cache
def needs() -> Mapping[tuple[str, str], Need]:
    """(value type, intent) -> what it needs, as the documentation says."""
    rows = [ROW.fullmatch(line) for line in DOCUMENT.read_text().splitlines()]
    return {
        (row[1], row[2]): Need(row[3], tuple(re.findall(r"`(\w+)`", row[4])), row[5] == "one or all")
        for row in rows
        if row
    }


def need_of(command: Record) -> Need | None:
    need = needs().get((command.value_type, command.intent))
    value = command.value
    if need is not None and isinstance(value, HistoryDeletion) and value.resource_type != "PROCESS_INSTANCE":
        return Need("DECISION_DEFINITION", ("DELETE_DECISION_INSTANCE",), of_one=False)
    if need is not None and isinstance(value, BatchOperationCreation):
        return need._replace(permissions=creating(value))
    return need


def creating(wish: BatchOperationCreation) -> tuple[str, ...]:
    """Any of those of a type suffices at first where another batch operation says which type it is."""
    if wish.options.origin_key == NONE:
        return ("CREATE", of_type(wish.batch_operation_type))
    return any_type()


@cache
def any_type() -> tuple[str, ...]:
    named = re.findall(rf"`({CREATING}\w+)`", DOCUMENT.read_text())
    return ("CREATE", *sorted(set(named)))


def of_type(name: str) -> str:
    name = name.replace("SET_DECISION_REMOVAL", "SET_REMOVAL").replace("SET_BATCH_REMOVAL", "SET_REMOVAL")
    return CREATING + (name.replace("RESUME_", "SUSPEND_") if name.startswith("RESUME_") else name)


def permits(world: World, command: Record, claims: str) -> bool | None:
    """Of a client's command."""
    if not world.settings.authorization_enabled:
        return True
    need = need_of(command)
    if need is None:
        return False
    allowed = world.rights.of(principal_of(claims), need.resource_type, need.permissions)
    if allowed is None or not allowed or not need.of_one:
        return allowed is None
    return is_among(allowed, lambda: FINDERS[command.value_type](world, command))


def permits_creation(world: World, command: Record, name: str) -> bool:
    """Of a batch operation whose type another one says."""
    who, wanted = principal_of(command.step.claims), ("CREATE", of_type(name))
    return not world.settings.authorization_enabled or world.rights.of(who, "BATCH", wanted) is None


def permits_item(world: World, part: Part, item: int) -> bool | None:
    """Of an item, to the creator of its batch operation, now."""
    if not world.settings.authorization_enabled:
        return True
    if part.type in OF_ALL:
        resource_type, permission = OF_ALL[part.type]
        return world.rights.of(part.creator, resource_type, (permission,)) is None
    wanted = OF_ITEMS.get(part.type, "UPDATE_PROCESS_INSTANCE")
    allowed = world.rights.of(part.creator, "PROCESS_DEFINITION", (wanted,))
    if allowed is None or not allowed:
        return allowed is None
    return is_among(allowed, lambda: process_of_item(world, part, item), passes_unknown=part.type not in OF_FINISHED)


def process_of_item(world: World, part: Part, item: int) -> str | None:
    facts = part.facts.get(item)
    if facts is not None:
        return process_of_definition(world, facts.process_definition_key)
    return process_of_instance(world, world.history.owner.get(item, item))


def is_among(allowed: Resources, find: Callable[[], str | None], *, passes_unknown: bool = True) -> bool | None:
    """Whether what is found is allowed; who may do it to something learns that this is not there."""
    try:
        found = find()
    except Unsure:
        return None
    return passes_unknown if found is None else allowed is None or found in allowed


# what commands are about


def process_of_definition(world: World, key: int) -> str | None:
    definition = world.definitions.get(key)
    return None if definition is None else definition.graph.id


def process_of_instance(world: World, key: int) -> str | None:
    """Of a process instance or an element instance that runs. Raises Unsure."""
    if world.is_blind(key):
        raise Unsure
    node = world.node(key)
    return None if node is None else world.instances[node.instance].graph.id


def of_thing(things: str) -> Callable[[World, Record], str | None]:
    """Of a job, a user task or an incident. Raises Unsure."""

    def find(world: World, command: Record) -> str | None:
        if world.is_blind(command.key):
            raise Unsure
        thing: Any = getattr(world, things).get(command.key)
        return None if thing is None else process_of_instance(world, world.history.owner[command.key])

    return find


def of_creation(world: World, command: Record) -> str | None:
    value = cast(ProcessInstanceCreation, command.value)
    if value.process_definition_key != NONE:
        return process_of_definition(world, value.process_definition_key)
    return value.bpmn_process_id or None


def of_decision(world: World, command: Record) -> str | None:
    value = cast(DecisionEvaluation, command.value)
    if value.decision_key == NONE:
        return value.decision_id or None
    known = world.decisions.things.get(value.decision_key)
    return None if known is None else known[0]


def of_instance(world: World, command: Record) -> str | None:
    return process_of_instance(world, command.key)


def of_scope(world: World, command: Record) -> str | None:
    return process_of_instance(world, cast(VariableDocument, command.value).scope_key)


FINDERS: dict[str, Callable[[World, Record], str | None]] = {
    "DECISION_EVALUATION": of_decision,
    "PROCESS_INSTANCE_CREATION": of_creation,
    "PROCESS_INSTANCE": of_instance,
    "PROCESS_INSTANCE_MODIFICATION": of_instance,
    "PROCESS_INSTANCE_MIGRATION": of_instance,
    "PROCESS_INSTANCE_BUSINESS_ID": of_instance,
    "AD_HOC_SUB_PROCESS_INSTRUCTION": of_instance,
    "JOB": of_thing("jobs"),
    "USER_TASK": of_thing("tasks"),
    "INCIDENT": of_thing("incidents"),
    "VARIABLE_DOCUMENT": of_scope,
}
