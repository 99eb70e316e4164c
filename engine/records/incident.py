"""The `incident` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "INCIDENT"


class Incident(Struct, frozen=True, kw_only=True):
    """Something a person must look at. RESOLVE; CREATED, MIGRATED, RESOLVED."""

    error_type: str = ""
    error_message: str = ""
    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    element_id: str = ""
    element_instance_key: int = -1
    job_key: int = -1
    root_process_instance_key: int = -1
    resume: bytes = b""
    tenant_id: str = ""
