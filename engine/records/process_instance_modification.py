"""The `process_instance_modification` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_INSTANCE_MODIFICATION"


class VariableInstruction(Struct, frozen=True, kw_only=True):
    """Variables to set."""

    variables: str = ""
    scope_id: str = ""


class ActivateInstruction(Struct, frozen=True, kw_only=True):
    """One element to activate."""

    element_id: str = ""
    after_element_id: str = ""
    sequence_flow_id: str = ""
    ancestor_element_instance_key: int = -1
    variable_instructions: tuple[VariableInstruction, ...] = ()


class MoveInstruction(Struct, frozen=True, kw_only=True):
    """What is moved, and where to."""

    source_element_id: str = ""
    source_element_instance_key: int = -1
    target_element_id: str = ""
    ancestor_scope_type: str = ""
    ancestor_element_instance_key: int = -1
    variable_instructions: tuple[VariableInstruction, ...] = ()


class TerminateInstruction(Struct, frozen=True, kw_only=True):
    """What is terminated."""

    element_id: str = ""
    element_instance_key: int = -1


class ProcessInstanceModification(Struct, frozen=True, kw_only=True):
    """Tokens of a process instance begun, moved and ended by hand. MODIFY, MODIFIED."""

    activate_instructions: tuple[ActivateInstruction, ...] = ()
    move_instructions: tuple[MoveInstruction, ...] = ()
    terminate_instructions: tuple[TerminateInstruction, ...] = ()
    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    root_process_instance_key: int = -1
    tenant_id: str = ""
