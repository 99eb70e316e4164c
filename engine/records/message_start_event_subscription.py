"""The `message_start_event_subscription` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "MESSAGE_START_EVENT_SUBSCRIPTION"


class MessageStartEventSubscription(Struct, frozen=True, kw_only=True):
    """A message that starts the latest version of a process, on every partition. CREATED, CORRELATED, DELETED."""

    process_definition_key: int = -1
    bpmn_process_id: str = ""
    start_event_id: str = ""
    message_name: str = ""
    message_key: int = -1
    correlation_key: str = ""
    process_instance_key: int = -1
    variables: str = ""
    tenant_id: str = ""
