"""Has URLs told what the machine wants them to be told, and brings to the log how each attempt went.

Whoever tells is given (`webhook_sender`). Rule: nobody is told of what is decided and not on the log yet. An attempt
whose report is lost is made once more; one that was made before a crash, too: everybody is told at least once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from engine.core.background import Deliveries, Delivery, DeliveryResult
from engine.core.faults import Unavailable
from engine.core.machine import Machine
from engine.core.ports import Clock, Log
from engine.core.state import View

from .codec import Codec
from .driver import Driver
from .log_time import LogTime

#: Seconds between two looks while one waits for a back-off.
LOOK_SECONDS = 1.0
#: Longest wait for the machine to take a report, in seconds; then it is told again.
TAKEN_SECONDS_MAX = 30.0

#: Tells a URL. Never raises.
Deliver = Callable[[Delivery], Awaitable[DeliveryResult]]


class WebhookDriver(Driver):
    """Tells for one partition, one URL at a time."""

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
        committed_view: Callable[[], View],
    ) -> None:
        """`committed_view` gives the state without what is decided and not on the log yet."""
        super().__init__(log=log, codec=codec, machine=machine, clock=clock)
        self._deliveries = deliveries
        self._deliver = deliver
        self._time = time
        self._committed_view = committed_view

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._moved.clear()
            delivery = self._deliveries.wanted(self._machine, self._time.now())
            if delivery is None:
                await self._wait(self._deliveries.next_at(self._machine))
                continue
            if not self._deliveries.is_open(self._committed_view(), delivery):
                await self._moved.wait()
                continue
            report = self._deliveries.report(delivery, await self._deliver(delivery))
            try:
                await self._send(report)
            except Unavailable:  # told once more, if the report is not on the log after all
                await self._clock.sleep(LOOK_SECONDS)
                continue
            await self._wait_while(partial(self._deliveries.is_open, self._machine, delivery), TAKEN_SECONDS_MAX)

    async def _wait(self, next_at: int | None) -> None:
        """Until the machine has moved on, or a back-off may be over."""
        if next_at is None:
            await self._moved.wait()
        else:
            await self._clock.sleep(LOOK_SECONDS)
