"""The `process_instance_call` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_INSTANCE_CALL"


class ProcessInstanceCall(Struct, frozen=True, kw_only=True):
    """What a call activity and the process instance that it called tell each other, as commands of their partition to
    itself: BEGIN and THROW_ERROR (the record key is the call activity), RETURN and TERMINATE (the called instance).
    What follows is told by PROCESS_INSTANCE records."""

    error_code: str = ""
    escalation_code: str = ""
    variables: str = ""
    thrown_by: int = -1
    tenant_id: str = ""
