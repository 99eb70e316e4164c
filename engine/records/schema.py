"""The `schema` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "SCHEMA"


class Schema(Struct, frozen=True, kw_only=True):
    """A schema of this log, so that the log explains itself. REGISTER, REGISTERED."""

    name: str = ""
    fingerprint: str = ""
    text: str = ""
