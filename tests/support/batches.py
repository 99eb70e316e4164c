"""What tests of batch operations share."""

from __future__ import annotations

from engine.core.record import Record
from engine.records import BatchOperationCreation, BatchOperationLifecycleManagement
from engine.records.batch_options import BatchOptions

from . import models as m
from .actions import batch
from .scenario import Moment, Scenario, make

CREATION = "BATCH_OPERATION_CREATION"
MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
ITEM = "BATCH_OPERATION_ITEM"
EXECUTION = "BATCH_OPERATION_EXECUTION"
INITIALIZATION = "BATCH_OPERATION_INITIALIZATION"
FINAL = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")


def populate(s: Scenario, count: int, process_id: str = "one") -> list[int]:
    """Instances, round-robin over the partitions."""
    s.deploy(m.one_task())
    return [s.create(process_id, partition=index % len(s.partitions) + 1) for index in range(count)]


def final(s: Scenario) -> Record:
    """The one final record of the one batch operation."""
    found = [r for r in s.everything().all(MANAGEMENT) if r.intent in FINAL]
    assert len(found) == 1, f"expected one final state, got {len(found)}\n{s.log()}"
    return found[0]


def counts(record: Record) -> tuple[int, ...]:
    value = record.value
    return tuple(getattr(value, name) for name in ("total", "completed", "failed", "skipped", "canceled"))


def key_of(s: Scenario) -> int:
    return s.everything().all("BATCH_OPERATION_CREATION", "CREATED")[0].key


def start(s: Scenario, **options: object) -> int:
    """A batch operation that cancels everything, up to where it waits or ends; gives its key."""
    s.when(batch(options=BatchOptions(**options)))  # type: ignore[arg-type]
    return key_of(s)


def undo(s: Scenario, key: int, partition: int = 1, **options: object) -> Moment:
    """Put back what a batch operation has changed."""
    wish = BatchOptions(**{"parent_key": key, "undoes": True, **options})  # type: ignore[arg-type]
    return s.when(make(CREATION, "CREATE", BatchOperationCreation(options=wish), request="gateway/7"), partition)


def update(key: int, **changed: object) -> Record:
    value = BatchOperationLifecycleManagement(**changed)  # type: ignore[arg-type]
    return make(MANAGEMENT, "UPDATE", value, key)


def completed(s: Scenario) -> int:
    return len(s.everything().all(ITEM, "COMPLETED"))


def is_over(s: Scenario) -> bool:
    return any(record.intent in FINAL for record in s.everything().all(MANAGEMENT))


def failing(s: Scenario, count: int, good: int = 0, **options: object) -> int:
    """A batch operation that is found, and whose first items then fail; suspended, so that nothing has run yet."""
    keys = populate(s, count + good)
    key = start(s, start_at=s.now + 1, **options)
    for gone in keys[:count]:
        s.cancel(gone)
    s.advance(1)
    return key
