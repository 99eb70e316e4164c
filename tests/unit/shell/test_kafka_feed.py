"""How a place of Kafka is read: what is fetched, when, and what happens while brokers do not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

import pytest
from msgspec import Struct

from engine.core.faults import CorruptedLog, LogTruncated, RetoldError, Unavailable
from engine.core.ports import EVENTS, Page, Place
from engine.shell.ends import Ends
from engine.shell.kafka.clients import Fetched, KafkaRecord
from engine.shell.kafka.feed import AHEAD_SIZE_MAX, PATIENCE, Feed
from engine.shell.manual_clock import ManualClock

PLACE = (EVENTS, 1)


class Written(Struct, frozen=True):
    """A record as a broker gives it."""

    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = 0


class Batch:
    def __init__(self, records: Sequence[Written]) -> None:
        self._records = records

    @property
    def next_offset(self) -> int:
        return self._records[-1].offset + 1

    def __iter__(self) -> Iterator[KafkaRecord]:
        return iter(self._records)


class Broker:
    """A Fetcher over batches in memory: a fetch takes one batch, a long poll ends when something is appended."""

    def __init__(self) -> None:
        self.batches: list[tuple[Batch | None, int]] = []  # and the end; no batch: markers
        self.asked: list[tuple[int, Place | None]] = []
        self.fault: RetoldError | None = None
        self.appended = asyncio.Event()

    def append(self, *records: Written, end: int | None = None) -> None:
        batch = Batch(records) if records else None
        last = records[-1].offset + 1 if records else self.last
        self.batches.append((batch, end or last))
        self.appended.set()

    @property
    def last(self) -> int:
        return self.batches[-1][1] if self.batches else 0

    async def start(self) -> None: ...

    async def fetch(self, place: Place, offset: int, *, wait: float, lane: Place | None) -> Fetched:
        self.asked.append((offset, lane))
        if offset >= self.last and wait and self.fault is None:
            self.appended.clear()
            await self.appended.wait()
        if self.fault is not None:
            raise self.fault
        for batch, end in self.batches:
            if end > offset:
                return Fetched([batch] if batch else [], end, self.last, 1 << 20)
        return Fetched([], offset, self.last, 0)

    async def end(self, place: Place) -> int:
        if self.fault is not None:
            raise self.fault
        return self.last

    async def close(self) -> None: ...


Scenario = Callable[[Feed, Broker, Ends], Awaitable[None]]


def run(scenario: Scenario) -> None:
    async def with_feed() -> None:
        clock, broker = ManualClock(), Broker()
        ends = Ends(clock)
        feed = Feed(PLACE, broker, ends, clock)
        try:
            await asyncio.wait_for(scenario(feed, broker, ends), 10)
        finally:
            await feed.close()

    asyncio.run(with_feed())


async def turns() -> None:
    """Let the poll go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def offsets(page: Page) -> list[int]:
    return [entry.offset for entry in page.entries]


async def wait(feed: Feed, ends: Ends, offset: int) -> bool:
    feed.follow(offset)
    try:
        return await ends.wait({PLACE: offset})
    finally:
        feed.leave()


def test_nothing_is_asked_for_a_place_that_nobody_reads() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.append(Written(0, b"a"))
        await turns()
        assert broker.asked == []

    run(scenario)


def test_while_a_poll_is_under_way_a_read_at_the_end_asks_nobody() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.append(Written(0, b"a"))
        assert offsets(await feed.read(0, 100, False)) == [0]
        await turns()
        asked = len(broker.asked)
        assert broker.asked[-1] == (1, PLACE)
        for _ in range(10):
            assert await feed.read(1, 100, False) == Page(entries=[], next_offset=1)
            await turns()
        assert len(broker.asked) == asked
        broker.append(Written(1, b"b"))
        await turns()
        assert offsets(await feed.read(1, 100, False)) == [1]

    run(scenario)


def test_who_has_stopped_reading_is_not_polled_for() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        await feed.read(0, 100, False)
        await turns()
        for number in range(10):
            broker.append(Written(number, b"v"))
            await turns()
        assert len(broker.asked) <= 3

    run(scenario)


def test_what_is_known_to_be_there_is_waited_for() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        for number in range(4):
            broker.append(Written(number, b"v"))
        assert await feed.ask_end() == 4
        found = []
        while page := offsets(await feed.read(len(found), 100, False)):
            found += page
        assert found == [0, 1, 2, 3]

    run(scenario)


