"""Tells the machine how far secondary storage shows its log, while somebody there waits for that.

What searches read says it, not who writes it: so it is known whichever exporter wrote, however often it began again,
and nothing is confirmed while searches still read an older set of documents. A command that comes late or twice is
rejected by the machine.
"""

from __future__ import annotations

import asyncio
import contextlib

from engine.core.background import Confirmations
from engine.core.faults import Unavailable
from engine.core.machine import Machine
from engine.core.ports import INTERNAL, Append, Clock, Log, Message, Search

from .codec import Codec

#: Seconds between two looks: doubled from the first to the second while the projection does not get there.
LOOK_SECONDS_MIN, LOOK_SECONDS_MAX = 0.02, 1.0
#: Longest wait for the machine to take a confirmation, in seconds; then it is sent again.
TAKEN_SECONDS_MAX = 30.0


class ConfirmationDriver:
    """Confirms for one partition. It is an observer of the runner."""

    def __init__(
        self, *, log: Log, codec: Codec, machine: Machine, search: Search, confirmations: Confirmations, clock: Clock
    ) -> None:
        self._log = log
        self._codec = codec
        self._machine = machine
        self._search = search
        self._confirmations = confirmations
        self._clock = clock
        self._moved = asyncio.Event()

    def committed(self) -> None:
        self._moved.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        seconds = LOOK_SECONDS_MIN
        while True:
            self._moved.clear()
            position = self._confirmations.awaited(self._machine)
            if position is None:
                await self._moved.wait()
            elif await self._confirm(position):
                seconds = LOOK_SECONDS_MIN
            else:
                await self._clock.sleep(seconds)
                seconds = min(seconds * 2, LOOK_SECONDS_MAX)

    async def _confirm(self, position: int) -> bool:
        """Say how far everything is searchable, if that is this position at least. False: not now."""
        try:
            reached = await self._search.watermark(self._machine.partition)
            if reached < position:
                return False
            message = Message(value=self._codec.encode(self._confirmations.confirmation(reached)))
            await self._log.append([Append(topic=INTERNAL, partition=self._machine.partition, messages=[message])])
        except Unavailable:  # if it was appended after all, the second one is stale
            return False
        await self._wait_until_taken(reached)
        return True

    async def _wait_until_taken(self, reached: int) -> None:
        """Until nobody waits for this position or an earlier one any more."""
        deadline = self._clock.monotonic() + TAKEN_SECONDS_MAX
        while self._clock.monotonic() < deadline:
            self._moved.clear()
            position = self._confirmations.awaited(self._machine)
            if position is None or position > reached:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), TAKEN_SECONDS_MAX)
