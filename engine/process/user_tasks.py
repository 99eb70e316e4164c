"""User tasks: a person completes them."""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import NOT_FOUND, BrokenInvariant, Reject
from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import UserTask

from . import work as kinds
from .execution import open_execution
from .lifecycle import run
from .tables import ELEMENT_INSTANCES, USER_TASKS
from .variables import parse_document
from .work import Work


def complete(command: Record, view: View) -> Effects:
    """USER_TASK COMPLETE."""
    key = view.get(USER_TASKS, command.key)
    if key is None:
        raise Reject(NOT_FOUND, f"expected a user task to complete, got key {command.key}; check it, it may be done")
    wish = cast(UserTask, command.value)
    parse_document(wish.variables)
    element = view.get(ELEMENT_INSTANCES, key)
    if element is None:
        raise BrokenInvariant(f"expected the element instance {key} of user task {command.key}, got none")
    execution = open_execution(view, element.process_instance_key)
    value = UserTask(
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        bpmn_version=execution.definition.bpmn_version,
        element_id=element.element_id,
        element_instance_key=key,
        root_process_instance_key=execution.root_key,
        action=wish.action or "complete",
        tenant_id=DEFAULT_TENANT,
    )
    yield Event(value_type="USER_TASK", intent="COMPLETED", key=command.key, value=value, answers=True)
    execution.push(Work(kinds.COMPLETE, key, data=wish.variables))
    yield from run(execution)


def _apply_created(fact: Fact, state: State) -> None:
    key = cast(UserTask, fact.value).element_instance_key
    state.put(USER_TASKS, fact.key, value=key)
    element = state.require(ELEMENT_INSTANCES, key)
    state.put(ELEMENT_INSTANCES, key, value=structs.replace(element, work_key=fact.key))


def _apply_gone(fact: Fact, state: State) -> None:
    key = state.require(USER_TASKS, fact.key)
    state.delete(USER_TASKS, fact.key)
    element = state.get(ELEMENT_INSTANCES, key)
    if element is not None:
        state.put(ELEMENT_INSTANCES, key, value=structs.replace(element, work_key=NONE))


PART = Part(
    processors={("USER_TASK", "COMPLETE"): complete},
    appliers={
        ("USER_TASK", "CREATED"): _apply_created,
        ("USER_TASK", "COMPLETED"): _apply_gone,
        ("USER_TASK", "CANCELED"): _apply_gone,
    },
    tables=table_values(USER_TASKS),
)
