"""Jobs: workers activate them, the highest priority first, and complete, fail or throw; deadlines are timers."""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.bpmn.model import AD_HOC_SUB_PROCESS
from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.head import apply_nothing, clear_due, set_due
from engine.core.record import NONE, Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View, key_tail
from engine.records import Job, JobBatch

from . import work as kinds
from .ad_hoc_instructions import follow, read_result
from .business_ids import assign_business_id
from .execution import Deciding, open_execution
from .held import refuse_suspended
from .job_records import activatable, job_value
from .lifecycle import run
from .tables import (
    ACTIVATABLE,
    ACTIVATABLE_JOBS,
    BACKOFF,
    ELEMENT_INSTANCES,
    ERROR_THROWN,
    FAILED,
    HELD,
    HELD_JOB,
    JOBS,
    SUSPENDED,
    TAKEN,
    JobRow,
    dequeue_job,
    hold,
    is_suspended,
    queue_job,
)
from .variables import merge_local, parse_document, visible_variables
from .work import Work

TIMEOUT_TIMER = "JOB_TIMEOUT"
BACKOFF_TIMER = "JOB_BACKOFF"

#: Bytes that one job's variables and headers may take in an activation: its record stays below the limit of 4 MiB.
JOB_VARIABLES_SIZE_MAX = 4_128_768

#: What of a job can be changed.
CHANGEABLE = ("retries", "timeout", "priority")

#: Bytes of a worker's name, which the record of every job repeats.
WORKER_SIZE_MAX = 1024


def find_job(view: View, key: int, wish: str) -> JobRow:
    """A job that can be worked on. Raises Reject NOT_FOUND or INVALID_STATE."""
    row = view.get(JOBS, key)
    if row is None:
        raise Reject(NOT_FOUND, f"expected to {wish} a job with key {key}, got none; check the key, it may have ended")
    refuse_suspended(view, row.process_instance_key, f"{wish} job {key}")
    if row.state in (FAILED, ERROR_THROWN):
        raise Reject(INVALID_STATE, f"expected to {wish} job {key}, but it is {row.state}; resolve its incident first")
    return row


def activate(command: Record, view: View) -> Effects:
    """JOB_BATCH ACTIVATE: one JOB ACTIVATED a job, then JOB_BATCH ACTIVATED."""
    wish = cast(JobBatch, command.value)
    if not wish.type or wish.timeout <= 0 or wish.jobs_max <= 0:
        raise Reject(INVALID_ARGUMENT, "expected a job type, a time-out > 0 and jobs_max > 0, got less; give all three")
    if len(wish.worker.encode()) > WORKER_SIZE_MAX:
        raise Reject(INVALID_ARGUMENT, f"expected a worker's name of at most {WORKER_SIZE_MAX} bytes, got a longer one")
    limit = min(wish.jobs_max, view.settings.jobs_per_activation_max)
    keys: list[int] = []
    size = 0
    all_held = yield from _hold_suspended(view, wish.type, limit)
    waiting = view.scan(ACTIVATABLE_JOBS, wish.type, limit=limit) if all_held else []
    truncated = not all_held or len(waiting) == limit < wish.jobs_max
    for row_key, _ in waiting:
        key = key_tail(row_key)
        row = view.get(JOBS, key)
        if row is None:
            continue
        variables = visible_variables(view, row.element_instance_key, wish.fetch_variables)
        needed = len(variables.encode()) + len(row.custom_headers.encode())
        if needed > JOB_VARIABLES_SIZE_MAX:
            yield _too_large(view, row, key, needed)
            continue
        size += needed
        if keys and size > view.settings.activation_size_max:
            truncated = True
            break
        keys.append(key)
        changes = {"worker": wish.worker, "deadline": view.now + wish.timeout, "variables": variables}
        value = job_value(view, row, custom_headers=row.custom_headers, **changes)
        yield Event(value_type="JOB", intent="ACTIVATED", key=key, value=value, answers=True)
    done = structs.replace(wish, job_keys=tuple(keys), truncated=truncated)
    yield Event(value_type="JOB_BATCH", intent="ACTIVATED", value=done, answers=True)


