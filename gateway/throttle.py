"""Failed logins, counted: who fails too often waits before his next try is looked at. In this process alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

from engine.core.ports import Clock

#: Failures of one address with one name, and of one address with all, before it must wait.
FAILURES_MAX = 10
FAILURES_OF_ADDRESS_MAX = 100
#: How long failures count, from the first one on.
WINDOW_SECONDS = 60.0
#: What is remembered; the oldest is forgotten first.
ENTRIES_MAX = 10_000


class Throttle:
    """Counts failures by address and name, and by address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def wait_seconds(self, address: str, name: str) -> float:
        """How long a try must wait; 0.0 for not at all."""
        now = self._clock.monotonic()
        waits = [self._wait((address, name), FAILURES_MAX, now), self._wait(address, FAILURES_OF_ADDRESS_MAX, now)]
        return max(waits)

    def failed(self, address: str, name: str) -> None:
        """A try was wrong."""
        for key in ((address, name), address):
            now = self._clock.monotonic()
            count, end = self._counts.get(key, (0, 0.0))
            self._counts[key] = (count + 1, end) if now < end else (1, now + WINDOW_SECONDS)
            if len(self._counts) > ENTRIES_MAX:
                self._counts.popitem(last=False)

    def succeeded(self, address: str, name: str) -> None:
        """A try was right: what the same one did wrong before is forgotten."""
        self._counts.pop((address, name), None)

    def _wait(self, key: Hashable, failures_max: int, now: float) -> float:
        count, end = self._counts.get(key, (0, 0.0))
        return max(0.0, end - now) if count >= failures_max else 0.0
