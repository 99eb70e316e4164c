"""Where an audit ends: an offset of every place of a log that may grow meanwhile, so taken that the places fit.

What a step names as its source lies below the end of its input, and so does every message that a step below the end of
`events` has sent. The other way round a message may lie below the end of `internal` while its step does not: it is in
flight. But every message below `settled` was sent by a step that the audit sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec
from msgspec import Struct

from engine.core.ports import EVENTS, Page, Place

from .ports import LogReading


class OpenLog(LogReading, Protocol):
    """A log that was opened. Raises Unavailable, CorruptedLog."""

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""


class Cut(Struct, frozen=True):
    """`ends` by place; `settled`: of the `internal` of each partition."""

    ends: Mapping[Place, int]
    settled: Mapping[int, int]

    @property
    def partition_count(self) -> int:
        return len(self.settled)

    @property
    def events(self) -> int:
        """About how many records lie on `events` up to here."""
        return sum(end for (topic, _), end in self.ends.items() if topic == EVENTS)


class CutLog:
    """A log up to a cut."""

    def __init__(self, log: OpenLog, cut: Cut) -> None:
        self.partition_count = log.partition_count
        self.inputs = log.inputs
        self._log = log
        self._cut = cut

    async def read(self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20) -> Page:
        """As `Log.read`."""
        end = self._cut.ends[topic, partition]
        page = await self._log.read(topic, partition, offset, size_max=size_max)
        if page.next_offset <= end:
            return page
        entries = [entry for entry in page.entries if entry.offset < end]
        return msgspec.structs.replace(page, entries=entries, next_offset=max(offset, end))

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`."""
        return self._cut.ends[topic, partition]
