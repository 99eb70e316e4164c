"""Reading an installation's log through the Log port: the partitions merged in the order of time."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence

from msgspec import Struct

from engine.config import Settings
from engine.core.faults import Unavailable
from engine.core.ports import TOPICS, Entry, Log
from engine.core.record import Record
from engine.shell.codec import Codec, Undecodable
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.embedded.environment import log_directory
from engine.shell.embedded.stopped import StoppedLog
from engine.shell.reading import read_on

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


async def open_log(settings: Settings) -> Log:
    """The log of a stopped or running engine. Raises CommandFailed when there is none, RetoldError when it is bad."""
    if settings.kafka.bootstrap_servers:
        from replay import kafka

        return await kafka.open_log(settings.kafka.connection())
    if not log_directory(settings.data).is_dir():
        raise CommandFailed(f"expected a data directory of an engine, got {settings.data}; name another with --data")
    try:
        return StoppedLog(settings.data)
    except Unavailable:
        return await EmbeddedLog.open(settings.data, timeout=OPEN_SECONDS)


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
                page = await read_on(log, topic, partition, offsets[partition])
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
    return {partition: await _tail(log, selection.topic, partition, selection.tail) for partition in partitions}


async def _tail(log: Log, topic: str, partition: int, count: int) -> int:
    """Where the last `count` entries begin: further from the end than that where offsets have gaps."""
    end = await log.end(topic, partition)
    distance = count
    while True:
        start = max(0, end - distance)
        found: deque[int] = deque(maxlen=count)
        found.extend([entry.offset async for entry in _entries(log, topic, partition, start, end)])
        if len(found) == count or start == 0:
            return found[0] if found else end
        distance *= 2


async def _entries(log: Log, topic: str, partition: int, offset: int, end: int) -> AsyncIterator[Entry]:
    """What lies between two offsets."""
    while offset < end:
        page = await read_on(log, topic, partition, offset)
        if not page.entries:
            return
        for entry in page.entries:
            yield entry
        offset = page.next_offset


def _decode(codec: Codec, partition: int, entry: Entry) -> Found:
    try:
        return Found(partition=partition, entry=entry, record=codec.decode(entry.value))
    except Undecodable as error:
        return Found(partition=partition, entry=entry, problem=str(error))
