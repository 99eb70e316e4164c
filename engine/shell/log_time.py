"""What the log's own clock says, as far as the stamps of commands tell: machine time is made of those stamps.

Timers, back-offs and time-outs are due in machine time. Where the clock of the log is ahead of this process's, whoever
waited by the latter would be late by the difference.
"""

from __future__ import annotations

from engine.core.ports import Clock


class LogTime:
    """A clock that is told every stamp. It is never behind the clock of the process: stamps may be read late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0

    def saw(self, stamp: int) -> None:
        """A command has this stamp, ms since 1970 (UTC), and is the last one that was read."""
        self._ahead = max(stamp - self._clock.now(), 0)

    def now(self) -> int:
        """Milliseconds since 1970 (UTC)."""
        return self._clock.now() + self._ahead
