"""Process instances: cancel, continue; and the appliers of everything that happens to element instances."""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.bpmn.model import INCLUSIVE_GATEWAY, MULTI_INSTANCE_BODY, PARALLEL_GATEWAY, PROCESS
from engine.core.effects import Effects
from engine.core.faults import INVALID_STATE, Reject
from engine.core.record import NONE, Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import ProcessInstance, ProcessInstanceContinuation

from . import work as kinds
from .business_ids import delete_instance
from .execution import Deciding, Execution, open_execution
from .held import refuse_suspended
from .lifecycle import run, take_up
from .multi_instance_tables import delete_body, mark_begun, mark_completed, mark_terminated
from .tables import (
    ACTIVATED,
    ACTIVATING,
    CHILDREN,
    COMPLETING,
    ELEMENT_INSTANCES,
    HOLDS_JOINS,
    HOLDS_VARIABLES,
    INSTANCES,
    JOINS,
    PAUSES,
    TERMINATING,
    ElementInstance,
    Instance,
    Pause,
    is_suspended,
    mark_holder,
)
from .variables import delete_variables
from .work import Work


def cancel(command: Record, view: View) -> Effects:
    """PROCESS_INSTANCE CANCEL: accepted with the first record; a large instance ends over several steps."""
    wish = cast(ProcessInstance, command.value)
    yield from cancel_instance(view, command.key, skip_subprocesses=wish.skip_subprocesses, answers=True)


def cancel_instance(
    view: View, key: int, *, skip_subprocesses: bool = False, at_end: Work | None = None, answers: bool = False
) -> Deciding:
    """Terminate a process instance. True: it is gone; False: it ends in later steps, `at_end` last.

    `skip_subprocesses`: instances that it has called go on, as roots. Raises Reject NOT_FOUND, or INVALID_STATE (it is
    ending already).
    """
    execution = open_execution(view, key, answers=answers)
    row = view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state == TERMINATING:
        raise Reject(INVALID_STATE, f"expected process instance {key} to be active, got one that is being canceled")
    if row.parent_process_instance_key != NONE:
        raise Reject(INVALID_STATE, f"expected a root process instance, got {key}; cancel the one that called it")
    execution.skips_subprocesses = skip_subprocesses
    return (yield from terminate_instance(execution, at_end=at_end))


def terminate_instance(execution: Execution, *, at_end: Work | None = None) -> Deciding:
    """Terminate a root or a called instance, whatever it is doing. True: it is gone; False: it ends in later steps."""
    pause = execution.view.get(PAUSES, execution.instance_key)
    if pause is not None:
        yield execution.continuation("CONTINUED", pause)
    execution.push(Work(kinds.TERMINATE, execution.instance_key))
    return (yield from run(execution, at_end=at_end))


def continue_instance(command: Record, view: View) -> Effects:
    """PROCESS_INSTANCE_CONTINUATION CONTINUE: take up a pause, if it is still the one that was meant."""
    wish = cast(ProcessInstanceContinuation, command.value)
    pause = view.get(PAUSES, wish.process_instance_key)
    if pause is None or pause.token != wish.token:
        raise Reject(
            INVALID_STATE, f"expected the pause {wish.token} of instance {wish.process_instance_key}, got none"
        )
    refuse_suspended(view, wish.process_instance_key, "go on")
    yield from take_up(open_execution(view, wish.process_instance_key), pause)


# appliers


def _apply_activating(fact: Fact, state: State) -> None:
    value = cast(ProcessInstance, fact.value)
    row = ElementInstance(
        element_id=value.element_id,
        element_type=value.element_type,
        state=ACTIVATING,
        scope_key=value.flow_scope_key,
        process_instance_key=value.process_instance_key,
        process_definition_key=value.process_definition_key,
        root_process_instance_key=value.root_process_instance_key,
        parent_process_instance_key=value.parent_process_instance_key,
        parent_element_instance_key=value.parent_element_instance_key,
        loop_counter=value.loop_counter,
    )
    if value.element_type == PROCESS:
        _begin_instance(fact, value, row, state)
        return
    state.put(ELEMENT_INSTANCES, fact.key, value=row)
    state.put(CHILDREN, value.flow_scope_key, fact.key, value=True)
    if value.element_type in (PARALLEL_GATEWAY, INCLUSIVE_GATEWAY):
        _consume_joined(state, value)
    if value.interrupts_scope:
        _interrupt(state, value.flow_scope_key)
    if value.loop_counter:
        mark_begun(state, value.flow_scope_key, value.loop_counter)


