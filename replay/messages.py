"""What partitions say to each other: the SENT events of a sender and the messages on the receiver's `internal`.

Each side is numbered and hashed where it is read, 32 bytes a message; then both rows of hashes are compared where they
overlap. Rule: what lies before the beginning of a log, or behind a cut, is counted and is no difference.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import cast

from msgspec import Struct, field

from engine.core.ports import EVENTS, INTERNAL
from engine.core.record import EVENT, Record
from engine.records.partition_message import PartitionMessage
from engine.shell.codec import Codec

from .entries import records_of
from .ports import LogReading
from .report import Check

SENT = "PARTITION_MESSAGE"
HASH_SIZE = 32

#: number and bytes of a message
Message = tuple[int, bytes]


class Tally(Struct):
    """Messages of one partition to another: the number of the first that is known (0: of none), and all hashes.

    `settled`: number of the last one of which the sender's event must be there as well. `problem`: what is wrong with
    the numbers.
    """

    first: int = 1
    settled: int = 0
    problem: str = ""
    digests: bytearray = field(default_factory=bytearray)

    @property
    def last(self) -> int:
        return self.first - 1 + len(self.digests) // HASH_SIZE

    def add(self, number: int, data: bytes) -> None:
        """The next message; of one that is not the next, the first is a problem."""
        self.first = self.first or number
        if number == self.last + 1:
            self.digests += sha256(data).digest()

    def part(self, first: int, last: int) -> bytes:
        """The hashes of these numbers."""
        return bytes(self.digests[(first - self.first) * HASH_SIZE : (last - self.first + 1) * HASH_SIZE])


class Tallies(Struct, frozen=True):
    """Of one partition: the other partition -> messages to it, or from it. `is_late`: the first ones are not known."""

    is_late: bool = False
    others: dict[int, Tally] = {}

    def of(self, other: int) -> Tally:
        """Those that are known; an empty row for a partition without any."""
        return self.others.get(other) or Tally(first=0 if self.is_late else 1)


class Mailbox:
    """The messages of one partition, in both directions."""

    def __init__(self) -> None:
        self.sent = Tallies()
        self.received = Tallies()

    def send(self, record: Record) -> None:
        """A SENT event."""
        value = cast(PartitionMessage, record.value)
        tally = _tally(self.sent, value.receiver_partition)
        if tally.first and value.number != tally.last + 1 and not tally.problem:
            tally.problem = f"expected an event that message {tally.last + 1} was sent, got that of {value.number}"
        tally.add(value.number, value.message)

    def receive(self, command: Record, data: bytes, *, is_settled: bool = True) -> None:
        """A command on `internal`; only those from another partition count, and none that lies behind a gap.

        The receiver does not take such a one: it comes again behind the repair.
        """
        step = command.step
        if not step.sender_partition:
            return
        tally = _tally(self.received, step.sender_partition)
        if tally.first and step.sender_number <= tally.last and not tally.problem:
            tally.problem = f"message {step.sender_number} on {INTERNAL} was not sent, or is there twice"
        tally.add(step.sender_number, data)
        if is_settled:
            tally.settled = tally.last

    def has_last(self, command: Record) -> bool:
        """Whether this message, which was given to `receive`, is the last one that the receiver takes so far."""
        return command.step.sender_number == self.received.of(command.step.sender_partition).last


def _tally(tallies: Tallies, other: int) -> Tally:
    return tallies.others.setdefault(other, tallies.of(other))


def compare(check: Check, sent: Mapping[int, Tallies], received: Mapping[int, Tallies]) -> None:
    """Compare what every partition sent with what arrived. `sent` by sender, `received` by receiver."""
    pairs = {(sender, receiver) for sender, tallies in sent.items() for receiver in tallies.others}
    pairs |= {(sender, receiver) for receiver, tallies in received.items() for sender in tallies.others}
    for sender, receiver in sorted(pairs):
        told = sent[sender].of(receiver) if sender in sent else Tally()
        arrived = received[receiver].of(sender) if receiver in received else Tally()
        difference = _compare(check, told, arrived, receiver)
        if difference:
            check.fail(f"messages from partition {sender} to {receiver}: {difference}", receiver)


def _compare(check: Check, told: Tally, arrived: Tally, receiver: int) -> str:
    """The first difference; counts what was compared, and what could not be."""
    if told.problem or arrived.problem:
        return told.problem or arrived.problem
    first, last = max(told.first, arrived.first), min(told.last, arrived.last)
    if not told.first or not arrived.first:
        _count(check, "messages with one end before the beginning", max(told.last, arrived.last))
        return ""
    _count(check, "messages", last - first + 1)
    _count(check, "messages with one end before the beginning", first - min(told.first, arrived.first))
    expected, got = told.part(first, last), arrived.part(first, last)
    if expected != got:
        index = next(i for i in range(0, len(expected), HASH_SIZE) if expected[i:][:HASH_SIZE] != got[i:][:HASH_SIZE])
        return f"message {first + index // HASH_SIZE} is not what was sent"
    if told.last > arrived.last:
        return f"message {arrived.last + 1} was sent but is not on {INTERNAL} of partition {receiver}"
    if arrived.settled > told.last:
        return f"message {told.last + 1} on {INTERNAL} was not sent, or is there twice"
    _count(check, "messages in flight", arrived.last - told.last)
    return ""


def _count(check: Check, name: str, number: int) -> None:
    if number > 0 or name == "messages":
        check.count(name, max(number, 0))


async def sent_messages(log: LogReading, codec: Codec, sender: int, receiver: int) -> AsyncIterator[Message]:
    """What the SENT events of a partition say that it sent to another, in order."""
    async for _, record in records_of(log, codec, EVENTS, sender):
        if record.value_type == SENT and record.record_type == EVENT:
            value = cast(PartitionMessage, record.value)
            if value.receiver_partition == receiver:
                yield value.number, value.message
