"""The `process_instance_migration` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_INSTANCE_MIGRATION"


class MappingInstruction(Struct, frozen=True, kw_only=True):
    """Which element goes on as which."""

    source_element_id: str = ""
    target_element_id: str = ""
    update_event_trigger: bool = False


class ProcessInstanceMigration(Struct, frozen=True, kw_only=True):
    """A process instance that goes on with another definition. MIGRATE; MIGRATED. The record key is the process
    instance."""

    target_process_definition_key: int = -1
    mapping_instructions: tuple[MappingInstruction, ...] = ()
    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    target_bpmn_process_id: str = ""
    terminate_after: tuple[str, ...] = ()
    root_process_instance_key: int = -1
    tenant_id: str = ""
    variables: str = ""
