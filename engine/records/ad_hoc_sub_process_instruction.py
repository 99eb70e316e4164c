"""The `ad_hoc_sub_process_instruction` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "AD_HOC_SUB_PROCESS_INSTRUCTION"


class ActivateElement(Struct, frozen=True, kw_only=True):
    """One element to activate."""

    element_id: str = ""
    variables: str = ""


class AdHocSubProcessInstruction(Struct, frozen=True, kw_only=True):
    """What is to happen in an ad-hoc sub-process, as a person or its worker wants. ACTIVATE; ACTIVATED, COMPLETED."""

    activate_elements: tuple[ActivateElement, ...] = ()
    cancel_remaining_instances: bool = False
    element_id: str = ""
    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    root_process_instance_key: int = -1
    tenant_id: str = ""
