"""The `batch_operation_partition_lifecycle` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

from .batch_error import BatchError

VALUE_TYPE = "BATCH_OPERATION_PARTITION_LIFECYCLE"


class BatchOperationPartitionLifecycle(Struct, frozen=True, kw_only=True):
    """One partition's part: its end, how far it is, its share of the rate. Commands COMPLETE_PARTITION, FAIL_PARTITION,
    CANCEL_PARTITION, REPORT_PARTITION, ANSWER_PARTITION to the lead partition, PACE_PARTITION, CHECK_PARTITION (is it
    there?), ABANDON_PARTITION from it; events PARTITION_COMPLETED, PARTITION_FAILED, PARTITION_CANCELED,
    PARTITION_REPORTED, PARTITION_PACED on the source partition and on the lead partition, PARTITION_CHECKED,
    PARTITION_ANSWERED, PARTITION_GIVEN_UP on the lead partition."""

    batch_operation_key: int = -1
    source_partition_id: int = 0
    errors: tuple[BatchError, ...] = ()
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0
    rate: float = 0.0
    changed: int = 0
    plan_hash: bytes = b""
    silent_since: int = 0
