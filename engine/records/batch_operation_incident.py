"""The `batch_operation_incident` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "BATCH_OPERATION_INCIDENT"
#: How one ends: its item is executed again, has failed for good, or is canceled with its batch operation.
RETRY, FAIL, CANCEL = RESOLUTIONS = ("RETRY", "FAIL", "CANCEL")


class BatchOperationIncident(Struct, frozen=True, kw_only=True):
    """An item that failed too often and waits for somebody. Commands RESOLVE (from a client, with the key of the
    incident) and RESOLVE_SOME (from the partition itself, with the key of the batch operation); events CREATED,
    RESOLVED. The key of an event is the incident's."""

    batch_operation_key: int = -1
    batch_operation_type: str = ""
    item_key: int = -1
    process_instance_key: int = -1
    root_process_instance_key: int = -1
    error_code: str = ""
    error_message: str = ""
    resolution: str = ""
    key_max: int = -1
