"""The `process_instance_creation` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_INSTANCE_CREATION"


class StartInstruction(Struct, frozen=True, kw_only=True):
    """Where to start instead of the start event: before an element, behind one, or over a sequence flow."""

    element_id: str = ""
    after_element_id: str = ""
    sequence_flow_id: str = ""


class RuntimeInstruction(Struct, frozen=True, kw_only=True):
    """What happens to the instance on its way."""

    type: str = ""
    after_element_id: str = ""


class ProcessInstanceCreation(Struct, frozen=True, kw_only=True):
    """The wish to start a process instance. CREATE, CREATED."""

    bpmn_process_id: str = ""
    bpmn_version: int = 0
    version_tag: str = ""
    process_definition_key: int = -1
    process_instance_key: int = -1
    variables: str = ""
    start_instructions: tuple[StartInstruction, ...] = ()
    runtime_instructions: tuple[RuntimeInstruction, ...] = ()
    await_result: bool = False
    fetch_variables: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    business_id: str = ""
    restarted_process_instance_key: int = -1
    tenant_id: str = ""
