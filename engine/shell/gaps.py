"""Messages of another partition that come with too high a number (design law 7): lost before, sent again, or forged.

Rule: the sender's SENT events are the truth. Only looks at the log; what follows from it, the runner does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from engine.core.faults import LogTruncated, MessageGap
from engine.core.ports import EVENTS, INTERNAL, Clock, Entry, Log
from engine.core.record import EVENT
from engine.records.partition_message import PartitionMessage

from .codec import Codec, Reader, Undecodable
from .reading import READ_SIZE_MAX

#: What one append has put on several partitions can be read on one of them sooner than on another, by less than this.
SETTLING_SECONDS = 1.0

#: In the bytes of every SENT event.
_SENT = b"SENT"


async def is_repaired(log: Log, codec: Codec, receiver: int, gap: MessageGap, offset: int) -> bool:
    """Whether the missing message and the one at this offset come again beyond it, so that it is passed over."""
    reader = Reader(codec)
    missing = {gap.expected, gap.number}
    while (page := await log.read(INTERNAL, receiver, offset + 1)).entries:
        offset = page.next_offset - 1
        for entry in page.entries:
            try:
                step = reader.decode(entry.value).step
            except Undecodable:
                continue
            if step.sender_partition == gap.sender:
                missing.discard(step.sender_number)
        if not missing:
            return True
    return False


async def is_forged(log: Log, codec: Codec, receiver: int, gap: MessageGap, clock: Clock) -> bool:
    """Whether the partition that the message names never sent one with this number; False if that cannot be known.

    Reads all of the sender's events, while the receiver stands still: as long as a replay of them.
    """
    reader = Reader(codec)
    offset, deadline = 0, None
    while deadline is None or clock.monotonic() < deadline:
        try:
            page = await log.read(EVENTS, gap.sender, offset, size_max=READ_SIZE_MAX)
        except LogTruncated:
            return False
        offset = page.next_offset
        if _has_sent(reader, page.entries, receiver, gap.number):
            return False
        if not page.entries:
            deadline = deadline or clock.monotonic() + SETTLING_SECONDS
            if not await log.wait({(EVENTS, gap.sender): offset}, deadline - clock.monotonic()):
                return True
    return True


def _has_sent(reader: Reader, entries: Iterable[Entry], receiver: int, number: int) -> bool:
    for entry in entries:
        if _SENT not in entry.value:
            continue
        record = reader.decode(entry.value)
        if record.value_type == "PARTITION_MESSAGE" and record.record_type == EVENT:
            value = cast(PartitionMessage, record.value)
            if value.receiver_partition == receiver and value.number >= number:
                return True
    return False
