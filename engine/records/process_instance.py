"""The `process_instance` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_INSTANCE"


class ProcessInstance(Struct, frozen=True, kw_only=True):
    """Lifecycle of the elements of a process instance, the process itself among them, as in Zeebe: ELEMENT_ACTIVATING,
    ELEMENT_ACTIVATED, ELEMENT_COMPLETING, ELEMENT_COMPLETED, ELEMENT_TERMINATING, ELEMENT_TERMINATED,
    ELEMENT_MIGRATED, SEQUENCE_FLOW_TAKEN, SEQUENCE_FLOW_DELETED; of the process instance SUSPENDED, RESUMED,
    DETACHED (a called one has become a root); commands CANCEL, SUSPEND, RESUME. The record key is the element
    instance."""

    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    bpmn_version: int = 0
    element_id: str = ""
    element_type: str = ""
    flow_scope_key: int = -1
    root_process_instance_key: int = -1
    parent_process_instance_key: int = -1
    parent_element_instance_key: int = -1
    joining_gateway: str = ""
    interrupts_scope: bool = False
    loop_counter: int = 0
    tags: tuple[str, ...] = ()
    business_id: str = ""
    source_process_definition_key: int = -1
    source_element_id: str = ""
    restarted_process_instance_key: int = -1
    skip_subprocesses: bool = False
    tenant_id: str = ""
