"""Where a state stands on its log: the place to go on from, and whether the log is the one that the state came from.

A log may begin late (retention, or a copy without its beginning) and its offsets may be any (a restored topic), so
positions and the chain of hashes decide, never offsets. Rule: reads little, however long the log is.
"""

from __future__ import annotations

from msgspec import Struct

from engine.core.faults import BrokenInvariant, LogTruncated
from engine.core.machine import chain_after
from engine.core.ports import EVENTS, Entry, Log
from engine.core.record import Record

from .codec import Codec, Reader, Undecodable
from .reading import read_there

#: Records that are rather read than passed by a search.
NEAR = 2_000

#: Bytes asked of the log in a read of a few entries.
STEP_SIZE = 1 << 16


class Place(Struct, frozen=True, kw_only=True):
    """An offset of `events`, and the position of the first record there or behind it; None if there is none."""

    offset: int
    position: int | None


class History:
    """The records of one partition, as far as the log has them."""

    def __init__(self, log: Log, codec: Codec, partition: int) -> None:
        self._log = log
        self._reader = Reader(codec)
        self._partition = partition

    async def first(self) -> Place:
        """Where the log begins."""
        try:
            return await self._at(0)
        except LogTruncated as truncated:
            return await self._at(truncated.first_offset)

    async def at(self, offset: int) -> Place | None:
        """This place; None if the log begins behind it."""
        try:
            return await self._at(offset)
        except LogTruncated:
            return None

    async def behind(self, position: int) -> Place:
        """A place shortly before the record that follows this position.

        Of a log that begins later, its beginning; of one that ends earlier, a place near its end.
        """
        # In a whole log no record has a lower offset than there are records before it; often this is the place.
        found = await self.at(max(position - 1, 0))
        if found is not None and _is_before(found, position + 1):
            low, high = found, await self._log.end(EVENTS, self._partition)
        else:
            low = await self.first()
            high = max(position, 1) if found is not None else await self._log.end(EVENTS, self._partition)
        while not _is_near(low, position) and high - low.offset > 1:
            middle = await self._at((low.offset + high) // 2)
            if _is_before(middle, position + 1):
                low = middle
            else:
                high = middle.offset
        return low

    async def misfit(self, position: int, chain_hash: bytes | None = None) -> str:
        """Why what ends with this step is nothing of this log; empty if it is, or if it is nothing at all.

        Without a hash, positions alone are looked at.
        """
        await self._log.end(EVENTS, self._partition)
        place = await self.behind(position)
        if place.position is not None and place.position > position + 1:
            return f"it ends at position {position}, and the log begins at position {place.position}"
        if position == 0:
            return "" if place.position or not place.offset else "the log has no record any more"
        last: Record | None = None
        offset = place.offset
        while (page := await self._log.read(EVENTS, self._partition, offset, size_max=STEP_SIZE)).entries:
            offset = page.next_offset
            for entry in page.entries:
                record = self._decode(entry)
                if record.position > position:
                    is_next = record.index == 0 and chain_hash in (record.step.previous_hash, None)
                    return "" if is_next else f"the log says something else up to position {position}"
                last = record
        if last is None or last.position < position:
            return f"it ends at position {position}, and the log at position {last.position if last else 0}"
        is_same = chain_hash is None or await self._chain_behind(last) in (chain_hash, None)
        return "" if is_same else f"the log says something else up to position {position}"

    async def _chain_behind(self, last: Record) -> bytes | None:
        """The hash of the chain behind this last record of a step; None if the log begins within the step."""
        before = last.position - last.step.step_count
        place = await self.behind(before)
        records: list[tuple[Record, bytes]] = []
        offset = place.offset
        while (page := await self._log.read(EVENTS, self._partition, offset)).entries:
            offset = page.next_offset
            decoded = [(self._decode(entry), entry.value) for entry in page.entries]
            records += [(record, value) for record, value in decoded if before < record.position <= last.position]
            if decoded[-1][0].position >= last.position:
                break
        if len(records) < last.step.step_count:
            return None
        values = [value for _, value in records]
        return chain_after(last.step.previous_hash, self._partition, records[0][0].command_hash, values)

    async def _at(self, offset: int) -> Place:
        page = await read_there(self._log, EVENTS, self._partition, offset)
        position = self._decode(page.entries[0]).position if page.entries else None
        return Place(offset=offset, position=position)

    def _decode(self, entry: Entry) -> Record:
        try:
            return self._reader.decode(entry.value)
        except Undecodable as error:
            raise BrokenInvariant(
                f"the record at offset {entry.offset} of events of partition {self._partition} cannot be read: {error}"
            ) from error


def _is_near(place: Place, position: int) -> bool:
    """Whether reading on from there costs little, or leads nowhere."""
    return place.position is None or place.position > position - NEAR


def _is_before(place: Place, position: int) -> bool:
    """Whether the record of this position, if there is one, lies there or behind."""
    return place.position is not None and place.position <= position
