"""The entries of one place of a log, one after the other. Nothing but one page of them is in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from engine.core.faults import LogTruncated
from engine.core.ports import Entry
from engine.core.record import Record
from engine.shell.codec import Codec, Reader, Undecodable

from .ports import READ_SIZE_MAX, LogReading


class Entries:
    """A place from its first entry on."""

    def __init__(self, log: LogReading, topic: str, partition: int) -> None:
        self._log = log
        self._topic = topic
        self._partition = partition
        self._page: Sequence[Entry] = ()
        self._index = 0
        self._next_offset = 0
        self._begin: int | None = None

    async def begin(self) -> int:
        """What lay below this offset is gone."""
        if self._begin is None:
            self._begin = self._next_offset = await first_offset(self._log, self._topic, self._partition)
        return self._begin

    async def peek(self) -> Entry | None:
        """The next entry, which stays the next one; None at the end."""
        while self._index >= len(self._page):
            await self.begin()
            page = await self._log.read(self._topic, self._partition, self._next_offset, size_max=READ_SIZE_MAX)
            if not page.entries:
                return None
            self._page, self._index, self._next_offset = page.entries, 0, page.next_offset
        return self._page[self._index]

    async def next(self) -> Entry | None:
        """The next entry; None at the end."""
        entry = await self.peek()
        if entry is not None:
            self._index += 1
        return entry


async def first_offset(log: LogReading, topic: str, partition: int) -> int:
    """Where a place begins: 0, or further on when retention has removed what lay before."""
    try:
        await log.read(topic, partition, 0, size_max=1)
    except LogTruncated as truncated:
        return truncated.first_offset
    return 0


async def records_of(log: LogReading, codec: Codec, topic: str, partition: int) -> AsyncIterator[tuple[Entry, Record]]:
    """The entries of a place that are records; that others are none is reported where inputs and steps are checked."""
    entries, reader = Entries(log, topic, partition), Reader(codec)
    while (entry := await entries.next()) is not None:
        try:
            record = reader.decode(entry.value)
        except Undecodable:
            continue
        yield entry, record
