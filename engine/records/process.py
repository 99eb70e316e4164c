"""The `process` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS"


class ProcessElement(Struct, frozen=True, kw_only=True):
    """An element of the model, so that a log reader knows names without BPMN."""

    element_id: str = ""
    name: str = ""
    element_type: str = ""


class Process(Struct, frozen=True, kw_only=True):
    """A process definition on this partition. CREATED."""

    bpmn_process_id: str = ""
    bpmn_version: int = 0
    version_tag: str = ""
    name: str = ""
    resource_name: str = ""
    checksum: bytes = b""
    resource: bytes = b""
    deployment_key: int = -1
    elements: tuple[ProcessElement, ...] = ()
    start_form_id: str = ""
    tenant_id: str = ""
