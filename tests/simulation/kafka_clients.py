"""The clients of simulated brokers, over which the real KafkaLog, its ring of producers and its feeds run.

A request travels, is served at one instant, and its answer travels back. When a connection breaks, nobody knows whether
the request was served; a request to brokers that are away ends after a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from engine.core.faults import Fenced, Unavailable
from engine.core.ports import Append, Entry, Place
from engine.shell.kafka.clients import Fetched, Fetcher, KafkaRecord, Producer
from tests.simulation.kafka import KafkaData
from tests.simulation.loop import Node
from tests.simulation.world import World

#: Seconds until a request that finds no broker ends.
AWAY_SECONDS = 1.0
#: Seconds between two requests while markers of the last transaction are being written, as in Kafka's clients.
BACK_OFF_SECONDS = 0.02
#: Seconds that slow brokers take longer, at most.
SLOW_SECONDS_MAX = 3.0
#: Entries of one fetch, at most.
FETCH_COUNT_MAX = 500

Result = TypeVar("Result")


class SimulatedClients:
    """As `Clients`, of one process."""

    def __init__(self, world: World, node: Node, data: KafkaData) -> None:
        self._wire = Wire(world, node, data)

    def producer(self, transactional_id: str | None) -> Producer:
        """As `Clients.producer`."""
        return SimulatedProducer(self._wire, transactional_id)

    def fetcher(self, partition_count: int) -> Fetcher:
        """As `Clients.fetcher`."""
        return SimulatedFetcher(self._wire)


class Wire:
    """Between one process and the brokers."""

    def __init__(self, world: World, node: Node, data: KafkaData) -> None:
        self.world = world
        self.node = node
        self.data = data

    async def ask(self, serve: Callable[[], Result]) -> Result:
        """Send a request, have it served unless it is lost, and wait for the answer. Raises what it is refused with."""
        self.node.check()
        await asyncio.sleep(self.world.latency())
        if self.data.is_away:
            await asyncio.sleep(AWAY_SECONDS)
            raise Unavailable("expected a broker, got no answer; retry")
        is_lost = self.world.strikes("connection lost")
        if is_lost and self.world.chance():
            raise Unavailable("expected an answer of a broker, got none: the connection broke; retry")
        self.node.check()
        answer = serve()
        await asyncio.sleep(self.world.latency())
        if is_lost:
            raise Unavailable("expected an answer of a broker, got none: the connection broke; retry")
        return answer

    async def perhaps_slowly(self, until: float = 0.0) -> None:
        """A long poll or a fence takes its time, and others go on meanwhile. It does so `until` then in any case."""
        if self.world.strikes("slow brokers") or self.world.loop.time() < until:
            await asyncio.sleep(self.world.uniform(0, SLOW_SECONDS_MAX))


class SimulatedProducer:
    """As `Producer`."""

    def __init__(self, wire: Wire, transactional_id: str | None) -> None:
        self._wire = wire
        self._id = transactional_id
        self._epoch = -1

    async def start(self) -> None:
        """As `Producer.start`."""
        if self._id is None:
            await self._wire.ask(lambda: None)
            return
        name, data = self._id, self._wire.data
        self._wire.world.fences(self._wire.node)
        await self._wire.perhaps_slowly(data.fences_slowly_until)
        while (epoch := await self._wire.ask(lambda: data.register(name))) is None:
            await asyncio.sleep(BACK_OFF_SECONDS)
        self._epoch = epoch

    async def begin(self) -> None:
        """As `Producer.begin`."""
        assert self._id is not None
        while self._wire.data.is_completing(self._id):
            await asyncio.sleep(BACK_OFF_SECONDS)

    async def send(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Producer.send`."""
        name, data = self._id, self._wire.data
        if name is None:
            return await self._wire.ask(lambda: data.land(appends, None))
        with self._heeding():
            return await self._wire.ask(lambda: data.send(name, self._epoch, appends))

    async def commit(self) -> None:
        """As `Producer.commit`."""
        assert self._id is not None
        name, data = self._id, self._wire.data
        with self._heeding():
            await self._wire.ask(lambda: data.commit(name, self._epoch))

    async def discard(self) -> None:
        """As `Producer.discard`."""

    @contextmanager
    def _heeding(self) -> Iterator[None]:
        try:
            yield
        except Fenced:
            self._wire.node.times_fenced += 1
            raise


class SimulatedBatch:
    """As `KafkaBatch`."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.next_offset = entries[-1].offset + 1
        self._entries = entries

    def __iter__(self) -> Iterator[KafkaRecord]:
        return iter([SimulatedRecord(entry) for entry in self._entries])


class SimulatedRecord:
    """As `KafkaRecord`."""

    def __init__(self, entry: Entry) -> None:
        self.offset = entry.offset
        self.timestamp = entry.timestamp
        self.value = entry.value
        self.headers = [(name, text.encode()) for name, text in entry.headers.items()]


class SimulatedFetcher:
    """As `Fetcher`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def start(self) -> None:
        """As `Fetcher.start`."""
        await self._wire.ask(lambda: None)

    async def fetch(self, place: Place, offset: int, *, wait: float, lane: Place | None) -> Fetched:
        """As `Fetcher.fetch`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        count_max = 1 if self._wire.world.strikes("short page") else FETCH_COUNT_MAX
        while True:
            fetched = await self._wire.ask(lambda: self._look(place, offset, count_max))
            if fetched.next_offset > offset or (left := until - loop.time()) <= 0:
                break
            await self._wire.data.moved(left)
        if wait:
            await self._wire.perhaps_slowly()
        return fetched

    async def end(self, place: Place) -> int:
        """As `Fetcher.end`."""
        return await self._wire.ask(lambda: self._wire.data.stable_end(place))

    async def close(self) -> None:
        """As `Fetcher.close`."""

    def _look(self, place: Place, offset: int, count_max: int) -> Fetched:
        data = self._wire.data
        stable_end = data.stable_end(place)
        found = data.seen(place, offset, count_max)
        size = sum(len(entry.value) for entry in found)
        if len(found) == count_max:
            return Fetched([SimulatedBatch(found)], found[-1].offset + 1, stable_end, size)
        return Fetched([SimulatedBatch(found)] if found else [], max(offset, stable_end), stable_end, size)
