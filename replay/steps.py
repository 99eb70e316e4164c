"""The records of a partition as steps: dense positions, whole steps, one metadata, time, and the chain of hashes.

Rule: after a failure it goes on with what the log says next, so that one damage is one failure of each kind. A log
whose beginning is gone is judged from its first whole step on.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from engine.core.machine import chain_after
from engine.core.record import NONE, Record

from .report import CHAIN, POSITIONS, Check


class WholeStep(Struct, frozen=True):
    """A step with all its records; `values[i]` are the bytes of `records[i]`."""

    records: Sequence[Record]
    values: Sequence[bytes]


class Steps:
    """Collects records into steps and checks what can be seen without the commands."""

    def __init__(self, partition: int) -> None:
        self.positions = Check(POSITIONS)
        self.chain = Check(CHAIN)
        self.last_position = 0
        #: Of the first whole step; None before there was a record.
        self.first_position: int | None = None
        self._partition = partition
        self._records: list[Record] = []
        self._values: list[bytes] = []
        self._hash: bytes | None = b""
        self._timestamp = 0

    @property
    def is_late(self) -> bool:
        """Whether there was something before the first record."""
        return self.first_position not in (None, 1)

    def add(self, record: Record, value: bytes) -> WholeStep | None:
        """Take the next record; gives the step that it completes."""
        position = record.position
        if self.first_position is None or (self.is_late and position == self.first_position and record.index):
            self._begin(record)
            if record.index and position > 1:
                return None
        if position != self.last_position + 1:
            self._fail(f"expected position {self.last_position + 1}, got {position}", position)
        self.last_position = position
        records = self._records
        if record.index != len(records):
            self._fail(f"expected index {len(records)} of a step, got {record.index}", position)
            self._drop()
            if record.index:
                return None
            records = self._records
        step = record.step
        if records and step is not records[0].step and step != records[0].step:
            self._fail("expected the metadata of the step's first record, got others", position)
        if record.index and record.command_hash:
            self._fail("expected a command's hash in the first record of a step only", position)
        records.append(record)
        self._values.append(value)
        if len(records) < step.step_count:
            return None
        whole = WholeStep(records, self._values)
        self._drop()
        self._check(whole)
        return whole

    def finish(self) -> None:
        """The log ends here."""
        if self._records:
            count = self._records[0].step.step_count
            self._fail(f"expected {count} records of the last step, got {len(self._records)}", self.last_position)

    def _begin(self, record: Record) -> None:
        """Go on from this record, or from behind it if it belongs to a step whose first record is gone."""
        position = record.position
        self.last_position = position - 1 if position > 1 else 0
        self.first_position = max(position, 1)
        if self.is_late:
            self._hash = None
            if record.index:
                self.last_position, self.first_position = position, position + 1

    def _drop(self) -> None:
        self._records, self._values = [], []

    def _check(self, whole: WholeStep) -> None:
        first = whole.records[0]
        step, position = first.step, first.position
        if len(whole.records) != step.step_count:
            self._fail(f"expected a step of {step.step_count} records, got {len(whole.records)}", position)
        if step.partition_id != self._partition:
            self._fail(f"expected a step of partition {self._partition}, got one of {step.partition_id}", position)
        if step.timestamp < self._timestamp:
            self._fail(f"expected time {self._timestamp} or later, got {step.timestamp}", position)
        self._timestamp = step.timestamp
        if self._hash is not None and step.previous_hash != self._hash:
            self.chain.fail(
                f"the chain is broken before position {position}: this step or one before it was changed or lost",
                self._partition,
                position,
            )
        self._hash = hash_after(whole, self._partition)
        self.chain.count("steps")

    def _fail(self, text: str, position: int = NONE) -> None:
        self.positions.fail(text, self._partition, position)


def hash_after(whole: WholeStep, partition: int) -> bytes:
    """The hash of the chain behind a step: of the hash before it, partition, command hash, and all its bytes."""
    first = whole.records[0]
    return chain_after(first.step.previous_hash, partition, first.command_hash, whole.values)
