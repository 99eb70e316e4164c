"""The `intake` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "INTAKE"


class Intake(Struct, frozen=True, kw_only=True):
    """A command that could not be read. READ is rejected with UNREADABLE, naming its place."""

    topic: str = ""
    offset: int = 0
    size: int = 0
    hash: str = ""
