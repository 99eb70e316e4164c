"""The `message_subscription` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "MESSAGE_SUBSCRIPTION"


class MessageSubscription(Struct, frozen=True, kw_only=True):
    """Who waits for a message, on the partition of the correlation key. CREATED … DELETED, all by internal commands."""

    process_instance_key: int = -1
    element_instance_key: int = -1
    bpmn_process_id: str = ""
    message_name: str = ""
    correlation_key: str = ""
    interrupting: bool = True
    message_key: int = -1
    variables: str = ""
    tenant_id: str = ""
