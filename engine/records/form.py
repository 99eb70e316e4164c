"""The `form` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "FORM"


class Form(Struct, frozen=True, kw_only=True):
    """A deployed form on this partition. CREATED."""

    form_id: str = ""
    form_version: int = 0
    version_tag: str = ""
    resource_name: str = ""
    checksum: bytes = b""
    resource: bytes = b""
    deployment_key: int = -1
    tenant_id: str = ""
