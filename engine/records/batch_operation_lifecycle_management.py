"""The `batch_operation_lifecycle_management` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

from .batch_error import BatchError

VALUE_TYPE = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
#: What can be held by itself: looking for items, executing them, ending.
INITIALIZATION, EXECUTION, COMPLETION = PHASES = ("INITIALIZATION", "EXECUTION", "COMPLETION")


class BatchOperationLifecycleManagement(Struct, frozen=True, kw_only=True):
    """Life of a batch operation. Commands SUSPEND, RESUME, CANCEL, UPDATE (how fast it runs), RESOLVE_INCIDENTS and,
    once it has ended, DELETE, from a client and then from the lead partition to the others, and SCHEDULE (when it is
    deleted); events SUSPENDED, RESUMED, CANCELING, UPDATED, RESOLVING_INCIDENTS, SCHEDULED, DELETED and, on the lead
    partition only, COMPLETED, PARTIALLY_COMPLETED, FAILED, CANCELED."""

    batch_operation_key: int = -1
    batch_operation_type: str = ""
    errors: tuple[BatchError, ...] = ()
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0
    reason: str = ""
    phases: tuple[str, ...] = ()
    resolution: str = ""
    rate: float = -1.0
    slice_size: int = -1
    pause_windows: tuple[str, ...] = ()
    changes_pauses: bool = False
    partition_rate: float = 0.0
    removal_time: int = 0
    actor_type: str = ""
    actor_id: str = ""
