"""The `user_task` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "USER_TASK"


class UserTask(Struct, frozen=True, kw_only=True):
    """Work for a person. Commands ASSIGN, CLAIM, UPDATE, COMPLETE; events CREATED, ASSIGNED, UPDATED, MIGRATED,
    COMPLETED, CANCELED, each with the whole task as it is after it."""

    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    bpmn_version: int = 0
    element_id: str = ""
    element_instance_key: int = -1
    root_process_instance_key: int = -1
    assignee: str = ""
    candidate_groups: tuple[str, ...] = ()
    candidate_users: tuple[str, ...] = ()
    due_date: str = ""
    follow_up_date: str = ""
    priority: int = 0
    form_key: int = -1
    external_form_reference: str = ""
    custom_headers: str = ""
    variables: str = ""
    action: str = ""
    changed_attributes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    business_id: str = ""
    name: str = ""
    tenant_id: str = ""
