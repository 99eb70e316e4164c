"""What tests of batch operations share."""

from __future__ import annotations

from engine.core.record import Record

from . import models as m
from .scenario import Scenario

MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
ITEM = "BATCH_OPERATION_ITEM"
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
