"""What partitions said to each other, after topics were restored: every message that was sent is there, and no other.

Rule: the SENT events of a sender are the truth; all of them are read, as nothing less can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from engine.core.faults import InconsistentLog
from engine.core.head import RECEIVED
from engine.core.ports import EVENTS, INTERNAL, Clock, Log
from engine.core.record import EVENT
from engine.core.state import State
from engine.records.partition_message import PartitionMessage

from .codec import Codec, Reader, Undecodable
from .reading import entries_of

#: Seconds until a difference is looked at again: what one append put on several partitions is seen on one of them
#: sooner than on another, by as long as the brokers take to end a transaction.
SETTLING_SECONDS = (1.0, 4.0, 10.0)

#: In the bytes of every SENT event.
_SENT = b"SENT"


async def check_messages(log: Log, codec: Codec, state: State, receiver: int, begin: int, clock: Clock) -> None:
    """Compare what others sent to this partition with what it received, and has on `internal` from `begin` on.

    Others may go on meanwhile: what differs is looked at again before it is believed. Raises InconsistentLog.
    """
    for pause in SETTLING_SECONDS:
        if not await _difference(log, codec, state, receiver, begin):
            return
        await clock.sleep(pause)
    if problem := await _difference(log, codec, state, receiver, begin):
        raise InconsistentLog(problem)


async def _difference(log: Log, codec: Codec, state: State, receiver: int, begin: int) -> str:
    """What differs; empty if nothing does."""
    senders = [number for number in range(1, log.partition_count + 1) if number != receiver]
    reached = await _reached(log, codec, state, receiver, begin)
    sent = {sender: await _last_sent(log, codec, sender, receiver) for sender in senders}
    later = await _reached(log, codec, state, receiver, begin)
    for sender, last in sent.items():
        if last is None:
            continue
        if reached.get(sender, 0) > last:
            return (
                f"expected the events of partition {sender} to say that it sent message {reached[sender]} to partition "
                f"{receiver}, which has it on {INTERNAL}; got {last} as the last: the end of events of partition "
                f"{sender} is missing; restore all topics from copies that belong together"
            )
        if later.get(sender, 0) < last:
            return (
                f"expected messages {later.get(sender, 0) + 1} to {last} from partition {sender} on {INTERNAL} of "
                f"partition {receiver}, got none; run `retold repair messages`, which takes them from the events of "
                f"partition {sender}, then start again"
            )
    return ""


async def _reached(log: Log, codec: Codec, state: State, receiver: int, begin: int) -> Mapping[int, int]:
    """Sender -> the last number up to which the receiver has all messages, or will meet them in order."""
    reader = Reader(codec)
    reached = {sender: state.get(RECEIVED, sender) or 0 for sender in range(1, log.partition_count + 1)}
    await log.end(INTERNAL, receiver)
    async for entry in entries_of(log, INTERNAL, receiver, begin):
        try:
            step = reader.decode(entry.value).step
        except Undecodable:
            continue
        if step.sender_partition in reached and step.sender_number == reached[step.sender_partition] + 1:
            reached[step.sender_partition] += 1
    return reached


async def _last_sent(log: Log, codec: Codec, sender: int, receiver: int) -> int | None:
    """The number of the last message; None if those events are gone that could tell."""
    reader = Reader(codec)
    last, first_position = 0, 0
    await log.end(EVENTS, sender)
    async for entry in entries_of(log, EVENTS, sender):
        if first_position and _SENT not in entry.value:
            continue
        record = reader.decode(entry.value)
        first_position = first_position or record.position
        if record.value_type == "PARTITION_MESSAGE" and record.record_type == EVENT:
            value = cast(PartitionMessage, record.value)
            if value.receiver_partition == receiver:
                last = value.number
    return None if not last and first_position != 1 else last
