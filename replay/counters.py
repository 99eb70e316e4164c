"""Batch operations counted again, from the events of their items: every item has one outcome, all numbers add up.

Rule: what the engine says in its totals is only compared, never used (design law 10). Batch operations that were begun
before the beginning of a log, or of which a part had not ended at the cut, are counted and not judged.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from msgspec import Struct

from engine.core.record import EVENT, Record
from engine.records import (
    BatchOperationChunk,
    BatchOperationInitialization,
    BatchOperationItem,
    BatchOperationLifecycleManagement,
    BatchOperationPartitionLifecycle,
)

from .messages import Tallies
from .report import COUNTERS, Check

OUTCOMES = {"COMPLETED": "completed", "FAILED": "failed", "SKIPPED": "skipped", "CANCELED": "canceled"}
PART_ENDS = ("PARTITION_COMPLETED", "PARTITION_FAILED", "PARTITION_CANCELED")
GIVEN_UP = "PARTITION_GIVEN_UP"
FINAL_STATES = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")


class Counts(Struct):
    """Items of a batch operation by outcome."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0

    @property
    def pending(self) -> int:
        return self.total - self.completed - self.failed - self.skipped - self.canceled


class Part(Struct):
    """What was counted of one batch operation on one partition. `ended`: the partition has reported."""

    counts: Counts
    ended: bool = False


class Claim(Struct, frozen=True):
    """Counts that an event states: of the part of partition `source`, or of the whole batch operation (0).

    `number`: of the message from the source that caused it. `given_up`: partitions that had not told their end, with
    the counts that they told last.
    """

    batch: int
    source: int
    counts: Counts
    position: int
    number: int = 0
    given_up: Mapping[int, Counts] = {}


class PartitionCounters(Struct, frozen=True):
    """What one partition's events say: by batch operation, and claims that only all partitions together can judge.

    `is_late`: they say nothing of batch operations that were begun before them.
    """

    parts: Mapping[int, Part]
    claims: Sequence[Claim]
    is_late: bool = False


class Items:
    """The items of a part and which of them have an outcome: nine bytes an item. Their keys ascend."""

    def __init__(self) -> None:
        self._keys = array("q")
        self._done = bytearray()

    def find(self, key: int) -> bool:
        """Note an item that was found. False if its key does not ascend."""
        ascends = not self._keys or key > self._keys[-1]
        if ascends:
            self._keys.append(key)
            self._done.append(0)
        return ascends

    def end(self, key: int) -> str:
        """Note an outcome; what is wrong with it, or nothing."""
        index = bisect_left(self._keys, key)
        if index == len(self._keys) or self._keys[index] != key:
            return "an item that was not found"
        if self._done[index]:
            return "a second outcome"
        self._done[index] = 1
        return ""


class Counters:
    """Counts the batch operations of one partition; `add` every record of the value types in `handlers`."""

    def __init__(self, partition: int) -> None:
        self.check = Check(COUNTERS)
        #: Set before the first record: there were others before it.
        self.is_late = False
        self.handlers: Mapping[str, Callable[[Record], None]] = {
            "BATCH_OPERATION_CREATION": self._creation,
            "BATCH_OPERATION_CHUNK": self._chunk,
            "BATCH_OPERATION_INITIALIZATION": self._initialization,
            "BATCH_OPERATION_ITEM": self._item,
            "BATCH_OPERATION_PARTITION_LIFECYCLE": self._partition_lifecycle,
            "BATCH_OPERATION_LIFECYCLE_MANAGEMENT": self._lifecycle,
        }
        self._partition = partition
        self._parts: dict[int, Part] = {}
        self._items: dict[int, Items] = {}
        self._claims: list[Claim] = []
        #: batch operation -> partitions that were given up, and what they had told
        self._given_up: dict[int, dict[int, Counts]] = {}

    def finish(self) -> PartitionCounters:
        """All that was counted."""
        for part in self._parts.values():
            self.check.count("items", part.counts.total)
            self.check.count("pending items", part.counts.pending)
        return PartitionCounters(self._parts, self._claims, self.is_late)

    def _is_older(self, batch: int) -> bool:
        return self.is_late and batch not in self._parts

    def _creation(self, record: Record) -> None:
        if record.record_type == EVENT and record.intent == "CREATED":
            self._part(record.key)

    def _part(self, batch: int) -> Part:
        part = self._parts.get(batch)
        if part is None:
            part = self._parts[batch] = Part(Counts())
            self._items[batch] = Items()
        return part

    def _chunk(self, record: Record) -> None:
        if record.record_type != EVENT or self._is_older(record.key):
            return
        part = self._part(record.key)
        items = self._items.get(record.key)
        if items is None:
            self._fail(record, f"expected no chunk of batch operation {record.key}, whose part has ended, got one")
            return
        for item in cast(BatchOperationChunk, record.value).items:
            part.counts.total += 1
            if not items.find(item.item_key):
                self._fail(record, f"item {item.item_key} of batch operation {record.key} was found twice or too late")

    def _initialization(self, record: Record) -> None:
        if record.record_type == EVENT and record.intent == "INITIALIZED" and not self._is_older(record.key):
            total = cast(BatchOperationInitialization, record.value).total
            counted = self._part(record.key).counts.total
            if total != counted:
                self._fail(record, f"expected {counted} items of batch operation {record.key}, got {total}")

    def _item(self, record: Record) -> None:
        name = OUTCOMES.get(record.intent)
        if name is None or record.record_type != EVENT:
            return
        batch = cast(BatchOperationItem, record.value).batch_operation_key
        if self._is_older(batch):
            return
        counts = self._part(batch).counts
        setattr(counts, name, getattr(counts, name) + 1)
        items = self._items.get(batch)
        wrong = items.end(record.key) if items else "an outcome behind the end of the part"
        if wrong:
            self._fail(record, f"item {record.key} of batch operation {batch}: expected one outcome, got {wrong}")

    def _partition_lifecycle(self, record: Record) -> None:
        if record.record_type != EVENT or record.intent not in (*PART_ENDS, GIVEN_UP):
            return
        value = cast(BatchOperationPartitionLifecycle, record.value)
        if record.intent == GIVEN_UP:
            self._given_up.setdefault(record.key, {})[value.source_partition_id] = counts_of(value)
            return
        self._given_up.get(record.key, {}).pop(value.source_partition_id, None)
        if value.source_partition_id != self._partition:
            claim = Claim(
                record.key, value.source_partition_id, counts_of(value), record.position, record.step.sender_number
            )
            self._claims.append(claim)
            return
        if self._is_older(record.key):
            return
        part = self._part(record.key)
        part.ended = True
        self._items.pop(record.key, None)
        stated = counts_of(value)
        if stated != part.counts or stated.pending:
            self._fail(record, f"batch operation {record.key}: counted {part.counts}, but its end says {stated}")

    def _lifecycle(self, record: Record) -> None:
        if record.record_type == EVENT and record.intent in FINAL_STATES:
            value = cast(BatchOperationLifecycleManagement, record.value)
            silent = self._given_up.pop(record.key, {})
            self._claims.append(Claim(record.key, 0, counts_of(value), record.position, given_up=silent))

    def _fail(self, record: Record, text: str) -> None:
        self.check.fail(text, self._partition, record.position)


