"""What a job worker does: service, send, business rule and script tasks with a job type, and others that have one."""

from __future__ import annotations

from typing import cast

import msgspec

from engine.bpmn.extensions import JOB_TYPE_SIZE_MAX
from engine.bpmn.feel import EvaluationFailure, Expression, Value, brief
from engine.bpmn.job_priority import JOB_PRIORITY_MAX, JOB_PRIORITY_MIN
from engine.bpmn.model import AD_HOC_SUB_PROCESS, Element
from engine.bpmn.model import Job as JobDefinition
from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT
from engine.records import Job

from .. import work as kinds
from ..execution import Deciding, Execution
from ..tables import JOBS, ElementInstance
from ..variables import Scope
from ..work import Work
from .behavior import Behavior

#: Header by which long-polling gateways learn that a job of this type can be activated.
JOB_TYPE_HEADER = "job-type"

#: Characters of a text that is read as a number.
DIGITS_MAX = 20

RETRIES_MAX = 2**31 - 1


class JobTask(Behavior):
    """Waits for its job."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
        if (yield from create_job(execution, element, key, resume)):
            yield execution.lifecycle("ELEMENT_ACTIVATED", key)

    def terminate(self, execution: Execution, row: ElementInstance) -> Effects:
        yield from cancel_job(execution, row)


def create_job(execution: Execution, element: Element, key: int, resume: Work) -> Deciding:
    """A job for element instance `key`. False: it cannot be told what it is, and there is an incident."""
    assert element.job is not None
    try:
        job_type, retries, priority = _evaluate(execution, element.job, key)
    except EvaluationFailure as failure:
        yield execution.incident(key, "EXTRACT_VALUE_ERROR", str(failure), resume=resume)
        return False
    value = Job(
        type=job_type,
        kind=job_kind(element.type),
        retries=retries,
        priority=priority,
        deadline=-1,
        custom_headers=msgspec.json.encode(element.job.headers).decode() if element.job.headers else "",
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        bpmn_version=execution.definition.bpmn_version,
        element_id=element.id,
        element_instance_key=key,
        root_process_instance_key=execution.root_key,
        tags=execution.instance.tags,
        business_id=execution.instance.business_id,
        tenant_id=DEFAULT_TENANT,
    )
    job_key = execution.view.next_key()
    headers = {JOB_TYPE_HEADER: job_type}
    yield Event(value_type="JOB", intent="CREATED", key=job_key, value=value, headers=headers)
    return True


def job_kind(element_type: str) -> str:
    """What the job of such an element is for; values of the Camunda 8 REST API."""
    return AD_HOC_SUB_PROCESS if element_type == AD_HOC_SUB_PROCESS else "BPMN_ELEMENT"


def cancel_job(execution: Execution, row: ElementInstance) -> Effects:
    """The job of an element instance, if it has one, is not to be done any more."""
    job = execution.view.get(JOBS, row.work_key) if row.work_key > 0 else None
    if job is not None:
        value = Job(
            type=job.type,
            retries=job.retries,
            priority=job.priority,
            worker=job.worker,
            deadline=-1,
            process_instance_key=execution.instance_key,
            process_definition_key=execution.definition_key,
            bpmn_process_id=execution.process_id,
            element_id=row.element_id,
            element_instance_key=job.element_instance_key,
            root_process_instance_key=execution.root_key,
            tags=job.tags,
            business_id=job.business_id,
            tenant_id=DEFAULT_TENANT,
        )
        yield Event(value_type="JOB", intent="CANCELED", key=row.work_key, value=value)


def read_number(value: Value) -> Value:
    """A text of digits, as models have it, as its number; anything else as it is."""
    is_number = isinstance(value, str) and len(value) <= DIGITS_MAX and value.strip().isdecimal()
    return int(cast(str, value)) if is_number else value


def _evaluate(execution: Execution, job: JobDefinition, key: int) -> tuple[str, int, int]:
    """The type, the retries and the priority of the job. Raises EvaluationFailure with what is wrong."""
    scope = Scope(execution.view, key)
    job_type = job.type.evaluate(scope)
    if not isinstance(job_type, str) or not job_type:
        raise EvaluationFailure(f"expected the job type '{job.type.text}' to be a string, got {brief(job_type)}")
    if len(job_type.encode()) > JOB_TYPE_SIZE_MAX:
        raise EvaluationFailure(f"expected the job type to take at most {JOB_TYPE_SIZE_MAX} bytes, got a longer one")
    retries = read_number(job.retries.evaluate(scope))
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= RETRIES_MAX:
        raise EvaluationFailure(
            f"expected the retries '{job.retries.text}' to be a number from 0 to {RETRIES_MAX}, got {brief(retries)}"
        )
    return job_type, retries, 0 if job.priority is None else _evaluate_priority(job.priority, scope)


def _evaluate_priority(expression: Expression, scope: Scope) -> int:
    priority = expression.evaluate(scope)
    if isinstance(priority, float) and priority.is_integer():  # as JSON has it of clients that know no other numbers
        priority = int(priority)
    low, high = JOB_PRIORITY_MIN, JOB_PRIORITY_MAX
    if not isinstance(priority, int) or isinstance(priority, bool) or not low <= priority <= high:
        expected = f"expected the priority of the job '{expression.text}' to be a whole number from {low} to {high}"
        raise EvaluationFailure(f"{expected}, got {brief(priority)}")
    return priority
