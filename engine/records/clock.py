"""The `clock` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "CLOCK"


class Clock(Struct, frozen=True, kw_only=True):
    """Time passes: the shell says so when something is due. TICK; the events are those of what was due.

    TIMER_DROPPED: a timer that failed was set aside.
    """

    due: int = 0
    timer: str = ""