def _hold_suspended(view: View, job_type: str, limit: int) -> Deciding:
    """Take jobs of suspended process instances out of the first `limit` that wait.

    False: there were too many of them for one step; the worker is to ask again.
    """
    budget = view.effort + view.settings.step_effects_max
    while view.effort < budget:
        waiting = [key_tail(key) for key, _ in view.scan(ACTIVATABLE_JOBS, job_type, limit=limit)]
        rows = [(key, row) for key in waiting if (row := view.get(JOBS, key)) is not None]
        suspended = [(key, row) for key, row in rows if is_suspended(view, row.process_instance_key)]
        for key, row in suspended:
            yield Event(value_type="JOB", intent="SUSPENDED", key=key, value=job_value(view, row))
        if not suspended:
            return True
    return False


def _too_large(view: View, row: JobRow, key: int, size: int) -> Event:
    message = (
        f"expected variables of at most {JOB_VARIABLES_SIZE_MAX} bytes for a job, got {size}; make them smaller, or "
        "let the worker fetch some of them only, and resolve the incident"
    )
    execution = open_execution(view, row.process_instance_key)
    return execution.incident(row.element_instance_key, "MESSAGE_SIZE_EXCEEDED", message, job_key=key)


def complete(command: Record, view: View) -> Effects:
    """JOB COMPLETE: the variables leave through the element's output mappings; the instance may get a business id.

    That of an ad-hoc sub-process tells what is to happen there.
    """
    row = find_job(view, command.key, "complete")
    wish = cast(Job, command.value)
    parse_document(wish.variables)
    execution = open_execution(view, row.process_instance_key)
    element = view.get(ELEMENT_INSTANCES, row.element_instance_key)
    result = None
    if element is not None and element.element_type == AD_HOC_SUB_PROCESS:
        result = read_result(execution, element, wish.result)
    elif wish.result:
        raise Reject(INVALID_ARGUMENT, f"expected no result for job {command.key}, which takes none; leave it out")
    if wish.business_id:
        yield from assign_business_id(view, row.process_instance_key, wish.business_id)
    yield Event(value_type="JOB", intent="COMPLETED", key=command.key, value=job_value(view, row), answers=True)
    if element is not None and result is not None:
        yield from follow(execution, row.element_instance_key, element, result, wish.variables)
    else:
        execution.push(Work(kinds.COMPLETE, row.element_instance_key, data=wish.variables))
    yield from run(execution)


def fail(command: Record, view: View) -> Effects:
    """JOB FAIL: with retries it comes back, at once or after a back-off; without, there is an incident."""
    row = find_job(view, command.key, "fail")
    wish = cast(Job, command.value)
    document = parse_document(wish.variables)
    retries, backoff = max(wish.retries, 0), max(wish.retry_backoff, 0)
    changes = {"retries": retries, "error_message": wish.error_message, "retry_backoff": backoff}
    if retries > 0 and backoff == 0:
        yield activatable(view, row, "FAILED", command.key, answers=True, **changes)
    else:
        deadline = view.now + backoff if retries > 0 else NONE
        value = job_value(view, row, deadline=deadline, **changes)
        yield Event(value_type="JOB", intent="FAILED", key=command.key, value=value, answers=True)
    execution = open_execution(view, row.process_instance_key)
    yield from merge_local(view, row.element_instance_key, document, execution.process_id)
    if retries == 0:
        message = wish.error_message or "expected the job to be done, got no retries left"
        element = view.get(ELEMENT_INSTANCES, row.element_instance_key)
        of_ad_hoc = element is not None and element.element_type == AD_HOC_SUB_PROCESS
        error_type = "AD_HOC_SUB_PROCESS_NO_RETRIES" if of_ad_hoc else "JOB_NO_RETRIES"
        yield execution.incident(row.element_instance_key, error_type, message, job_key=command.key)


