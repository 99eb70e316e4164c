"""A producer of aiokafka: batches that are built here, sent whole; never a message at a time.

Traps of aiokafka 0.14 that this module keeps away: a commit goes through although one of its batches failed (so every
batch is awaited before); an idempotent producer retries for ever (so every call has a time-out, and is spent after it);
`send_batch` counts time double when several wait for one place (so they wait here); `stop` waits for batches that will
never be sent (so it is not used).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer

from engine.core.faults import Unavailable
from engine.core.ports import Append, Clock, Message, Place
from engine.shell.kafka.clients import BATCH_SIZE_MAX
from engine.shell.kafka.connection import KafkaConnection, client_options
from engine.shell.kafka.errors import KAFKA_ERRORS, fault_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka.producer.message_accumulator import BatchBuilder

#: Seconds that the tasks of a producer have to end when it is discarded.
DISCARD_SECONDS = 2.0

_NO_HEADERS: list[tuple[str, bytes]] = []


class AiokafkaProducer:
    """A Producer over aiokafka."""

    def __init__(self, connection: KafkaConnection, name: str, clock: Clock, transactional_id: str | None) -> None:
        self._connection = connection
        self._clock = clock
        self._id = transactional_id
        self._is_discarded = False
        self._calls: set[asyncio.Timeout] = set()
        self._queues: defaultdict[Place, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._producer = AIOKafkaProducer(
            **client_options(connection, name),
            transactional_id=transactional_id,
            transaction_timeout_ms=round(connection.transaction_timeout * 1000),
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_SIZE_MAX,
        )
        # Where a fatal error is told, also one that comes before the first transaction, or without any.
        self._producer._txn_manager._transaction_waiter = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """As `Producer.start`."""
        async with self._bounded(f"a producer {self._id or ''}".rstrip()):
            await self._producer.start()

    async def begin(self) -> None:
        """As `Producer.begin`."""
        async with self._bounded("a transaction"):
            await self._producer.begin_transaction()

    async def send(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Producer.send`."""
        timestamp = self._clock.now()
        sent: list[asyncio.Future[Any]] = []
        firsts = []
        places = ", ".join(f"{append.topic}/{append.partition}" for append in appends)
        async with self._bounded(f"an append to {places}"):
            for append in appends:
                firsts.append(len(sent))
                place = (append.topic, append.partition)
                topic, partition = self._connection.kafka_place(place)
                async with self._queues[place]:
                    for batch in build_batches(self._producer.create_batch, append.messages, timestamp):
                        sent.append(await self._producer.send_batch(batch, topic, partition=partition))
            results = await asyncio.gather(*sent, return_exceptions=True)
            failures = [result for result in results if isinstance(result, BaseException)]
            if failures:
                raise failures[0]
        return [sent[first].result().offset for first in firsts]

    async def commit(self) -> None:
        """As `Producer.commit`."""
        async with self._bounded("the end of a transaction"):
            await self._producer.commit_transaction()

    async def discard(self) -> None:
        """As `Producer.discard`."""
        self._is_discarded = True
        for call in self._calls:
            call.reschedule(0)
        producer = self._producer
        producer._closed = True  # what `stop` does first, and `__del__` looks at
        task = producer._sender.sender_task
        if task is not None:
            # Twice: cancelled once, the sender still waits for what it has begun.
            for _ in range(2):
                task.cancel()
                await producer.client.close()
                await asyncio.wait({task}, timeout=DISCARD_SECONDS)
        await producer.client.close()
        self._note_errors()

    def _note_errors(self) -> None:
        """Take the errors that aiokafka has told to futures that nobody waits for: asyncio would print each."""
        transactions, batches = self._producer._txn_manager, self._producer._message_accumulator._batches
        untold = [batch._drain_waiter for queue in batches.values() for batch in queue]
        for future in (transactions._transaction_waiter, *untold):
            if future is not None and future.done() and not future.cancelled():
                future.exception()

    @asynccontextmanager
    async def _bounded(self, doing: str) -> AsyncIterator[None]:
        """What may take no longer than the request time-out, nor outlive this producer."""
        if self._is_discarded:
            raise Unavailable(f"expected {doing}, got a producer that was given up; retry")
        call = asyncio.timeout(self._connection.request_timeout)
        try:
            async with call:
                self._calls.add(call)
                yield
        except KAFKA_ERRORS as error:
            raise fault_of(error, doing) from error
        finally:
            self._calls.discard(call)


def build_batches(
    create: Callable[[], BatchBuilder], messages: Sequence[Message], timestamp: int
) -> Iterator[BatchBuilder]:
    """The batches that hold these messages, usually one; the broker puts its own time over ours."""
    batch = create()
    for message in messages:
        headers = _NO_HEADERS
        if message.headers:
            headers = [(name, value.encode()) for name, value in message.headers.items()]
        if batch.append(timestamp=timestamp, key=None, value=message.value, headers=headers) is None:
            yield batch
            batch = create()
            batch.append(timestamp=timestamp, key=None, value=message.value, headers=headers)
    yield batch