def counts_of(value: BatchOperationPartitionLifecycle | BatchOperationLifecycleManagement) -> Counts:
    """The counts that an event states."""
    return Counts(value.total, value.completed, value.failed, value.skipped, value.canceled)


def compare(check: Check, found: Mapping[int, PartitionCounters], sent: Mapping[int, Tallies] | None = None) -> None:
    """Compare what lead partitions say with what was counted on all of them. `found` by partition.

    `sent`: the messages of each partition, where the log may have gone on.
    """
    batches = {batch for counters in found.values() for batch in counters.parts}
    check.count("batch operations", len(batches))
    for lead, counters in found.items():
        in_flight = {claim.batch for claim in counters.claims if sent and _is_in_flight(claim, lead, sent)}
        if in_flight:
            check.count("batch operations in flight", len(in_flight))
        for claim in counters.claims:
            sources = [claim.source] if claim.source else sorted(found.keys() - claim.given_up.keys())
            if claim.batch in in_flight or any(_is_unknown(claim.batch, found.get(source)) for source in sources):
                continue
            parts = [found[source].parts.get(claim.batch) if source in found else None for source in sources]
            counted = _sum([*(part.counts for part in parts if part is not None), *claim.given_up.values()])
            if not all(part is not None and part.ended for part in parts):
                check.fail(f"batch operation {claim.batch} ended before all its parts did", lead, claim.position)
            elif not sent and _tell_too_much(claim, found):
                text = f"batch operation {claim.batch}: a partition was given up with more than was counted there"
                check.fail(text, lead, claim.position)
            elif counted != claim.counts:
                text = f"batch operation {claim.batch}: counted {counted}, but its end says {claim.counts}"
                check.fail(text, lead, claim.position)


def _tell_too_much(claim: Claim, found: Mapping[int, PartitionCounters]) -> bool:
    """Whether partitions that were given up had told more than was counted on them: they may only have done more."""
    for source, told in claim.given_up.items():
        counters = found.get(source)
        if counters is not None and not _is_unknown(claim.batch, counters):
            part = counters.parts.get(claim.batch) or Part(Counts())
            if any(getattr(told, name) > getattr(part.counts, name) for name in Counts.__struct_fields__):
                return True
    return False


def _is_in_flight(claim: Claim, lead: int, sent: Mapping[int, Tallies]) -> bool:
    """Whether the step that caused this claim lies behind the cut of its partition."""
    return claim.source in sent and claim.number > sent[claim.source].of(lead).last


def _is_unknown(batch: int, counters: PartitionCounters | None) -> bool:
    return counters is not None and counters.is_late and batch not in counters.parts


def _sum(counts: Sequence[Counts]) -> Counts:
    names = Counts.__struct_fields__
    return Counts(**{name: sum(getattr(one, name) for one in counts) for name in names})
