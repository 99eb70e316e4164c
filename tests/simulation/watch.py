"""Looks at every append when it happens: what must hold all the time for the log (laws 2, 5, 6).

Positions are dense, steps whole, the chain unbroken, time never goes back, and every command has one outcome, in order,
for the very bytes that lie there.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from engine.core.ports import COMMANDS, EVENTS, Append, Message
from engine.core.record import EVENT, Record
from engine.shell.codec import Codec, Reader
from tests.simulation.log import LogData


def expect(holds: bool, text: str, by: str = "the watch over the log") -> None:
    """Raises AssertionError, whose first line tells what has noticed it."""
    if not holds:
        raise AssertionError(f"{by}\n{text}")


class PartitionWatch:
    """The events of one partition, one step after the other."""

    def __init__(self, partition: int, data: LogData) -> None:
        self._partition = partition
        self._data = data
        self._position = 0
        self._time = 0
        self._chain = b""
        self._ordinals: dict[str, int] = {}
        self._offsets: dict[str, int] = {}

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
        if name == COMMANDS:
            skipped = self._data.count_between(commands, before + 1, step.source_offset)
            expect(skipped == 0, f"{place}: {skipped} commands before {step.source_offset} have no outcome")
        time = max(self._time, entry.timestamp)
        expect(step.timestamp == time, f"{place}: expected the time {time}, got {step.timestamp}")
        self._ordinals[name], self._offsets[name], self._time = ordinal, step.source_offset, time


class LogWatch:
    """All partitions. `outcomes`: trace id of a request -> whether its commands were accepted, one for each outcome.

    `changed`: the trace ids of requests that changed something, duplicates of their commands left out.
    """

    def __init__(self, data: LogData, codec: Codec) -> None:
        self.outcomes: dict[str, list[bool]] = {}
        self.changed: set[str] = set()
        self._requests: set[str] = set()
        self.records: dict[int, list[Record]] = {number: [] for number in range(1, data.partition_count + 1)}
        self.step_count = 0
        self._partitions = {number: PartitionWatch(number, data) for number in self.records}
        self._readers = {number: Reader(codec) for number in self.records}
        data.watchers.append(self.appended)

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
                self._count(records[0])
                self.records[partition] += records
                records, values = [], []
        expect(not records, f"partition {partition}: an append ends within a step")

    def _count(self, first: Record) -> None:
        self.step_count += 1
        if first.step.trace_context:
            trace = first.step.trace_context.split("-")[1]
            self.outcomes.setdefault(trace, []).append(first.record_type == EVENT)
            is_duplicate = first.step.request in self._requests
            self._requests.add(first.step.request)
            # a batch of jobs comes after the jobs that it activated
            if first.record_type == EVENT and first.value_type != "JOB_BATCH" and not is_duplicate:
                self.changed.add(trace)
