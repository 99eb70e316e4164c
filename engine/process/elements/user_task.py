"""User tasks: native ones wait for a person; job-based ones for a worker."""

from __future__ import annotations

import msgspec
from msgspec import structs

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import Element
from engine.bpmn.model import UserTask as UserTaskDefinition
from engine.bpmn.user_tasks import FORM_KEY_HEADER
from engine.core.effects import Effects, Event
from engine.core.faults import Reject
from engine.core.record import DEFAULT_TENANT, NONE
from engine.records import UserTask as UserTaskValue

from .. import work as kinds
from ..execution import Execution
from ..form_deployments import VERSIONS
from ..tables import USER_TASKS, ElementInstance, UserTaskRow
from ..variables import Scope
from ..work import Work
from .job_task import JobTask
from .task_attributes import evaluate_attributes, evaluate_text


class UserTask(JobTask):
    """Waits for somebody to complete it."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        task = element.user_task
        try:
            form_key = _find_form(execution, task, Scope(execution.view, key))
            row = _new_row(execution, element, task, key, form_key) if task is not None and task.native else None
        except Reject as refusal:
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "FORM_NOT_FOUND", refusal.reason, resume=resume)
            return
        except EvaluationFailure as failure:
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", str(failure), resume=resume)
            return
        if row is None:
            yield from super().activate(execution, _with_form(element, form_key), key, data)
            return
        value = task_value(execution, row, element.id)
        yield Event(value_type="USER_TASK", intent="CREATED", key=execution.view.next_key(), value=value)
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)

    def terminate(self, execution: Execution, row: ElementInstance) -> Effects:
        task = execution.view.get(USER_TASKS, row.work_key) if row.work_key > 0 else None
        if task is None:
            yield from super().terminate(execution, row)
            return
        value = task_value(execution, task, row.element_id)
        yield Event(value_type="USER_TASK", intent="CANCELED", key=row.work_key, value=value)


def _new_row(execution: Execution, element: Element, task: UserTaskDefinition, key: int, form_key: int) -> UserTaskRow:
    """Raises EvaluationFailure."""
    attributes = evaluate_attributes(task, Scope(execution.view, key))
    return UserTaskRow(
        element_instance_key=key,
        process_instance_key=execution.instance_key,
        name=element.name,
        form_key=form_key,
        custom_headers=msgspec.json.encode(task.headers).decode() if task.headers else "",
        tags=execution.instance.tags,
        business_id=execution.instance.business_id,
        **structs.asdict(attributes),
    )


def _find_form(execution: Execution, task: UserTaskDefinition | None, scope: Scope) -> int:
    """The key of the form that is linked, NONE without. Raises EvaluationFailure, and Reject if it is not deployed."""
    form, view = task.form if task is not None else None, execution.view
    if form is None:
        return NONE
    form_id = evaluate_text(form.form_id, scope)
    deployment_key = execution.definition.deployment_key
    return VERSIONS.find_bound(view, form_id, form.binding, deployment_key, lambda tag: evaluate_text(tag, scope))


def _with_form(element: Element, form_key: int) -> Element:
    """A task of the old kind whose job says where the form is, as Zeebe's does."""
    if form_key == NONE or element.job is None:
        return element
    headers = {**element.job.headers, FORM_KEY_HEADER: str(form_key)}
    return structs.replace(element, job=structs.replace(element.job, headers=headers))


def task_value(execution: Execution, row: UserTaskRow, element_id: str, **changes: object) -> UserTaskValue:
    """The value of a user task's record: the whole task, with the fields that the event is about."""
    value = UserTaskValue(
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        bpmn_version=execution.definition.bpmn_version,
        element_id=element_id,
        root_process_instance_key=execution.root_key,
        tenant_id=DEFAULT_TENANT,
        **{field: getattr(row, field) for field in _SHARED_FIELDS},
    )
    return structs.replace(value, **changes) if changes else value


_SHARED_FIELDS = tuple(field for field in UserTaskRow.__struct_fields__ if field != "process_instance_key")
