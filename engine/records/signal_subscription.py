"""The `signal_subscription` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "SIGNAL_SUBSCRIPTION"


class SignalSubscription(Struct, frozen=True, kw_only=True):
    """Who waits for a signal, on the partition of the instance. CREATED, MIGRATED, DELETED."""

    signal_name: str = ""
    process_instance_key: int = -1
    element_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    element_id: str = ""
    root_process_instance_key: int = -1
    tenant_id: str = ""
