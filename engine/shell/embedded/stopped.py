"""The embedded log of a stopped engine, to be read only: what an auditor works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import INPUTS, Append, Page, Place, Writer
from engine.shell.appends import check_appends, check_place
from engine.shell.clock import SystemClock
from engine.shell.directory_lock import DirectoryLock
from engine.shell.embedded.batches import encode_bodies
from engine.shell.embedded.check import probe
from engine.shell.embedded.environment import log_directory
from engine.shell.embedded.reader import LogReader
from engine.shell.embedded.storage import MAP_SIZE, LogStorage
from engine.shell.embedded.wire import AppendRequest, Part


class StoppedLog:
    """The Log port without a server: every append raises Unavailable. Keeps servers away until it is closed."""

    def __init__(self, data_directory: Path) -> None:
        """Raises Unavailable when there is no log or a server runs, CorruptedLog, RetoldError for another format."""
        if not log_directory(data_directory).is_dir():
            raise Unavailable(f"expected a log in {log_directory(data_directory)}, got none; name another directory")
        self._lock = DirectoryLock(log_directory(data_directory))
        try:
            probe(data_directory)
            self._reader = LogReader(data_directory)
        except BaseException:
            self._lock.release()
            raise
        self.partition_count = self._reader.partition_count
        self.inputs: Sequence[str] = INPUTS
        self._closed = False

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:  # noqa: ARG002
        """Raises Unavailable."""
        raise _read_only()

    async def writer(self, partition: int) -> Writer:  # noqa: ARG002
        """Raises Unavailable."""
        raise _read_only()

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """As `Log.read`."""
        end = await self.end(topic, partition)
        page = self._reader.read((topic, partition), offset, end, size_max, headed_only)
        while not page.entries and page.next_offset < end:
            page = self._reader.read((topic, partition), page.next_offset, end, size_max, headed_only)
        return page

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""
        check_place(topic, partition, self.partition_count)
        if self._closed:
            raise Unavailable("the log is closed; open it again")
        return self._reader.end((topic, partition))

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        """Whether some place reaches beyond its offset now. Raises Unavailable rather than wait for ever."""
        for (topic, partition), offset in places.items():
            if await self.end(topic, partition) > offset:
                return True
        if timeout is None:
            raise Unavailable("expected a running log to wait for, got a stopped one; start the engine")
        return False

    async def close(self) -> None:
        """As `Log.close`."""
        if not self._closed:
            self._closed = True
            self._reader.close()
            self._lock.release()


def append_stopped(data_directory: Path, partition_count: int, appends: Sequence[Append]) -> None:
    """Append all or nothing to the log of a stopped engine: for repairs. Raises Unavailable while it runs, LogFull."""
    check_appends(appends, partition_count)
    lock = DirectoryLock(log_directory(data_directory))
    try:
        storage = LogStorage(data_directory, partition_count, MAP_SIZE, SystemClock())
        try:
            parts = [Part(append.topic, append.partition, encode_bodies(append.messages)) for append in appends]
            (outcome,) = storage.commit([AppendRequest(0, None, parts)]).outcomes
            if isinstance(outcome, RetoldError):
                raise outcome
        finally:
            storage.close()
    finally:
        lock.release()


def _read_only() -> Unavailable:
    return Unavailable("expected a running log, got a stopped one; nothing was appended; start the engine")
