"""The `timer` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "TIMER"


class Timer(Struct, frozen=True, kw_only=True):
    """A timer of an element instance, or of a process that starts by itself. CREATED, MIGRATED,
    TRIGGERED, CANCELED."""

    element_instance_key: int = -1
    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    target_element_id: str = ""
    due_date: int = -1
    repetitions: int = 1
    interval: str = ""
    root_process_instance_key: int = -1
    tenant_id: str = ""
