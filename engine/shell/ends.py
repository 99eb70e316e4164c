"""The ends of the places of a log as one process knows them, and who sleeps until they move.

Rule: an end is told only after everything below it is durable. Must not read or write a log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine.core.faults import RetoldError, Unavailable
from engine.core.ports import Clock, Place


class Ends:
    """Known ends (the offset the next message will get) of places; one event loop uses it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[Place, int] = {}
        self._sleepers: list[tuple[Mapping[Place, int], asyncio.Future[None]]] = []
        self._closed = False

    def get(self, place: Place) -> int | None:
        """The end of a place, None while it is unknown."""
        return self._ends.get(place)

    def advance(self, place: Place, end: int) -> None:
        """Note a new end and wake who waits for it; an older one is ignored."""
        if end <= self._ends.get(place, -1):
            return
        self._ends[place] = end
        for places, woken in self._sleepers:
            if not woken.done() and end > places.get(place, end):
                woken.set_result(None)

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        """As `Log.wait`."""
        if self._closed:
            raise Unavailable("the log is closed; open it again")
        if timeout is not None and timeout <= 0:
            await asyncio.sleep(0)
            return self._reached(places)
        if self._reached(places):
            return True
        woken = asyncio.get_running_loop().create_future()
        sleeper = (places, woken)
        self._sleepers.append(sleeper)
        timer = None if timeout is None else asyncio.ensure_future(self._clock.sleep(timeout))
        try:
            await asyncio.wait({woken, timer} if timer else {woken}, return_when=asyncio.FIRST_COMPLETED)
            return woken.done() and woken.result() is None
        finally:
            self._sleepers.remove(sleeper)
            woken.cancel()
            if timer:
                timer.cancel()

    def fail(self, place: Place, error: RetoldError) -> None:
        """Wake who waits for this place with an error; who comes later waits."""
        for places, woken in self._sleepers:
            if place in places and not woken.done():
                woken.set_exception(error)

    def close(self) -> None:
        """Wake all sleepers with Unavailable; later calls raise it at once."""
        self._closed = True
        for _, woken in self._sleepers:
            if not woken.done():
                woken.set_exception(Unavailable("the log was closed; open it again"))

    def _reached(self, places: Mapping[Place, int]) -> bool:
        return any(self._ends.get(place, 0) > offset for place, offset in places.items())
