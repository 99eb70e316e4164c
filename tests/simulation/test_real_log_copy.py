"""The copy of a real log: it grows with the log, and answers what the judges of a simulation ask."""

from __future__ import annotations

import asyncio

from engine.core.ports import COMMANDS, EVENTS, Append, Entry, Message, Page
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from tests.simulation.real.log_copy import LogCopy

PLACE = (COMMANDS, 2)


class LogWithGaps(MemoryLog):
    """Offsets as on Kafka, where markers take some: only every third one is an entry's."""

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        page = await super().read(topic, partition, -(-offset // 3), size_max=1)
        entries = [Entry(offset=3 * e.offset, timestamp=e.timestamp, value=e.value) for e in page.entries]
        return Page(entries=entries, next_offset=3 * page.next_offset)


def test_a_copy_grows_with_its_log() -> None:
    async def story() -> None:
        log, copy = LogWithGaps(2, ManualClock()), LogCopy(2)
        await log.append([Append(topic=COMMANDS, partition=2, messages=[Message(value=b"a"), Message(value=b"b")])])
        assert await copy.read_on(log) == 2
        assert await copy.read_on(log) == 0
        await log.append(
            [Append(topic=topic, partition=2, messages=[Message(value=b"c")]) for topic in (COMMANDS, EVENTS)]
        )
        assert await copy.read_on(log) == 2
        assert [(e.offset, e.value) for e in copy.entries(PLACE)] == [(0, b"a"), (3, b"b"), (6, b"c")]
        assert [e.value for e in copy.entries((EVENTS, 2))] == [b"c"]
        assert copy.end_of(PLACE) == 7
        assert copy.end_of((COMMANDS, 1)) == 0
        page = await copy.read(*PLACE, 1)
        assert ([e.value for e in page.entries], page.next_offset) == ([b"b", b"c"], 7)
        assert (await copy.read(*PLACE, 7)).entries == []
        found = copy.entry_at(PLACE, 3)
        assert found is not None
        assert found.value == b"b"
        assert copy.entry_at(PLACE, 4) is None
        assert copy.entry_at(PLACE, 9) is None
        assert copy.count_between(PLACE, 1, 7) == 2
        assert copy.count_between(PLACE, 4, 6) == 0

    asyncio.run(story())
