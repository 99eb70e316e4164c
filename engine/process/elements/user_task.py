"""User tasks: native ones wait for a person; job-based ones for a worker."""

from __future__ import annotations

import msgspec

from engine.bpmn.feel import EvaluationFailure, Expression
from engine.bpmn.model import Element
from engine.bpmn.model import UserTask as UserTaskDefinition
from engine.core.effects import Effects, Event
from engine.core.record import DEFAULT_TENANT
from engine.records import UserTask as UserTaskValue

from .. import work as kinds
from ..execution import Execution
from ..tables import USER_TASKS, ElementInstance
from ..variables import Scope
from ..work import Work
from .job_task import JobTask, read_number

PRIORITY_DEFAULT = 50


class UserTask(JobTask):
    """Waits for somebody to complete it."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        task = element.user_task
        if task is None or not task.native:
            yield from super().activate(execution, element, key, data)
            return
        try:
            value = _value(execution, element, task, key)
        except EvaluationFailure as failure:
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", str(failure), resume=resume)
            return
        yield Event(value_type="USER_TASK", intent="CREATED", key=execution.view.next_key(), value=value)
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)

    def terminate(self, execution: Execution, row: ElementInstance) -> Effects:
        key = execution.view.get(USER_TASKS, row.work_key) if row.work_key > 0 else None
        if key is None:
            yield from super().terminate(execution, row)
            return
        value = UserTaskValue(
            process_instance_key=execution.instance_key,
            process_definition_key=execution.definition_key,
            bpmn_process_id=execution.process_id,
            element_id=row.element_id,
            element_instance_key=key,
            root_process_instance_key=execution.root_key,
            tenant_id=DEFAULT_TENANT,
        )
        yield Event(value_type="USER_TASK", intent="CANCELED", key=row.work_key, value=value)


def _value(execution: Execution, element: Element, task: UserTaskDefinition, key: int) -> UserTaskValue:
    scope = Scope(execution.view, key)
    return UserTaskValue(
        process_instance_key=execution.instance_key,
        process_definition_key=execution.definition_key,
        bpmn_process_id=execution.process_id,
        bpmn_version=execution.definition.bpmn_version,
        element_id=element.id,
        element_instance_key=key,
        root_process_instance_key=execution.root_key,
        assignee=_text(task.assignee, scope),
        candidate_groups=_texts(task.candidate_groups, scope),
        candidate_users=_texts(task.candidate_users, scope),
        due_date=_text(task.due_date, scope),
        follow_up_date=_text(task.follow_up_date, scope),
        priority=_priority(task.priority, scope),
        form_key=_text(task.form_key, scope),
        custom_headers=msgspec.json.encode(task.headers).decode() if task.headers else "",
        name=element.name,
        tenant_id=DEFAULT_TENANT,
    )


def _text(expression: Expression | None, scope: Scope) -> str:
    value = expression.evaluate(scope) if expression else None
    if value is None or isinstance(value, str):
        return value or ""
    raise EvaluationFailure(f"expected '{expression.text if expression else ''}' to be a string, got {value!r}")


def _texts(expression: Expression | None, scope: Scope) -> tuple[str, ...]:
    """A FEEL list of strings, or a text with commas between the names."""
    value = expression.evaluate(scope) if expression else None
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(str(name) for name in value)
    raise EvaluationFailure(
        f"expected '{expression.text if expression else ''}' to be a list of strings, got {value!r}"
    )


def _priority(expression: Expression | None, scope: Scope) -> int:
    value = read_number(expression.evaluate(scope)) if expression else None
    if value is None:
        return PRIORITY_DEFAULT
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100:
        return value
    raise EvaluationFailure(f"expected the priority to be a number from 0 to 100, got {value!r}")
