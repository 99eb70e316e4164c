"""A finished history as the auditor reads it, which a test may damage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import msgspec

from engine.core.faults import LogTruncated
from engine.core.ports import COMMANDS, EVENTS, INPUTS, INTERNAL, Entry, Page, Place, Store
from engine.core.record import Record
from engine.shell.codec import Codec
from engine.shell.memory_store import MemoryStore
from replay import counters, messages
from replay.partition import PartitionAudit, PartitionFindings
from replay.report import CHECKS, COUNTERS, FAILED, MESSAGES, Check, CheckReport, merge
from tests.support.actions import batch
from tests.support.batches import populate
from tests.support.scenario import ASSEMBLY, CODEC, Scenario


class Recorded:
    """The topics of all partitions in memory; places may be changed at will."""

    def __init__(self, scenario: Scenario) -> None:
        #: What lies below these offsets was removed by retention.
        self.begins: dict[Place, int] = {}
        self.partition_count = len(scenario.partitions)
        self.inputs: Sequence[str] = INPUTS
        self.places: dict[Place, list[Entry]] = {}
        for number, partition in scenario.partitions.items():
            for topic in (COMMANDS, INTERNAL):
                self.places[topic, number] = list(partition.inputs[topic])
            events = [
                Entry(offset=offset, timestamp=0, value=value, headers=headers)
                for offset, (value, headers) in enumerate(zip(partition.events, partition.headers, strict=True))
            ]
            self.places[EVENTS, number] = events

    async def read(self, topic: str, partition: int, offset: int, *, size_max: int = 1) -> Page:
        """Small pages, so that their borders are met."""
        begin = self.begins.get((topic, partition), 0)
        if offset < begin:
            raise LogTruncated(topic, partition, offset, begin)
        found = [entry for entry in self.places[topic, partition] if entry.offset >= offset][:7]
        return Page(entries=found, next_offset=found[-1].offset + 1 if found else offset)

    def cut(self, topic: str, partition: int, begin: int) -> None:
        """What retention does: entries below this offset are gone."""
        place = (topic, partition)
        self.begins[place] = begin
        self.places[place] = [entry for entry in self.places[place] if entry.offset >= begin]

    def records(self, partition: int) -> list[Record]:
        return [CODEC.decode(entry.value) for entry in self.places[EVENTS, partition]]

    def position_of(self, partition: int, value_type: str, intent: str) -> int:
        """The position of the last record of a kind."""
        return [r.position for r in self.records(partition) if (r.value_type, r.intent) == (value_type, intent)][-1]

    def change(self, partition: int, position: int, change: Callable[[Record], Record]) -> None:
        """Write another record in place of one; nothing else is changed."""
        entries = self.places[EVENTS, partition]
        index = next(i for i, entry in enumerate(entries) if CODEC.decode(entry.value).position == position)
        record = change(CODEC.decode(entries[index].value))
        entries[index] = msgspec.structs.replace(entries[index], value=CODEC.encode(record))

    def rewrite(self, partition: int, steps: Sequence[Sequence[Record]], codec: Codec = CODEC) -> None:
        """Write these steps as all events of a partition, with new positions and a chain that is whole."""
        headers = {position + 1: entry.headers for position, entry in enumerate(self.places[EVENTS, partition])}
        entries: list[Entry] = []
        chain = b""
        for step in steps:
            metadata = msgspec.structs.replace(step[0].step, previous_hash=chain, step_count=len(step))
            values = []
            for index, record in enumerate(step):
                position = len(entries) + 1
                numbered = msgspec.structs.replace(record, position=position, index=index, step=metadata)
                values.append(codec.encode(numbered))
                kept = headers.get(record.position, {})
                entries.append(Entry(offset=position - 1, timestamp=0, value=values[-1], headers=kept))
            chain = sha256(b"".join((chain, partition.to_bytes(4, "big"), step[0].command_hash, *values))).digest()
        self.places[EVENTS, partition] = entries

    def steps(self, partition: int) -> list[list[Record]]:
        found: list[list[Record]] = []
        for record in self.records(partition):
            if record.index == 0:
                found.append([])
            found[-1].append(record)
        return found


class Audited:
    """All checks of a recorded history but those of the files."""

    def __init__(
        self,
        log: Recorded,
        stored: Store | None = None,
        *,
        fresh: Store | None = None,
        settled: Mapping[int, int] | None = None,
    ) -> None:
        """`stored`: the state of partition 1, `fresh`: what it is replayed on; `settled`: see `replay.cut`."""
        self.findings: dict[int, PartitionFindings] = {}
        self.progress = 0
        self._stores = (stored, fresh)
        self._settled = settled or {}
        self.checks = asyncio.run(self._audit(log))

    async def _audit(self, log: Recorded) -> dict[str, CheckReport]:
        parts: list[CheckReport] = []
        for number in range(1, log.partition_count + 1):
            stored, fresh = self._stores if number == 1 else (None, None)
            settled = self._settled.get(number)
            audit = PartitionAudit(log, ASSEMBLY, number, fresh or MemoryStore(), stored, self._count, settled=settled)
            self.findings[number] = await audit.run()
            parts += self.findings[number].checks
        told, counted = Check(MESSAGES), Check(COUNTERS)
        sent = {number: found.sent for number, found in self.findings.items()}
        received = {number: found.received for number, found in self.findings.items()}
        messages.compare(told, sent, received)
        counters.compare(counted, {number: found.counters for number, found in self.findings.items()}, sent)
        parts += [told.report(), counted.report()]
        return {name: merge(name, parts) for name in CHECKS}

    def _count(self, records: int) -> None:
        self.progress += records

    def failed(self) -> set[str]:
        """The names of the checks that failed."""
        return {name for name, check in self.checks.items() if check.status == FAILED}

    def texts(self, name: str) -> str:
        return "\n".join(failure.text for failure in self.checks[name].failures)

    def last_good(self, partition: int = 1) -> int:
        return self.findings[partition].partition.last_good_position


def history() -> Scenario:
    """Two partitions with instances, some of which a batch operation canceled, and a command that does not decode."""
    scenario = Scenario(2)
    keys = populate(scenario, 6)
    scenario.send_bytes(b"no record", 1)
    scenario.drain()
    scenario.when(batch(filter_text="", item_keys=tuple(keys[:4]))).accepted()
    return scenario
