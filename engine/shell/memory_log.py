"""A log in the memory of one process: for tests, simulations and benchmarks. Nothing survives the process.

Rule: it promises exactly what the other logs promise (`tests/conformance/test_log.py` judges them all).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from engine.core.faults import Fenced, Unavailable
from engine.core.ports import EVENTS, INPUTS, TOPICS, Append, Clock, Entry, Page, Place
from engine.shell.appends import check_appends, check_place
from engine.shell.ends import Ends


class MemoryLog:
    """The Log port in memory. All calls of one log come from one event loop."""

    def __init__(self, partition_count: int, clock: Clock, inputs: Sequence[str] = INPUTS) -> None:
        self.partition_count = partition_count
        self.inputs = inputs
        self._topics = (*inputs, EVENTS)
        self._clock = clock
        self._places: dict[Place, list[Entry]] = {
            (topic, partition): [] for topic in self._topics for partition in range(1, partition_count + 1)
        }
        self._epochs = dict.fromkeys(range(1, partition_count + 1), 0)
        self._ends = Ends(clock)
        self._stamp = 0
        self._closed = False

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Log.append`."""
        self._check_open()
        check_appends(appends, self.partition_count, self._topics)
        self._stamp = max(self._stamp, self._clock.now())
        firsts = [self._append(append) for append in appends]
        await asyncio.sleep(0)  # others run before the answer comes, as with a log on a disk
        return firsts

    async def writer(self, partition: int) -> MemoryWriter:
        """As `Log.writer`."""
        self._check_open()
        check_place(TOPICS[0], partition, self.partition_count)
        self._epochs[partition] += 1
        return MemoryWriter(self, partition, self._epochs[partition])

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """As `Log.read`. An empty read gives other tasks a turn."""
        self._check_open()
        check_place(topic, partition, self.partition_count, self._topics)
        found = self._places[topic, partition]
        entries: list[Entry] = []
        size = 0
        next_offset = offset
        while next_offset < len(found):
            entry = found[next_offset]
            if entry.headers or not headed_only:
                size += len(entry.value)
                if entries and size > size_max:
                    break
                entries.append(entry)
            next_offset += 1
        if not entries:
            await asyncio.sleep(0)
        return Page(entries=entries, next_offset=next_offset)

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""
        self._check_open()
        check_place(topic, partition, self.partition_count, self._topics)
        return len(self._places[topic, partition])

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        """As `Log.wait`."""
        for topic, partition in places:
            check_place(topic, partition, self.partition_count, self._topics)
        return await self._ends.wait(places, timeout)

    async def close(self) -> None:
        """As `Log.close`."""
        self._closed = True
        self._ends.close()

    def check_writer(self, partition: int, epoch: int) -> None:
        """Raise Fenced unless this is the newest writer of the partition."""
        if epoch != self._epochs[partition]:
            raise Fenced(f"expected writer {self._epochs[partition]} of partition {partition}, got {epoch}; recover")

    def _append(self, append: Append) -> int:
        place = (append.topic, append.partition)
        entries = self._places[place]
        first = len(entries)
        entries.extend(
            Entry(offset=offset, timestamp=self._stamp, value=message.value, headers=message.headers)
            for offset, message in enumerate(append.messages, first)
        )
        self._ends.advance(place, len(entries))
        return first

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the log is closed; open it again")


class MemoryWriter:
    """The Writer port of a MemoryLog."""

    def __init__(self, log: MemoryLog, partition: int, epoch: int) -> None:
        self._log = log
        self._partition = partition
        self._epoch = epoch

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Writer.append`."""
        self._log.check_writer(self._partition, self._epoch)
        return await self._log.append(appends)
