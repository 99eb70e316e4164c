"""The `process_instance_result` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_INSTANCE_RESULT"


class ProcessInstanceResult(Struct, frozen=True, kw_only=True):
    """What became of a process instance, for whoever waits for it. COMPLETED, TERMINATED."""

    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    bpmn_version: int = 0
    variables: str = ""
    error_message: str = ""
    tags: tuple[str, ...] = ()
    business_id: str = ""
    tenant_id: str = ""
