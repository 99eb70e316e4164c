"""A log in memory as a restore leaves it: any offsets, with gaps, and perhaps without its beginning."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

import msgspec

from engine.core.faults import CorruptedLog, LogTruncated
from engine.core.ports import INPUTS, Append, Clock, Entry, Page, Place
from engine.shell.memory_log import MemoryLog

#: Place and number of an entry in it, from 0 -> its offset in the copy; None: it is not copied.
Relocation = Callable[[Place, int], int | None]


class CopiedLog(MemoryLog):
    """The Log port over a copy of another one. `begins`: what lies below is gone, and reading it says so."""

    def __init__(self, partition_count: int, clock: Clock, inputs: Sequence[str] = INPUTS) -> None:
        super().__init__(partition_count, clock, inputs)
        self.begins: dict[Place, int] = {}
        #: offset of the next message, where it is not that behind the last one
        self.nexts: dict[Place, int] = {}

    @classmethod
    def of(cls, log: MemoryLog, clock: Clock, relocate: Relocation, *, keeps_stamps: bool = False) -> CopiedLog:
        """A copy of all places; the stamps are those of the copying, as with LogAppendTime, or else the old ones."""
        copy = cls(log.partition_count, clock, log.inputs)
        for place, entries in log._places.items():
            for number, entry in enumerate(entries):
                offset = relocate(place, number)
                if offset is not None:
                    stamp = entry.timestamp if keeps_stamps else clock.now()
                    copy.put(place, msgspec.structs.replace(entry, offset=offset, timestamp=stamp))
        return copy

    def put(self, place: Place, entry: Entry) -> None:
        """The next entry of a place."""
        self._places[place].append(entry)
        self._ends.advance(place, entry.offset + 1)

    def cut(self, place: Place, begin: int) -> None:
        """What retention does: entries below `begin` are gone."""
        entries = self._places[place]
        self.nexts[place] = self._next(place)
        self.begins[place] = begin
        del entries[: bisect_left(entries, begin, key=_offset)]

    def entries(self, place: Place) -> Sequence[Entry]:
        return self._places[place]

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """As `Log.read`."""
        place = (topic, partition)
        begin = self.begins.get(place, 0)
        if offset < begin:
            raise LogTruncated(topic, partition, offset, begin)
        if offset > self._next(place):
            raise CorruptedLog(f"expected an offset up to {self._next(place)}, got {offset}")
        entries = self._places[place]
        index = bisect_left(entries, offset, key=_offset)
        found: list[Entry] = []
        size, next_offset = 0, offset
        for entry in entries[index:]:
            if entry.headers or not headed_only:
                size += len(entry.value)
                if found and size > size_max:
                    break
                found.append(entry)
            next_offset = entry.offset + 1
        return Page(entries=found, next_offset=next_offset)

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""
        return self._next((topic, partition))

    def _next(self, place: Place) -> int:
        entries = self._places[place]
        return max(entries[-1].offset + 1 if entries else 0, self.nexts.get(place, 0))

    def _append(self, append: Append) -> int:
        place = (append.topic, append.partition)
        first = self._next(place)
        self._places[place].extend(
            Entry(offset=offset, timestamp=self._stamp, value=message.value, headers=message.headers)
            for offset, message in enumerate(append.messages, first)
        )
        self._ends.advance(place, self._next(place))
        return first


def _offset(entry: Entry) -> int:
    return entry.offset
