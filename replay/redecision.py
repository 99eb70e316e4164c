"""One partition decided again: every command of its log, from an empty state, by this build.

Time, claims and the name of the build come from the log's records, commands from the inputs in the order in which the
events say they were decided. A snapshot stands for a beginning that is gone. Rule: memory does not grow with the log;
the first difference ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import cast

import msgspec
from msgspec import Struct

from engine.core.draft import EFFECTS_PER_STEP_MAX, Outcome
from engine.core.faults import UNREADABLE, MessageGap, RetoldError
from engine.core.head import GENERATIONS, SOURCES, Source
from engine.core.ports import EVENTS, INTERNAL, Entry, Store
from engine.core.record import EVENT, REJECTION, Record
from engine.core.record import command as make_command
from engine.records.log_generation import VALUE_TYPE as LOG_GENERATION
from engine.records.log_generation import LogGeneration
from engine.shell.codec import Reader, Undecodable, is_confluent
from engine.shell.generations import decide_generation
from engine.shell.intake import decide, refuse_forged, refuse_unreadable
from engine.shell.trace_context import trace_headers

from .difference import CommandPlace, Difference, Differs, FieldDifference, Written, describe, first_difference
from .entries import Entries
from .generations import Generations, generations_of
from .ports import ABSENT, Assembled, LogReading, Progress

#: Records of steps that are written to the store together: small enough that the overlay stays in the caches.
RECORDS_PER_COMMIT = 2_000


class PartitionRerun(Struct, frozen=True, kw_only=True, rename="camel"):
    """One partition. Every step from `first_position` up to `last_position` is the same.

    `first_position`: None when nothing could be decided again, for the reason in `problem`; `builds`: those that
    decided it, as the log says; `unfinished_records`: at the end of the log, of a step whose rest is not there;
    `pending_commands`: without outcome on the log; `difference`: None if there is none.
    """

    partition: int
    last_position: int
    first_position: int | None = 1
    steps: int = 0
    unfinished_records: int = 0
    pending_commands: int = 0
    builds: Sequence[str] = ()
    difference: Difference | None = None
    problem: str = ""


class Redecision:
    """One partition. `store`: for the state; an empty one, or a snapshot of the log's last generation to go on from."""

    def __init__(
        self, log: LogReading, assembly: Assembled, partition: int, store: Store, progress: Progress = lambda _: None
    ) -> None:
        self._log = log
        self._codec = assembly.codec
        self._reader = Reader(assembly.codec)
        self._partition = partition
        self._progress = progress
        self._state, self._machine = assembly.machine(store, partition, log.partition_count)
        self._events = Entries(log, EVENTS, partition)
        self._inputs = {topic: Entries(log, topic, partition) for topic in log.inputs}
        self._messages: dict[int, Entries] = {}
        self._generations = Generations()
        self._steps = 0
        self._unfinished = 0
        self._posed = ("", False)
        self._builds: dict[str, None] = {}
        self._uncommitted = 0
        self._begin = self._last_position = self._machine.head.position

    async def run(self) -> PartitionRerun:
        """Decide until the events end or something differs."""
        difference = None
        self._generations = await generations_of(self._log, self._codec, self._partition)
        try:
            await self._pass_decided()
            while (entry := await self._events.next()) is not None:
                await self._decide_step(entry)
        except Differs as differs:
            difference = differs.difference
        self._progress(self._uncommitted)
        pending = 0 if difference else await self._count_pending()
        return PartitionRerun(
            partition=self._partition,
            last_position=self._last_position,
            first_position=self._begin + 1,
            steps=self._steps,
            unfinished_records=self._unfinished,
            pending_commands=pending,
            builds=list(self._builds),
            difference=difference,
        )

    async def _pass_decided(self) -> None:
        """Go on with what the snapshot does not have."""
        if not self._begin:
            return
        for topic, entries in self._inputs.items():
            last = (self._state.get(SOURCES, topic) or Source()).offset
            while (entry := await entries.peek()) is not None and entry.offset <= last:
                await entries.next()
        while (entry := await self._events.peek()) is not None:
            if self._decode(entry, self._begin + 1).position > self._begin:
                return
            await self._events.next()

    async def _decide_step(self, entry: Entry) -> None:
        """Decide what the log says was decided next; `entry` is the first record of its outcome."""
        first = self._decode(entry, self._last_position + 1)
        if first.index != 0:
            raise self._differs(f"expected the first record of a step, got {describe(first)}", first.position)
        self._builds[first.step.build] = None
        self._pose_as(first.step.build, entry.value)
        outcome: Outcome | None
        if first.step.source_input == GENERATIONS:
            command, outcome = self._raise(first)
        else:
            command = await self._command_of(first)
            outcome = self._decide(first, first.step.source_input, command)
        if outcome is None:
            text = "the log has an outcome of this command, for this build it is a message that was received before"
            raise self._differs(text, first.position, first.step.source_input, command)
        await self._compare_records(first, entry, command, outcome)
        if self._unfinished:
            self._last_position += self._unfinished
            return
        await self._compare_messages(first, command, outcome)
        self._book(len(outcome.values))

    def _decode(self, entry: Entry, position: int) -> Record:
        try:
            return self._reader.decode(entry.value)
        except Undecodable as error:
            text = f"the record at offset {entry.offset} of {EVENTS} cannot be read: {error}"
            raise self._differs(text, position) from error

    def _book(self, records: int) -> None:
        """The step is the same: go on from it."""
        self._steps += 1
        self._last_position = self._machine.head.position
        self._uncommitted += records
        if self._uncommitted >= RECORDS_PER_COMMIT:
            self._state.freeze()
            self._state.commit()
            self._progress(self._uncommitted)
            self._uncommitted = 0

    # the command

    async def _command_of(self, first: Record) -> Entry:
        """The command that a step names as its source."""
        step = first.step
        entries = self._inputs.get(step.source_input)
        if entries is None:
            text = f"expected an input {' or '.join(self._inputs)} as the source, got '{step.source_input}'{ABSENT}"
            raise self._differs(text, first.position)
        if self._generations.is_gone(step):
            text = f"command {step.source_ordinal} of {step.source_input} was not in the copy that the log came from"
            raise self._differs(f"{text}: only a log with its beginning can be decided again", first.position)
        while (entry := await entries.next()) is not None and self._lies_before(entry, first):
            outcome = self._decide(first, step.source_input, entry)
            if outcome is not None:
                text = f"the log has no outcome of this command, this build decides {describe(outcome.records[0])}"
                raise self._differs(text, first.position, step.source_input, entry)
        is_moved = self._generations.is_moved(step)
        if entry is None or (entry.offset != step.source_offset and not is_moved):
            place = f"number {step.source_ordinal}" if is_moved else f"at offset {step.source_offset}"
            text = f"the log has an outcome of the command {place} of {step.source_input}, but not the command"
            raise self._differs(text, first.position)
        return msgspec.structs.replace(entry, offset=step.source_offset)

    def _lies_before(self, entry: Entry, first: Record) -> bool:
        """Whether an entry lies before the command of this outcome; in a moved topic its hash tells."""
        if self._generations.is_moved(first.step):
            return sha256(entry.value).digest() != first.command_hash
        return entry.offset < first.step.source_offset

    def _raise(self, first: Record) -> tuple[Entry, Outcome]:
        """What this build decides about a command that lies nowhere, and that command."""
        if first.value_type != LOG_GENERATION or first.record_type != EVENT:
            raise self._differs(f"expected the event of a log generation, got {describe(first)}", first.position)
        wish = make_command(LOG_GENERATION, "RAISE", first.value)
        entry = Entry(offset=first.step.source_offset, timestamp=0, value=self._codec.encode(wish))
        return entry, decide_generation(self._machine, self._codec, cast(LogGeneration, first.value))

    def _decide(self, first: Record, topic: str, entry: Entry) -> Outcome | None:
        """What this build decides, at the time and with the claims that the log says."""
        stamped = msgspec.structs.replace(entry, timestamp=first.step.timestamp)
        is_refused = first.record_type == REJECTION and entry.offset == first.step.source_offset
        try:
            if is_refused and first.rejection_code == UNREADABLE and is_confluent(entry.value):
                # Which ids a registry knew then is not on the log.
                outcome: Outcome | None = refuse_unreadable(self._machine, topic, stamped, first.rejection_reason)
            else:
                outcome = decide(self._machine, self._codec, topic, stamped, claims=first.step.claims)
        except MessageGap as gap:
            if not is_refused:  # it came again behind the repair
                return None
            outcome = refuse_forged(self._machine, self._codec, topic, stamped, gap)
        except RetoldError as error:
            text = f"this build does not decide this command: {error.message}"
            raise self._differs(text, first.position, topic, entry) from error
        if outcome is not None:
            outcome.headers[0].update(trace_headers(outcome.records[0].step.trace_context))
        return outcome

    def _pose_as(self, build: str, data: bytes) -> None:
        """Name, schemas and framing as in this record of the log: a later schema may have more fields."""
        posed = (build, is_confluent(data))
        if posed != self._posed:
            self._posed = posed
            self._machine.pose_as(build, self._codec.as_written(build.rpartition("-")[2], data))

    # the comparison

    async def _compare_records(self, first: Record, entry: Entry, command: Entry, outcome: Outcome) -> None:
        """Byte for byte. The log may end within the step, when nothing is wrong with what is there."""
        found: list[Entry] = []
        next_entry: Entry | None = entry
        for value, headers in zip(outcome.values, outcome.headers, strict=True):
            if next_entry is None and len(found) < first.step.step_count:
                self._unfinished = len(found)
                return
            if next_entry is None or next_entry.value != value or dict(next_entry.headers) != headers:
                raise await self._record_difference(first, found, next_entry, command, outcome)
            found.append(next_entry)
            if len(found) < len(outcome.values):
                next_entry = await self._events.next()

    async def _record_difference(
        self, first: Record, found: list[Entry], last: Entry | None, command: Entry, outcome: Outcome
    ) -> Differs:
        """Reads the rest of the step, at most as much as a step may have, and names what differs in it."""
        count = min(first.step.step_count, 2 * EFFECTS_PER_STEP_MAX)
        entry = last
        while entry is not None:
            found.append(entry)
            entry = await self._events.next() if len(found) < count else None
        expected = [Written(self._decode(one, first.position + index), one.headers) for index, one in enumerate(found)]
        got = [Written(*pair) for pair in zip(outcome.records, outcome.headers, strict=True)]
        index, fields = first_difference(expected, got)
        wanted, came = (describe(side[index].record if index < len(side) else None) for side in (expected, got))
        text = f"the log says {wanted}, this build decides {came}"
        return self._differs(text, first.position + index, first.step.source_input, command, fields)

    async def _compare_messages(self, first: Record, command: Entry, outcome: Outcome) -> None:
        """Each lies on its receiver's `internal`, behind the one before."""
        for receiver, message in outcome.messages:
            entries = self._messages.get(receiver)
            if entries is None:
                entries = self._messages[receiver] = Entries(self._log, INTERNAL, receiver)
            while (entry := await entries.next()) is not None and entry.value != message:
                pass
            if entry is None:
                sent = describe(self._codec.decode(message))
                text = f"this build sends {sent} to partition {receiver}, which is not on its {INTERNAL}"
                raise self._differs(text, first.position, first.step.source_input, command)

    async def _count_pending(self) -> int:
        """Commands that have no outcome yet."""
        count = 0
        for entries in self._inputs.values():
            while await entries.next() is not None:
                count += 1
        return count

    def _differs(
        self,
        text: str,
        position: int,
        topic: str = "",
        command: Entry | None = None,
        fields: Sequence[FieldDifference] = (),
    ) -> Differs:
        place = None if command is None else self._place(topic, command)
        return Differs(Difference(text=text, position=position, command=place, fields=fields))

    def _place(self, topic: str, command: Entry) -> CommandPlace:
        try:
            described = describe(self._codec.decode(command.value))
        except Undecodable:
            described = "unreadable"
        return CommandPlace(topic=topic, offset=command.offset, command=described)
