"""What the log does over Kafka: `python -m benchmarks.kafka`, with a broker of its own or that in RETOLD_TEST_KAFKA.

Latencies are of this process alone: a broker on the same machine has its own share of the processors.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from statistics import quantiles

import uvloop

from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Append, Message, Writer
from engine.shell.kafka.connection import KafkaConnection
from engine.shell.kafka.log import KafkaLog
from engine.shell.kafka.topics import TopicsWanted, prepare_topics

from .services import running_broker
from .table import Row, Rows, print_table

VALUE_SIZE = 250


def make_append(topic: str, count: int, partition: int = 1) -> Append:
    """An append of small messages; every tenth has headers, as the last record of a step has."""
    values = [bytes([index % 256]) * VALUE_SIZE for index in range(count)]
    headers = {"request": "gateway-1/17", "final": "1"}
    messages = [Message(value=value, headers={} if index % 10 else headers) for index, value in enumerate(values)]
    return Append(topic=topic, partition=partition, messages=messages)


async def time_calls(name: str, call: Callable[[], Awaitable[object]], count: int) -> Row:
    """One call after another: p50 and p99 in ms, and CPU seconds of this process for 1,000 of them."""
    for _ in range(20):
        await call()
    taken = []
    cpu = time.process_time()
    for _ in range(count):
        start = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - start) * 1000)
    cpu = (time.process_time() - cpu) * 1000 / count
    hundredths = quantiles(taken, n=100)
    return name, f"p50 {hundredths[49]:.2f} ms, p99 {hundredths[98]:.2f} ms, {cpu:.2f} CPU s per 1,000"


async def measure_rate(name: str, writer: Writer, batch: int, count: int) -> Row:
    """Records per second through the writer, one append after another, of which a part goes to `internal`."""
    appends = [make_append(EVENTS, batch), make_append(INTERNAL, max(batch // 20, 1))]
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(count // batch):
        await writer.append(appends)
    records = count // batch * batch
    cpu = (time.process_time() - cpu) * 1_000_000 / records
    return name, f"{records / (time.perf_counter() - start):,.0f} records/s, {cpu:.1f} CPU µs each"


async def measure_reading(name: str, log: KafkaLog, *, headed_only: bool = False) -> Row:
    """Records passed per second, from the first to the last."""
    end = await log.end(EVENTS, 1)
    offset = 0
    start, cpu = time.perf_counter(), time.process_time()
    while offset < end:
        offset = (await log.read(EVENTS, 1, offset, headed_only=headed_only)).next_offset
    cpu = (time.process_time() - cpu) * 1_000_000 / end
    return name, f"{end / (time.perf_counter() - start):,.0f} records/s, {cpu:.1f} CPU µs each"


async def answer(log: KafkaLog, writer: Writer) -> None:
    """A processor without a machine: for each command one event."""
    offset = await log.end(COMMANDS, 1)
    while True:
        await log.wait({(COMMANDS, 1): offset})
        page = await log.read(COMMANDS, 1, offset)
        offset = page.next_offset
        if page.entries:
            await writer.append([make_append(EVENTS, len(page.entries))])


async def measure_round_trip(connection: KafkaConnection, log: KafkaLog, writer: Writer) -> Row:
    """A command from a client to a processor and its event back, over three logs as in three processes."""
    gateway = await KafkaLog.open(connection, partition_count=1)
    answering = asyncio.create_task(answer(log, writer))
    offset = await gateway.end(EVENTS, 1)

    async def ask() -> None:
        nonlocal offset
        await gateway.append([make_append(COMMANDS, 1)])
        seen = False
        while not seen:
            await gateway.wait({(EVENTS, 1): offset})
            page = await gateway.read(EVENTS, 1, offset, headed_only=True)
            offset, seen = page.next_offset, bool(page.entries)

    try:
        return await time_calls("command, event, seen by the client", ask, 500)
    finally:
        answering.cancel()
        await gateway.close()


async def measure(servers: str) -> list[Row]:
    """All figures, as name and text."""
    connection = KafkaConnection(servers=servers, prefix=f"bench-{uuid.uuid4().hex[:8]}")
    await prepare_topics(connection, TopicsWanted(partition_count=1))
    log = await KafkaLog.open(connection, partition_count=1)
    rows = Rows()
    start = time.perf_counter()
    writer = await log.writer(1)
    rows.note("become the writer", f"{(time.perf_counter() - start) * 1000:.0f} ms")
    one, many = [make_append(EVENTS, 1)], [make_append(EVENTS, 1000), make_append(INTERNAL, 20)]
    rows.note(*await time_calls("client append of 1", lambda: log.append([make_append(COMMANDS, 1)]), 1000))
    rows.note(*await time_calls("writer append of 1", lambda: writer.append(one), 500))
    rows.note(*await time_calls("writer append of 1,000", lambda: writer.append(many), 200))
    rows.note(*await measure_round_trip(connection, log, writer))
    for batch in (1_000, 4_000, 30_000):
        rows.note(*await measure_rate(f"writer appends of {batch:,}", writer, batch, 300_000))
    reader = await KafkaLog.open(connection, partition_count=1)
    rows.note(*await measure_reading("read", reader))
    rows.note(*await measure_reading("read, headed only", reader, headed_only=True))
    await reader.close()
    await log.close()
    return rows


def main() -> None:
    """Measure and print a table."""
    with running_broker() as broker:
        rows = uvloop.run(measure(broker.address))
    print_table(f"Kafka as the log (messages of {VALUE_SIZE} bytes)", rows)


if __name__ == "__main__":
    main()
