"""The Log port over Kafka.

Our partition N is Kafka's partition N-1 of each topic; no key is used, headers are UTF-8. Reads see what is committed:
the broker answers a commit before its markers are written, so an append is read a little after it was acknowledged, and
not before every transaction that was begun earlier at that place has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4

from engine.core.faults import Fenced, Unavailable
from engine.core.ports import COMMANDS, Append, Clock, Page, Place
from engine.shell.appends import check_appends, check_place
from engine.shell.clock import SystemClock
from engine.shell.ends import Ends
from engine.shell.kafka.client_appends import ClientAppends
from engine.shell.kafka.clients import AiokafkaClients, Clients, Producer
from engine.shell.kafka.connection import KafkaConnection, reach
from engine.shell.kafka.feed import Feed
from engine.shell.kafka.writer import RING_SIZE, KafkaWriter

CLOSED = "the log is closed; open it again"


class KafkaLog:
    """The Log port. All calls of one log come from one event loop. Made by `open`."""

    def __init__(
        self, connection: KafkaConnection, *, partition_count: int, clock: Clock, name: str, clients: Clients
    ) -> None:
        self.partition_count = partition_count
        self.inputs = connection.inputs
        self._connection = connection
        self._clients = clients
        self._fetcher = clients.fetcher(partition_count)
        ends = Ends(clock)
        self._ends = ends
        self._feeds = {
            (topic, partition): Feed((topic, partition), self._fetcher, ends, clock)
            for topic in connection.topics
            for partition in range(1, partition_count + 1)
        }
        own_id = f"{connection.prefix}-{name}-{uuid4()}"
        self._client_appends = ClientAppends(clients, own_id, self._discard)
        self._writers: dict[int, KafkaWriter] = {}
        self._discarding: set[asyncio.Task[None]] = set()
        self._closed = False

    @classmethod
    async def open(
        cls,
        connection: KafkaConnection,
        *,
        partition_count: int,
        clock: Clock | None = None,
        name: str = "client",
        clients: Clients | None = None,
    ) -> KafkaLog:
        """Connect to topics that exist. `name` is what brokers show; `clients` are aiokafka's if not given.

        Raises Unavailable when no server answers, RetoldError when one refuses us or the topics do not fit.
        """
        clock = clock or SystemClock()
        if clients is None:
            await reach(connection, name)
            clients = AiokafkaClients(connection, name, clock)
        log = cls(connection, partition_count=partition_count, clock=clock, name=name, clients=clients)
        try:
            await log._fetcher.start()
        except BaseException:
            await log.close()
            raise
        return log

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Log.append`."""
        self._check_open()
        check_appends(appends, self.partition_count, self._connection.topics)
        return await self._client_appends.append(appends) if appends else []

    async def writer(self, partition: int) -> KafkaWriter:
        """As `Log.writer`: fences every id of the ring, which ends what was left open, then asks for the ends."""
        self._check_open()
        check_place(COMMANDS, partition, self.partition_count)
        self._give_up(partition, Fenced(f"expected the newest writer of partition {partition}, got an older; recover"))
        ids = [self._connection.transactional_id(partition, index) for index in range(RING_SIZE)]
        writer = KafkaWriter([self._clients.producer(own) for own in ids], self.partition_count)
        self._writers[partition] = writer
        try:
            await writer.start()
            for topic in self._connection.topics:
                await self._feeds[topic, partition].ask_end()
        except BaseException:
            if self._writers.get(partition) is writer:
                self._give_up(partition, Unavailable("expected a writer, got one that could not start; retry"))
            raise
        return writer

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """As `Log.read`. An empty read gives other tasks a turn.

        Sees all that was committed when a writer was made or `end` was asked for, and what came since as soon as the
        broker has told it. Raises LogTruncated below the beginning, CorruptedLog above the end.
        """
        return await self._feed((topic, partition)).read(offset, size_max, headed_only)

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`: the offset below which no transaction is open."""
        return await self._feed((topic, partition)).ask_end()

    def known_end(self, place: Place) -> int:
        """The end of a place as it is known here, without asking; 0 if nobody has read it yet. For any thread."""
        return self._feeds[place].known_end

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        """As `Log.wait`. Goes on waiting while brokers are started again; raises Unavailable when that takes long."""
        feeds = [(self._feed(place), offset) for place, offset in places.items()]
        for feed, offset in feeds:
            feed.follow(offset)
        try:
            return await self._ends.wait(places, timeout)
        finally:
            for feed, _ in feeds:
                feed.leave()

    async def close(self) -> None:
        """As `Log.close`. Appends under way end as AppendUnknown or Unavailable."""
        if self._closed:
            return
        self._closed = True
        self._ends.close()
        for partition in list(self._writers):
            self._give_up(partition, Unavailable(CLOSED))
        self._client_appends.close()
        await asyncio.gather(*(feed.close() for feed in self._feeds.values()))
        await self._fetcher.close()
        while self._discarding:
            await asyncio.wait(self._discarding)

    def _give_up(self, partition: int, error: Fenced | Unavailable) -> None:
        writer = self._writers.pop(partition, None)
        if writer is not None:
            writer.spend(error)
            self._discard(writer)

    def _discard(self, spent: Producer | KafkaWriter) -> None:
        """Close it in the background: it may take a while, and nobody needs it any more."""
        task = asyncio.get_running_loop().create_task(spent.discard())
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)

    def _feed(self, place: Place) -> Feed:
        self._check_open()
        check_place(*place, self.partition_count, self._connection.topics)
        return self._feeds[place]

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable(CLOSED)
