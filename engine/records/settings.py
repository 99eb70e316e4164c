"""The `settings` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "SETTINGS"


class Settings(Struct, frozen=True, kw_only=True):
    """Settings and feature flags that the machine reads. UPDATE, UPDATED."""

    settings: str = ""
