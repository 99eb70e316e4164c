"""Process instances and what belongs to them, but user tasks: which record changes which document.

The rules are those of `exporters/sqlite/projection.py`; a test compares every document with every row. They are told
twice because a row is written by columns in their order, blindly, and a document is whole, read first and merged: one
table for both would make SQLite's hot path slower and both harder to read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.core.record import Record
from engine.records.form import Form
from engine.records.incident import Incident
from engine.records.job import Job
from engine.records.process import Process
from engine.records.process_instance import ProcessInstance
from engine.records.process_instance_business_id import ProcessInstanceBusinessId
from engine.records.variable import Variable
from exporters.facts import java_hash, job_state, key_given
from exporters.forms import form_row

from . import mappings
from .documents import (
    DefinitionDocument,
    Element,
    ElementInstanceDocument,
    IncidentDocument,
    InstanceDocument,
    JobDocument,
    Member,
    ProcessInstanceDocument,
    UserTaskDocument,
    VariableDocument,
    long_fields,
)
from .workspace import Workspace

#: Keys of documents that a record needs, and what they are.
Needs = Sequence[tuple[int, type[InstanceDocument]]]


class Rule(Struct, frozen=True):
    """What a record does. `needs`: the documents that it reads; `defined`: whether it needs its definition."""

    apply: Callable[[Workspace, Record, Any], None]
    needs: Callable[[Record, Any], Needs] | None = None
    defined: bool = False


Rules = Mapping[tuple[str, str], Rule]


def _form(workspace: Workspace, record: Record, value: Form) -> None:
    workspace.add_final(mappings.FORMS, str(record.key), form_row(record, value))


def _process(workspace: Workspace, record: Record, value: Process) -> None:
    workspace.define(
        DefinitionDocument(
            key=record.key,
            process_id=value.bpmn_process_id,
            version=value.bpmn_version,
            version_tag=value.version_tag or None,
            name=value.name or None,
            resource_name=value.resource_name,
            resource=value.resource,
            deployment_key=value.deployment_key,
            start_form_id=value.start_form_id or None,
            elements=tuple(
                Element(element.element_id, element.element_type, element.name or None) for element in value.elements
            ),
        )
    )


def _activating(workspace: Workspace, record: Record, value: ProcessInstance) -> None:
    definition = workspace.definition(value.process_definition_key)
    if value.element_type != "PROCESS":
        workspace.add(
            ElementInstanceDocument(
                kind=Member(mappings.ELEMENT_INSTANCE, str(value.process_instance_key)),
                key=record.key,
                partition_id=workspace.partition,
                position=record.position,
                process_instance_key=value.process_instance_key,
                root_key=value.root_process_instance_key,
                definition_key=value.process_definition_key,
                process_id=definition.process_id or None,
                scope_key=value.flow_scope_key,
                element_id=value.element_id,
                element_name=definition.elements.get(value.element_id, (None,))[0] or value.element_id,
                type=value.element_type,
                state="ACTIVE",
                start_date=record.step.timestamp,
            )
        )
        return
    workspace.add(
        ProcessInstanceDocument(
            kind=mappings.PROCESS_INSTANCE,
            key=record.key,
            partition_id=workspace.partition,
            position=record.position,
            process_instance_key=record.key,
            root_key=value.root_process_instance_key,
            definition_key=value.process_definition_key,
            process_id=definition.process_id or None,
            process_name=definition.name,
            process_version=definition.version or None,
            process_version_tag=definition.version_tag,
            state="ACTIVE",
            start_date=record.step.timestamp,
            parent_key=key_given(value.parent_process_instance_key),
            parent_element_key=key_given(value.parent_element_instance_key),
            tags=value.tags,
            business_id=value.business_id or None,
            restarted_key=key_given(value.restarted_process_instance_key),
            active_incidents=0,
            has_incident=False,
        )
    )


def _completed(workspace: Workspace, record: Record, value: ProcessInstance) -> None:
    _end(workspace, record, value, "COMPLETED")


def _terminated(workspace: Workspace, record: Record, value: ProcessInstance) -> None:
    _end(workspace, record, value, "TERMINATED")


def _end(workspace: Workspace, record: Record, value: ProcessInstance, state: str) -> None:
    document = workspace.change(_lifecycle_shape(value), record.key, record.position)
    if document is not None:
        document.state = state
        document.end_date = record.step.timestamp


def _suspended(workspace: Workspace, record: Record, _: ProcessInstance) -> None:
    _set_instance_state(workspace, record, "SUSPENDED")


def _resumed(workspace: Workspace, record: Record, _: ProcessInstance) -> None:
    _set_instance_state(workspace, record, "ACTIVE")


def _detached(workspace: Workspace, record: Record, _: ProcessInstance) -> None:
    instance = workspace.change(ProcessInstanceDocument, record.key, record.position)
    if instance is not None:
        instance.root_key, instance.parent_key, instance.parent_element_key = record.key, None, None


def _set_instance_state(workspace: Workspace, record: Record, state: str) -> None:
    instance = workspace.change(ProcessInstanceDocument, record.key, record.position)
    if instance is not None:
        instance.state = state


def _sequence_flow_taken(workspace: Workspace, record: Record, value: ProcessInstance) -> None:
    known = workspace.documents.get(value.process_instance_key)
    if isinstance(known, ProcessInstanceDocument) and value.element_id in known.sequence_flows:
        return
    instance = workspace.change(ProcessInstanceDocument, value.process_instance_key, record.position)
    if instance is not None:
        instance.sequence_flows.append(value.element_id)


def _business_id_assigned(workspace: Workspace, record: Record, value: ProcessInstanceBusinessId) -> None:
    instance = workspace.change(ProcessInstanceDocument, record.key, record.position)
    if instance is not None:
        instance.business_id = value.business_id
    for task in list(workspace.user_tasks(record.key)):
        if workspace.change(UserTaskDocument, task.key, record.position) is not None:
            task.business_id = value.business_id


def _variable_created(workspace: Workspace, record: Record, value: Variable) -> None:
    document = VariableDocument(
        kind=Member(mappings.VARIABLE, str(value.process_instance_key)),
        key=record.key,
        partition_id=workspace.partition,
        position=record.position,
        process_instance_key=value.process_instance_key,
        root_key=value.root_process_instance_key,
        definition_key=[value.process_definition_key],
        name=value.name,
        scope_key=value.scope_key,
        of_instance=value.scope_key == value.process_instance_key,
        value="",
        value_start="",
        initial=value.initial,
    )
    document.begin(value.value)
    workspace.add(document)


def _variable_updated(workspace: Workspace, record: Record, value: Variable) -> None:
    variable = workspace.change(VariableDocument, record.key, record.position)
    if variable is not None:
        variable.change(value.value)


def _job_created(workspace: Workspace, record: Record, value: Job) -> None:
    definition = workspace.definition(value.process_definition_key)
    created = record.step.timestamp
    workspace.add(
        JobDocument(
            kind=Member(mappings.JOB, str(value.process_instance_key)),
            key=record.key,
            partition_id=workspace.partition,
            position=record.position,
            process_instance_key=value.process_instance_key,
            root_key=value.root_process_instance_key,
            definition_key=value.process_definition_key,
            process_id=definition.process_id or None,
            type=value.type,
            job_kind=value.kind,
            state="CREATED",
            retries=value.retries,
            priority=value.priority,
            failed_with_retries=False,
            worker="",
            custom_headers=value.custom_headers,
            element_id=value.element_id,
            element_type=definition.elements.get(value.element_id, (None, None))[1],
            element_instance_key=value.element_instance_key,
            creation_time=created,
            last_update_time=created,
        )
    )


def _job(change: Callable[[JobDocument, Record, Job], None]) -> Rule:
    """What a change of a job has in common with the others."""

    def apply(workspace: Workspace, record: Record, value: Job) -> None:
        job = workspace.change(JobDocument, record.key, record.position)
        if job is not None:
            change(job, record, value)
            job.last_update_time = record.step.timestamp
            job.failed_with_retries = job.state == "FAILED" and job.retries > 0

    return Rule(apply, _this_job)


def _job_activated(job: JobDocument, _: Record, value: Job) -> None:
    # as in Camunda 8 the state stays: the API has none for it
    job.worker, job.deadline = value.worker, _deadline(value.deadline)


def _job_ended(job: JobDocument, record: Record, _: Job) -> None:
    job.state, job.end_time = record.intent, record.step.timestamp


def _job_error_thrown(job: JobDocument, record: Record, value: Job) -> None:
    job.state, job.end_time, job.error_code = "ERROR_THROWN", record.step.timestamp, value.error_code
    job.set_error_message(value.error_message)


def _job_failed(job: JobDocument, _: Record, value: Job) -> None:
    job.state, job.retries, job.deadline = "FAILED", value.retries, _deadline(value.deadline)
    job.set_error_message(value.error_message)


def _job_timed_out(job: JobDocument, _: Record, __: Job) -> None:
    job.state, job.deadline = "TIMED_OUT", None


def _job_recurred(job: JobDocument, _: Record, __: Job) -> None:
    job.deadline = None


def _job_updated(job: JobDocument, _: Record, value: Job) -> None:
    changed = value.changed_attributes
    job.state = job_state(changed)
    if "retries" in changed:
        job.retries = value.retries
    if "timeout" in changed:
        job.deadline = _deadline(value.deadline)
    if "priority" in changed:
        job.priority = value.priority


def _deadline(deadline: int) -> int | None:
    return None if deadline == -1 else deadline


def _incident_created(workspace: Workspace, record: Record, value: Incident) -> None:
    definition = workspace.definition(value.process_definition_key)
    message = value.error_message
    document = IncidentDocument(
        kind=Member(mappings.INCIDENT, str(value.process_instance_key)),
        key=record.key,
        partition_id=workspace.partition,
        position=record.position,
        process_instance_key=value.process_instance_key,
        root_key=value.root_process_instance_key,
        definition_key=value.process_definition_key,
        process_id=definition.process_id or None,
        error_type=value.error_type,
        error_message=message,
        error_message_start=message[: mappings.WORD_SIZE_MAX],
        error_hash=java_hash(message),
        state="ACTIVE",
        creation_time=record.step.timestamp,
        element_id=value.element_id,
        element_instance_key=value.element_instance_key,
        job_key=key_given(value.job_key),
    )
    document.error_message_hash, document.error_message_long = long_fields(message)
    workspace.add(document)
    _count_incident(workspace, record, value, 1)


def _incident_resolved(workspace: Workspace, record: Record, value: Incident) -> None:
    incident = workspace.change(IncidentDocument, record.key, record.position)
    if incident is not None:
        incident.state = "RESOLVED"
    _count_incident(workspace, record, value, -1)


def _count_incident(workspace: Workspace, record: Record, value: Incident, number: int) -> None:
    """The owners of an incident know of it while it is open."""
    instance = workspace.change(ProcessInstanceDocument, value.process_instance_key, record.position)
    if instance is not None:
        instance.active_incidents += number
        instance.has_incident = instance.active_incidents > 0
    if value.element_instance_key == value.process_instance_key:
        return
    element = workspace.change(ElementInstanceDocument, value.element_instance_key, record.position)
    if element is not None:
        keys = [key for key in element.incident_keys if key != record.key]
        element.incident_keys = [*keys, record.key] if number > 0 else keys
        element.incident_key = max(element.incident_keys, default=None)


def _lifecycle_shape(value: ProcessInstance) -> type[ProcessInstanceDocument | ElementInstanceDocument]:
    return ProcessInstanceDocument if value.element_type == "PROCESS" else ElementInstanceDocument


def _this_element(record: Record, value: ProcessInstance) -> Needs:
    return ((record.key, _lifecycle_shape(value)),)


def _its_instance(_: Record, value: Any) -> Needs:
    return ((value.process_instance_key, ProcessInstanceDocument),)


def _this_variable(record: Record, _: Variable) -> Needs:
    return ((record.key, VariableDocument),)


def _this_job(record: Record, _: Job) -> Needs:
    return ((record.key, JobDocument),)


def _owners(_: Record, value: Incident) -> Needs:
    instance = (value.process_instance_key, ProcessInstanceDocument)
    if value.element_instance_key == value.process_instance_key:
        return (instance,)
    return (instance, (value.element_instance_key, ElementInstanceDocument))


def _incident_and_owners(record: Record, value: Incident) -> Needs:
    return ((record.key, IncidentDocument), *_owners(record, value))


RULES: Rules = {
    ("FORM", "CREATED"): Rule(_form),
    ("PROCESS", "CREATED"): Rule(_process),
    ("PROCESS_INSTANCE", "ELEMENT_ACTIVATING"): Rule(_activating, defined=True),
    ("PROCESS_INSTANCE", "ELEMENT_COMPLETED"): Rule(_completed, _this_element),
    ("PROCESS_INSTANCE", "ELEMENT_TERMINATED"): Rule(_terminated, _this_element),
    ("PROCESS_INSTANCE", "SUSPENDED"): Rule(_suspended, _this_element),
    ("PROCESS_INSTANCE", "RESUMED"): Rule(_resumed, _this_element),
    ("PROCESS_INSTANCE", "DETACHED"): Rule(_detached, _this_element),
    ("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN"): Rule(_sequence_flow_taken, _its_instance),
    ("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGNED"): Rule(_business_id_assigned, _its_instance),
    ("VARIABLE", "CREATED"): Rule(_variable_created),
    ("VARIABLE", "UPDATED"): Rule(_variable_updated, _this_variable),
    ("JOB", "CREATED"): Rule(_job_created, defined=True),
    ("JOB", "ACTIVATED"): _job(_job_activated),
    ("JOB", "COMPLETED"): _job(_job_ended),
    ("JOB", "CANCELED"): _job(_job_ended),
    ("JOB", "ERROR_THROWN"): _job(_job_error_thrown),
    ("JOB", "FAILED"): _job(_job_failed),
    ("JOB", "TIMED_OUT"): _job(_job_timed_out),
    ("JOB", "RECURRED_AFTER_BACKOFF"): _job(_job_recurred),
    ("JOB", "UPDATED"): _job(_job_updated),
    ("INCIDENT", "CREATED"): Rule(_incident_created, _owners, defined=True),
    ("INCIDENT", "RESOLVED"): Rule(_incident_resolved, _incident_and_owners),
}
