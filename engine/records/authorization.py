"""The `authorization` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "AUTHORIZATION"


class Authorization(Struct, frozen=True, kw_only=True):
    """What an owner may do to a resource. CREATED, UPDATED, DELETED."""

    owner_type: str = ""
    owner_id: str = ""
    resource_type: str = ""
    resource_id: str = ""
    permission_types: tuple[str, ...] = ()
