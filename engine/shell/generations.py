"""Finds out, when a partition recovers, whether its inputs lie where the state says, or where they lie now.

Topics that were restored from a copy, or moved, have other offsets. The commands that have outcomes are found by their
hashes, and every command behind them is decided as if nothing had happened. Rule: looks at little as long as all is in
place; when it is not, reads everything once, and refuses topics that do not belong together.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256

from msgspec import Struct

from engine.core.draft import Outcome
from engine.core.faults import BrokenInvariant, LogTruncated
from engine.core.generations import generation_of
from engine.core.head import GENERATIONS, HEAD, SOURCES, Head, Source
from engine.core.machine import Input, Machine
from engine.core.ports import EVENTS, INTERNAL, Clock, Entry, Log
from engine.core.record import command
from engine.core.state import State
from engine.records.log_generation import VALUE_TYPE, InputPlace, LogGeneration

from .alignment import Commands, Outcomes, align
from .codec import Codec, Reader, Undecodable
from .correspondence import check_messages
from .reading import entries_of, read_on, read_there

#: The last records of events whose commands are looked at, and the bytes read of an input for that.
RECENT_RECORDS = 300
READ_SIZE = 1 << 20


class Decided(Struct, frozen=True):
    """A command that has an outcome: its place, and the SHA-256 of its bytes."""

    offset: int
    hash: bytes


def decide_generation(machine: Machine, codec: Codec, value: LogGeneration) -> Outcome:
    """The outcome of a command that lies nowhere: its hash is that of its value, which its event repeats."""
    before = machine.get(SOURCES, GENERATIONS) or Source()
    digest = sha256(codec.value_encoders[VALUE_TYPE](value)).digest()
    source = Input(name=GENERATIONS, offset=before.offset + 1, timestamp=0, hash=digest)
    outcome = machine.step(command(VALUE_TYPE, "RAISE", value), source)
    if outcome is None:
        raise BrokenInvariant("expected an outcome of a command without a sender, got none")
    return outcome


class Inputs:
    """The inputs of one partition, next to its state. One for each recovery."""

    def __init__(self, log: Log, codec: Codec, state: State, machine: Machine, clock: Clock) -> None:
        self._log = log
        self._codec = codec
        self._reader = Reader(codec)
        self._state = state
        self._partition = machine.partition
        self._clock = clock

    async def moved(self) -> LogGeneration | None:
        """Where the inputs lie now; None if that is where the state says.

        Raises InconsistentLog, naming what is missing.
        """
        recent = await self._recent()
        in_place = [await self._is_in_place(name, recent.get(name, [])) for name in self._log.inputs]
        if all(in_place):
            return None
        sys.stderr.write(f"partition {self._partition} finds its inputs moved, and looks for its commands\n")
        outcomes = await self._outcomes()
        places = [await self._place_of(name, outcomes[name]) for name in self._log.inputs]
        (begin,) = (place.offset + 1 for place in places if place.input == INTERNAL)
        await check_messages(self._log, self._codec, self._state, self._partition, begin, self._clock)
        return LogGeneration(generation=generation_of(self._state) + 1, inputs=tuple(places))

    async def begin(self, name: str) -> int:
        """The offset of the first command without an outcome, or where the input begins if that is later."""
        wanted = self._source(name).offset + 1
        try:
            await read_there(self._log, name, self._partition, wanted)
        except LogTruncated as truncated:
            sys.stderr.write(
                f"partition {self._partition} goes on with offset {truncated.first_offset} of {name}, where it begins; "
                f"commands from {wanted} on, if there were any, were removed before they were decided\n"
            )
            return truncated.first_offset
        return wanted

    def _source(self, name: str) -> Source:
        return self._state.get(SOURCES, name) or Source()

    # a look at the last ones

    async def _recent(self) -> Mapping[str, list[Decided]]:
        """Of each input the last commands that have outcomes in this generation."""
        found: dict[str, list[Decided]] = {}
        generation = generation_of(self._state)
        begin = max(await self._log.end(EVENTS, self._partition) - RECENT_RECORDS, 0)
        for entry in (await read_on(self._log, EVENTS, self._partition, begin)).entries:
            record = self._reader.decode(entry.value)
            step = record.step
            if record.index == 0 and step.source_generation == generation:
                found.setdefault(step.source_input, []).append(Decided(step.source_offset, record.command_hash))
        return found

    async def _is_in_place(self, name: str, recent: Sequence[Decided]) -> bool:
        """Whether the last commands lie where they were decided; those that were removed by retention count."""
        source = self._source(name)
        if not source.ordinal:
            return True
        decided = {one.offset: one.hash for one in recent if one.offset < source.offset}
        last = await self._read(name, source.offset, size_max=1)
        if last is None:
            return True
        if not last or not self._is_as_decided(last[0], source):
            return False
        entries = await self._read(name, min(decided, default=source.offset)) or []
        found = {entry.offset: sha256(entry.value).digest() for entry in entries}
        reach = max(found, default=-1)
        return all(found.get(offset) == digest for offset, digest in decided.items() if offset <= reach)

    def _is_as_decided(self, entry: Entry, source: Source) -> bool:
        """The same command at the same offset; a stamp after the machine's time means that it was written again."""
        if entry.offset != source.offset or sha256(entry.value).digest() != source.hash:
            return False
        return entry.timestamp <= (self._state.get(HEAD) or Head()).timestamp

    async def _read(self, topic: str, offset: int, size_max: int = READ_SIZE) -> Sequence[Entry] | None:
        try:
            return (await read_there(self._log, topic, self._partition, offset, size_max)).entries
        except LogTruncated:
            return None

    # the search

    async def _outcomes(self) -> Mapping[str, Outcomes]:
        """All that the events say about the commands of the inputs; the state knows the last one of each itself."""
        found = {name: Outcomes() for name in self._log.inputs}
        async for entry in entries_of(self._log, EVENTS, self._partition):
            record = self._reader.decode(entry.value)
            if record.index == 0 and record.step.source_input in found:
                found[record.step.source_input].add(record.step.source_ordinal, record.command_hash)
        for name, outcomes in found.items():
            source = self._source(name)
            if source.ordinal and not outcomes.hashes:  # those events are gone
                outcomes.add(source.ordinal, source.hash)
        return found

    async def _place_of(self, name: str, outcomes: Outcomes) -> InputPlace:
        ordinal = self._source(name).ordinal
        if not ordinal:
            return InputPlace(input=name)
        commands = Commands()
        async for entry in entries_of(self._log, name, self._partition):
            commands.add(entry.offset, sha256(entry.value).digest(), is_message=self._is_message(name, entry))
        found = align(f"{name} of partition {self._partition}", outcomes, commands)
        return InputPlace(input=name, ordinal=ordinal, offset=found.offset, first_ordinal=found.first_ordinal)

    def _is_message(self, name: str, entry: Entry) -> bool:
        if name != INTERNAL:
            return False
        try:
            return self._reader.decode(entry.value).step.sender_partition != 0
        except Undecodable:
            return False
