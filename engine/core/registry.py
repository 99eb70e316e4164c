"""The registry: which processor decides a command and which applier makes an event true. It refuses gaps.

A part of the engine (process instances, jobs, batch operations …) is an explicit value, `Part`; the composition root
hands all of them to `Registry`. Nothing registers itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from msgspec import Struct

from engine.records.intents import Intents

from .effects import Effects
from .faults import Reject
from .record import Record, Step
from .state import State, Table, View

Name = TypeVar("Name")
Entry = TypeVar("Entry")


class Fact(Struct, frozen=True):
    """What an applier gets: the event's key and value, its position, when it happened (ms since 1970 UTC), its step.

    Of the step everything but `step_count` may be used.
    """

    key: int
    value: Struct
    position: int
    now: int
    step: Step


#: `process(command, view)` yields effects; raises Reject before its first effect or anywhere (then nothing happened).
Processor = Callable[[Record, View], Effects]
#: `apply(fact, state)` makes an event true. It cannot refuse: whatever it raises stops the partition.
Applier = Callable[["Fact", State], None]
#: `fire(key, view)` yields what happens when a due time has come.
Timer = Callable[[int, View], Effects]
#: `follow(key, data, view)` yields what happens when long work on a key is done; `data` is what was asked to be kept.
FollowUp = Callable[[int, str, View], Effects]
#: `authorize(command, view)` raises Reject FORBIDDEN unless who sent a client's command may have it decided.
Authorize = Callable[[Record, View], None]
#: `quarantine(command, refusal, view)` yields what sets aside what made its processor fail.
Quarantine = Callable[[Record, Reject, View], Effects]


class Part(Struct, frozen=True, kw_only=True):
    """One part of the engine. Processors and appliers by (value type, intent); version 1 unless given as a third."""

    processors: Mapping[tuple[str, str], Processor] = {}
    appliers: Mapping[tuple[str, str], Applier] = {}
    timers: Mapping[str, Timer] = {}
    follow_ups: Mapping[str, FollowUp] = {}
    tables: tuple[Table[object], ...] = ()


def table_values(*tables: object) -> tuple[Table[object], ...]:
    """Tables of differing values as one tuple."""
    return cast("tuple[Table[object], ...]", tables)


class Registry:
    """All parts together, checked against the intents that the schemas name."""

    def __init__(
        self, parts: Sequence[Part], intents: Mapping[str, Intents], quarantine: Quarantine, authorize: Authorize
    ) -> None:
        self.quarantine = quarantine
        self.authorize = authorize
        self.processors: dict[tuple[str, str], Processor] = {}
        self.appliers: dict[tuple[str, str, int], Applier] = {}
        self.timers: dict[str, Timer] = {}
        self.follow_ups: dict[str, FollowUp] = {}
        tables: list[Table[object]] = []
        for part in parts:
            _merge(self.processors, part.processors, "processor")
            _merge(self.appliers, {(*name, 1): applier for name, applier in part.appliers.items()}, "applier")
            _merge(self.timers, part.timers, "timer")
            _merge(self.follow_ups, part.follow_ups, "follow-up")
            tables.extend(part.tables)
        self.tables = tuple(sorted(tables, key=lambda table: table.number))
        self._refuse_gaps(intents)

    def _refuse_gaps(self, intents: Mapping[str, Intents]) -> None:
        commands = {
            (family, intent) for family, names in intents.items() for intent in (*names.commands, *names.internal)
        }
        events = {(family, intent) for family, names in intents.items() for intent in names.events}
        problems = [f"command {name} has no processor" for name in sorted(commands - self.processors.keys())]
        problems += [f"processor {name} has no command" for name in sorted(self.processors.keys() - commands)]
        applied = {name[:2] for name in self.appliers}
        problems += [f"event {name} has no applier" for name in sorted(events - applied)]
        problems += [f"applier {name} has no event" for name in sorted(applied - events)]
        numbers = [table.number for table in self.tables]
        problems += [f"table number {number} is used twice" for number in sorted(numbers) if numbers.count(number) > 1]
        if problems:
            raise ValueError("expected a registry without gaps, got: " + "; ".join(dict.fromkeys(problems)))


def _merge(target: dict[Name, Entry], source: Mapping[Name, Entry], kind: str) -> None:
    for name, entry in source.items():
        if name in target:
            raise ValueError(f"expected one {kind} for {name}, got two; remove one of them")
        target[name] = entry
