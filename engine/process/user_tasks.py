"""User tasks: assigned to a person, changed, completed.

Sources: Camunda 8 REST API, "User task"; Zeebe's processors of user task commands.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, BrokenInvariant, Reject
from engine.core.head import apply_nothing
from engine.core.record import NONE, Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import UserTask

from . import work as kinds
from .elements.task_attributes import ATTRIBUTES_SIZE_MAX, CHANGEABLE, read_changes, size_of
from .elements.user_task import task_value
from .execution import Execution, open_execution
from .held import refuse_suspended
from .lifecycle import run
from .tables import ELEMENT_INSTANCES, USER_TASKS, UserTaskRow
from .variables import parse_document
from .work import Work


def _find(command: Record, view: View, wish: str) -> UserTaskRow:
    """Raises Reject NOT_FOUND or INVALID_STATE."""
    row = view.get(USER_TASKS, command.key)
    if row is None:
        raise Reject(NOT_FOUND, f"expected a user task to {wish}, got key {command.key}; check it, it may be done")
    refuse_suspended(view, row.process_instance_key, f"{wish} user task {command.key}")
    return row


def _event(view: View, key: int, intent: str, row: UserTaskRow, **changes: object) -> tuple[Execution, Event]:
    """The answering event with the task as the row says, and the execution of its process instance."""
    element = view.get(ELEMENT_INSTANCES, row.element_instance_key)
    if element is None:
        raise BrokenInvariant(f"expected the element instance {row.element_instance_key} of user task {key}, got none")
    execution = open_execution(view, row.process_instance_key)
    value = task_value(execution, row, element.element_id, **changes)
    return execution, Event(value_type="USER_TASK", intent=intent, key=key, value=value, answers=True)


def assign(command: Record, view: View) -> Effects:
    """USER_TASK ASSIGN: to somebody, whoever has it now; an empty assignee: to nobody."""
    row = _find(command, view, "assign")
    yield from _assign(command, view, row, "assign")


def claim(command: Record, view: View) -> Effects:
    """USER_TASK CLAIM: unless somebody else has it."""
    row = _find(command, view, "claim")
    assignee = cast(UserTask, command.value).assignee
    if not assignee.strip():
        raise Reject(INVALID_STATE, f"expected an assignee to claim user task {command.key}, got none; give one")
    if row.assignee not in ("", assignee):
        message = f"expected to claim user task {command.key}, but it is assigned to somebody else"
        raise Reject(INVALID_STATE, f"{message}; unassign it first, or allow to override")
    yield from _assign(command, view, row, "claim")


def _assign(command: Record, view: View, row: UserTaskRow, action: str) -> Effects:
    wish = cast(UserTask, command.value)
    changed = ("assignee",) if wish.assignee != row.assignee else ()
    row = structs.replace(row, assignee=wish.assignee)
    _check_size(row)
    _, event = _event(view, command.key, "ASSIGNED", row, action=wish.action or action, changed_attributes=changed)
    yield event


def update(command: Record, view: View) -> Effects:
    """USER_TASK UPDATE: the attributes that `changed_attributes` names; an empty value takes one away."""
    row = _find(command, view, "update")
    wish = cast(UserTask, command.value)
    changes, problems = read_changes(wish)
    if problems:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))
    changed = tuple(
        name for name, field in CHANGEABLE.items() if field in changes and changes[field] != getattr(row, field)
    )
    row = structs.replace(row, **changes)
    _check_size(row)
    _, event = _event(view, command.key, "UPDATED", row, action=wish.action or "update", changed_attributes=changed)
    yield event


def _check_size(row: UserTaskRow) -> None:
    size = size_of(row)
    if size > ATTRIBUTES_SIZE_MAX:
        message = f"expected attributes of at most {ATTRIBUTES_SIZE_MAX} bytes together, got {size}; make them shorter"
        raise Reject(INVALID_ARGUMENT, message)


def complete(command: Record, view: View) -> Effects:
    """USER_TASK COMPLETE: the variables leave through the element's output mappings."""
    row = _find(command, view, "complete")
    wish = cast(UserTask, command.value)
    parse_document(wish.variables)
    execution, event = _event(view, command.key, "COMPLETED", row, action=wish.action or "complete")
    yield event
    execution.push(Work(kinds.COMPLETE, row.element_instance_key, data=wish.variables))
    yield from run(execution)


# appliers


def _row(value: UserTask) -> UserTaskRow:
    return UserTaskRow(**{field: getattr(value, field) for field in UserTaskRow.__struct_fields__})


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(UserTask, fact.value)
    state.put(USER_TASKS, fact.key, value=_row(value))
    element = state.require(ELEMENT_INSTANCES, value.element_instance_key)
    state.put(ELEMENT_INSTANCES, value.element_instance_key, value=structs.replace(element, work_key=fact.key))


def _apply_changed(fact: Fact, state: State) -> None:
    state.require(USER_TASKS, fact.key)
    state.put(USER_TASKS, fact.key, value=_row(cast(UserTask, fact.value)))


def _apply_gone(fact: Fact, state: State) -> None:
    key = state.require(USER_TASKS, fact.key).element_instance_key
    state.delete(USER_TASKS, fact.key)
    element = state.get(ELEMENT_INSTANCES, key)
    if element is not None:
        state.put(ELEMENT_INSTANCES, key, value=structs.replace(element, work_key=NONE))


PART = Part(
    processors={
        ("USER_TASK", "ASSIGN"): assign,
        ("USER_TASK", "CLAIM"): claim,
        ("USER_TASK", "UPDATE"): update,
        ("USER_TASK", "COMPLETE"): complete,
    },
    appliers={
        ("USER_TASK", "CREATED"): _apply_created,
        ("USER_TASK", "ASSIGNED"): _apply_changed,
        ("USER_TASK", "UPDATED"): _apply_changed,
        ("USER_TASK", "MIGRATED"): apply_nothing,
        ("USER_TASK", "COMPLETED"): _apply_gone,
        ("USER_TASK", "CANCELED"): _apply_gone,
    },
    tables=table_values(USER_TASKS),
)
