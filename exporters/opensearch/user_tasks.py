"""User tasks: which record changes which document.

Rule: ASSIGNED and UPDATED carry the whole task as it is after them; an empty text or list is none. Tags and business id
are those of the process instance.
"""

from __future__ import annotations

from engine.core.record import Record
from engine.records.user_task import UserTask
from exporters.facts import date_given, key_given

from . import mappings
from .documents import Member, ProcessInstanceDocument, UserTaskDocument
from .projection import Needs, Rule, Rules
from .workspace import Workspace


def _created(workspace: Workspace, record: Record, value: UserTask) -> None:
    definition = workspace.definition(value.process_definition_key)
    instance = workspace.documents.get(value.process_instance_key)
    known = instance if isinstance(instance, ProcessInstanceDocument) else None
    workspace.add(
        UserTaskDocument(
            kind=Member(mappings.USER_TASK, str(value.process_instance_key)),
            key=record.key,
            partition_id=workspace.partition,
            position=record.position,
            process_instance_key=value.process_instance_key,
            root_key=value.root_process_instance_key,
            definition_key=value.process_definition_key,
            process_id=definition.process_id or None,
            process_name=definition.name,
            process_version=definition.version or None,
            state="CREATED",
            name=value.name or None,
            assignee=value.assignee or None,
            candidate_groups=value.candidate_groups,
            candidate_users=value.candidate_users,
            creation_date=record.step.timestamp,
            follow_up_date=date_given(value.follow_up_date),
            due_date=date_given(value.due_date),
            priority=value.priority,
            form_reference=value.external_form_reference or None,
            form_key=key_given(value.form_key),
            custom_headers=value.custom_headers,
            element_id=value.element_id,
            element_type=definition.elements.get(value.element_id, (None, None))[1],
            element_instance_key=value.element_instance_key,
            tags=known.tags if known else (),
            business_id=known.business_id if known else None,
        )
    )


def _updated(workspace: Workspace, record: Record, value: UserTask) -> None:
    task = workspace.change(UserTaskDocument, record.key, record.position)
    if task is not None:
        task.candidate_groups, task.candidate_users = value.candidate_groups, value.candidate_users
        task.priority = value.priority
        task.assignee = value.assignee or None
        task.follow_up_date, task.due_date = date_given(value.follow_up_date), date_given(value.due_date)


def _ended(workspace: Workspace, record: Record, _: UserTask) -> None:
    task = workspace.change(UserTaskDocument, record.key, record.position)
    if task is not None:
        task.state, task.completion_date = record.intent, record.step.timestamp


def _its_instance(_: Record, value: UserTask) -> Needs:
    return ((value.process_instance_key, ProcessInstanceDocument),)


def _this_task(record: Record, _: UserTask) -> Needs:
    return ((record.key, UserTaskDocument),)


RULES: Rules = {
    ("USER_TASK", "CREATED"): Rule(_created, _its_instance, defined=True),
    ("USER_TASK", "ASSIGNED"): Rule(_updated, _this_task),
    ("USER_TASK", "UPDATED"): Rule(_updated, _this_task),
    ("USER_TASK", "COMPLETED"): Rule(_ended, _this_task),
    ("USER_TASK", "CANCELED"): Rule(_ended, _this_task),
}
