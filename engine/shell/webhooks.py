"""Has URLs told what the machine wants them to be told, and brings to the log how each attempt went.

Whoever tells is given (`webhook_sender`). An attempt whose report is lost is made once more; one that was made before a
crash, too: everybody is told at least once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from engine.core.background import Deliveries, Delivery, DeliveryResult
from engine.core.faults import Unavailable
from engine.core.machine import Machine
from engine.core.ports import INTERNAL, Append, Clock, Log, Message

from .codec import Codec
from .log_time import LogTime

#: Seconds between two looks while one waits for a back-off.
LOOK_SECONDS = 1.0
#: Longest wait for the machine to take a report, in seconds; then it is told again.
TAKEN_SECONDS_MAX = 30.0

#: Tells a URL. Never raises.
Deliver = Callable[[Delivery], Awaitable[DeliveryResult]]


class WebhookDriver:
    """Tells for one partition, one URL at a time. It is an observer of the runner."""

    def __init__(
        self,
        *,
        log: Log,
        codec: Codec,
        machine: Machine,
        deliveries: Deliveries,
        deliver: Deliver,
        clock: Clock,
        time: LogTime,
    ) -> None:
        self._log = log
        self._codec = codec
        self._machine = machine
        self._deliveries = deliveries
        self._deliver = deliver
        self._clock = clock
        self._time = time
        self._moved = asyncio.Event()

    def committed(self) -> None:
        self._moved.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._moved.clear()
            delivery = self._deliveries.wanted(self._machine, self._time.now())
            if delivery is None:
                await self._wait(self._deliveries.next_at(self._machine))
                continue
            report = self._deliveries.report(delivery, await self._deliver(delivery))
            message = Message(value=self._codec.encode(report))
            try:
                await self._log.append([Append(topic=INTERNAL, partition=self._machine.partition, messages=[message])])
            except Unavailable:  # told once more, if the report is not on the log after all
                await self._clock.sleep(LOOK_SECONDS)
                continue
            await self._wait_until_taken(delivery)

    async def _wait(self, next_at: int | None) -> None:
        """Until the machine has moved on, or a back-off may be over."""
        if next_at is None:
            await self._moved.wait()
        else:
            await self._clock.sleep(LOOK_SECONDS)

    async def _wait_until_taken(self, delivery: Delivery) -> None:
        deadline = self._clock.monotonic() + TAKEN_SECONDS_MAX
        while self._clock.monotonic() < deadline and self._deliveries.is_open(self._machine, delivery):
            self._moved.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), TAKEN_SECONDS_MAX)