def throw_error(command: Record, view: View) -> Effects:
    """JOB THROW_ERROR: a BPMN error, caught by a boundary event or an incident."""
    row = find_job(view, command.key, "throw an error for")
    wish = cast(Job, command.value)
    if not wish.error_code:
        raise Reject(INVALID_ARGUMENT, "expected an error code to throw, got none; give one")
    parse_document(wish.variables)
    changes = {"error_code": wish.error_code, "error_message": wish.error_message}
    value = job_value(view, row, **changes)
    yield Event(value_type="JOB", intent="ERROR_THROWN", key=command.key, value=value, answers=True)
    execution = open_execution(view, row.process_instance_key)
    execution.push(Work(kinds.THROW, row.element_instance_key, wish.error_code, wish.variables))
    yield from run(execution)


def update(command: Record, view: View) -> Effects:
    """JOB UPDATE: its retries, its time-out, its priority."""
    yield from change_job(view, command.key, cast(Job, command.value), answers=True)


def change_job(view: View, key: int, wish: Job, *, answers: bool = False) -> Effects:
    """Change what `wish.changed_attributes` names. Raises Reject NOT_FOUND, INVALID_ARGUMENT or INVALID_STATE."""
    row = view.get(JOBS, key)
    if row is None:
        raise Reject(NOT_FOUND, f"expected to update a job with key {key}, got none; check the key")
    unknown = sorted(set(wish.changed_attributes) - set(CHANGEABLE))
    if unknown or not wish.changed_attributes:
        message = f"expected to change one of {', '.join(CHANGEABLE)}, got {unknown or 'nothing'}; give one"
        raise Reject(INVALID_ARGUMENT, message)
    changes: dict[str, object] = {"changed_attributes": wish.changed_attributes}
    if "retries" in wish.changed_attributes:
        if wish.retries < 1:
            raise Reject(INVALID_ARGUMENT, f"expected retries > 0, got {wish.retries}; give more")
        changes["retries"] = wish.retries
    if "timeout" in wish.changed_attributes:
        if row.state != TAKEN:
            raise Reject(INVALID_STATE, f"expected job {key} to have a time-out, got none; activate it")
        changes["deadline"] = view.now + max(wish.timeout, 0)
    if "priority" in wish.changed_attributes:
        changes["priority"] = wish.priority
    value = job_value(view, row, **changes)
    yield Event(value_type="JOB", intent="UPDATED", key=key, value=value, answers=answers)


def raise_retries(view: View, key: int, row: JobRow, retries: int) -> Event:
    """The record by which an incident's job gets retries again."""
    value = job_value(view, row, retries=retries, changed_attributes=("retries",))
    return Event(value_type="JOB", intent="UPDATED", key=key, value=value)


def time_out(key: int, view: View) -> Effects:
    """The worker did not answer in time: others may have the job."""
    row = view.get(JOBS, key)
    if row is not None:
        yield activatable(view, row, "TIMED_OUT", key)


def end_backoff(key: int, view: View) -> Effects:
    """The back-off after a failure is over."""
    row = view.get(JOBS, key)
    if row is not None:
        yield activatable(view, row, "RECURRED_AFTER_BACKOFF", key)


# appliers


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(Job, fact.value)
    row = JobRow(
        type=value.type,
        state=ACTIVATABLE,
        retries=value.retries,
        priority=value.priority,
        element_instance_key=value.element_instance_key,
        process_instance_key=value.process_instance_key,
        custom_headers=value.custom_headers,
        tags=value.tags,
        business_id=value.business_id,
    )
    state.put(JOBS, fact.key, value=row)
    queue_job(state, fact.key, row)
    element = state.require(ELEMENT_INSTANCES, value.element_instance_key)
    state.put(ELEMENT_INSTANCES, value.element_instance_key, value=structs.replace(element, work_key=fact.key))


def leave(state: State, key: int) -> JobRow:
    """For appliers: take a job out of where it waits, which is the list of activatable ones, or a timer."""
    row = state.require(JOBS, key)
    if row.state == ACTIVATABLE:
        dequeue_job(state, key, row)
    elif row.state == TAKEN:
        clear_due(state, row.deadline, TIMEOUT_TIMER, key)
    elif row.state == BACKOFF:
        clear_due(state, row.deadline, BACKOFF_TIMER, key)
    elif row.state == SUSPENDED:
        state.delete(HELD, row.process_instance_key, key)
    return row


