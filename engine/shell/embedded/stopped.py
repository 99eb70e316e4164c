"""The embedded log of a stopped engine, to be read only: what an auditor works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.core.faults import Unavailable
from engine.core.ports import Append, Page, Place, Writer
from engine.shell.appends import check_place
from engine.shell.directory_lock import DirectoryLock
from engine.shell.embedded.check import probe
from engine.shell.embedded.environment import log_directory
from engine.shell.embedded.reader import LogReader


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


def _read_only() -> Unavailable:
    return Unavailable("expected a running log, got a stopped one; nothing was appended; start the engine")
