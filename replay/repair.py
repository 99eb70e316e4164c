"""Repairs a gap in the messages between partitions of a stopped engine, from the SENT events (design law 7).

A receiver that meets a gap has stopped. What was sent from the first missing message on is appended to its `internal`
again, in order; once it is there, the receiver passes over the messages that lie behind the gap, because they come
again. Rule: only appends, and only bytes that a SENT event has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from engine.assembly import Assembly
from engine.core.ports import EVENTS, INTERNAL, Append, Message
from engine.core.record import NONE, Record
from engine.shell.codec import Codec

from .entries import records_of
from .messages import sent_messages
from .ports import LogReading
from .sources import LogSource


class Gap(Struct, frozen=True, kw_only=True):
    """Messages from `sender` that `receiver` cannot reach: from the number `first` on, in order, as they were sent."""

    sender: int
    receiver: int
    first: int
    messages: Sequence[bytes]


def find_and_repair(source: LogSource, *, only_look: bool) -> list[Gap]:
    """Repair a log; gives what was missing. Raises Unavailable while its engine runs."""
    with source.hold():
        gaps = asyncio.run(_find(source))
    if gaps and not only_look:
        source.append(
            [
                Append(topic=INTERNAL, partition=gap.receiver, messages=[Message(value=data) for data in gap.messages])
                for gap in gaps
            ]
        )
    return gaps


async def _find(source: LogSource) -> list[Gap]:
    async with source.open() as log:
        return await find_gaps(log, Assembly(source.schema_ids).codec)


async def find_gaps(log: LogReading, codec: Codec) -> list[Gap]:
    """What is missing on the `internal` of every partition."""
    numbers = range(1, log.partition_count + 1)
    gaps = []
    for receiver in numbers:
        reached = await _reached(log, codec, receiver)
        for sender in numbers:
            first = reached.get(sender, 0) + 1
            told = [data async for number, data in sent_messages(log, codec, sender, receiver) if number >= first]
            if told:
                gaps.append(Gap(sender=sender, receiver=receiver, first=first, messages=told))
    return gaps


async def _reached(log: LogReading, codec: Codec, receiver: int) -> dict[int, int]:
    """Sender -> the last number up to which the receiver has all messages, or will meet them in order."""
    reached: dict[int, int] = {}
    processed = NONE
    async for _, record in records_of(log, codec, EVENTS, receiver):
        if record.step.source_input == INTERNAL:
            processed = record.step.source_offset
            _count(reached, record)
    async for entry, record in records_of(log, codec, INTERNAL, receiver):
        if entry.offset > processed:
            _count(reached, record)
    return reached


def _count(reached: dict[int, int], record: Record) -> None:
    sender, number = record.step.sender_partition, record.step.sender_number
    if sender and number == reached.get(sender, 0) + 1:
        reached[sender] = number