def test_markers_are_passed_over_and_wake_nobody() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.append(Written(0, b"a"))
        broker.append(end=2)
        waiting = asyncio.ensure_future(wait(feed, ends, 1))
        await turns()
        broker.append(end=5)
        await turns()
        assert not waiting.done()
        assert await feed.read(1, 100, False) == Page(entries=[], next_offset=5)
        broker.append(Written(5, b"b"))
        assert await waiting
        assert offsets(await feed.read(5, 100, False)) == [5]

    run(scenario)


def test_what_is_fetched_ahead_is_bounded() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        for number in range(50):
            broker.append(Written(number, b"v" * 10))
        for number in range(20):
            assert offsets(await feed.read(number, 10, False)) == [number]
            await turns()
        assert broker.asked[-1][0] <= 20 + (AHEAD_SIZE_MAX >> 20) + 1

    run(scenario)


def test_who_sleeps_far_ahead_does_not_fill_the_memory() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        waiting = [asyncio.ensure_future(wait(feed, ends, offset)) for offset in (0, 30)]
        for number in range(31):
            broker.append(Written(number, b"v"))
            await turns()
        assert await asyncio.gather(*waiting) == [True, True]
        assert feed._buffer.size <= AHEAD_SIZE_MAX + (1 << 20)
        assert offsets(await feed.read(0, 100, False)) == [0], "what was dropped is fetched again"

    run(scenario)


def test_a_moment_without_brokers_is_borne() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.append(Written(0, b"a"))
        broker.fault = Unavailable("no leader")
        assert await feed.read(0, 100, False) == Page(entries=[], next_offset=0)
        waiting = asyncio.ensure_future(wait(feed, ends, 0))
        await asyncio.sleep(0)
        broker.fault = None
        assert await waiting
        assert offsets(await feed.read(0, 100, False)) == [0]

    run(scenario)


def test_who_asks_for_the_end_bears_a_topic_that_has_no_leader_yet() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.append(Written(0, b"a"))
        broker.fault = Unavailable("no leader")
        asking = asyncio.ensure_future(feed.ask_end())
        await asyncio.sleep(0)
        broker.fault = None
        assert await asking == 1
        broker.fault = Unavailable("no leader")
        began = feed._clock.monotonic()
        with pytest.raises(Unavailable, match="no leader"):
            await feed.ask_end()
        assert feed._clock.monotonic() - began >= PATIENCE

    run(scenario)


def test_brokers_that_stay_away_are_told_to_who_reads_and_waits() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.append(Written(0, b"a"))
        await feed.ask_end()
        broker.fault = Unavailable("no leader")
        clock = feed._clock
        for call in (lambda: wait(feed, ends, 0), lambda: feed.read(0, 100, False)):
            with pytest.raises(Unavailable, match="no leader"):
                await call()
            assert clock.monotonic() >= PATIENCE
        broker.fault = None
        assert offsets(await feed.read(0, 100, False)) == [0]

    run(scenario)


def test_damage_is_told_at_once_and_every_time() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.fault = CorruptedLog("a wrong checksum")
        for _ in range(2):
            with pytest.raises(CorruptedLog):
                await feed.read(0, 100, False)
            with pytest.raises(CorruptedLog):
                await wait(feed, ends, 0)
        asked = len(broker.asked)
        await turns()
        assert len(broker.asked) == asked, "nobody wants it any more"

    run(scenario)


def test_who_sleeps_where_the_log_was_cut_off_goes_on_where_it_begins() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.append(*[Written(offset, b"a") for offset in range(4)])
        await feed.read(0, 1, False)
        await feed.read(4, 1, False)
        broker.fault = LogTruncated(*PLACE, 4, 9)
        broker.append(Written(9, b"b"))
        with pytest.raises(LogTruncated):
            await wait(feed, ends, 4)
        broker.fault = None
        broker.asked.clear()
        assert await wait(feed, ends, 9)
        assert {offset for offset, _ in broker.asked} == {9, 10}
        assert offsets(await feed.read(9, 1, False)) == [9]

    run(scenario)


def test_closing_ends_a_read_under_way() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        await feed.read(0, 100, False)
        await turns()
        feed.known_end = 1
        reading = asyncio.ensure_future(feed.read(0, 100, False))
        await turns()
        await feed.close()
        with pytest.raises(Unavailable, match="closed"):
            await reading

    run(scenario)


def test_headers_that_are_no_text_are_made_readable() -> None:
    async def scenario(feed: Feed, broker: Broker, ends: Ends) -> None:
        broker.append(Written(0, None, [("a", b"\xff"), ("b", None)]), Written(1, b"plain"))
        page = await feed.read(0, 100, True)
        assert offsets(page) == [0]
        assert page.entries[0].value == b""
        assert dict(page.entries[0].headers) == {"a": "\ufffd", "b": ""}
        assert page.next_offset == 2

    run(scenario)
