"""The `message_correlation` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "MESSAGE_CORRELATION"


class MessageCorrelation(Struct, frozen=True, kw_only=True):
    """A message whose sender waits for who gets it. Command CORRELATE; CORRELATING, CORRELATED, NOT_CORRELATED."""

    name: str = ""
    correlation_key: str = ""
    variables: str = ""
    message_key: int = -1
    process_instance_key: int = -1
    tenant_id: str = ""
