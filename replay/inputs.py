"""One outcome per command: the commands of an input side by side with the steps that name them as their source.

Rule: the steps of an input are in the order of its commands, so one look at each is enough and nothing is remembered.
A log that begins late has outcomes of commands that are gone, and commands whose outcomes are: both are counted.
"""

from __future__ import annotations

from hashlib import sha256

from engine.core.faults import UNREADABLE
from engine.core.ports import INTERNAL, Entry
from engine.core.record import NONE, Record
from engine.records.intake import Intake
from engine.shell.codec import Codec, Reader, Undecodable

from .entries import Entries
from .generations import Generations
from .messages import Mailbox, Tallies
from .ports import LogReading
from .report import Check


class InputAudit:
    """One input of one partition. `records` and `outcomes` are the checks it reports to."""

    def __init__(
        self,
        log: LogReading,
        codec: Codec,
        topic: str,
        partition: int,
        *,
        records: Check,
        outcomes: Check,
        mailbox: Mailbox,
        settled: int | None,
    ) -> None:
        """`settled`: messages below this offset have their events in the audit (`cut`); None: all of them."""
        self.commands = 0
        self.pending = 0
        #: of the partition; told before the first outcome
        self.generations = Generations()
        #: Set before the first outcome: there were others before it, which nobody sees any more.
        self.is_late = False
        self._settled = settled
        self._entries = Entries(log, topic, partition)
        self._reader = Reader(codec)
        self._topic = topic
        self._partition = partition
        self._records = records
        self._outcomes = outcomes
        self._mailbox = mailbox
        self._begins: int | None = None
        self._offset = NONE
        self._ordinal: int | None = None

    async def meet(self, outcome: Record, before: int) -> None:
        """Take the first record of the next step whose source this input is; `before` is the time of the last step."""
        step, position = outcome.step, outcome.position
        await self._begin()
        if self.generations.is_moved(step):
            await self._meet_moved(outcome)
            return
        if step.source_offset <= self._offset:
            self._fail(f"a second outcome of the command at {self._place(step.source_offset)}", position)
            return
        is_first = self._ordinal is None
        self._count(outcome)
        if step.source_offset < (self._begins or 0):
            self._offset = step.source_offset
            self._outcomes.count("outcomes of commands that are gone")
            return
        entry = await self._find(step.source_offset, position, is_older=is_first and self.is_late)
        if entry is None:
            self._fail(f"an outcome without its command at {self._place(step.source_offset)}", position)
            return
        self._offset = entry.offset
        self._outcomes.count("outcomes")
        command = self._take(entry, outcome)
        if outcome.command_hash != sha256(entry.value).digest():
            self._fail(f"expected the hash of the command at {self._place(entry.offset)}, got another", position)
        if step.timestamp != max(before, entry.timestamp):
            self._fail(f"expected time {max(before, entry.timestamp)}, got {step.timestamp}", position)
        if command is None and not self._names(outcome, entry):
            text = f"the command at {self._place(entry.offset)} does not decode, and no rejection says so"
            self._records.fail(text, self._partition, position)

    async def _meet_moved(self, outcome: Record) -> None:
        """Take the outcome of a command that lay elsewhere: the next one must have its hash."""
        step, position = outcome.step, outcome.position
        is_older = self._ordinal is None and self.is_late
        self._count(outcome)
        if self.generations.is_gone(step):
            self._outcomes.count("outcomes of commands that are gone")
            return
        while (entry := await self._entries.next()) is not None:
            self._offset = entry.offset
            is_source = sha256(entry.value).digest() == outcome.command_hash
            command = self._take(entry, outcome if is_source else None)
            if is_source:
                self._outcomes.count("outcomes")
                return
            if is_older:
                self._count_older()
                continue
            if not self._is_repeated(command):
                text = f"expected command {step.source_ordinal} at {self._place(entry.offset)}, got another one"
                self._fail(text, position)
                return
            self._outcomes.count("repeated messages")
        self._fail(f"an outcome without its command, number {step.source_ordinal} of {self._topic}", position)

    async def _begin(self) -> None:
        """Find out where the input begins: messages that lay before are not known."""
        if self._begins is None:
            self._begins = await self._entries.begin()
            if self._begins and self._topic == INTERNAL:
                self._mailbox.received = Tallies(is_late=True)

    def _count(self, outcome: Record) -> None:
        ordinal = outcome.step.source_ordinal
        if self._ordinal is None:
            self._ordinal = ordinal - 1 if self.is_late else 0
        if ordinal != self._ordinal + 1:
            self._fail(f"expected command {self._ordinal + 1} of {self._topic}, got {ordinal}", outcome.position)
        self._ordinal = ordinal

    def _count_older(self) -> None:
        self._outcomes.count("commands older than the events")

    async def finish(self) -> None:
        """The events end here: what is left has no outcome yet, or had one that is gone."""
        await self._begin()
        while (entry := await self._entries.next()) is not None:
            self._take(entry)
            if self.is_late and self._ordinal is None:
                self._count_older()
            else:
                self.pending += 1

    async def _find(self, offset: int, position: int, *, is_older: bool) -> Entry | None:
        """The command at this offset. Those before it have no outcome, or are older than what the events tell."""
        while (entry := await self._entries.peek()) is not None and entry.offset <= offset:
            await self._entries.next()
            if entry.offset == offset:
                return entry
            if is_older:
                self._take(entry)
                self._count_older()
            elif self._is_repeated(self._take(entry)):
                self._outcomes.count("repeated messages")
            else:
                self._fail(f"the command at {self._place(entry.offset)} has no outcome", position)
        return None

    def _take(self, entry: Entry, outcome: Record | None = None) -> Record | None:
        """Look at a command itself; None if it does not decode. A message that was refused was not received."""
        self.commands += 1
        self._records.count("commands")
        try:
            command = self._reader.decode(entry.value)
        except Undecodable:
            self._records.count("unreadable commands")
            return None
        if self._topic == INTERNAL and (outcome is None or outcome.step.sender_partition):
            is_settled = self._settled is None or entry.offset < self._settled
            self._mailbox.receive(command, entry.value, is_settled=is_settled)
        return command

    def _is_repeated(self, command: Record | None) -> bool:
        """Whether the machine passed over it: a message that was received before, or that lay behind a gap."""
        if command is None or self._topic != INTERNAL or not command.step.sender_partition:
            return False
        return not self._mailbox.has_last(command)

    def _names(self, outcome: Record, entry: Entry) -> bool:
        if outcome.rejection_code != UNREADABLE or not isinstance(outcome.value, Intake):
            return False
        return (outcome.value.topic, outcome.value.offset) == (self._topic, entry.offset)

    def _place(self, offset: int) -> str:
        return f"offset {offset} of {self._topic} of partition {self._partition}"

    def _fail(self, text: str, position: int) -> None:
        self._outcomes.fail(text, self._partition, position)
