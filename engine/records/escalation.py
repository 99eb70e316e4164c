"""The `escalation` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "ESCALATION"


class Escalation(Struct, frozen=True, kw_only=True):
    """An escalation that was thrown. ESCALATED, NOT_ESCALATED."""

    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    escalation_code: str = ""
    throw_element_id: str = ""
    catch_element_id: str = ""
    root_process_instance_key: int = -1
    tenant_id: str = ""
