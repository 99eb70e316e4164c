"""A clock that jumps: simulations and tests wait for no real time.

It owns its own idea of now. Rule: time moves only by `set`, by `advance`, or because somebody sleeps.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools

#: 2026-01-01T00:00:00Z in milliseconds: a fixed start keeps runs comparable.
START = 1_767_225_600_000


class ManualClock:
    """The Clock port without real time. Sleepers wake in the order of their deadlines, and the clock jumps there."""

    def __init__(self, now: int = START) -> None:
        self._start = now
        self._now = now
        self._elapsed = 0.0
        self._deadlines: list[tuple[float, int]] = []
        self._numbers = itertools.count()

    def now(self) -> int:
        """Milliseconds since 1970 (UTC), as set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that were advanced or slept; `set` does not count, as on a real machine."""
        return self._elapsed

    def set(self, now: int) -> None:
        """Set the wall clock, in milliseconds since 1970; backwards is allowed, as on a real machine."""
        self._now = now

    def advance(self, seconds: float) -> None:
        """Let time pass for both clocks."""
        if seconds < 0:
            raise ValueError(f"expected seconds >= 0, got {seconds}; use set() to turn the wall clock back")
        self._elapsed += seconds
        self._now += round(seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        """Give the other tasks one turn, then jump to the deadline unless somebody's deadline is earlier."""
        mine = (self._elapsed + max(0.0, seconds), next(self._numbers))
        heapq.heappush(self._deadlines, mine)
        try:
            await asyncio.sleep(0)
            while self._elapsed < mine[0]:
                if self._deadlines[0] == mine:
                    self.advance(mine[0] - self._elapsed)
                else:
                    await asyncio.sleep(0)
        finally:
            self._deadlines.remove(mine)
            heapq.heapify(self._deadlines)
