"""Where a log lies that an audit reads: named once by the composition root, and opened in every process of the audit.

A source travels by pickle. Rule: it holds nothing open by itself; what it opens is closed at the end of a block.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from engine.core.faults import CorruptedLog
from engine.core.ports import EVENTS, Append, Page
from engine.shell.codec import SchemaIds
from engine.shell.embedded.check import check as check_files
from engine.shell.embedded.reader import LogReader
from engine.shell.embedded.stopped import append_stopped

from .ports import LogReading
from .report import LOG, Check, CheckReport
from .stopped import hold_log


class OpenLog(LogReading, Protocol):
    """A log that was opened. Raises Unavailable, CorruptedLog."""

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""


class LogSource(Protocol):
    """A log that nobody writes while `hold` lasts."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def schema_ids(self) -> SchemaIds | None:
        """Those of its records if they are in Confluent's framing."""

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep its engine away. Raises Unavailable when one runs, or when there is no log; CorruptedLog."""

    def check(self) -> CheckReport:
        """The check `log`: all of it, as far as that needs no codec. Raises Unavailable."""

    @asynccontextmanager
    def open(self) -> AsyncIterator[OpenLog]:
        """Read it, in any process, while `hold` lasts. Raises Unavailable."""

    def append(self, appends: Sequence[Append]) -> None:
        """Append all or nothing to the log of a stopped engine, outside of `hold`: for repairs. Raises Unavailable."""


class EmbeddedSource(Struct, frozen=True):
    """The embedded log of a data directory."""

    data_directory: Path
    schema_ids: SchemaIds | None = None

    @property
    def name(self) -> str:
        return str(self.data_directory)

    @contextmanager
    def hold(self) -> Iterator[None]:
        with hold_log(self.data_directory):
            yield

    def check(self) -> CheckReport:
        """Every byte, in a process that may die of it."""
        check = Check(LOG)
        try:
            whole = check_files(self.data_directory)
        except CorruptedLog as error:
            check.fail(error.message)
        else:
            check.count("places", len(whole.places))
            check.count("batches", sum(place.batch_count for place in whole.places))
            check.count("bytes", sum(place.size for place in whole.places))
        return check.report()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenLog]:
        view = EmbeddedView(self.data_directory)
        try:
            yield view
        finally:
            view.close()

    def append(self, appends: Sequence[Append]) -> None:
        reader = LogReader(self.data_directory)
        partition_count = reader.partition_count
        reader.close()
        append_stopped(self.data_directory, partition_count, appends)


class EmbeddedView:
    """An embedded log without its lock, which the process that holds the source has."""

    def __init__(self, data_directory: Path) -> None:
        self._reader = LogReader(data_directory)
        self.partition_count = self._reader.partition_count

    async def read(self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20) -> Page:
        """As `Log.read`."""
        place = (topic, partition)
        return self._reader.read(place, offset, self._reader.end(place), size_max)

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""
        return self._reader.end((topic, partition))

    def close(self) -> None:
        self._reader.close()


async def measure(source: LogSource) -> tuple[int, int]:
    """How many partitions a log has, and about how many records lie on its `events`."""
    async with source.open() as log:
        ends = [await log.end(EVENTS, number) for number in range(1, log.partition_count + 1)]
        return log.partition_count, sum(ends)
