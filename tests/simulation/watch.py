"""Looks at every append when it happens: what must hold all the time for the log (laws 2, 5, 6).

Positions are dense, steps whole, the chain unbroken, time never goes back, and every command has one outcome, in order,
for the very bytes that lie there; when topics were restored, for those that lie where the log says they lie now.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol, cast

from engine.core.head import GENERATIONS
from engine.core.ports import EVENTS, INTERNAL, Append, Entry, Message, Place
from engine.core.record import EVENT, Record
from engine.records.log_generation import LogGeneration
from engine.shell.codec import Codec, Reader


def expect(holds: bool, text: str, by: str = "the watch over the log") -> None:
    """Raises AssertionError, whose first line tells what has noticed it."""
    if not holds:
        raise AssertionError(f"{by}\n{text}")


class Written(Protocol):
    """What is on a log, simulated or real, as those who judge it look at it."""

    partition_count: int
    inputs: Sequence[str]

    def entries(self, place: Place) -> Sequence[Entry]:
        """All of a place."""

    def entry_at(self, place: Place, offset: int) -> Entry | None:
        """The entry with this offset."""

    def count_between(self, place: Place, start: int, stop: int) -> int:
        """Entries from one offset up to, but without, another."""

    def end_of(self, place: Place) -> int:
        """The offset above the last entry."""


class PartitionWatch:
    """The events of one partition, one step after the other."""

    def __init__(self, partition: int, data: Written) -> None:
        self._partition = partition
        self._data = data
        self._position = 0
        self._time = 0
        self._chain = b""
        self._ordinals: dict[str, int] = {}
        self._offsets: dict[str, int] = {}
        self._hashes: dict[str, bytes] = {}

    def add(self, records: Sequence[Record], values: Sequence[bytes]) -> None:
        """A whole step."""
        first, step = records[0], records[0].step
        place = f"partition {self._partition}, position {first.position}"
        expect(step.partition_id == self._partition, f"{place}: a record of partition {step.partition_id}")
        expect(len(records) == step.step_count, f"{place}: a step of {step.step_count} records has {len(records)}")
        for index, record in enumerate(records):
            expected = self._position + index + 1
            expect(record.position == expected, f"{place}: expected position {expected}, got {record.position}")
            expect(record.index == index, f"{place}: expected index {index}, got {record.index}")
        expect(step.previous_hash == self._chain, f"{place}: the chain is broken")
        if step.source_input == GENERATIONS:
            self._check_generation(records, place)
        else:
            self._check_source(first, place)
        digest = sha256(self._chain)
        digest.update(self._partition.to_bytes(4, "big") + first.command_hash)
        digest.update(b"".join(values))
        self._chain = digest.digest()
        self._position += len(records)

    def _check_source(self, first: Record, place: str) -> None:
        step = first.step
        name = step.source_input
        ordinal = self._ordinals.get(name, 0) + 1
        expect(step.source_ordinal == ordinal, f"{place}: command {step.source_ordinal} of {name} after {ordinal - 1}")
        before = self._offsets.get(name, -1)
        expect(step.source_offset > before, f"{place}: {name} {step.source_offset} has a second outcome")
        commands = (name, self._partition)
        entry = self._data.entry_at(commands, step.source_offset)
        if entry is None:
            raise AssertionError(f"the watch over the log\n{place}: the outcome of a command that is not on the log")
        expect(first.command_hash == sha256(entry.value).digest(), f"{place}: the outcome of another command")
        if name != INTERNAL:
            skipped = self._data.count_between(commands, before + 1, step.source_offset)
            expect(skipped == 0, f"{place}: {skipped} commands before {step.source_offset} have no outcome")
        time = max(self._time, entry.timestamp)
        expect(step.timestamp == time, f"{place}: expected the time {time}, got {step.timestamp}")
        self._ordinals[name], self._offsets[name], self._time = ordinal, step.source_offset, time
        self._hashes[name] = first.command_hash

    def _check_generation(self, records: Sequence[Record], place: str) -> None:
        """Topics were restored: the last command of each input that has an outcome lies where the log says."""
        (record,) = records
        expect(record.step.timestamp == self._time, f"{place}: time has passed while topics were restored")
        for found in cast(LogGeneration, record.value).inputs:
            name, ordinal = found.input, self._ordinals.get(found.input, 0)
            expect(found.ordinal == ordinal, f"{place}: {found.ordinal} commands of {name} instead of {ordinal}")
            entry = self._data.entry_at((name, self._partition), found.offset) if ordinal else None
            digest = b"" if entry is None else sha256(entry.value).digest()
            expect(digest == self._hashes.get(name, b""), f"{place}: another command lies at {found.offset} of {name}")
            self._offsets[name] = found.offset


class LogWatch:
    """All partitions. `outcomes`: trace id of a request -> whether its commands were accepted, one for each outcome.

    `changed`: the trace ids of requests that changed something, duplicates of their commands left out.
    """

    def __init__(self, data: Written, codec: Codec) -> None:
        self.outcomes: dict[str, list[bool]] = {}
        self.changed: set[str] = set()
        self._requests: set[str] = set()
        self.records: dict[int, list[Record]] = {number: [] for number in range(1, data.partition_count + 1)}
        self.step_count = 0
        self._partitions = {number: PartitionWatch(number, data) for number in self.records}
        self._readers = {number: Reader(codec) for number in self.records}

    def appended(self, appends: Sequence[Append]) -> None:
        """Something is on the log now."""
        for append in appends:
            if append.topic == EVENTS:
                self._add(append.partition, append.messages)

    def _add(self, partition: int, messages: Sequence[Message]) -> None:
        decode = self._readers[partition].decode
        records: list[Record] = []
        values: list[bytes] = []
        for message in messages:
            record = decode(message.value)
            records.append(record)
            values.append(message.value)
            if record.index + 1 == record.step.step_count:
                self._partitions[partition].add(records, values)
                self._count(records)
                self.records[partition] += records
                records, values = [], []
        expect(not records, f"partition {partition}: an append ends within a step")

    def _count(self, records: Sequence[Record]) -> None:
        first = records[0]
        self.step_count += 1
        if first.step.trace_context:
            trace = first.step.trace_context.split("-")[1]
            self.outcomes.setdefault(trace, []).append(first.record_type == EVENT)
            is_duplicate = first.step.request in self._requests
            self._requests.add(first.step.request)
            if first.record_type == EVENT and not is_duplicate and changes(records):
                self.changed.add(trace)


def changes(records: Sequence[Record]) -> bool:
    """Whether a step did what was asked for: who asks for jobs and gets none may have found some that stand still."""
    if records[-1].value_type != "JOB_BATCH":
        return True
    return any((record.value_type, record.intent) == ("JOB", "ACTIVATED") for record in records)
