"""The `multi_instance` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "MULTI_INSTANCE"


class MultiInstance(Struct, frozen=True, kw_only=True):
    """The body of a multi-instance activity: what it goes over, and what came out. CREATED, ITEMS_ADDED,
    OUTPUT_COLLECTED, OUTPUTS_DISCARDED. The record key is the element instance of the body."""

    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    element_id: str = ""
    total: int = 0
    round: int = 0
    number: int = 0
    items: tuple[str, ...] = ()
    output: str = ""
    count: int = 0
    root_process_instance_key: int = -1
    tenant_id: str = ""