def _apply_activated(fact: Fact, state: State) -> None:
    value = cast(Job, fact.value)
    row = structs.replace(leave(state, fact.key), state=TAKEN, worker=value.worker, deadline=value.deadline)
    state.put(JOBS, fact.key, value=row)
    set_due(state, value.deadline, TIMEOUT_TIMER, fact.key)


def _apply_activatable(fact: Fact, state: State) -> None:
    row = structs.replace(leave(state, fact.key), state=ACTIVATABLE, deadline=NONE)
    state.put(JOBS, fact.key, value=row)
    queue_job(state, fact.key, row)


def _apply_suspended(fact: Fact, state: State) -> None:
    row = structs.replace(leave(state, fact.key), state=SUSPENDED)
    state.put(JOBS, fact.key, value=row)
    hold(state, row.process_instance_key, HELD_JOB, row.element_instance_key, fact.key)


def _apply_failed(fact: Fact, state: State) -> None:
    value = cast(Job, fact.value)
    row = structs.replace(leave(state, fact.key), retries=value.retries, deadline=value.deadline)
    if value.retries == 0:
        row = structs.replace(row, state=FAILED)
    elif value.deadline != NONE:
        row = structs.replace(row, state=BACKOFF)
        set_due(state, value.deadline, BACKOFF_TIMER, fact.key)
    else:
        row = structs.replace(row, state=ACTIVATABLE)
        queue_job(state, fact.key, row)
    state.put(JOBS, fact.key, value=row)


def _apply_error_thrown(fact: Fact, state: State) -> None:
    state.put(JOBS, fact.key, value=structs.replace(leave(state, fact.key), state=ERROR_THROWN, deadline=NONE))


def _apply_updated(fact: Fact, state: State) -> None:
    value = cast(Job, fact.value)
    row = state.require(JOBS, fact.key)
    if "retries" in value.changed_attributes:
        row = structs.replace(row, retries=value.retries)
    if "timeout" in value.changed_attributes:
        clear_due(state, row.deadline, TIMEOUT_TIMER, fact.key)
        row = structs.replace(row, deadline=value.deadline)
        set_due(state, value.deadline, TIMEOUT_TIMER, fact.key)
    if "priority" in value.changed_attributes:
        waits = row.state == ACTIVATABLE
        if waits:
            dequeue_job(state, fact.key, row)
        row = structs.replace(row, priority=value.priority)
        if waits:
            queue_job(state, fact.key, row)
    state.put(JOBS, fact.key, value=row)


def _apply_gone(fact: Fact, state: State) -> None:
    row = leave(state, fact.key)
    state.delete(JOBS, fact.key)
    element = state.get(ELEMENT_INSTANCES, row.element_instance_key)
    if element is not None:
        state.put(ELEMENT_INSTANCES, row.element_instance_key, value=structs.replace(element, work_key=NONE))


PART = Part(
    processors={
        ("JOB_BATCH", "ACTIVATE"): activate,
        ("JOB", "COMPLETE"): complete,
        ("JOB", "FAIL"): fail,
        ("JOB", "THROW_ERROR"): throw_error,
        ("JOB", "UPDATE"): update,
    },
    appliers={
        ("JOB", "CREATED"): _apply_created,
        ("JOB", "ACTIVATED"): _apply_activated,
        ("JOB", "COMPLETED"): _apply_gone,
        ("JOB", "FAILED"): _apply_failed,
        ("JOB", "ERROR_THROWN"): _apply_error_thrown,
        ("JOB", "TIMED_OUT"): _apply_activatable,
        ("JOB", "RECURRED_AFTER_BACKOFF"): _apply_activatable,
        ("JOB", "UPDATED"): _apply_updated,
        ("JOB", "MIGRATED"): apply_nothing,
        ("JOB", "CANCELED"): _apply_gone,
        ("JOB", "SUSPENDED"): _apply_suspended,
        ("JOB", "RESUMED"): _apply_activatable,
        ("JOB_BATCH", "ACTIVATED"): apply_nothing,
    },
    timers={TIMEOUT_TIMER: time_out, BACKOFF_TIMER: end_backoff},
    tables=table_values(JOBS, ACTIVATABLE_JOBS),
)
