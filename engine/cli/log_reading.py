"""Reading a data directory's log through the Log port: the partitions merged in the order of time."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from msgspec import Struct

from engine.core.faults import Unavailable
from engine.core.ports import TOPICS, Entry, Log
from engine.core.record import Record
from engine.shell.codec import Codec, Undecodable
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.embedded.environment import log_directory
from engine.shell.embedded.stopped import StoppedLog

from .faults import CommandFailed, UsageFault

#: How long the log of a running engine may take to answer.
OPEN_SECONDS = 5.0


class Selection(Struct, frozen=True, kw_only=True):
    """Which part of the log. `partitions`: None for all; `tail`: only the last so many of each; `follow`: no end."""

    topic: str = "events"
    partitions: Sequence[int] | None = None
    tail: int | None = None
    follow: bool = False


class Found(Struct, frozen=True, kw_only=True):
    """A record with its place; without a record, `problem` says why it cannot be read."""

    partition: int
    entry: Entry
    record: Record | None = None
    problem: str = ""


async def open_log(data: Path) -> Log:
    """The log of a stopped or running engine. Raises CommandFailed when there is none, RetoldError when it is bad."""
    if not log_directory(data).is_dir():
        raise CommandFailed(f"expected a data directory of an engine, got {data}; name another with --data")
    try:
        return StoppedLog(data)
    except Unavailable:
        return await EmbeddedLog.open(data, timeout=OPEN_SECONDS)


async def read_records(log: Log, codec: Codec, selection: Selection) -> AsyncIterator[Found]:
    """The records in the order of time; after the last one waits for more when following. Raises UsageFault."""
    topic = selection.topic
    if topic not in TOPICS:
        raise UsageFault(f"--topic: expected one of {', '.join(TOPICS)}, got {topic}")
    offsets = await _first_offsets(log, selection)
    pages: dict[int, deque[Entry]] = {partition: deque() for partition in offsets}
    while True:
        for partition, entries in pages.items():
            if not entries:
                page = await log.read(topic, partition, offsets[partition])
                entries.extend(page.entries)
                offsets[partition] = page.next_offset
        filled = [partition for partition, entries in pages.items() if entries]
        if filled:
            first = min(filled, key=lambda partition: (pages[partition][0].timestamp, partition))
            yield _decode(codec, first, pages[first].popleft())
        elif selection.follow:
            await log.wait({(topic, partition): offset for partition, offset in offsets.items()})
        else:
            return


async def _first_offsets(log: Log, selection: Selection) -> dict[int, int]:
    known = range(1, log.partition_count + 1)
    partitions = sorted(set(selection.partitions or known))
    unknown = [partition for partition in partitions if partition not in known]
    if unknown:
        raise UsageFault(f"--partition: expected 1 to {log.partition_count}, got {unknown[0]}")
    if selection.tail is None:
        return dict.fromkeys(partitions, 0)
    return {partition: max(0, await log.end(selection.topic, partition) - selection.tail) for partition in partitions}


def _decode(codec: Codec, partition: int, entry: Entry) -> Found:
    try:
        return Found(partition=partition, entry=entry, record=codec.decode(entry.value))
    except Undecodable as error:
        return Found(partition=partition, entry=entry, problem=str(error))
