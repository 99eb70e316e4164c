"""What every log promises, judged over all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from engine.core.faults import BadRequest, Fenced, RecordTooLarge, Unavailable
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, VALUE_SIZE_MAX, Append, Entry, Log, Message, Page, Writer
from engine.shell.clock import SystemClock
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.topics import TopicsWanted, prepare_topics
from engine.shell.memory_log import MemoryLog
from tests.integration.log_server import LogServerProcess

Opened = AbstractAsyncContextManager[Log]


@asynccontextmanager
async def open_memory() -> AsyncIterator[Log]:
    log = MemoryLog(2, SystemClock())
    yield log
    await log.close()


@asynccontextmanager
async def open_embedded(data_directory: Path) -> AsyncIterator[Log]:
    log = await EmbeddedLog.open(data_directory)
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def open_kafka(connection: KafkaConnection) -> AsyncIterator[Log]:
    await prepare_topics(connection, TopicsWanted(partition_count=2))
    log = await KafkaLog.open(connection, partition_count=2)
    try:
        yield log
    finally:
        await log.close()


@pytest.fixture(params=["memory", "embedded", "kafka"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Callable[[Log], Awaitable[None]]], None]]:
    """Runs an async function with a new log of two partitions."""

    async def with_log(opened: Opened, scenario: Callable[[Log], Awaitable[None]]) -> None:
        async with opened as log:
            await scenario(log)

    if request.param == "memory":
        yield lambda scenario: asyncio.run(with_log(open_memory(), scenario))
    elif request.param == "kafka":
        servers, prefix = request.getfixturevalue("kafka"), request.getfixturevalue("kafka_prefix")
        connection = KafkaConnection(servers=servers, prefix=prefix)
        yield lambda scenario: asyncio.run(with_log(open_kafka(connection), scenario))
    else:
        with LogServerProcess(tmp_path, partition_count=2):
            yield lambda scenario: asyncio.run(with_log(open_embedded(tmp_path), scenario))


Run = Callable[[Callable[[Log], Awaitable[None]]], None]


def part(topic: str, partition: int, *values: bytes) -> Append:
    return Append(topic=topic, partition=partition, messages=[Message(value=value) for value in values])


def headed(value: bytes, **headers: str) -> Message:
    return Message(value=value, headers=headers)


def values(page: Page) -> list[bytes]:
    return [entry.value for entry in page.entries]


def offsets(page: Page) -> list[int]:
    return [entry.offset for entry in page.entries]


async def append(log: Log, appends: Sequence[Append], writer: Writer | None = None) -> Sequence[int]:
    """Append, and wait until readers see it."""
    firsts = await (writer or log).append(appends)
    for one, first in zip(appends, firsts, strict=True):
        await log.wait({(one.topic, one.partition): first + len(one.messages) - 1})
    return firsts


async def read_all(log: Log, topic: str, partition: int) -> Page:
    """Everything there is, however many pages it takes."""
    entries: list[Entry] = []
    offset = 0
    while (page := await log.read(topic, partition, offset)).entries:
        entries += page.entries
        offset = page.next_offset
    return Page(entries=entries, next_offset=offset)


def test_what_was_appended_is_read_in_order(run: Run) -> None:
    async def scenario(log: Log) -> None:
        assert log.partition_count == 2
        assert await append(log, [part(COMMANDS, 1, b"a", b"")]) == [0]
        assert await append(log, [part(COMMANDS, 1, b"c")]) == [2]
        page = await log.read(COMMANDS, 1, 0)
        assert values(page) == [b"a", b"", b"c"]
        assert offsets(page) == [0, 1, 2]
        assert page.next_offset == 3 == await log.end(COMMANDS, 1)
        assert await log.read(COMMANDS, 1, 3) == Page(entries=[], next_offset=3)
        assert await log.end(COMMANDS, 2) == await log.end(EVENTS, 1) == 0

    run(scenario)


def test_one_append_reaches_several_places(run: Run) -> None:
    async def scenario(log: Log) -> None:
        await append(log, [part(EVENTS, 1, b"before")])
        parts = [part(EVENTS, 1, b"a", b"b"), part(INTERNAL, 2, b"c"), part(EVENTS, 1, b"d")]
        assert await append(log, parts) == [1, 0, 3]
        assert values(await log.read(EVENTS, 1, 0)) == [b"before", b"a", b"b", b"d"]
        assert values(await log.read(INTERNAL, 2, 0)) == [b"c"]

    run(scenario)


def test_appends_given_at_once_are_appended_in_that_order(run: Run) -> None:
    async def scenario(log: Log) -> None:
        appends = (log.append([part(COMMANDS, 1, b"%d" % number)]) for number in range(50))
        assert await asyncio.gather(*appends) == [[number] for number in range(50)]
        assert values(await log.read(COMMANDS, 1, 0)) == [b"%d" % number for number in range(50)]

    run(scenario)


def test_timestamps_are_milliseconds_and_never_go_back(run: Run) -> None:
    async def scenario(log: Log) -> None:
        before = SystemClock().now()
        for _ in range(3):
            await append(log, [part(COMMANDS, 1, b"a"), part(EVENTS, 2, b"b")])
        stamps = [entry.timestamp for entry in (await log.read(COMMANDS, 1, 0)).entries]
        assert before <= stamps[0] <= stamps[1] <= stamps[2] <= SystemClock().now()

    run(scenario)


def test_reading_begins_in_the_middle_of_an_append(run: Run) -> None:
    async def scenario(log: Log) -> None:
        for first in range(0, 30, 10):
            await append(log, [part(COMMANDS, 1, *(b"%d" % number for number in range(first, first + 10)))])
        for offset in (0, 5, 9, 10, 11, 29):
            page = await log.read(COMMANDS, 1, offset)
            assert values(page) == [b"%d" % number for number in range(offset, 30)]
            assert offsets(page) == list(range(offset, 30))

    run(scenario)


@pytest.mark.parametrize(("size_max", "count"), [(0, 1), (99, 1), (100, 1), (199, 1), (200, 2), (550, 5), (10_000, 20)])
def test_a_page_holds_what_fits_but_at_least_one(run: Run, size_max: int, count: int) -> None:
    async def scenario(log: Log) -> None:
        await append(log, [part(COMMANDS, 1, *[b"v" * 100] * 13)])
        await append(log, [part(COMMANDS, 1, *[b"w" * 100] * 7)])
        offset = 0
        while offset < 20:
            page = await log.read(COMMANDS, 1, offset, size_max=size_max)
            assert offsets(page) == list(range(offset, min(20, offset + count)))
            assert page.next_offset == offset + len(page.entries)
            offset = page.next_offset

    run(scenario)


def test_headers_are_kept(run: Run) -> None:
    async def scenario(log: Log) -> None:
        messages = [headed(b"a", gateway="g1", request="17"), Message(value=b"b"), headed(b"c", gateway="ü")]
        await append(log, [Append(topic=EVENTS, partition=1, messages=messages)])
        entries = (await log.read(EVENTS, 1, 0)).entries
        assert [dict(entry.headers) for entry in entries] == [{"gateway": "g1", "request": "17"}, {}, {"gateway": "ü"}]
        assert [dict(entry.headers) for entry in (await log.read(EVENTS, 1, 2)).entries] == [{"gateway": "ü"}]

    run(scenario)


def test_only_headed_messages_can_be_read(run: Run) -> None:
    async def scenario(log: Log) -> None:
        for number in range(6):
            messages = [Message(value=b"plain" * 100)] * 5
            if number % 2:
                messages[number - 1 : number + 1] = [headed(b"%d" % number, h="first"), headed(b"second", h="second")]
            await append(log, [Append(topic=EVENTS, partition=1, messages=messages)])
        end = await log.end(EVENTS, 1)
        page = await log.read(EVENTS, 1, 0, headed_only=True)
        assert values(page) == [b"1", b"second", b"3", b"second", b"5", b"second"]
        assert all(entry.headers for entry in page.entries)
        assert page.next_offset == end
        after = await log.read(EVENTS, 1, page.entries[0].offset + 1, headed_only=True)
        assert offsets(after) == offsets(page)[1:]
        small = await log.read(EVENTS, 1, 0, size_max=7, headed_only=True)
        assert values(small) == [b"1", b"second"]
        rest = await log.read(EVENTS, 1, small.next_offset, headed_only=True)
        assert values(rest) == [b"3", b"second", b"5", b"second"]
        assert await log.read(EVENTS, 1, end, headed_only=True) == Page(entries=[], next_offset=end)

    run(scenario)


def test_who_waits_is_woken_by_an_append(run: Run) -> None:
    async def scenario(log: Log) -> None:
        waiting = asyncio.ensure_future(log.wait({(COMMANDS, 1): 0, (INTERNAL, 1): 0}))
        elsewhere = asyncio.ensure_future(log.wait({(COMMANDS, 2): 0}))
        beyond = asyncio.ensure_future(log.wait({(INTERNAL, 1): 1}))
        await log.wait({(COMMANDS, 1): 0}, timeout=0)
        await log.append([part(INTERNAL, 1, b"a")])
        assert await waiting is True
        assert not elsewhere.done()
        assert not beyond.done()
        await log.append([part(INTERNAL, 1, b"b"), part(COMMANDS, 2, b"c")])
        assert (await beyond, await elsewhere) == (True, True)

    run(scenario)


def test_who_waits_for_what_is_there_goes_on_at_once(run: Run) -> None:
    async def scenario(log: Log) -> None:
        await log.append([part(COMMANDS, 1, b"a")])
        assert await log.wait({(COMMANDS, 1): 0}) is True
        assert await log.wait({(COMMANDS, 1): 0}, timeout=0) is True

    run(scenario)


@pytest.mark.parametrize("timeout", [0.0, 0.001])
def test_waiting_ends_with_its_time(run: Run, timeout: float) -> None:
    async def scenario(log: Log) -> None:
        assert await log.wait({(COMMANDS, 1): 0}, timeout=timeout) is False
        await log.append([part(COMMANDS, 1, b"a")])
        assert await log.wait({(COMMANDS, 1): 1}, timeout=timeout) is False

    run(scenario)


def test_a_newer_writer_fences_the_older_ones(run: Run) -> None:
    async def scenario(log: Log) -> None:
        first, other = await log.writer(1), await log.writer(2)
        assert await append(log, [part(EVENTS, 1, b"first")], first) == [0]
        second = await log.writer(1)
        with pytest.raises(Fenced, match="recover"):
            await first.append([part(EVENTS, 1, b"zombie"), part(INTERNAL, 2, b"zombie")])
        firsts = await append(log, [part(EVENTS, 1, b"second"), part(INTERNAL, 2, b"sent")], second)
        assert await append(log, [part(EVENTS, 2, b"other")], other) == [0]
        assert await append(log, [part(COMMANDS, 1, b"client")]) == [0]
        with pytest.raises(Fenced):
            await first.append([part(EVENTS, 1, b"zombie")])
        events = await log.read(EVENTS, 1, 0)
        assert values(events) == [b"first", b"second"]
        assert values(await log.read(INTERNAL, 2, 0)) == [b"sent"]
        assert firsts == [events.entries[1].offset, 0]

    run(scenario)


def test_a_value_above_the_limit_is_refused_and_nothing_is_appended(run: Run) -> None:
    async def scenario(log: Log) -> None:
        writer = await log.writer(1)
        for append in (log.append, writer.append):
            with pytest.raises(RecordTooLarge, match=f"at most {VALUE_SIZE_MAX} bytes"):
                await append([part(COMMANDS, 1, b"a"), part(EVENTS, 1, b"b", b"v" * (VALUE_SIZE_MAX + 1))])
        assert await log.end(COMMANDS, 1) == await log.end(EVENTS, 1) == 0

    run(scenario)


def test_large_values_are_kept(run: Run) -> None:
    async def scenario(log: Log) -> None:
        large = [bytes([number]) * VALUE_SIZE_MAX for number in range(3)]
        await append(log, [part(EVENTS, 1, large[0], b"small", large[1], large[2], b"")])
        page = await read_all(log, EVENTS, 1)
        assert values(page) == [large[0], b"small", large[1], large[2], b""]
        assert offsets(page) == [0, 1, 2, 3, 4]
        assert values(await log.read(EVENTS, 1, 1)) == [b"small"]
        assert values(await log.read(EVENTS, 1, 2)) == [large[1]]

    run(scenario)


def test_unknown_places_and_empty_parts_are_refused(run: Run) -> None:
    async def scenario(log: Log) -> None:
        for wrong in (part(EVENTS, 3, b"a"), part(EVENTS, 0, b"a"), part("other", 1, b"a"), part(EVENTS, 1)):
            with pytest.raises(BadRequest, match="expected a"):
                await log.append([part(COMMANDS, 1, b"good"), wrong])
        for call in (log.read(EVENTS, 3, 0), log.end("other", 1), log.wait({(EVENTS, 3): 0}), log.writer(3)):
            with pytest.raises(BadRequest, match="expected a"):
                await call
        assert await log.append([]) == []
        assert await log.end(COMMANDS, 1) == 0

    run(scenario)


def test_closing_ends_all_calls(run: Run) -> None:
    async def scenario(log: Log) -> None:
        writer = await log.writer(1)
        waiting = asyncio.ensure_future(log.wait({(COMMANDS, 1): 0}))
        await log.wait({(COMMANDS, 1): 0}, timeout=0)
        await log.close()
        with pytest.raises(Unavailable):
            await waiting
        with pytest.raises(Unavailable):
            await writer.append([part(EVENTS, 1, b"a")])
        for call in (log.append([part(COMMANDS, 1, b"a")]), log.read(COMMANDS, 1, 0), log.end(COMMANDS, 1)):
            with pytest.raises(Unavailable):
                await call
        with pytest.raises(Unavailable):
            await log.wait({(COMMANDS, 1): 0})
        await log.close()

    run(scenario)
