"""One partition's part of a batch operation: which record changes what of it, whatever it is stored in.

Rule: a partition's events change that partition's part and no other, so parts may arrive in any order. Outcomes come
from the items' own events and the total from the chunks: those are counted by who writes the items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from engine.core.record import Record
from engine.records.batch_operation_creation import BatchOperationCreation
from engine.records.batch_operation_initialization import BatchOperationInitialization
from engine.records.batch_operation_lifecycle_management import BatchOperationLifecycleManagement
from engine.records.batch_operation_partition_lifecycle import BatchOperationPartitionLifecycle

from .facts import errors_json

LIFECYCLE = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"


class Part(Struct, kw_only=True):
    """What is stored, in the order of the columns of `batch_operation_partitions` in `sqlite/schema.sql`."""

    batch_operation_key: int
    partition_id: int
    type: str = ""
    actor_type: str | None = None
    actor_id: str | None = None
    creation_date: int = 0
    initialization_date: int | None = None
    suspended: bool = False
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0
    errors: str = "[]"
    final_state: str | None = None
    final_date: int | None = None
    final_errors: str | None = None
    final_total: int = 0
    final_completed: int = 0
    final_failed: int = 0
    final_skipped: int = 0
    final_canceled: int = 0


def _created(part: Part, record: Record, value: BatchOperationCreation) -> None:
    part.type = value.batch_operation_type
    part.actor_type = value.actor_type or None
    part.actor_id = value.actor_id or None
    part.creation_date = record.step.timestamp


def _initialized(part: Part, record: Record, _: BatchOperationInitialization) -> None:
    part.initialization_date = record.step.timestamp


def _suspended(part: Part, _: Record, __: BatchOperationLifecycleManagement) -> None:
    part.suspended = True


def _resumed(part: Part, _: Record, __: BatchOperationLifecycleManagement) -> None:
    part.suspended = False


def _failed(part: Part, record: Record, value: BatchOperationPartitionLifecycle) -> None:
    # the lead partition tells it once more, of every partition
    if value.source_partition_id == record.step.partition_id:
        part.errors = errors_json(value.errors)


def _ended(part: Part, record: Record, value: BatchOperationLifecycleManagement) -> None:
    part.suspended = False
    part.final_state = record.intent
    part.final_date = record.step.timestamp
    part.final_errors = errors_json(value.errors)
    part.final_total = value.total
    part.final_completed = value.completed
    part.final_failed = value.failed
    part.final_skipped = value.skipped
    part.final_canceled = value.canceled


#: value type, intent -> what such a record, whose key is the batch operation's, changes
PART_CHANGES: Mapping[tuple[str, str], Callable[[Any, Record, Any], None]] = {
    ("BATCH_OPERATION_CREATION", "CREATED"): _created,
    ("BATCH_OPERATION_INITIALIZATION", "INITIALIZED"): _initialized,
    (LIFECYCLE, "SUSPENDED"): _suspended,
    (LIFECYCLE, "RESUMED"): _resumed,
    (LIFECYCLE, "CANCELING"): _resumed,
    **{(LIFECYCLE, state): _ended for state in ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")},
    ("BATCH_OPERATION_PARTITION_LIFECYCLE", "PARTITION_FAILED"): _failed,
}

#: Intents of an item's outcome.
OUTCOMES = ("COMPLETED", "FAILED", "SKIPPED", "CANCELED")
