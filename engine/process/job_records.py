"""The records of jobs: their value, and the event after which a worker can have one."""

from __future__ import annotations

from msgspec import structs

from engine.core.effects import Event
from engine.core.record import DEFAULT_TENANT, NONE
from engine.core.state import View
from engine.records import Job

from .elements.job_task import JOB_TYPE_HEADER, job_kind
from .execution import open_execution
from .tables import ELEMENT_INSTANCES, JobRow


def job_value(view: View, row: JobRow, **changes: object) -> Job:
    """The value of a job's record, with the fields that the event is about."""
    element = view.get(ELEMENT_INSTANCES, row.element_instance_key)
    execution = open_execution(view, row.process_instance_key)
    value = Job(
        type=row.type,
        kind=job_kind(element.element_type if element else ""),
        retries=row.retries,
        priority=row.priority,
        worker=row.worker,
        deadline=NONE,
        process_instance_key=row.process_instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        bpmn_version=execution.definition.bpmn_version,
        element_id=element.element_id if element else "",
        element_instance_key=row.element_instance_key,
        root_process_instance_key=execution.root_key,
        tags=row.tags,
        business_id=row.business_id,
        tenant_id=DEFAULT_TENANT,
    )
    return structs.replace(value, **changes) if changes else value


def activatable(view: View, row: JobRow, intent: str, key: int, *, answers: bool = False, **changes: object) -> Event:
    """An event after which the job can be activated (again), with the hint for those who wait for one."""
    headers = {JOB_TYPE_HEADER: row.type}
    value = job_value(view, row, **changes)
    return Event(value_type="JOB", intent=intent, key=key, value=value, answers=answers, headers=headers)
