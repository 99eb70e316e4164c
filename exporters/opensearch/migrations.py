"""Process instances that go on with another definition: which record changes which document.

Rule: what has ended stays as it was; of what is alive, definition and element are those of the record.
"""

from __future__ import annotations

from engine.core.record import Record
from engine.records.incident import Incident
from engine.records.job import Job
from engine.records.process_instance import ProcessInstance
from engine.records.user_task import UserTask
from engine.records.variable import Variable

from .documents import (
    ElementInstanceDocument,
    IncidentDocument,
    JobDocument,
    OfDefinition,
    ProcessInstanceDocument,
    UserTaskDocument,
    VariableDocument,
)
from .projection import Needs, Rule, Rules
from .workspace import Definition, Workspace


def _element(workspace: Workspace, record: Record, value: ProcessInstance) -> None:
    definition = workspace.definition(value.process_definition_key)
    if value.element_type == "PROCESS":
        instance = workspace.change(ProcessInstanceDocument, record.key, record.position)
        if instance is not None:
            _move(instance, value, definition)
            instance.process_name = definition.name
            instance.process_version = definition.version or None
            instance.process_version_tag = definition.version_tag
        return
    element = workspace.change(ElementInstanceDocument, record.key, record.position)
    if element is not None:
        _move(element, value, definition)
        element.element_id = value.element_id
        element.element_name = definition.elements.get(value.element_id, (None,))[0] or value.element_id


def _job(workspace: Workspace, record: Record, value: Job) -> None:
    job = workspace.change(JobDocument, record.key, record.position)
    if job is not None:
        definition = workspace.definition(value.process_definition_key)
        _move(job, value, definition)
        job.element_id, job.element_type = value.element_id, _type_of(value.element_id, definition)
        job.last_update_time = record.step.timestamp


def _user_task(workspace: Workspace, record: Record, value: UserTask) -> None:
    task = workspace.change(UserTaskDocument, record.key, record.position)
    if task is not None:
        definition = workspace.definition(value.process_definition_key)
        _move(task, value, definition)
        task.process_name, task.process_version = definition.name, definition.version or None
        task.element_id, task.element_type = value.element_id, _type_of(value.element_id, definition)


def _incident(workspace: Workspace, record: Record, value: Incident) -> None:
    incident = workspace.change(IncidentDocument, record.key, record.position)
    if incident is not None:
        _move(incident, value, workspace.definition(value.process_definition_key))
        incident.element_id = value.element_id


def _variable(workspace: Workspace, record: Record, value: Variable) -> None:
    variable = workspace.change(VariableDocument, record.key, record.position)
    if variable is not None and value.process_definition_key not in variable.definition_key:
        variable.definition_key = [*variable.definition_key, value.process_definition_key]


def _move(document: OfDefinition, value: ProcessInstance | Job | UserTask | Incident, definition: Definition) -> None:
    document.definition_key = value.process_definition_key
    document.process_id = definition.process_id or None


def _type_of(element_id: str, definition: Definition) -> str | None:
    return definition.elements.get(element_id, (None, None))[1]


def _this_element(record: Record, value: ProcessInstance) -> Needs:
    return ((record.key, ProcessInstanceDocument if value.element_type == "PROCESS" else ElementInstanceDocument),)


RULES: Rules = {
    ("PROCESS_INSTANCE", "ELEMENT_MIGRATED"): Rule(_element, _this_element, defined=True),
    ("JOB", "MIGRATED"): Rule(_job, lambda record, _: ((record.key, JobDocument),), defined=True),
    ("USER_TASK", "MIGRATED"): Rule(_user_task, lambda record, _: ((record.key, UserTaskDocument),), defined=True),
    ("INCIDENT", "MIGRATED"): Rule(_incident, lambda record, _: ((record.key, IncidentDocument),), defined=True),
    ("VARIABLE", "MIGRATED"): Rule(_variable, lambda record, _: ((record.key, VariableDocument),)),
}
