"""The `process_message_subscription` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_MESSAGE_SUBSCRIPTION"


class ProcessMessageSubscription(Struct, frozen=True, kw_only=True):
    """What an element instance waits for, on the partition of its instance. CREATED, MIGRATED,
    CORRELATED, REJECTED, DELETED."""

    process_instance_key: int = -1
    element_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    element_id: str = ""
    message_name: str = ""
    correlation_key: str = ""
    interrupting: bool = True
    message_key: int = -1
    variables: str = ""
    direct: bool = False
    root_process_instance_key: int = -1
    tenant_id: str = ""
