"""The `batch_operation_lifecycle_management` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

from .batch_error import BatchError

VALUE_TYPE = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"


class BatchOperationLifecycleManagement(Struct, frozen=True, kw_only=True):
    """Life of a batch operation. Commands SUSPEND, RESUME, CANCEL, from a client and then from the lead partition
    to the others; events SUSPENDED, RESUMED, CANCELING and, on the lead partition only, COMPLETED,
    PARTIALLY_COMPLETED, FAILED, CANCELED."""

    batch_operation_key: int = -1
    batch_operation_type: str = ""
    errors: tuple[BatchError, ...] = ()
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0
