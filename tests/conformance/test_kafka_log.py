"""What the log over Kafka promises beyond what every log does: transactions, fences, gaps, and a log that was cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import confluent_kafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from engine.core.faults import AppendUnknown, CorruptedLog, Fenced, LogTruncated, Unavailable
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, TOPICS, Append, Log, Message
from engine.shell.clock import SystemClock
from engine.shell.kafka.clients import AiokafkaClients, Clients, Fetcher, Producer
from engine.shell.kafka.connection import KafkaConnection, client_options
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.topics import TopicsWanted, prepare_topics


class Kafka:
    """Topics of two partitions; what is opened here is closed at the end."""

    def __init__(self, connection: KafkaConnection, stack: AsyncExitStack) -> None:
        self.connection = connection
        self._stack = stack

    async def open_log(self, clients: Clients | None = None) -> KafkaLog:
        log = await KafkaLog.open(self.connection, partition_count=2, clients=clients)
        self._stack.push_async_callback(log.close)
        return log

    async def begin_as_owner(self, *appends: Append) -> Producer:
        """The owner of partition 1 in the middle of an append: everything is sent, nothing committed."""
        clients = AiokafkaClients(self.connection, "owner", SystemClock())
        producer = clients.producer(self.connection.transactional_id(1, 0))
        self._stack.push_async_callback(producer.discard)
        await producer.start()
        await producer.begin()
        await producer.send(appends)
        return producer


Scenario = Callable[[Kafka], Awaitable[None]]
Run = Callable[[Scenario], None]


@pytest.fixture
def run(kafka: str, kafka_prefix: str) -> Run:
    """Runs an async function with new topics."""

    async def with_topics(scenario: Scenario) -> None:
        connection = KafkaConnection(servers=kafka, prefix=kafka_prefix)
        await prepare_topics(connection, TopicsWanted(partition_count=2))
        async with AsyncExitStack() as stack:
            await scenario(Kafka(connection, stack))

    return lambda scenario: asyncio.run(with_topics(scenario))


def part(topic: str, partition: int, *values: bytes) -> Append:
    return Append(topic=topic, partition=partition, messages=[Message(value=value) for value in values])


async def read_until(log: Log, topic: str, partition: int, count: int) -> Sequence[bytes]:
    """The first values of a place, as soon as there are so many."""
    values: list[bytes] = []
    offset = 0
    while len(values) < count:
        await log.wait({(topic, partition): offset})
        page = await log.read(topic, partition, offset)
        values += [entry.value for entry in page.entries]
        offset = page.next_offset
    return values


def test_an_owner_that_was_replaced_in_the_middle_of_an_append_cannot_finish_it(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        zombie = await kafka.begin_as_owner(part(EVENTS, 1, b"zombie"), part(INTERNAL, 2, b"zombie"))
        log = await kafka.open_log()
        writer = await log.writer(1)
        assert (await log.read(EVENTS, 1, 0)).entries == []
        with pytest.raises(Fenced, match="recover"):
            await zombie.commit()
        await writer.append([part(EVENTS, 1, b"new"), part(INTERNAL, 2, b"new")])
        assert await read_until(log, EVENTS, 1, 1) == await read_until(log, INTERNAL, 2, 1) == [b"new"]

    run(scenario)


def test_every_id_of_the_ring_is_fenced(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        old, new = await kafka.open_log(), await kafka.open_log()
        writer = await old.writer(1)
        for number in range(5):
            await writer.append([part(EVENTS, 1, b"%d" % number)])
        newer = await new.writer(1)
        with pytest.raises(Fenced):
            await writer.append([part(EVENTS, 1, b"zombie")])
        await newer.append([part(EVENTS, 1, b"5")])
        assert await read_until(new, EVENTS, 1, 6) == [b"%d" % number for number in range(6)]

    run(scenario)


def test_what_a_dead_owner_left_open_holds_back_readers_until_the_next_one_comes(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        dead = await kafka.begin_as_owner(part(INTERNAL, 2, b"never"))
        await dead.discard()
        log = await kafka.open_log()
        other = await log.writer(2)
        await other.append([part(INTERNAL, 2, b"work"), part(EVENTS, 2, b"event")])
        assert await read_until(log, EVENTS, 2, 1) == [b"event"]
        assert (await log.read(INTERNAL, 2, 0)).entries == []
        await log.writer(1)
        assert await read_until(log, INTERNAL, 2, 1) == [b"work"]

    run(scenario)


class LostAnswers:
    """Clients whose producers lose the answer to each commit: some were committed, some never reached the broker."""

    def __init__(self, connection: KafkaConnection, *, arrives: bool) -> None:
        self._clients = AiokafkaClients(connection, "lost", SystemClock())
        self._arrives = arrives

    def producer(self, transactional_id: str | None) -> Producer:
        producer = self._clients.producer(transactional_id)
        commit = producer.commit

        async def lose() -> None:
            if self._arrives:
                await commit()
            raise Unavailable("the connection broke")

        producer.commit = lose  # type: ignore[method-assign]
        return producer

    def fetcher(self, partition_count: int) -> Fetcher:
        return self._clients.fetcher(partition_count)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_new_writer_decides_what_became_of_an_append_without_an_answer(run: Run, arrives: bool) -> None:
    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log(LostAnswers(kafka.connection, arrives=arrives))
        writer = await log.writer(1)
        with pytest.raises(AppendUnknown):
            await writer.append([part(EVENTS, 1, b"perhaps")])
        with pytest.raises(Unavailable, match="recover"):
            await writer.append([part(EVENTS, 1, b"spent")])
        await log.writer(1)
        entries = (await log.read(EVENTS, 1, 0)).entries
        assert [entry.value for entry in entries] == ([b"perhaps"] if arrives else [])

    run(scenario)


def test_markers_and_aborted_records_are_gaps(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log()
        writer = await log.writer(1)
        firsts = [await writer.append([part(EVENTS, 1, b"a", b"b")])]
        await read_until(log, EVENTS, 1, 2)
        await kafka.begin_as_owner(part(EVENTS, 1, *[b"aborted"] * 10))
        writer = await log.writer(1)
        firsts.append(await writer.append([part(EVENTS, 1, b"c")]))
        assert await read_until(log, EVENTS, 1, 3) == [b"a", b"b", b"c"]
        page = await log.read(EVENTS, 1, 0)
        assert [entry.offset for entry in page.entries] == [0, 1, *firsts[1]]
        assert firsts[1][0] >= 2 + 1 + 10 + 1
        assert page.next_offset > firsts[1][0]
        after = await log.read(EVENTS, 1, 3)
        assert [entry.value for entry in after.entries] == [b"c"]
        end = await log.end(EVENTS, 1)
        assert (await log.read(EVENTS, 1, end)).entries == []
        assert await log.wait({(EVENTS, 1): end}, timeout=0.01) is False

    run(scenario)


def test_below_its_beginning_the_log_says_where_it_begins(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log()
        await log.append([part(EVENTS, 1, *(b"%d" % number for number in range(10)))])
        assert len(await read_until(log, EVENTS, 1, 10)) == 10
        admin = AIOKafkaAdminClient(**client_options(kafka.connection, "admin"))
        await admin.start()
        await admin.delete_records(
            {TopicPartition(kafka.connection.topic(EVENTS), 0): RecordsToDelete(before_offset=6)}
        )
        await admin.close()
        with pytest.raises(LogTruncated, match="begins at 6") as raised:
            await log.read(EVENTS, 1, 0)
        assert raised.value.first_offset == 6
        assert [entry.value for entry in (await log.read(EVENTS, 1, 6)).entries] == [b"6", b"7", b"8", b"9"]

    run(scenario)


def test_a_log_that_is_shorter_than_was_known_is_not_read(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log()
        await log.append([part(EVENTS, 1, b"a")])
        with pytest.raises(CorruptedLog, match=r"events/1 to reach offset 7, got an end at 1"):
            await log.read(EVENTS, 1, 7)
        with pytest.raises(CorruptedLog):
            await log.wait({(EVENTS, 2): 7})

    run(scenario)


def test_one_append_reaches_every_place(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log()
        writer = await log.writer(1)
        places = [(topic, partition) for topic in TOPICS for partition in (1, 2)]
        large = b"v" * 700_000
        appends = [part(topic, number, large, b"%d" % number, large, large) for topic, number in places]
        assert await writer.append(appends) == [0] * 6
        for topic, number in places:
            assert await read_until(log, topic, number, 4) == [large, b"%d" % number, large, large]

    run(scenario)


def test_a_client_append_larger_than_a_batch_is_whole(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log()
        values = [bytes([number]) * 500_000 for number in range(20)]
        assert await log.append([part(COMMANDS, 1, *values)]) == [0]
        assert await read_until(log, COMMANDS, 1, 20) == values
        assert await log.append([part(COMMANDS, 1, b"next")]) == [21], "the end of a transaction takes an offset"

    run(scenario)


def test_closing_ends_an_append_under_way(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log()
        writer = await log.writer(1)
        appending = [
            asyncio.create_task(writer.append([part(EVENTS, 1, b"v" * 1_000_000)])),
            asyncio.create_task(log.append([part(COMMANDS, 1, b"v" * 1_000_000)])),
        ]
        await asyncio.sleep(0)
        await log.close()
        for task in appending:
            with pytest.raises(Unavailable):
                await task

    run(scenario)


def test_one_process_reads_what_another_appends(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        owner, gateway = await kafka.open_log(), await kafka.open_log()
        writer = await owner.writer(1)
        offset = await gateway.end(EVENTS, 1)
        for number in range(20):
            waiting = asyncio.ensure_future(gateway.wait({(EVENTS, 1): offset, (EVENTS, 2): 0}))
            messages = [Message(value=b"plain"), Message(value=b"%d" % number, headers={"request": "g/1"})]
            await writer.append([Append(topic=EVENTS, partition=1, messages=messages)])
            assert await waiting
            page = await gateway.read(EVENTS, 1, offset, headed_only=True)
            assert [entry.value for entry in page.entries] == [b"%d" % number]
            offset = page.next_offset

    run(scenario)


def test_reads_of_two_readers_do_not_disturb_each_other(run: Run) -> None:
    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log()
        values = [b"%d" % number for number in range(40)]
        await log.append([part(COMMANDS, 1, *values)])

        async def read_from(offset: int) -> list[bytes]:
            found = []
            while offset < 40:
                page = await log.read(COMMANDS, 1, offset, size_max=3)
                found += [entry.value for entry in page.entries]
                offset = page.next_offset
            return found

        assert await asyncio.gather(read_from(0), read_from(25), read_from(7)) == [values, values[25:], values[7:]]

    run(scenario)


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4", "zstd", "snappy"])
def test_what_other_producers_write_is_read(run: Run, compression: str) -> None:
    """Compressed batches, no value, headers that are no text: anybody may write to commands."""

    async def scenario(kafka: Kafka) -> None:
        log = await kafka.open_log()
        stranger = confluent_kafka.Producer(
            {"bootstrap.servers": kafka.connection.servers, "compression.type": compression, "linger.ms": 50}
        )
        headers = [("request", b"\xff\x00"), ("empty", None)]
        for value in (b"v" * 100, b"v" * 1000, None):
            stranger.produce(kafka.connection.topic(COMMANDS), value, key=b"k", partition=0, headers=headers)
        assert stranger.flush(60) == 0
        assert await read_until(log, COMMANDS, 1, 3) == [b"v" * 100, b"v" * 1000, b""]
        first = (await log.read(COMMANDS, 1, 0)).entries[0]
        assert dict(first.headers) == {"request": "\ufffd\x00", "empty": ""}

    run(scenario)
