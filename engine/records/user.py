"""The `user` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "USER"


class User(Struct, frozen=True, kw_only=True):
    """A person who may log in with a password. CREATED, UPDATED, DELETED."""

    username: str = ""
    name: str = ""
    email: str = ""
    password_hash: str = ""
