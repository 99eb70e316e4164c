"""What partitions say to each other: the SENT events of a sender and the messages on the receiver's `internal`.

Each side is counted and hashed where it is read; only where both differ is the first difference looked for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import cast

from msgspec import Struct

from engine.core.ports import EVENTS, INTERNAL
from engine.core.record import EVENT, Record
from engine.records.partition_message import PartitionMessage
from engine.shell.codec import Codec

from .entries import records_of
from .ports import LogReading
from .report import Check

SENT = "PARTITION_MESSAGE"

#: number and bytes of a message
Message = tuple[int, bytes]


class Tally(Struct):
    """Messages of one partition to another so far: how many, and the hash of all of them."""

    count: int = 0
    digest: bytes = b""

    def add(self, number: int, data: bytes) -> None:
        self.count += 1
        self.digest = sha256(self.digest + number.to_bytes(8, "big") + data).digest()


#: the other partition -> messages to it, or from it
Tallies = Mapping[int, Tally]


class Mailbox:
    """The messages of one partition, in both directions."""

    def __init__(self) -> None:
        self.sent: dict[int, Tally] = {}
        self.received: dict[int, Tally] = {}

    def send(self, record: Record) -> None:
        """A SENT event."""
        value = cast(PartitionMessage, record.value)
        self.sent.setdefault(value.receiver_partition, Tally()).add(value.number, value.message)

    def receive(self, command: Record, data: bytes) -> None:
        """A command on `internal`; only those from another partition count, and none that lies behind a gap.

        The receiver does not take such a one: it comes again behind the repair.
        """
        step = command.step
        if step.sender_partition:
            tally = self.received.setdefault(step.sender_partition, Tally())
            if step.sender_number <= tally.count + 1:
                tally.add(step.sender_number, data)


async def compare(
    check: Check, log: LogReading, codec: Codec, sent: Mapping[int, Tallies], received: Mapping[int, Tallies]
) -> None:
    """Compare what every partition sent with what arrived. `sent` by sender, `received` by receiver."""
    pairs = {(sender, receiver) for sender, tallies in sent.items() for receiver in tallies}
    pairs |= {(sender, receiver) for receiver, tallies in received.items() for sender in tallies}
    for sender, receiver in sorted(pairs):
        told = sent.get(sender, {}).get(receiver, Tally())
        arrived = received.get(receiver, {}).get(sender, Tally())
        check.count("messages", told.count)
        if told != arrived:
            difference = await _first_difference(log, codec, sender, receiver)
            check.fail(f"messages from partition {sender} to {receiver}: {difference}", receiver)


async def _first_difference(log: LogReading, codec: Codec, sender: int, receiver: int) -> str:
    sent = sent_messages(log, codec, sender, receiver)
    arrived = _arrived(log, codec, sender, receiver)
    while True:
        told, got = await anext(sent, None), await anext(arrived, None)
        if told is None and got is None:
            return "the numbers differ, but no message does"
        if told is None or (got is not None and got[0] < told[0]):
            return f"message {got[0] if got else 0} on {INTERNAL} was not sent, or is there twice"
        if got is None or got[0] > told[0]:
            return f"message {told[0]} was sent but is not on {INTERNAL} of partition {receiver}"
        if told[1] != got[1]:
            return f"message {told[0]} is not what was sent"


async def sent_messages(log: LogReading, codec: Codec, sender: int, receiver: int) -> AsyncIterator[Message]:
    """What the SENT events of a partition say that it sent to another, in order."""
    async for _, record in records_of(log, codec, EVENTS, sender):
        if record.value_type == SENT and record.record_type == EVENT:
            value = cast(PartitionMessage, record.value)
            if value.receiver_partition == receiver:
                yield value.number, value.message


async def _arrived(log: LogReading, codec: Codec, sender: int, receiver: int) -> AsyncIterator[Message]:
    async for entry, record in records_of(log, codec, INTERNAL, receiver):
        if record.step.sender_partition == sender:
            yield record.step.sender_number, entry.value
