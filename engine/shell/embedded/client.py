"""The embedded log as all processes but its server see it.

Appends go through the server, reads come from the memory map. Rule: only what the server told to be durable is read, so
no reader is ever ahead of the disk; an append is never repeated by itself. Nothing polls: an idle client costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from engine.core.faults import Unavailable
from engine.core.ports import INPUTS, TOPICS, Append, Clock, Page, Place
from engine.shell.appends import check_appends, check_place
from engine.shell.clock import SystemClock
from engine.shell.embedded.batches import encode_bodies
from engine.shell.embedded.connection import ClientConnection
from engine.shell.embedded.environment import socket_file
from engine.shell.embedded.reader import LogReader
from engine.shell.embedded.socket_path import read_socket_path
from engine.shell.embedded.wire import (
    AppendRequest,
    FollowRequest,
    Moved,
    Part,
    Request,
    WriterRequest,
)
from engine.shell.ends import Ends

#: Seconds between attempts to reach the server: doubled from the first to the second.
BACK_OFF_MIN, BACK_OFF_MAX = 0.01, 0.2


class EmbeddedLog:
    """The Log port over a running server. All calls of one log come from one event loop. Made by `open`."""

    def __init__(self, data_directory: Path, clock: Clock) -> None:
        self.partition_count = 0
        self.inputs: Sequence[str] = INPUTS
        self._data_directory = data_directory
        self._clock = clock
        self._ends = Ends(clock)
        self._followed: set[Place] = set()
        self._connection: ClientConnection | None = None
        self._reader: LogReader | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(cls, data_directory: Path, *, timeout: float = 30.0, clock: Clock | None = None) -> EmbeddedLog:
        """Connect to the server of a data directory, which may be starting just now.

        Raises Unavailable when there is none within `timeout` seconds, RetoldError for a log of another format.
        """
        log = cls(data_directory, clock or SystemClock())
        try:
            async with asyncio.timeout(timeout):
                connection = await log._connect()
        except TimeoutError:
            raise Unavailable(
                f"expected a log server for {data_directory}, got none within {timeout} s; start it"
            ) from None
        try:
            log._reader = LogReader(data_directory)
        except BaseException:
            connection.close()
            raise
        log.partition_count = connection.welcome.result().partition_count
        log._keeper = asyncio.ensure_future(log._keep_connected(connection))
        return log

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Log.append`."""
        return await self.append_as(appends, None)

    async def append_as(self, appends: Sequence[Append], writer: tuple[int, int] | None) -> Sequence[int]:
        """Append as a client, or as the writer with this partition and epoch."""
        check_appends(appends, self.partition_count)
        parts = [Part(append.topic, append.partition, encode_bodies(append.messages)) for append in appends]
        return await self._ask(lambda number: AppendRequest(number, writer, parts))

    async def writer(self, partition: int) -> EmbeddedWriter:
        """As `Log.writer`."""
        check_place(TOPICS[0], partition, self.partition_count)
        (epoch,) = await self._ask(lambda number: WriterRequest(number, partition))
        return EmbeddedWriter(self, partition, epoch)

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """As `Log.read`. An empty read gives other tasks a turn.

        Sees all that this log appended, all that was there when a writer was made or `end` was asked for, and what
        others append as soon as it is pushed.
        """
        place = (topic, partition)
        end = await self._known_end(place)
        while True:
            if self._reader is None:
                raise Unavailable("the log is closed; open it again")
            page = self._reader.read(place, offset, end, size_max, headed_only)
            if page.entries:
                return page
            await asyncio.sleep(0)
            if page.next_offset >= end:
                return page
            offset = page.next_offset

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`: asks the server, so that it is above all that anybody was told to be appended."""
        check_place(topic, partition, self.partition_count)
        return await self._follow((topic, partition))

    def known_end(self, place: Place) -> int:
        """The end of a place as it is known here, without asking; 0 if nobody has read it yet. For any thread."""
        return self._ends.get(place) or 0

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        """As `Log.wait`. Goes on waiting while the server is started again."""
        for place in places:
            with suppress(Unavailable):  # followed as soon as the server is back
                await self._known_end(place)
        return await self._ends.wait(places, timeout)

    async def close(self) -> None:
        """As `Log.close`. Appends under way end as AppendUnknown."""
        if self._closed:
            return
        self._closed = True
        self._ends.close()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._connection is not None:
            self._connection.close()
            await self._connection.lost.wait()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def _ask(self, make: Callable[[int], Request]) -> list[int]:
        if self._closed:
            raise Unavailable("the log is closed; open it again")
        if self._connection is None:
            raise Unavailable("the log's server is being started again; nothing was appended; retry")
        return await self._connection.ask(make)

    async def _known_end(self, place: Place) -> int:
        """The end as the server told it last; it pushes every new end of a place that was asked for once."""
        check_place(*place, self.partition_count)
        if self._closed:
            raise Unavailable("the log is closed; open it again")
        end = self._ends.get(place)
        return await self._follow(place) if end is None else end

    async def _follow(self, place: Place) -> int:
        self._followed.add(place)
        (end,) = await self._ask(lambda number: FollowRequest(number, *place))
        self._ends.advance(place, end)
        return end

    def _moved(self, moved: Moved) -> None:
        for topic, partition, end in moved.ends:
            self._ends.advance((topic, partition), end)

    async def _keep_connected(self, connection: ClientConnection) -> None:
        """Connect again whenever the connection breaks."""
        while True:
            await connection.lost.wait()
            self._connection = None
            connection = await self._connect()

    async def _connect(self) -> ClientConnection:
        back_off = BACK_OFF_MIN
        while True:
            try:
                return await self._connect_once()
            except (OSError, Unavailable):
                await self._clock.sleep(back_off)
                back_off = min(2 * back_off, BACK_OFF_MAX)

    async def _connect_once(self) -> ClientConnection:
        path = read_socket_path(socket_file(self._data_directory))
        if path is None:
            raise Unavailable("no server has announced its socket yet")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(lambda: ClientConnection(self._moved), str(path))
        try:
            await connection.welcome
            self._connection = connection
            for place in tuple(self._followed):
                await self._follow(place)  # what happened meanwhile
        except BaseException:
            self._connection = None
            connection.close()
            raise
        return connection


class EmbeddedWriter:
    """The Writer port of an EmbeddedLog."""

    def __init__(self, log: EmbeddedLog, partition: int, epoch: int) -> None:
        self._log = log
        self._writer = (partition, epoch)

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Writer.append`."""
        return await self._log.append_as(appends, self._writer)
