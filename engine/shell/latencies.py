"""Measures how long clients' commands take, and brings to the log what the machine wants to know of it.

A command's time runs from the log's stamp to the commit of its step, so the clock of the log's machine must not be far
from this one's. Rule: the driver acts only when steps are committed, so an idle partition costs nothing and writes
nothing, and at most once an interval.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque

from engine.core.background import Measurements
from engine.core.faults import Unavailable
from engine.core.machine import Machine
from engine.core.ports import Clock, Log

from .codec import Codec
from .driver import Driver
from .log_time import LogTime
from .runner import Group, Measures

#: Shortest time between two measurements, in seconds.
INTERVAL_SECONDS = 1.0
#: Commands that a measurement is made of, unless it has been waited for them as many seconds as below.
COMMANDS_MIN = 20
WINDOW_SECONDS_MAX = 5.0
#: Of more commands in a window the last ones count.
COMMANDS_MAX = 1_000
#: What is measured: the time that this share of the commands does not exceed.
SHARE = 0.95


class Latencies:
    """The `Measures` of a runner, which also keep the times of clients' commands until they are taken."""

    def __init__(self, measures: Measures | None = None) -> None:
        self._measures = measures
        self._seconds: deque[float] = deque(maxlen=COMMANDS_MAX)

    def __len__(self) -> int:
        return len(self._seconds)

    def group_committed(self, group: Group) -> None:
        """As `Measures.group_committed`."""
        committed = group.committed[1]
        self._seconds.extend([committed - sent for sent in group.sent])
        if self._measures is not None:
            self._measures.group_committed(group)

    def recovered(self, records: int, seconds: float) -> None:
        """As `Measures.recovered`."""
        if self._measures is not None:
            self._measures.recovered(records, seconds)

    def take(self) -> int:
        """What `SHARE` of them took at most, in ms; 0 when there were none. They are forgotten."""
        ordered = sorted(self._seconds)
        self._seconds.clear()
        return round(ordered[math.ceil(SHARE * len(ordered)) - 1] * 1000) if ordered else 0


class LatencyDriver(Driver):
    """Measures one partition, when it has moved on and the last measurement is long enough ago."""

    def __init__(
        self,
        *,
        log: Log,
        codec: Codec,
        machine: Machine,
        latencies: Latencies,
        measurements: Measurements,
        clock: Clock,
        time: LogTime,
    ) -> None:
        super().__init__(log=log, codec=codec, machine=machine, clock=clock)
        self._latencies = latencies
        self._measurements = measurements
        self._time = time
        self._looked_at = self._began_at = clock.monotonic()

    def committed(self) -> None:
        if self._clock.monotonic() - self._looked_at >= INTERVAL_SECONDS:
            super().committed()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            with contextlib.suppress(Unavailable):  # the next measurement is as good
                await self._look()

    async def _look(self) -> None:
        self._looked_at = now = self._clock.monotonic()
        if len(self._latencies) < COMMANDS_MIN and now - self._began_at < WINDOW_SECONDS_MAX:
            return
        self._began_at = now
        count = len(self._latencies)
        command = self._measurements.measurement(self._machine, self._time.now(), self._latencies.take(), count)
        if command is not None:
            await self._send(command)
