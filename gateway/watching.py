"""Watching batch operations: who waits for a change of one is told of it, and one look serves all who watch it.

Rule: secondary storage is looked at every so often, once for each batch operation that is watched; how many may be
watched at a time is bounded, and so is how long anybody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from engine.core.faults import RESOURCE_EXHAUSTED, Reject, Unavailable
from engine.core.ports import Clock
from exporters.search.store import Document, SearchStore

ENTITY = "BATCH_OPERATION"
#: Seconds between two looks at a batch operation that is watched.
LOOK_INTERVAL = 0.05
#: Batch operations that may be watched at a time, and requests that may watch one of them.
WATCHED_MAX = 200
WATCHERS_MAX = 100
#: States that a batch operation does not leave.
FINAL_STATES = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")


class Watch:
    """One batch operation. `document`: as it was at the last look; None while it is not known (yet)."""

    def __init__(self) -> None:
        self.document: Document | None = None
        self.watchers = 0
        self.looking: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return self.document is not None and self.document["state"] in FINAL_STATES

    def show(self, document: Document | None) -> None:
        """What a look has found."""
        if document != self.document:
            self.document = document
            self._changed.set()
            self._changed = asyncio.Event()

    async def changed(self, seconds: float, clock: Clock, ended: asyncio.Event) -> None:
        """Until it is another one, or the time is over, or the gateway ends."""
        ends: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(end) for end in (self._changed.wait(), clock.sleep(seconds), ended.wait())
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()


class Watches:
    """All batch operations that are watched now."""

    def __init__(self, search: SearchStore, clock: Clock) -> None:
        self._search = search
        self._clock = clock
        self._watches: dict[int, Watch] = {}

    @asynccontextmanager
    async def open(self, key: int) -> AsyncIterator[Watch]:
        """Watch a batch operation for as long as the block lasts. Raises Reject RESOURCE_EXHAUSTED."""
        watch = self._watches.get(key)
        if watch is None:
            if len(self._watches) >= WATCHED_MAX:
                raise _exhausted(f"fewer than {WATCHED_MAX} batch operations that are watched", len(self._watches))
            watch = self._watches[key] = Watch()
            watch.looking = asyncio.create_task(self._look(key, watch))
        elif watch.watchers >= WATCHERS_MAX:
            raise _exhausted(f"fewer than {WATCHERS_MAX} requests that watch batch operation {key}", watch.watchers)
        watch.watchers += 1
        try:
            watch.show(await self._search.get(ENTITY, key))
            yield watch
        finally:
            watch.watchers -= 1
            if not watch.watchers:
                del self._watches[key]
                if watch.looking is not None:
                    watch.looking.cancel()

    async def _look(self, key: int, watch: Watch) -> None:
        while True:
            await self._clock.sleep(LOOK_INTERVAL)
            with suppress(Unavailable):  # the next look may be answered
                watch.show(await self._search.get(ENTITY, key))


def _exhausted(expected: str, got: int) -> Reject:
    return Reject(RESOURCE_EXHAUSTED, f"expected {expected}, got {got}; try again later, or ask without waiting")
