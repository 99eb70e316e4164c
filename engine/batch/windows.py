"""Times of day in which a batch operation does not execute items, such as `08:00-18:00 Europe/Berlin`.

Rule: what a zone means is asked while deciding, and the moment that it gives is put on the log, so that replay needs no
rules of time zones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from functools import lru_cache

from msgspec import Struct

from engine.bpmn.feel.zones import UTC_ZONE, find_zone
from engine.records.batch_options import PAUSE_WINDOW

_FORM = re.compile(PAUSE_WINDOW)


class Window(Struct, frozen=True):
    """From one time of day to another, which is the next day's if it is not later."""

    start: time
    end: time
    zone: tzinfo


@lru_cache(maxsize=1_000)
def parse_window(text: str) -> Window:
    """Raises ValueError with what is wrong."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a window such as '08:00-18:00 Europe/Berlin', got '{text}'; correct it")
    start, end = time.fromisoformat(found[1]), time.fromisoformat(found[2])
    if start == end:
        raise ValueError(f"expected a window shorter than a day, got '{text}'; suspend the batch operation instead")
    zone = find_zone(found[3] or UTC_ZONE)
    if zone is None:
        raise ValueError(
            f"expected a time zone such as Europe/Berlin, got '{found[3]}'; use a name of the IANA database"
        )
    return Window(start, end, zone)


def paused_until(windows: Sequence[str], now: int) -> int:
    """When the window ends that holds now, ms since 1970, the last one of several; 0 outside of all."""
    return max((_end_of(parse_window(text), now) for text in windows), default=0)


def _end_of(window: Window, now: int) -> int:
    local = datetime.fromtimestamp(now / 1000, window.zone)
    clock, wraps = local.time(), window.end < window.start
    if not (clock >= window.start or clock < window.end if wraps else window.start <= clock < window.end):
        return 0
    day = local.date() + timedelta(days=1 if wraps and clock >= window.start else 0)
    end = datetime.combine(day, window.end, window.zone).timestamp() * 1000
    return max(math.ceil(end), now + 1)  # an hour that the clock is put back comes twice
