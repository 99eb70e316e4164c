"""The process that writes the embedded log: `python -m engine.shell.embedded.server --data DIR --partitions P`.

It takes requests from a Unix socket, commits all that wait in one transaction (group commit), answers after the fsync,
and pushes new ends to who follows a place. A thread commits, so the loop goes on taking requests. Rule: nothing is
answered or pushed before it is durable. Must not decode what it stores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, cast

import msgspec

from engine.core.faults import AppendUnknown, BadRequest, RetoldError
from engine.core.ports import Place
from engine.shell.clock import SystemClock
from engine.shell.directory_lock import DirectoryLock
from engine.shell.embedded.check import probe
from engine.shell.embedded.environment import log_directory, socket_file
from engine.shell.embedded.socket_path import SocketPath
from engine.shell.embedded.storage import MAP_SIZE, LogStorage
from engine.shell.embedded.wire import (
    Answer,
    AppendRequest,
    FollowRequest,
    FrameBuffer,
    Moved,
    Refusal,
    Welcome,
    WriterRequest,
    decode_request,
    encode_frame,
)

#: A connection with more bytes than this waiting for a commit is not read from.
WAITING_SIZE_MAX = 16 << 20

#: One transaction takes no further request once it holds this many bytes, so that no append waits for long.
GROUP_SIZE_MAX = 16 << 20


class Measures(Protocol):
    """Is told of each transaction, and what can be asked at any time in any thread."""

    def started(self, waiting: Callable[[], int], size: Callable[[], int]) -> None:
        """`waiting`: appends that wait for a transaction; `size`: bytes of the log, raises Unavailable."""

    def committed(self, counts: Mapping[Place, int], seconds: float) -> None:
        """`counts`: messages by place."""


class LogServer:
    """Serves one LogStorage to connections until it is told to stop."""

    def __init__(self, storage: LogStorage, partition_count: int, measures: Measures | None = None) -> None:
        self.partition_count = partition_count
        self._storage = storage
        self._ends: dict[Place, int] = dict(storage.ends)
        self._connections: set[Connection] = set()
        self._waiting: list[tuple[Connection, AppendRequest | WriterRequest, int]] = []
        self._arrived = asyncio.Event()
        self._stopping = False
        self._measures = measures
        if measures is not None:
            measures.started(lambda: len(self._waiting), storage.size)

    async def serve(self, socket_path: Path, listening: Callable[[], None]) -> None:
        """Serve until `stop`, then finish what was received. Raises what made the log unusable."""
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: Connection(self), str(socket_path))
        socket_path.chmod(0o600)
        listening()
        try:
            await self._commit_all()
        finally:
            server.close()
            for connection in tuple(self._connections):
                connection.close()

    def stop(self) -> None:
        """Take nothing new; `serve` returns when the rest is done."""
        self._stopping = True
        self._arrived.set()

    def opened(self, connection: Connection) -> None:
        """A client came."""
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """A client went; what it asked for is still done, and what it was reading when killed is let go."""
        self._connections.discard(connection)
        self._storage.release_dead_readers()

    def take(self, connection: Connection, request: AppendRequest | WriterRequest, size: int) -> None:
        """Let a request wait for the next transaction."""
        if not self._stopping:
            self._waiting.append((connection, request, size))
            self._arrived.set()

    def end(self, place: Place) -> int:
        """The durable end of a place. Raises BadRequest for an unknown one."""
        if place not in self._ends:
            raise BadRequest(f"expected a place of this log, got {place[0]}/{place[1]}; name another")
        return self._ends[place]

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "commit") as thread:
            while True:
                await self._arrived.wait()
                group = self._next_group()
                if group:
                    try:
                        requests = [request for _, request, _ in group]
                        began = time.monotonic()
                        committed = await loop.run_in_executor(thread, self._storage.commit, requests)
                        self._measure(committed.moved, time.monotonic() - began)
                    except BaseException:
                        self._answer(group, [AppendUnknown()] * len(group), {})
                        raise
                    self._answer(group, committed.outcomes, committed.moved)
                elif self._stopping:
                    return

    def _measure(self, moved: Mapping[Place, int], seconds: float) -> None:
        """Before the new ends are known as such: what lies between is what was appended."""
        if self._measures is not None:
            self._measures.committed({place: end - self._ends[place] for place, end in moved.items()}, seconds)

    def _next_group(self) -> list[tuple[Connection, AppendRequest | WriterRequest, int]]:
        size = count = 0
        while count < len(self._waiting) and (count == 0 or size < GROUP_SIZE_MAX):
            size += self._waiting[count][2]
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        if not self._waiting and not self._stopping:
            self._arrived.clear()
        return group

    def _answer(
        self,
        group: Sequence[tuple[Connection, AppendRequest | WriterRequest, int]],
        outcomes: Sequence[list[int] | RetoldError],
        moved: Mapping[Place, int],
    ) -> None:
        self._ends.update(moved)
        for (connection, request, size), outcome in zip(group, outcomes, strict=True):
            connection.answer(request.number, outcome, size)
        for connection in self._connections:
            connection.send(moved)


class Connection(asyncio.Protocol):
    """One client: reads requests while few wait, sends answers and new ends in one write per commit."""

    def __init__(self, server: LogServer) -> None:
        self._server = server
        self._frames = FrameBuffer()
        self._followed: set[Place] = set()
        self._unsent: dict[Place, int] = {}
        self._answers: list[bytes] = []
        self._waiting_size = 0
        self._is_reading = True
        self._is_slow = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have all of its methods without being derived from it.
        self._transport = cast("asyncio.Transport", transport)
        self._server.opened(self)
        self._transport.write(encode_frame(Welcome(self._server.partition_count)))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._server.closed(self)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.add(data):
                self._take(frame)
        except (msgspec.DecodeError, BadRequest) as error:
            print(f"a client of the log was disconnected: {error}", file=sys.stderr)  # noqa: T201
            self._transport.close()

    def pause_writing(self) -> None:
        """The client does not read: it gets the ends when it does, only the latest ones."""
        self._is_slow = True

    def resume_writing(self) -> None:
        self._is_slow = False
        self.send({})

    def answer(self, number: int, outcome: list[int] | RetoldError, size: int) -> None:
        """Have an answer sent by the next `send`."""
        if isinstance(outcome, RetoldError):
            self._answers.append(encode_frame(Refusal(number, type(outcome).__name__, outcome.message)))
        else:
            self._answers.append(encode_frame(Answer(number, outcome)))
        self._waiting_size -= size
        if not self._is_reading and self._waiting_size <= WAITING_SIZE_MAX // 2 and not self._transport.is_closing():
            self._is_reading = True
            self._transport.resume_reading()

    def send(self, moved: Mapping[Place, int]) -> None:
        """Send the ends this client follows, then the answers: who has an answer knows all ends that came before it."""
        self._unsent.update((place, end) for place, end in moved.items() if place in self._followed)
        frames, self._answers = self._answers, []
        if self._unsent and (frames or not self._is_slow):
            frames.insert(0, encode_frame(Moved([(*place, end) for place, end in self._unsent.items()])))
            self._unsent.clear()
        if frames and not self._transport.is_closing():
            self._transport.write(b"".join(frames))

    def close(self) -> None:
        """Hang up after everything is sent."""
        self._transport.close()

    def _take(self, frame: bytes) -> None:
        request = decode_request(frame)
        if isinstance(request, FollowRequest):
            self._follow(request)
            return
        self._waiting_size += len(frame)
        if self._is_reading and self._waiting_size > WAITING_SIZE_MAX:
            self._is_reading = False
            self._transport.pause_reading()
        self._server.take(self, request, len(frame))

    def _follow(self, request: FollowRequest) -> None:
        place = (request.topic, request.partition)
        try:
            self.answer(request.number, [self._server.end(place)], 0)
            self._followed.add(place)
        except BadRequest as refusal:
            self.answer(request.number, refusal, 0)
        self.send({})


async def _run(server: LogServer, socket_path: SocketPath, listening: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)

    def announce() -> None:
        socket_path.announce()
        listening()

    await server.serve(socket_path.path, announce)


def serve(
    data_directory: Path,
    partition_count: int,
    *,
    socket: Path | None = None,
    map_size: int = MAP_SIZE,
    listening: Callable[[], None] = lambda: None,
    measures: Measures | None = None,
) -> None:
    """Serve the log of a data directory until SIGTERM or SIGINT, then finish what was received and return.

    `listening` is called when clients can connect.

    Call it in a process of its own. Raises Unavailable when another process serves the directory, RetoldError for
    another partition count or format, CorruptedLog, LogFull, AppendUnknown.
    """
    os.umask(0o077)
    lock = DirectoryLock(log_directory(data_directory))
    try:
        probe(data_directory)
        storage = LogStorage(data_directory, partition_count, map_size, SystemClock())
        socket_path = SocketPath(socket_file(data_directory), socket)
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(_run(LogServer(storage, partition_count, measures), socket_path, listening))
        finally:
            socket_path.remove()
            storage.close()
    finally:
        lock.release()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def main() -> int:
    """Serve as the arguments say; 0 after a signal, 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="data directory of the installation")
    parser.add_argument("--partitions", type=int, required=True, help="partition count, fixed for the log's life")
    parser.add_argument("--socket", type=Path, help="path of the Unix socket (default: a short temporary one)")
    parser.add_argument("--map-size", type=int, default=MAP_SIZE, help="largest size of the log in bytes")
    arguments = parser.parse_args()
    try:
        serve(arguments.data, arguments.partitions, socket=arguments.socket, map_size=arguments.map_size)
    except RetoldError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
