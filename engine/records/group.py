"""The `group` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "GROUP"


class Group(Struct, frozen=True, kw_only=True):
    """A group of users and clients. CREATED, UPDATED, DELETED, MEMBER_ADDED, MEMBER_REMOVED."""

    group_id: str = ""
    name: str = ""
    description: str = ""
    member_type: str = ""
    member_id: str = ""
