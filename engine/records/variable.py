"""The `variable` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "VARIABLE"


class Variable(Struct, frozen=True, kw_only=True):
    """A variable of a scope. CREATED, UPDATED, MIGRATED. It ends with its scope, without a record of its own."""

    name: str = ""
    value: str = ""
    scope_key: int = -1
    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    root_process_instance_key: int = -1
    initial: bool = False
    tenant_id: str = ""
