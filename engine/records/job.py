"""The `job` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "JOB"


class Job(Struct, frozen=True, kw_only=True):
    """Work for a job worker. Commands COMPLETE, FAIL, THROW_ERROR, UPDATE; events CREATED, ACTIVATED, COMPLETED,
    FAILED, ERROR_THROWN, TIMED_OUT, RECURRED_AFTER_BACKOFF, UPDATED, MIGRATED, CANCELED."""

    type: str = ""
    kind: str = ""
    retries: int = 0
    priority: int = 0
    worker: str = ""
    deadline: int = 0
    timeout: int = 0
    retry_backoff: int = 0
    changed_attributes: tuple[str, ...] = ()
    custom_headers: str = ""
    variables: str = ""
    result: str = ""
    error_code: str = ""
    error_message: str = ""
    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    bpmn_version: int = 0
    element_id: str = ""
    element_instance_key: int = -1
    root_process_instance_key: int = -1
    tags: tuple[str, ...] = ()
    business_id: str = ""
    tenant_id: str = ""
