"""The `variable_document` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "VARIABLE_DOCUMENT"


class VariableDocument(Struct, frozen=True, kw_only=True):
    """The wish to set variables. UPDATE, UPDATED."""

    scope_key: int = -1
    variables: str = ""
    local: bool = False
    process_instance_key: int = -1
    tenant_id: str = ""
