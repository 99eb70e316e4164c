"""How slices of a partition are further apart while clients' commands take too long.

Source: docs/batch-operations.md, "How it runs". How long they take is what the log says was measured.
"""

from __future__ import annotations

from typing import cast

from engine.core.faults import INVALID_STATE
from engine.core.record import Record
from engine.records import CommandLatency

from .part import Part
from .world import Refused, World

FIRST_MS = 10
HELD_MS = 10_000
TURN_MS = 5_000


class Yields:
    """Of one partition."""

    def __init__(self) -> None:
        self._pause = 0
        self._latency = 0
        self._measured_at = 0
        self._free_at = 0

    def measure(self, world: World, command: Record) -> None:
        """Too slow: twice as long, up to a bound. Half the limit or less: half as long, none below the first pause."""
        told = cast(CommandLatency, command.value)
        before, limit = self._now(world), world.settings.yield_latency_ms
        if before and told.after != self._measured_at:
            raise Refused(INVALID_STATE)
        if not limit:
            pause = 0
        elif told.latency > limit:
            pause = before * 2 or FIRST_MS
        elif 2 * told.latency > limit:
            pause = before
        else:
            pause = before // 2 if before // 2 >= FIRST_MS else 0
        pause = min(pause, world.settings.yield_pause_max_ms)
        if not before and not pause:
            raise Refused(INVALID_STATE)
        if not pause or not self._pause:
            self._free_at = 0
        self._pause, self._latency, self._measured_at = pause, told.latency, world.now
        world.expect("COMMAND_LATENCY", "MEASURED", latency=told.latency, commands=told.commands, pause=pause)

    def execute(self, world: World, part: Part, said: dict[str, int]) -> None:
        """A slice. The pause is told with it if it is another one than was told last."""
        pause = 0 if part.abandoned else self._now(world)
        if pause != part.yields:
            part.yields = pause
            told = {"yield_pause": pause, "latency": self._latency if pause else 0}
            intent = "YIELDING" if pause else "YIELDING_ENDED"
            world.expect("BATCH_OPERATION_EXECUTION", intent, part.key, **told)
        world.expect("BATCH_OPERATION_EXECUTION", "EXECUTED", part.key, **said)
        if part.yields and not part.abandoned and part.has_pending:
            part.turn = min(max(self._free_at, world.now) + part.yields, world.now + TURN_MS)
            self._free_at = part.turn

    def _now(self, world: World) -> int:
        return self._pause if world.now - self._measured_at < HELD_MS else 0
