"""The values of all processes of an installation: each serves its own at a socket, and whoever is asked asks them all.

A thread serves, so that a process answers while it recovers or works on a long step; nobody works while nobody asks.
Rule: asking is bounded in time and bytes, and a process that does not answer is named.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engine.core.faults import RetoldError, Unavailable
from engine.shell.embedded.socket_path import SocketPath, read_socket_path

from .metrics import UP
from .registry import Sample

#: Seconds that a process has to answer.
ANSWER_TIMEOUT = 1.0
#: Bytes of a process's values: far above what the bounded names of the table can make.
ANSWER_SIZE_MAX = 16 << 20

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Sample]).decode


def path_file(data: Path, process: str) -> Path:
    """The file that tells where the values of a process are served."""
    return data / "run" / f"{process}-metrics.path"


class MetricsServer:
    """Serves the values of this process until it ends."""

    def __init__(self, data: Path, process: str, snapshot: Callable[[], Sequence[Sample]]) -> None:
        """Raises Unavailable when there is no place for the socket."""
        self._snapshot = snapshot
        file = path_file(data, process)
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path = SocketPath(file)
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(str(self._path.path))
            self._path.path.chmod(0o600)
            self._listener.listen()
            self._path.announce()
        except OSError as error:
            raise Unavailable(f"expected to serve metrics in {file.parent}, got: {error}; make room for it") from error
        threading.Thread(target=self._serve, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Take the socket away."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, which closing would not
        self._listener.close()
        self._path.remove()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(ANSWER_TIMEOUT)
                try:
                    connection.sendall(_encode(self._snapshot()))
                except OSError:
                    continue  # who asked has gone


async def gather(data: Path, processes: Sequence[str], *, timeout: float = ANSWER_TIMEOUT) -> list[Sample]:
    """The values of these processes, and which of them told any within `timeout` seconds."""
    answers = await asyncio.gather(*(_ask(data, process, timeout) for process in processes))
    up = [((process,), float(answer is not None)) for process, answer in zip(processes, answers, strict=True)]
    told = [sample for answer in answers if answer is not None for sample in answer]
    return [Sample(name=UP.name, values=up), *told]


async def _ask(data: Path, process: str, timeout: float) -> list[Sample] | None:
    path = read_socket_path(path_file(data, process))
    if path is None:
        return None
    try:
        async with asyncio.timeout(timeout):
            return _decode(await _read(path))
    except (OSError, TimeoutError, RetoldError, msgspec.DecodeError):
        return None


async def _read(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        answer = bytearray()
        while chunk := await reader.read(1 << 20):
            answer += chunk
            if len(answer) > ANSWER_SIZE_MAX:
                raise Unavailable(f"expected at most {ANSWER_SIZE_MAX} bytes of metrics, got more")
        return bytes(answer)
    finally:
        writer.close()
