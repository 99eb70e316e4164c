"""Tells the machine how far secondary storage shows its log, while somebody there waits for that.

What searches read says it, not who writes it: so it is known whichever exporter wrote, however often it began again,
and nothing is confirmed while searches still read an older set of documents. A command that comes late or twice is
rejected by the machine.
"""

from __future__ import annotations

from functools import partial

from engine.core.background import Confirmations
from engine.core.faults import Unavailable
from engine.core.machine import Machine
from engine.core.ports import Clock, Log, Search

from .codec import Codec
from .driver import Driver

#: Seconds between two looks: doubled from the first to the second while the projection does not get there.
LOOK_SECONDS_MIN, LOOK_SECONDS_MAX = 0.02, 1.0
#: Longest wait for the machine to take a confirmation, in seconds; then it is sent again.
TAKEN_SECONDS_MAX = 30.0


class ConfirmationDriver(Driver):
    """Confirms for one partition."""

    def __init__(
        self, *, log: Log, codec: Codec, machine: Machine, search: Search, confirmations: Confirmations, clock: Clock
    ) -> None:
        super().__init__(log=log, codec=codec, machine=machine, clock=clock)
        self._search = search
        self._confirmations = confirmations

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
            await self._send(self._confirmations.confirmation(reached))
        except Unavailable:  # if it was appended after all, the second one is stale
            return False
        await self._wait_while(partial(self._is_awaited, reached), TAKEN_SECONDS_MAX)
        return True

    def _is_awaited(self, reached: int) -> bool:
        """Whether somebody still waits for this position, or an earlier one."""
        position = self._confirmations.awaited(self._machine)
        return position is not None and position <= reached
