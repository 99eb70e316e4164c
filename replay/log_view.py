"""The embedded log of a stopped engine as a process reads it whose parent keeps the engine away."""

from __future__ import annotations

from pathlib import Path

from engine.core.ports import Page
from engine.shell.embedded.reader import LogReader


class LogView:
    """An embedded log without its lock, which the parent process holds."""

    def __init__(self, data_directory: Path) -> None:
        self._reader = LogReader(data_directory)
        self.partition_count = self._reader.partition_count

    async def read(self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20) -> Page:
        """As `Log.read`."""
        place = (topic, partition)
        return self._reader.read(place, offset, self._reader.end(place), size_max)

    def close(self) -> None:
        self._reader.close()
