"""The log in a simulation: its data, its server, and a connection for each process, as the embedded log has them.

A request travels, is served at one instant, and its answer travels back, after every new end that came before it.
When a connection breaks, what was under way is served, is lost, or is served late; the caller cannot know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from engine.core.faults import AppendUnknown, Fenced, LogFull, RetoldError, Unavailable
from engine.core.ports import INPUTS, TOPICS, Append, Clock, Entry, Page, Place
from engine.shell.appends import check_appends, check_place
from engine.shell.ends import Ends
from engine.shell.memory_log import MemoryLog
from tests.simulation.loop import Node
from tests.simulation.world import World

#: Seconds between attempts to connect again, at most.
RECONNECT_SECONDS = 0.2
#: Seconds after which a request of a broken connection may still be served.
LATE_SECONDS_MAX = 8.0
#: Seconds for which a process waits for the log at its start.
OPEN_TIMEOUT = 30.0

AWAY = "the log's server is being started again; nothing was appended; retry"

#: Writer of a partition: its number and its epoch; None for a client.
WriterId = tuple[int, int] | None
Serve = Callable[[], list[int]]


class LogData(MemoryLog):
    """What is on the disk: it outlives every process. `watchers` see each append when it has happened."""

    def __init__(self, partition_count: int, clock: Clock, inputs: Sequence[str] = INPUTS) -> None:
        super().__init__(partition_count, clock, inputs)
        self.watchers: list[Callable[[Sequence[Append]], None]] = []

    def use_clock(self, clock: Clock) -> None:
        """The stamps are those of the server that runs; they never go back."""
        self._clock = clock

    def make_writer(self, partition: int) -> int:
        """The new epoch: all earlier ones are fenced."""
        self._epochs[partition] += 1
        return self._epochs[partition]

    def land(self, appends: Sequence[Append], writer: WriterId) -> list[int]:
        """Append all or nothing at one instant."""
        if writer is not None:
            self.check_writer(*writer)
        self._stamp = max(self._stamp, self._clock.now())
        firsts = [self._append(append) for append in appends]
        for watcher in self.watchers:
            watcher(appends)
        return firsts

    def end_of(self, place: Place) -> int:
        return len(self._places[place])

    def entries(self, place: Place) -> Sequence[Entry]:
        return self._places[place]

    def entry_at(self, place: Place, offset: int) -> Entry | None:
        """The entry with this offset."""
        found = self._places[place]
        return found[offset] if offset < len(found) else None

    def count_between(self, place: Place, start: int, stop: int) -> int:
        """Entries from one offset up to, but without, another."""
        return max(min(stop, len(self._places[place])) - start, 0)

    def page(self, place: Place, offset: int, end: int, size_max: int, headed_only: bool) -> Page:
        """As `Log.read`, up to the end that the reader knows."""
        found = self._places[place]
        entries: list[Entry] = []
        size = 0
        while offset < end:
            entry = found[offset]
            if entry.headers or not headed_only:
                size += len(entry.value)
                if entries and size > size_max:
                    break
                entries.append(entry)
            offset += 1
        return Page(entries=entries, next_offset=offset)


class LogServer:
    """The process that serves the data. Its death breaks every connection."""

    def __init__(self, world: World, data: LogData, node: Node) -> None:
        self.world = world
        self.data = data
        self.node = node
        self.connections: list[Connection] = []
        node.at_death.append(self.stop)

    def stop(self) -> None:
        """No more requests are taken."""
        for connection in tuple(self.connections):
            connection.cut()

    def append(self, appends: Sequence[Append], writer: WriterId) -> list[int]:
        """Serve an append, and tell everybody who follows one of its places."""
        if "log full" in self.world.conditions:
            raise LogFull("expected space for the log, got a full disk")
        firsts = self.data.land(appends, writer)
        moved = {(append.topic, append.partition) for append in appends}
        for connection in self.connections:
            if not moved.isdisjoint(connection.followed):
                connection.deliver(None, [])
        return firsts


class Request:
    """A request under way."""

    def __init__(self, serve: Serve, is_append: bool, answer: asyncio.Future[list[int]]) -> None:
        self.serve = serve
        self.is_append = is_append
        self.answer = answer
        self.is_lost = False
        self.is_late = False


class Connection:
    """Between one process and the server: what is sent arrives in order, in both directions."""

    def __init__(self, server: LogServer, client: Node, ends: Ends, followed: dict[Place, None]) -> None:
        self.followed = followed
        self.is_broken = False
        self.server = server
        self._client = client
        self._world = server.world
        self._ends = ends
        self._pending: dict[Request, None] = {}
        self._sent_at = 0.0
        self._delivered_at = 0.0
        server.connections.append(self)

    async def ask(self, serve: Serve, is_append: bool) -> list[int]:
        """Send a request and wait for its answer. Raises what the server refuses with."""
        answer: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        request = Request(serve, is_append, answer)
        self._pending[request] = None
        if self._world.strikes("connection lost"):
            self._world.node.call_later(self._world.latency() * 2, self.cut)
        now = self._world.loop.time()
        self._sent_at = max(self._sent_at, now + self._world.latency())
        self.server.node.call_later(self._sent_at - now, self._arrive, request)
        return await answer

    def deliver(self, request: Request | None, result: list[int] | RetoldError) -> None:
        """Send the ends that the client follows and then an answer."""
        data = self.server.data
        ends = [(place, data.end_of(place)) for place in self.followed]
        now = self._world.loop.time()
        self._delivered_at = max(self._delivered_at, now + self._world.latency())
        self._client.call_later(self._delivered_at - now, self._receive, ends, request, result)

    def cut(self) -> None:
        """The connection breaks, for whatever reason."""
        if self.is_broken:
            return
        self.is_broken = True
        self.server.connections.remove(self)
        for request in self._pending:
            request.is_lost, request.is_late = self._world.chance(), self._world.chance(0.3)
            self._client.call_soon(_fail, request)
        self._pending.clear()

    def _arrive(self, request: Request) -> None:
        if request.is_lost:
            return
        if request.is_late:
            request.is_late = False
            self._world.note("a request arrives after its connection broke")
            self.server.node.call_later(self._world.uniform(0, LATE_SECONDS_MAX), self._arrive, request)
            return
        try:
            result: list[int] | RetoldError = request.serve()
        except RetoldError as error:
            result = error
        if not self.is_broken:
            self.deliver(request, result)

    def _receive(
        self, ends: Sequence[tuple[Place, int]], request: Request | None, result: list[int] | RetoldError
    ) -> None:
        if self.is_broken:
            return
        for place, end in ends:
            self._ends.advance(place, end)
        if request is not None:
            del self._pending[request]
            if request.answer.done():
                return
            if isinstance(result, RetoldError):
                request.answer.set_exception(result)
            else:
                request.answer.set_result(result)


def _fail(request: Request) -> None:
    if not request.answer.done():
        error = AppendUnknown() if request.is_append else Unavailable("the log's server went away; retry")
        request.answer.set_exception(error)


class SimulatedLog:
    """The Log port of one process."""

    def __init__(
        self, world: World, node: Node, clock: Clock, data: LogData, server: Callable[[], LogServer | None]
    ) -> None:
        """`server` gives the one that runs now, if any."""
        self.partition_count = data.partition_count
        self.inputs: Sequence[str] = INPUTS
        self._data = data
        self._world = world
        self._node = node
        self._server = server
        self._ends = Ends(clock)
        self._followed: dict[Place, None] = {}
        self._connection: Connection | None = None
        self._closed = False
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect. Raises Unavailable when there is no server for long."""
        deadline = self._world.loop.time() + OPEN_TIMEOUT
        while not self._connect():
            if self._world.loop.time() > deadline:
                raise Unavailable("expected a log server, got none; start it")
            await asyncio.sleep(self._world.uniform(0, RECONNECT_SECONDS))
        self._keeper = asyncio.ensure_future(self._keep_connected())

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Log.append`; what was not refused may be there twice, sent again by the client's library."""
        try:
            offsets = await self.append_as(appends, None)
        except AppendUnknown:
            self._perhaps_again(appends)
            raise
        self._perhaps_again(appends)
        return offsets

    def _perhaps_again(self, appends: Sequence[Append]) -> None:
        if self._world.strikes("duplicate append"):
            self._node.call_later(self._world.uniform(0, 1), self._append_again, appends)

    def _append_again(self, appends: Sequence[Append]) -> None:
        server = self._server()
        if server is not None:
            with suppress(LogFull):
                server.append(appends, None)

    async def append_as(self, appends: Sequence[Append], writer: WriterId) -> Sequence[int]:
        """Append as a client, or as a writer."""
        check_appends(appends, self.partition_count)
        try:
            return await self._ask(lambda server: server.append(appends, writer), is_append=True)
        except Fenced:
            self._node.times_fenced += 1
            raise

    async def writer(self, partition: int) -> SimulatedWriter:
        """As `Log.writer`."""
        check_place(TOPICS[0], partition, self.partition_count)
        self._world.fences(self._node)
        (epoch,) = await self._ask(lambda server: [server.data.make_writer(partition)])
        return SimulatedWriter(self, partition, epoch)

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """As `Log.read`, up to the end that was told last."""
        self._node.check()
        place = (topic, partition)
        end = await self._known_end(place)
        if self._world.strikes("read fails"):
            raise Unavailable("the log cannot be read just now; retry")
        if self._world.strikes("short page"):
            size_max = 1
        page = self._data.page(place, offset, end, size_max, headed_only)
        if not page.entries or self._world.strikes("slow read"):
            await asyncio.sleep(0 if not page.entries else self._world.uniform(0, 0.5))
        return page

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""
        check_place(topic, partition, self.partition_count)
        return await self._follow((topic, partition))

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        """As `Log.wait`. Goes on waiting while the server is started again."""
        for place in places:
            with suppress(Unavailable):
                await self._known_end(place)
        return await self._ends.wait(places, timeout)

    async def close(self) -> None:
        """As `Log.close`."""
        self._node.check()
        if self._closed:
            return
        self._closed = True
        self._ends.close()
        if self._keeper is not None:
            self._keeper.cancel()
        if self._connection is not None:
            self._connection.cut()

    async def _ask(self, serve: Callable[[LogServer], list[int]], *, is_append: bool = False) -> list[int]:
        self._node.check()
        if self._closed:
            raise Unavailable("the log is closed; open it again")
        connection = self._connection
        if connection is None or connection.is_broken:
            raise Unavailable(AWAY)
        server = connection.server
        return await connection.ask(lambda: serve(server), is_append)

    async def _known_end(self, place: Place) -> int:
        check_place(*place, self.partition_count)
        if self._closed:
            raise Unavailable("the log is closed; open it again")
        end = self._ends.get(place)
        return await self._follow(place) if end is None else end

    async def _follow(self, place: Place) -> int:
        self._followed[place] = None
        (end,) = await self._ask(lambda server: [server.data.end_of(place)])
        self._ends.advance(place, end)
        return end

    async def _keep_connected(self) -> None:
        while True:
            await asyncio.sleep(self._world.uniform(0, RECONNECT_SECONDS))
            if self._connection is None or self._connection.is_broken:
                self._connect()

    def _connect(self) -> bool:
        server = self._server()
        if server is None:
            return False
        self._connection = Connection(server, self._node, self._ends, self._followed)
        self._node.at_death.append(self._connection.cut)
        self._connection.deliver(None, [])
        return True


class SimulatedWriter:
    """The Writer port of a SimulatedLog."""

    def __init__(self, log: SimulatedLog, partition: int, epoch: int) -> None:
        self._log = log
        self._writer = (partition, epoch)

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Writer.append`."""
        return await self._log.append_as(appends, self._writer)
