"""The `process_instance_business_id` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_INSTANCE_BUSINESS_ID"


class ProcessInstanceBusinessId(Struct, frozen=True, kw_only=True):
    """A business id for a process instance that runs. ASSIGN; ASSIGNED."""

    business_id: str = ""
    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    root_process_instance_key: int = -1
    tenant_id: str = ""
