"""The pump: carries `events` of every partition to one exporter, whole steps in order.

Rule: it never skips. What was exported is ignored, a gap or an unreadable record stops that partition visibly, I/O
failures are retried with a capped back-off. The only place of the exporters that may catch every exception.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from msgspec import Struct

from engine.core.faults import BrokenInvariant, CorruptedLog, Unavailable
from engine.core.ports import EVENTS, Clock, Entry, Log, Page
from engine.core.record import Record
from engine.shell.codec import Codec, Reader
from engine.shell.history import History

from .contract import ExportedPosition, Exporter, ProjectionLost

LOG = logging.getLogger(__name__)

BACKOFF_SECONDS_MIN = 0.05
BACKOFF_SECONDS_MAX = 5.0

Result = TypeVar("Result")


class PumpLimits(Struct, frozen=True, kw_only=True):
    """How much goes into one transaction: records (a step is never divided), and bytes asked of the log in a read."""

    records_max: int = 2_000
    read_size_max: int = 1 << 20


class Measures(Protocol):
    """Is told what was exported, once a transaction."""

    def exported(self, partition: int, records: Sequence[Record], seconds: float) -> None:
        """Whole steps are searchable now; `seconds`: since the first attempt."""


class Steps:
    """Collects the records of one partition into whole steps; knows which position must come next."""

    def __init__(self, partition: int, exported: ExportedPosition) -> None:
        self._next = exported.position + 1
        self.offset = exported.offset
        self.whole: list[Record] = []
        self._partition = partition
        self._started: list[Record] = []

    @property
    def position(self) -> int:
        """The last record of the whole steps so far."""
        return self._next - 1 - len(self._started)

    def add(self, record: Record, offset: int) -> None:
        """Take the record at this offset. Raises BrokenInvariant if it cannot follow the one before."""
        if record.position != self._next:
            if 0 < record.position < self._next:
                return
            raise BrokenInvariant(self._text(offset, f"position {self._next}", f"position {record.position}"))
        step, started = record.step, self._started
        if step.partition_id != self._partition:
            raise BrokenInvariant(self._text(offset, "a record of it", f"one of partition {step.partition_id}"))
        if record.index != len(started) or record.index >= step.step_count:
            got = f"index {record.index} of {step.step_count}"
            raise BrokenInvariant(self._text(offset, f"index {len(started)} of its step", got))
        started.append(record)
        self._next += 1
        if len(started) == step.step_count:
            self.whole += started
            started.clear()
            self.offset = offset + 1

    def passed(self, next_offset: int) -> None:
        """Everything below this offset was read; it is the place to go on from if no step is unfinished."""
        if not self._started:
            self.offset = max(self.offset, next_offset)

    def exported(self) -> None:
        """The whole steps are in the projection now."""
        self.whole = []

    def _text(self, offset: int, expected: str, got: str) -> str:
        place = f"events of partition {self._partition} at offset {offset}"
        return f"{place}: expected {expected}, got {got}; nothing behind it is exported; run the replay verifier"


class Pump:
    """One pump serves several partitions of an installation. `run` ends only when it is cancelled."""

    def __init__(
        self,
        log: Log,
        exporter: Exporter,
        codec: Codec,
        clock: Clock,
        limits: PumpLimits | None = None,
        changed: Callable[[], None] = lambda: None,
        measures: Measures | None = None,
    ) -> None:
        """`changed` is called when the exporter is open, and whenever `problem` is another one."""
        #: Those that are exported now.
        self.partitions: Sequence[int] = range(1, log.partition_count + 1)
        self._changed = changed
        self._log = log
        self._exporter = exporter
        self._codec = codec
        self._clock = clock
        self._limits = limits or PumpLimits()
        self._measures = measures
        self._stopped: dict[int, str] = {}
        self._failing: dict[int, str] = {}

    def stopped(self) -> Mapping[int, str]:
        """Partitions that are not exported any more, and why: a person must look."""
        return self._stopped

    def failing(self) -> Mapping[int, str]:
        """Partitions whose export is being retried now, and the last error."""
        return self._failing

    @property
    def problem(self) -> str:
        """What keeps partitions from being exported; empty while all is well."""
        texts = {**self._failing, **self._stopped}
        return "; ".join(f"partition {partition}: {text}" for partition, text in sorted(texts.items()))

    async def run(self, partitions: Sequence[int] | None = None) -> None:
        """Open the exporter and export these partitions, or all, until cancelled.

        A partition that stops does not stop the others.
        """
        if partitions is not None:
            self.partitions = partitions
        while await self._export_all():
            LOG.warning("what was exported is gone: everything is exported again")

    async def _export_all(self) -> bool:
        """Export until all partitions have stopped or, True, until what was exported is lost."""
        self._failing.clear()
        self._stopped.clear()
        await self._retry(0, self._exporter.open)
        self._changed()
        tasks = [asyncio.create_task(self._guard(number)) for number in self.partitions]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            return any(task.exception() for task in ended)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._exporter.close()

    async def _guard(self, partition: int) -> None:
        try:
            await self._export(partition)
        except ProjectionLost:
            raise
        except Exception as fault:
            self._failing.pop(partition, None)
            self._stopped[partition] = f"{type(fault).__name__}: {fault}"
            self._changed()
            LOG.exception("export of partition %d stopped", partition)

    async def _export(self, partition: int) -> None:
        exported = self._exporter.positions().get(partition, ExportedPosition())
        offset = await self._retry(partition, partial(self._place_of, partition, exported))
        steps = Steps(partition, ExportedPosition(position=exported.position, offset=offset))
        reader = Reader(self._codec)
        while True:
            page = await self._retry(partition, partial(self._read, partition, offset))
            for entry in page.entries:
                steps.add(self._decode(reader, partition, entry), entry.offset)
                if len(steps.whole) >= self._limits.records_max:
                    await self._store(partition, steps)
            steps.passed(page.next_offset)
            if steps.whole:
                await self._store(partition, steps)
            if page.next_offset == offset:
                await self._retry(partition, partial(self._log.wait, {(EVENTS, partition): offset}))
            offset = page.next_offset

    async def _place_of(self, partition: int, exported: ExportedPosition) -> int:
        """Where to go on: where the exporter says, unless the topic was restored, or moved, since then."""
        history = History(self._log, self._codec, partition)
        place = await history.at(exported.offset)
        if place is not None and (not exported.position or place.position == exported.position + 1):
            return exported.offset
        problem = await history.misfit(exported.position)
        if problem:
            raise BrokenInvariant(
                f"expected events of partition {partition} that go on with what was exported, got others: {problem}; "
                "restore the topic, or delete what was exported, so that all that the log has is exported again"
            )
        return (await history.behind(exported.position)).offset

    async def _read(self, partition: int, offset: int) -> Page:
        return await self._log.read(EVENTS, partition, offset, size_max=self._limits.read_size_max)

    def _decode(self, reader: Reader, partition: int, entry: Entry) -> Record:
        try:
            return reader.decode(entry.value)
        except Exception as fault:
            place = f"events of partition {partition} at offset {entry.offset}"
            raise CorruptedLog(f"{place}: expected a record, got {len(entry.value)} other bytes: {fault}") from fault

    async def _store(self, partition: int, steps: Steps) -> None:
        began = self._clock.monotonic()
        await self._retry(partition, partial(self._exporter.export, partition, steps.whole, steps.offset))
        if self._measures is not None:
            self._measures.exported(partition, steps.whole, self._clock.monotonic() - began)
        steps.exported()
        # neither this nor the log need ever suspend: the other partitions and a cancellation get their turn here
        await asyncio.sleep(0)

    async def _retry(self, partition: int, call: Callable[[], Awaitable[Result]]) -> Result:
        """Call until it is available. Partition 0: all of them."""
        seconds = BACKOFF_SECONDS_MIN
        while True:
            try:
                result = await call()
            except Unavailable as fault:
                self._failing[partition] = fault.message
                self._changed()
                LOG.warning("export of partition %d waits %.2f s: %s", partition, seconds, fault)
                await self._clock.sleep(seconds)
                seconds = min(seconds * 2, BACKOFF_SECONDS_MAX)
            else:
                if self._failing.pop(partition, None) is not None:
                    self._changed()
                return result
