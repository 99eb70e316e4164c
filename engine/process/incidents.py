"""Incidents: raised by whatever cannot go on, resolved by a person or a batch operation."""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_STATE, NOT_FOUND, PROCESSING_ERROR, Reject
from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View, key_tail
from engine.records import Incident

from . import work as kinds
from .call_commands import FAMILY as CALL
from .call_commands import resume_call
from .elements.job_task import JOB_TYPE_HEADER
from .events.message import PROCESS_SUBSCRIPTION
from .execution import open_execution
from .jobs import leave, raise_retries
from .lifecycle import run
from .process_message_subscriptions import message_work
from .tables import (
    ACTIVATABLE,
    ELEMENT_INCIDENTS,
    ELEMENT_INSTANCES,
    ERROR_THROWN,
    FAILED,
    HOLDS_INCIDENTS,
    INCIDENTS,
    JOBS,
    TIMERS,
    USER_TASKS,
    IncidentRow,
    mark_holder,
    queue_job,
)
from .work import Work, decode_work


def resolve(command: Record, view: View) -> Effects:
    """INCIDENT RESOLVE."""
    yield from resolve_incident(view, command.key, answers=True)


def resolve_incident(view: View, key: int, *, retries: int = 0, answers: bool = False) -> Effects:
    """Resolve an incident and let its instance go on. A job without retries gets `retries` first.

    Raises Reject NOT_FOUND, or INVALID_STATE when its job has no retries and gets none.
    """
    row = view.get(INCIDENTS, key)
    if row is None:
        raise Reject(NOT_FOUND, f"expected to resolve an incident with key {key}, got none; it may be resolved")
    job = view.get(JOBS, row.job_key) if row.job_key != NONE else None
    if job is not None and job.state == FAILED and job.retries == 0:
        if retries == 0:
            raise Reject(
                INVALID_STATE,
                f"expected the job {row.job_key} of incident {key} to have retries left, got none; update its retries",
            )
        yield raise_retries(view, row.job_key, job, retries)
    execution = open_execution(view, row.process_instance_key, answers=False)
    element = view.get(ELEMENT_INSTANCES, row.element_instance_key)
    value = Incident(
        error_type=row.error_type,
        process_instance_key=row.process_instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        element_id=element.element_id if element else "",
        element_instance_key=row.element_instance_key,
        job_key=row.job_key,
        root_process_instance_key=execution.root_key,
        tenant_id=DEFAULT_TENANT,
    )
    headers = {JOB_TYPE_HEADER: job.type} if job else None
    yield Event(value_type="INCIDENT", intent="RESOLVED", key=key, value=value, answers=answers, headers=headers)
    if row.resume:
        execution.push(*decode_work(row.resume))
        yield from run(execution)


def quarantine(command: Record, refusal: Reject, view: View) -> Effects:
    """Law 12: the instance whose command made the engine fail is set aside with an incident.

    So is one that cannot go on within the limits by itself; who sent too much from outside has the rejection.
    """
    continues = command.value_type == "PROCESS_INSTANCE_CONTINUATION"
    key, instance_key = _touched(command, view)
    if instance_key == NONE or _is_set_aside(view, key, continues):
        return
    correlates = command.value_type == PROCESS_SUBSCRIPTION
    by_itself = continues or correlates or command.value_type in ("CLOCK", CALL)
    if refusal.code != PROCESSING_ERROR and not by_itself:
        return
    message = (
        f"{command.value_type} {command.intent} failed: {refusal.reason}; resolve the incident to try again, or cancel "
        "the instance"
    )
    resume = Work(kinds.CONTINUE, instance_key) if continues else resume_call(command)
    if correlates:
        resume = message_work(command, view)
    timer = view.get(TIMERS, command.key) if command.value_type == "CLOCK" else None
    if timer is not None:
        resume = Work(kinds.HAPPENED, timer.element_instance_key, timer.target_element_id)
    of_job = command.value_type in ("JOB", "CLOCK") and key != command.key and timer is None
    job_key = command.key if of_job else NONE
    execution = open_execution(view, instance_key)
    yield execution.incident(key, "UNKNOWN", message, resume=resume, job_key=job_key)


