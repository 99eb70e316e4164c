"""What the log needs of Kafka, as ports: a producer and a fetcher. `AiokafkaClients` makes those of aiokafka.

A test or a simulation gives others; everything else in this package is the same then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from engine.core.ports import Append, Clock, Place
from engine.shell.kafka.connection import KafkaConnection

#: Bytes of a batch; a message that is larger is alone in its batch.
BATCH_SIZE_MAX = 1 << 20


class KafkaRecord(Protocol):
    """A record as it lies in a batch."""

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970 (UTC), of the broker."""

    @property
    def value(self) -> bytes | None: ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class KafkaBatch(Protocol):
    """Records that were appended together; they can be iterated over once."""

    @property
    def next_offset(self) -> int:
        """The offset after the last record."""

    def __iter__(self) -> Iterator[KafkaRecord]: ...


class Fetched(Struct, frozen=True):
    """What one fetch gave: batches of records that readers may see, in order.

    `next_offset` is where the next fetch begins, beyond markers and aborted records; `stable_end` is the offset below
    which no transaction is open; `size` is in bytes.
    """

    batches: Sequence[KafkaBatch]
    next_offset: int
    stable_end: int
    size: int


class Producer(Protocol):
    """One producer. Its calls raise Fenced, RecordTooLarge, Unavailable or RetoldError; after any of them it is spent.

    Every call ends within the connection's request time-out.
    """

    async def start(self) -> None:
        """Connect. With a transactional id: fence its earlier owners and end their open transaction."""

    async def begin(self) -> None:
        """Begin a transaction."""

    async def send(self, appends: Sequence[Append]) -> Sequence[int]:
        """Send, and wait until it is durable; gives the first offset of each part.

        One part is appended whole or not at all if its size is at most BATCH_SIZE_MAX, or in a transaction.
        """

    async def commit(self) -> None:
        """End the transaction. After Unavailable nobody knows whether it was committed."""

    async def discard(self) -> None:
        """Close it whatever it is doing; an open transaction is left open. Raises nothing."""


class Fetcher(Protocol):
    """Reads what is committed."""

    async def start(self) -> None:
        """Connect and learn where the partitions are. Raises Unavailable, or RetoldError for missing topics."""

    async def fetch(self, place: Place, offset: int, *, wait: float, lane: Place | None) -> Fetched:
        """What is at the offset, or comes there within `wait` seconds; empty otherwise.

        Fetches of one lane are answered one after the other. Raises Unavailable, LogTruncated or CorruptedLog.
        """

    async def end(self, place: Place) -> int:
        """The offset below which no transaction is open. Raises Unavailable."""

    async def close(self) -> None: ...


class Clients(Protocol):
    """Makes clients."""

    def producer(self, transactional_id: str | None) -> Producer: ...

    def fetcher(self, partition_count: int) -> Fetcher: ...


class AiokafkaClients:
    """Clients of aiokafka."""

    def __init__(self, connection: KafkaConnection, name: str, clock: Clock) -> None:
        self._connection = connection
        self._name = name
        self._clock = clock

    def producer(self, transactional_id: str | None) -> Producer:
        """As `Clients.producer`."""
        from engine.shell.kafka.producer import AiokafkaProducer

        return AiokafkaProducer(self._connection, self._name, self._clock, transactional_id)

    def fetcher(self, partition_count: int) -> Fetcher:
        """As `Clients.fetcher`."""
        from engine.shell.kafka.fetcher import AiokafkaFetcher

        return AiokafkaFetcher(self._connection, self._name, partition_count)
