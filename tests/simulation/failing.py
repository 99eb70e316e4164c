"""Bugs in processors and operations: some decisions end half-way with an exception, as law 12 expects it of any code.

Which ones depends on the command and the time of its step alone, so whoever decides it again fails at the same place:
after a crash, and in the audit. Commands that the engine gives itself are spared: a bug there stops what they carry on.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from zlib import crc32

import msgspec

from engine.assembly import Assembly
from engine.core.record import Record
from engine.core.state import View
from engine.records.intents import INTENTS

#: Effects that happen before the exception, at most.
EFFECTS_MAX = 3

Effects = Generator[Any, Any, Any]


class Bugs:
    """Of the simulation that runs: the share of decisions that fail."""

    share = 0.0


def plant_bugs(assembly: Assembly) -> Assembly:
    """Every processor of a client's command, and every operation, fails when `Bugs` says so."""
    processors: dict[Any, Any] = assembly.registry.processors
    for (family, intent), processor in list(processors.items()):
        if intent in INTENTS[family].commands:
            processors[family, intent] = _failing_processor(processor)
    operations: dict[str, Any] = assembly.operations
    for name, operation in operations.items():
        operations[name] = msgspec.structs.replace(operation, decide=_failing_operation(operation.decide))
    return assembly


def _failing_processor(process: Any) -> Any:
    def failing(command: Record, view: View) -> Effects:
        fails = command.step.sender_partition == 0 and _fails(command.key, view)
        return _end_early(process(command, view), command.key) if fails else process(command, view)

    return failing


def _failing_operation(decide: Any) -> Any:
    def failing(parameters: Any, item: Any, view: View) -> Effects:
        effects = decide(parameters, item, view)
        return _end_early(effects, item.key) if _fails(item.key, view) else effects

    return failing


def _fails(key: int, view: View) -> bool:
    return crc32(b"%d/%d" % (key, view.now)) < Bugs.share * (1 << 32)


def _end_early(effects: Effects, key: int) -> Effects:
    """The first effects, and an exception if there would be more."""
    left = 1 + key % EFFECTS_MAX
    answer = None
    while True:
        try:
            effect = effects.send(answer)
        except StopIteration as end:
            return end.value
        if not left:
            raise ZeroDivisionError("a bug")
        left -= 1
        answer = yield effect