def _is_set_aside(view: View, key: int, continues: bool) -> bool:
    """Whether an open incident of the element says it already; for a pause, one that takes it up again."""
    rows = [view.get(INCIDENTS, key_tail(row)) for row, _ in view.scan(ELEMENT_INCIDENTS, key)]
    resumes = [decode_work(row.resume) for row in rows if row is not None and row.resume]
    return any(work[0].kind == kinds.CONTINUE for work in resumes) if continues else bool(rows)


def _touched(command: Record, view: View) -> tuple[int, int]:
    """The element instance and the process instance that a command is about."""
    key = command.key
    if command.value_type in ("JOB", "CLOCK"):  # a timer is for a job, or for an element instance
        job = view.get(JOBS, key)
        if job is not None or command.value_type == "JOB":
            return (job.element_instance_key, job.process_instance_key) if job else (NONE, NONE)
        timer = view.get(TIMERS, key)
        key = timer.element_instance_key if timer else key
    if command.value_type == "INCIDENT":
        incident = view.get(INCIDENTS, key)
        return (incident.element_instance_key, incident.process_instance_key) if incident else (NONE, NONE)
    if command.value_type == "USER_TASK":
        task = view.get(USER_TASKS, key)
        key = task.element_instance_key if task else NONE
    elif command.value_type == PROCESS_SUBSCRIPTION:
        key = getattr(command.value, "element_instance_key", NONE)
    elif command.value_type == "PROCESS_INSTANCE_CONTINUATION":
        key = getattr(command.value, "process_instance_key", NONE)
    element = view.get(ELEMENT_INSTANCES, key) if key > 0 else None
    return (key, element.process_instance_key) if element else (NONE, NONE)


def _apply_created(fact: Fact, state: State) -> None:
    value = cast(Incident, fact.value)
    row = IncidentRow(
        error_type=value.error_type,
        element_instance_key=value.element_instance_key,
        process_instance_key=value.process_instance_key,
        job_key=value.job_key,
        resume=value.resume,
    )
    state.put(INCIDENTS, fact.key, value=row)
    state.put(ELEMENT_INCIDENTS, value.element_instance_key, fact.key, value=True)
    mark_holder(state, value.element_instance_key, HOLDS_INCIDENTS)
    if value.job_key != NONE:
        job = leave(state, value.job_key)
        stands = ERROR_THROWN if job.state == ERROR_THROWN else FAILED
        state.put(JOBS, value.job_key, value=structs.replace(job, state=stands, incident_key=fact.key))


def _apply_migrated(fact: Fact, state: State) -> None:
    row = state.require(INCIDENTS, fact.key)
    state.put(INCIDENTS, fact.key, value=structs.replace(row, resume=cast(Incident, fact.value).resume))


def _apply_resolved(fact: Fact, state: State) -> None:
    row = state.require(INCIDENTS, fact.key)
    state.delete(INCIDENTS, fact.key)
    state.delete(ELEMENT_INCIDENTS, row.element_instance_key, fact.key)
    job = state.get(JOBS, row.job_key) if row.job_key != NONE else None
    if job is not None and job.state in (FAILED, ERROR_THROWN):
        state.put(JOBS, row.job_key, value=structs.replace(job, state=ACTIVATABLE, incident_key=NONE))
        queue_job(state, row.job_key, job)


PART = Part(
    processors={("INCIDENT", "RESOLVE"): resolve},
    appliers={
        ("INCIDENT", "CREATED"): _apply_created,
        ("INCIDENT", "MIGRATED"): _apply_migrated,
        ("INCIDENT", "RESOLVED"): _apply_resolved,
    },
    tables=table_values(INCIDENTS, ELEMENT_INCIDENTS),
)