def _begin_instance(fact: Fact, value: ProcessInstance, row: ElementInstance, state: State) -> None:
    """A called one is what its call activity waits for, and has the business id of its caller."""
    if row.parent_element_instance_key == NONE:
        state.put(ELEMENT_INSTANCES, fact.key, value=row)
        return
    call = state.require(ELEMENT_INSTANCES, row.parent_element_instance_key)
    state.put(ELEMENT_INSTANCES, row.parent_element_instance_key, value=structs.replace(call, work_key=fact.key))
    parent = state.require(ELEMENT_INSTANCES, row.parent_process_instance_key)
    state.put(ELEMENT_INSTANCES, fact.key, value=structs.replace(row, depth=parent.depth + 1))
    if value.business_id:
        state.put(INSTANCES, fact.key, value=Instance(business_id=value.business_id))


def _consume_joined(state: State, value: ProcessInstance) -> None:
    """A gateway that joins takes one token from each of its flows that has one."""
    for key, count in state.scan(JOINS, value.flow_scope_key, value.element_id):
        if count > 1:
            state.put_row(JOINS, key, count - 1)
        else:
            state.delete_row(JOINS, key)


def _interrupt(state: State, scope_key: int) -> None:
    """Tokens that wait in the scope are gone, and nothing else can be triggered there."""
    row = state.require(ELEMENT_INSTANCES, scope_key)
    state.put(ELEMENT_INSTANCES, scope_key, value=structs.replace(row, interrupted=True))
    for key, _ in state.scan(JOINS, scope_key):
        state.delete_row(JOINS, key)


def _set_state(reached: str, fact: Fact, state: State) -> None:
    row = state.require(ELEMENT_INSTANCES, fact.key)
    state.put(ELEMENT_INSTANCES, fact.key, value=structs.replace(row, state=reached))


def _apply_activated(fact: Fact, state: State) -> None:
    _set_state(ACTIVATED, fact, state)


def _apply_completing(fact: Fact, state: State) -> None:
    _set_state(COMPLETING, fact, state)


def _apply_terminating(fact: Fact, state: State) -> None:
    _set_state(TERMINATING, fact, state)
    if cast(ProcessInstance, fact.value).skip_subprocesses:
        row = state.require(ELEMENT_INSTANCES, fact.key)
        state.put(ELEMENT_INSTANCES, fact.key, value=structs.replace(row, skips_subprocesses=True))


def _apply_detached(fact: Fact, state: State) -> None:
    """A called instance and its call activity have nothing to do with each other any more."""
    row = state.require(ELEMENT_INSTANCES, fact.key)
    call = state.require(ELEMENT_INSTANCES, row.parent_element_instance_key)
    state.put(ELEMENT_INSTANCES, row.parent_element_instance_key, value=structs.replace(call, work_key=NONE))
    root = {"parent_process_instance_key": NONE, "parent_element_instance_key": NONE, "depth": 0}
    state.put(ELEMENT_INSTANCES, fact.key, value=structs.replace(row, root_process_instance_key=fact.key, **root))


def _apply_completed(fact: Fact, state: State) -> None:
    row = state.require(ELEMENT_INSTANCES, fact.key)
    if row.loop_counter:
        mark_completed(state, row.scope_key)
    _delete(fact, row, state)


def _apply_terminated(fact: Fact, state: State) -> None:
    row = state.require(ELEMENT_INSTANCES, fact.key)
    if row.loop_counter:
        mark_terminated(state, row.scope_key)
    _delete(fact, row, state)


