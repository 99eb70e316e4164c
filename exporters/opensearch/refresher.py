"""Making documents searchable: one refresh for all partitions that wait, and not too many.

Rule: a refresh costs the node as much as storing a thousand documents, so it is given a share of the time: after one
that took long the next one waits, but never longer than the settings say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.core.ports import Clock

from .node import Node

#: After a refresh the next one begins this many times its duration later, at the earliest.
PAUSE_FACTOR = 5.0


class Refresher:
    """Refreshes the indices of one set. `pause_seconds_max`: longest time from one refresh to the next that is due."""

    def __init__(self, node: Node, clock: Clock, pause_seconds_max: float) -> None:
        self._node = node
        self._clock = clock
        self._pause_seconds_max = pause_seconds_max
        self._due = clock.monotonic()
        self._lock = asyncio.Lock()
        self._asked = 0
        self._done = 0

    async def refresh(self, indices: Sequence[str]) -> None:
        """Everything that was written before this call can be searched when it returns. Raises as `Node.refresh`."""
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._done >= mine:
                return
            pause = self._due - self._clock.monotonic()
            if pause > 0:
                await self._clock.sleep(pause)
            covered = self._asked
            began = self._clock.monotonic()
            await self._node.refresh(indices)
            ended = self._clock.monotonic()
            self._due = ended + min(PAUSE_FACTOR * (ended - began), self._pause_seconds_max)
            self._done = covered
