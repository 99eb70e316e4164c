"""Finds the commands that have outcomes in a topic where they have other offsets, by the hashes of their bytes.

An input's commands are decided in their order, so the outcomes are a row of hashes that the topic must have as well,
from its first command that is there up to the last one that has an outcome. Rule: what does not fit as a whole is
refused with the first thing that is missing; nothing is guessed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from msgspec import Struct

from engine.core.faults import InconsistentLog

HASH_SIZE = 32


class Row:
    """Hashes in their order; 32 bytes each, so that a long input fits into memory."""

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data) // HASH_SIZE

    def __getitem__(self, index: int) -> bytes:
        return bytes(self._data[index * HASH_SIZE : (index + 1) * HASH_SIZE])

    def add(self, digest: bytes) -> None:
        self._data += digest

    def places_of(self, digest: bytes) -> Iterator[int]:
        """The indices where it stands."""
        start = self._data.find(digest)
        while start >= 0:
            if start % HASH_SIZE == 0:
                yield start // HASH_SIZE
            start = self._data.find(digest, start + 1)


class Outcomes:
    """The commands of one input that have outcomes, as the events say; the events may have lost their beginning."""

    def __init__(self) -> None:
        self.hashes = Row()
        self.first_ordinal = 1

    def add(self, ordinal: int, digest: bytes) -> None:
        if not self.hashes:
            self.first_ordinal = ordinal
        self.hashes.add(digest)


class Commands:
    """What lies on one input. A message of a partition may be there twice, or lie behind a gap: it has no outcome."""

    def __init__(self) -> None:
        self.hashes = Row()
        self.offsets = array("q")
        self.is_message = bytearray()

    def add(self, offset: int, digest: bytes, *, is_message: bool) -> None:
        self.hashes.add(digest)
        self.offsets.append(offset)
        self.is_message.append(is_message)


class Alignment(Struct, frozen=True, kw_only=True):
    """Offset of the last command that has an outcome, and the number of the first command that is there."""

    offset: int
    first_ordinal: int


class _Failure(Struct, frozen=True, kw_only=True):
    """How many outcomes fitted, and what stands where the command of the next one should; None: the end."""

    fitted: int
    offset: int | None


def align(name: str, outcomes: Outcomes, commands: Commands) -> Alignment:
    """Raises InconsistentLog naming what is missing."""
    if not commands.hashes:
        raise _missing(name, outcomes, 0, "nothing lies on it")
    failures: list[_Failure] = []
    complete = outcomes.first_ordinal - 1
    whole = _fit(outcomes, commands, complete, 0)
    if isinstance(whole, int):  # as if nothing was cut off, which is what everybody hopes to restore
        return _found(outcomes, commands, whole, complete, 0)
    failures.append(whole)
    found: dict[int, Alignment] = {}
    for start, first in _beginnings(outcomes, commands):
        fit = _fit(outcomes, commands, start, first)
        if isinstance(fit, int):
            found[first - start] = _found(outcomes, commands, fit, start, first)
        else:
            failures.append(fit)
    if len(found) > 1:
        raise InconsistentLog(
            f"expected one way in which the commands on {name} fit their outcomes, got {len(found)}: they are all "
            "alike, and some at its beginning are gone; restore it with its beginning"
        )
    if found:
        return next(iter(found.values()))
    worst = max(failures, key=lambda failure: failure.fitted)
    place = "it ends" if worst.offset is None else f"something else lies at offset {worst.offset}"
    raise _missing(name, outcomes, worst.fitted, f"behind those before it {place}")


def _beginnings(outcomes: Outcomes, commands: Commands) -> Iterator[tuple[int, int]]:
    """Where the first command that is there, or the first outcome that is there, may fit: command and outcome."""
    start = 0
    while start < len(commands.hashes):
        yield from ((start, first) for first in outcomes.hashes.places_of(commands.hashes[start]))
        if not commands.is_message[start]:
            break
        start += 1
    if outcomes.first_ordinal > 1:
        yield from ((start, 0) for start in commands.hashes.places_of(outcomes.hashes[0]))


def _fit(outcomes: Outcomes, commands: Commands, start: int, first: int) -> int | _Failure:
    """The index of the last command that has an outcome, if all fit from here on."""
    index, expected, last = start, first, start
    while expected < len(outcomes.hashes):
        if index >= len(commands.hashes):
            return _Failure(fitted=expected, offset=None)
        if commands.hashes[index] == outcomes.hashes[expected]:
            last = index
            expected += 1
        elif not commands.is_message[index]:
            return _Failure(fitted=expected, offset=commands.offsets[index])
        index += 1
    return last


def _found(outcomes: Outcomes, commands: Commands, last: int, start: int, first: int) -> Alignment:
    first_ordinal = max(outcomes.first_ordinal + first - start, 1)
    return Alignment(offset=commands.offsets[last], first_ordinal=first_ordinal)


def _missing(name: str, outcomes: Outcomes, fitted: int, place: str) -> InconsistentLog:
    first, last = outcomes.first_ordinal + fitted, outcomes.first_ordinal + len(outcomes.hashes) - 1
    return InconsistentLog(
        f"expected on {name} the commands up to number {last}, which have outcomes on the events; number {first} is "
        f"missing: {place}; restore {name} and events from copies that belong together (events copied first)"
    )
