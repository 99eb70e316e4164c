"""What has to be done for the machine beside the log, and comes back to it as a command: what all of that shares."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from engine.core.machine import Machine
from engine.core.ports import INTERNAL, Append, Clock, Log, Message
from engine.core.record import Record

from .codec import Codec


class Driver:
    """Of one partition. It is an observer of the runner: `_moved` is set whenever the machine has moved on."""

    def __init__(self, *, log: Log, codec: Codec, machine: Machine, clock: Clock) -> None:
        self._log = log
        self._codec = codec
        self._machine = machine
        self._clock = clock
        self._moved = asyncio.Event()

    def committed(self) -> None:
        self._moved.set()

    async def _send(self, command: Record) -> None:
        """Raises Unavailable: it may be on the log, or not."""
        await self._send_encoded(self._codec.encode(command))

    async def _send_encoded(self, value: bytes) -> None:
        """As `_send`."""
        messages = [Message(value=value)]
        await self._log.append([Append(topic=INTERNAL, partition=self._machine.partition, messages=messages)])

    async def _wait_while(self, is_open: Callable[[], bool], seconds_max: float) -> None:
        """Until the machine wants something else, because what was sent has had its effect, or was stale."""
        deadline = self._clock.monotonic() + seconds_max
        while self._clock.monotonic() < deadline and is_open():
            self._moved.clear()
            await self._wait_for_move(seconds_max)

    async def _wait_for_move(self, seconds_max: float | None) -> None:
        """Until the machine has moved on since `_moved` was cleared, or the time is over; None: however long."""
        # Not `wait_for`: before Python 3.12 it loses a cancellation that comes together with what is waited for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                await self._moved.wait()