def _delete(fact: Fact, row: ElementInstance, state: State) -> None:
    value = cast(ProcessInstance, fact.value)
    state.delete(ELEMENT_INSTANCES, fact.key)
    if row.parent_element_instance_key != NONE:
        call = state.require(ELEMENT_INSTANCES, row.parent_element_instance_key)
        state.put(ELEMENT_INSTANCES, row.parent_element_instance_key, value=structs.replace(call, work_key=NONE))
    if value.element_type == PROCESS:
        delete_instance(state, fact.key, value.bpmn_process_id)
    else:
        state.delete(CHILDREN, value.flow_scope_key, fact.key)
    if value.element_type == MULTI_INSTANCE_BODY:
        delete_body(state, fact.key)
    if row.holds & HOLDS_VARIABLES:
        delete_variables(state, fact.key)
    if row.holds & HOLDS_JOINS:
        for key, _ in state.scan(JOINS, fact.key):
            state.delete_row(JOINS, key)


def _apply_taken(fact: Fact, state: State) -> None:
    value = cast(ProcessInstance, fact.value)
    if value.joining_gateway:
        place = (value.flow_scope_key, value.joining_gateway, value.element_id)
        state.put(JOINS, *place, value=(state.get(JOINS, *place) or 0) + 1)
        mark_holder(state, value.flow_scope_key, HOLDS_JOINS)


def _apply_flow_deleted(fact: Fact, state: State) -> None:
    value = cast(ProcessInstance, fact.value)
    place = (value.flow_scope_key, value.joining_gateway, value.element_id)
    count = state.require(JOINS, *place)
    if count > 1:
        state.put(JOINS, *place, value=count - 1)
    else:
        state.delete(JOINS, *place)


def _apply_element_migrated(fact: Fact, state: State) -> None:
    value = cast(ProcessInstance, fact.value)
    row = state.require(ELEMENT_INSTANCES, fact.key)
    moved = {"element_id": value.element_id, "process_definition_key": value.process_definition_key}
    state.put(ELEMENT_INSTANCES, fact.key, value=structs.replace(row, **moved))


def _apply_paused(fact: Fact, state: State) -> None:
    value = cast(ProcessInstanceContinuation, fact.value)
    suspended = is_suspended(state, value.process_instance_key)
    pause = Pause(token=value.token, round=value.round, work=value.work, waits=value.waits, suspended=suspended)
    state.put(PAUSES, value.process_instance_key, value=pause)


def _apply_continued(fact: Fact, state: State) -> None:
    state.delete(PAUSES, cast(ProcessInstanceContinuation, fact.value).process_instance_key)


PART = Part(
    processors={
        ("PROCESS_INSTANCE", "CANCEL"): cancel,
        ("PROCESS_INSTANCE_CONTINUATION", "CONTINUE"): continue_instance,
    },
    appliers={
        ("PROCESS_INSTANCE", "ELEMENT_ACTIVATING"): _apply_activating,
        ("PROCESS_INSTANCE", "ELEMENT_ACTIVATED"): _apply_activated,
        ("PROCESS_INSTANCE", "ELEMENT_COMPLETING"): _apply_completing,
        ("PROCESS_INSTANCE", "ELEMENT_COMPLETED"): _apply_completed,
        ("PROCESS_INSTANCE", "ELEMENT_TERMINATING"): _apply_terminating,
        ("PROCESS_INSTANCE", "ELEMENT_TERMINATED"): _apply_terminated,
        ("PROCESS_INSTANCE", "DETACHED"): _apply_detached,
        ("PROCESS_INSTANCE", "ELEMENT_MIGRATED"): _apply_element_migrated,
        ("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN"): _apply_taken,
        ("PROCESS_INSTANCE", "SEQUENCE_FLOW_DELETED"): _apply_flow_deleted,
        ("PROCESS_INSTANCE_CONTINUATION", "PAUSED"): _apply_paused,
        ("PROCESS_INSTANCE_CONTINUATION", "CONTINUED"): _apply_continued,
    },
    tables=table_values(ELEMENT_INSTANCES, CHILDREN, JOINS, PAUSES),
)
