"""Brings a state up to its log by appliers alone: at a recovery, for an audit, and as a standby while the log grows.

Rule: whole steps, with every check that the machine knows. Writes nothing but the state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.core.faults import BrokenInvariant, LogTruncated
from engine.core.machine import Machine
from engine.core.ports import EVENTS, Entry, Log
from engine.core.record import Record
from engine.core.state import State

from .codec import Codec, Reader, Undecodable
from .history import History
from .reading import READ_SIZE_MAX


class Following:
    """The way of one state along the log. Whoever changes the state otherwise tells it, by `passed` or `drop`."""

    def __init__(self, log: Log, codec: Codec, state: State, machine: Machine) -> None:
        self._log = log
        self._reader = Reader(codec)
        self._state = state
        self._machine = machine
        self._history = History(log, codec, machine.partition)
        self._is_placed = False
        self._offset = 0
        #: of the first record that the state has not; `_offset` may be beyond it, within a step
        self._begin = 0
        self._records: list[Record] = []
        self._values: list[bytes] = []

    async def apply_page(self) -> int | None:
        """Read once; apply and commit what became whole. Gives the number of records, None at the end of the log.

        Raises BrokenInvariant, Unavailable or StoreFull; the machine must be reloaded then, and `drop` be called.
        Raises LogTruncated when the log has lost what comes next: only a snapshot can help.
        """
        machine = self._machine
        if not self._is_placed:
            await self._place()
        page = await self._log.read(EVENTS, machine.partition, self._offset, size_max=READ_SIZE_MAX)
        if not page.entries:
            return None
        count = 0
        for entry in page.entries:
            record = _decode(self._reader, entry, machine.partition)
            if record.position <= machine.head.position:
                continue
            if record.position != machine.head.position + len(self._records) + 1:
                raise self._gap(record, entry)
            self._records.append(record)
            self._values.append(entry.value)
            if record.index + 1 == record.step.step_count:
                machine.replay(self._records, self._values)
                count += len(self._records)
                self._records, self._values = [], []
        self._offset = page.next_offset
        self._state.freeze()
        self._state.commit()
        if not self._records:
            self._begin = self._offset
        return count

    def _gap(self, record: Record, entry: Entry) -> BrokenInvariant:
        expected = self._machine.head.position + len(self._records) + 1
        place = f"offset {entry.offset} of {EVENTS} of partition {self._machine.partition}"
        return BrokenInvariant(
            f"expected position {expected} at {place}, got {record.position}: records are missing "
            f"or out of order; restore {EVENTS} from a whole copy"
        )

    async def _place(self) -> None:
        """Find out where to begin."""
        position = self._machine.head.position
        place = await self._history.behind(position)
        if place.position is not None and place.position > position + 1:
            raise LogTruncated(EVENTS, self._machine.partition, position, place.offset)
        self._offset = self._begin = place.offset
        self._is_placed = True

    async def wait(self, timeout: float | None = None) -> bool:
        """As `Log.wait`, for what was not read yet."""
        return await self._log.wait({(EVENTS, self._machine.partition): self._offset}, timeout)

    def drop(self) -> None:
        """Forget what was read of a step that is not whole."""
        self._offset = self._begin
        self._records, self._values = [], []

    def passed(self, offset: int) -> None:
        """The state has everything below this offset, by another way."""
        self._offset = self._begin = max(self._begin, offset)


async def catch_up(following: Following, progress: Callable[[int], None] | None = None) -> int:
    """Up to the end of the log. Gives the number of records."""
    count = 0
    while (applied := await following.apply_page()) is not None:
        count += applied
        if progress:
            progress(count)
        await asyncio.sleep(0)  # a full read gives nobody a turn, and a long replay must be stoppable
    return count


async def replay(
    log: Log, codec: Codec, state: State, machine: Machine, *, progress: Callable[[int], None] | None = None
) -> int:
    """Apply whole steps from the log beyond the state's position, by appliers only. Gives the number of records."""
    return await catch_up(Following(log, codec, state, machine), progress)


def _decode(reader: Reader, entry: Entry, partition: int) -> Record:
    try:
        return reader.decode(entry.value)
    except Undecodable as error:
        raise BrokenInvariant(
            f"the record at offset {entry.offset} of events of partition {partition} cannot be read: {error}"
        ) from error
