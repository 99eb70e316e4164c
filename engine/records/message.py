"""The `message` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "MESSAGE"


class Message(Struct, frozen=True, kw_only=True):
    """A message, on the partition of its correlation key. Command PUBLISH; PUBLISHED, EXPIRED."""

    name: str = ""
    correlation_key: str = ""
    time_to_live: int = 0
    message_id: str = ""
    variables: str = ""
    deadline: int = -1
    tenant_id: str = ""
