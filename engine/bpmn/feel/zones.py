"""Time zones by their IANA name.

Rule: the rules come from the `tzdata` package only, never from the system: which version of them decides is then part
of the build (`requirements.lock`), and two machines that run the same build give the same result. An update of tzdata
may change what an expression with a named zone answers, as any other change of the code may.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

# A named zone without a date has no offset of its own: it gets the one outside of summer time in this year.
_WITHOUT_DATE = (datetime(2025, 1, 1), datetime(2025, 7, 1))  # noqa: DTZ001 wall-clock times of any zone
UTC_ZONE = "Z"
"""A name of UTC that is an offset as well: what is in it has no zone."""
OFFSET_MAX = timedelta(hours=18)
"""The largest distance from UTC, as in Java."""


@cache
def _names() -> frozenset[str]:
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


@cache
def _load(name: str) -> ZoneInfo:
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def find_zone(name: str) -> ZoneInfo | None:
    """The zone of a name such as `Europe/Berlin`; None if there is none."""
    if name == UTC_ZONE:
        return _load("UTC")
    return _load(name) if name in _names() else None


def offset_at(zone: ZoneInfo, local: datetime) -> timedelta:
    """The distance from UTC at a wall-clock time; of two that are possible, the earlier in force (as in Java)."""
    return local.replace(tzinfo=zone).utcoffset() or timedelta()


def offset_without_date(zone: ZoneInfo) -> timedelta:
    """The distance from UTC outside of summer time."""
    for local in _WITHOUT_DATE:
        if not local.replace(tzinfo=zone).dst():
            return offset_at(zone, local)
    return offset_at(zone, _WITHOUT_DATE[0])
