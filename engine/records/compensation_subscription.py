"""The `compensation_subscription` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "COMPENSATION_SUBSCRIPTION"


class CompensationSubscription(Struct, frozen=True, kw_only=True):
    """What can be undone, on the partition of the instance. CREATED, MIGRATED, TRIGGERED, COMPLETED, DELETED."""

    process_instance_key: int = -1
    process_definition_key: int = -1
    bpmn_process_id: str = ""
    root_process_instance_key: int = -1
    compensable_activity_id: str = ""
    compensable_activity_instance_key: int = -1
    compensable_activity_scope_key: int = -1
    compensation_handler_id: str = ""
    compensation_handler_instance_key: int = -1
    throw_event_id: str = ""
    throw_event_instance_key: int = -1
    tenant_id: str = ""
