"""Where a log lies that an audit reads: named once by the composition root, and opened in every process of the audit.

A source travels by pickle. Rule: it holds nothing open by itself; what it opens is closed at the end of a block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from engine.core.faults import CorruptedLog
from engine.core.ports import INPUTS, INTERNAL, TOPICS, Append, Page
from engine.shell.codec import SchemaIds
from engine.shell.embedded.check import check as check_files
from engine.shell.embedded.reader import LogReader
from engine.shell.embedded.stopped import append_stopped

from .cut import Cut, OpenLog
from .report import LOG, Check, CheckReport
from .stopped import hold_log


class LogSource(Protocol):
    """A log that is audited. It may be named in any process; it travels by pickle."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def schema_ids(self) -> SchemaIds | None:
        """Those of its records if they are in Confluent's framing."""

    @property
    def may_grow(self) -> bool:
        """Whether engines may write it while it is read."""

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep its engine away. Raises Unavailable when one runs, or when there is no log; CorruptedLog."""

    @contextmanager
    def cut(self) -> Iterator[Cut]:
        """Up to where it is read; it does not lose what lies below meanwhile.

        Raises Unavailable when there is no log, or when its engine runs and it may not grow; CorruptedLog.
        """

    def check(self, cut: Cut) -> CheckReport:
        """The check `log`: all of it, as far as that needs no codec. Raises Unavailable."""

    @asynccontextmanager
    def open(self, cut: Cut | None = None) -> AsyncIterator[OpenLog]:
        """Read what lies below the cut, or all that is there now, in any process. Raises Unavailable."""

    def append(self, appends: Sequence[Append]) -> None:
        """Append all or nothing to the log of a stopped engine, outside of `hold`: for repairs. Raises Unavailable."""


class EmbeddedSource(Struct, frozen=True):
    """The embedded log of a data directory."""

    data_directory: Path
    schema_ids: SchemaIds | None = None
    may_grow: bool = False

    @property
    def name(self) -> str:
        return str(self.data_directory)

    @contextmanager
    def hold(self) -> Iterator[None]:
        with hold_log(self.data_directory):
            yield

    @contextmanager
    def cut(self) -> Iterator[Cut]:
        with self.hold():
            yield asyncio.run(self._ends())

    async def _ends(self) -> Cut:
        async with self.open() as log:
            numbers = range(1, log.partition_count + 1)
            ends = {(topic, n): await log.end(topic, n) for topic in TOPICS for n in numbers}
        return Cut(ends, {number: ends[INTERNAL, number] for number in numbers})

    def check(self, cut: Cut) -> CheckReport:  # noqa: ARG002
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
    async def open(self, cut: Cut | None = None) -> AsyncIterator[OpenLog]:  # noqa: ARG002
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
        self.inputs: Sequence[str] = INPUTS

    async def read(self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20) -> Page:
        """As `Log.read`."""
        place = (topic, partition)
        return self._reader.read(place, offset, self._reader.end(place), size_max)

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""
        return self._reader.end((topic, partition))

    def close(self) -> None:
        self._reader.close()
