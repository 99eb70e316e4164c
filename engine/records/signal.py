"""The `signal` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "SIGNAL"


class Signal(Struct, frozen=True, kw_only=True):
    """A signal. BROADCASTED, TRIGGERED."""

    signal_name: str = ""
    variables: str = ""
    after: int = -1
    until: int = -1
    tenant_id: str = ""
