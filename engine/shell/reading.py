"""Reads a place of a log from end to end, wherever it begins."""

from __future__ import annotations

from collections.abc import AsyncIterator

from engine.core.faults import LogTruncated
from engine.core.ports import Entry, Log, Page

#: Bytes asked of the log in a read.
READ_SIZE_MAX = 4 << 20


async def entries_of(log: Log, topic: str, partition: int, offset: int = 0) -> AsyncIterator[Entry]:
    """Its entries from an offset, or from where it begins if that is later, to its end."""
    while (page := await read_on(log, topic, partition, offset)).entries:
        offset = page.next_offset
        for entry in page.entries:
            yield entry


async def read_on(log: Log, topic: str, partition: int, offset: int) -> Page:
    """As `Log.read`, from where the place begins if that is beyond the offset."""
    try:
        return await log.read(topic, partition, offset, size_max=READ_SIZE_MAX)
    except LogTruncated as truncated:
        return await log.read(topic, partition, truncated.first_offset, size_max=READ_SIZE_MAX)


async def read_there(log: Log, topic: str, partition: int, offset: int, size_max: int = 1) -> Page:
    """As `Log.read`, also of an offset that a restored topic has not reached: nothing lies there."""
    if offset > await log.end(topic, partition):
        return Page(entries=(), next_offset=offset)
    return await log.read(topic, partition, offset, size_max=size_max)
