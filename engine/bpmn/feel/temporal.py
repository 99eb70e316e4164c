"""Dates, times and durations (DMN 1.5, 10.3.2.3.4 to 10.3.2.3.9): what they are, their order, their properties.

A date is a `datetime.date`, a days and time duration a `datetime.timedelta`; the others are here. Years are 1 to 9999
and fractions of a second microseconds, which is what Python has. A value without an offset is local: it compares with
local values only.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TypeAlias

import msgspec

from engine.bpmn.feel.zones import UTC_ZONE, find_zone, offset_at

ZERO = timedelta()
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 a wall-clock time of UTC
_START = datetime(1, 1, 1)  # noqa: DTZ001 the origin of instants
MONTHS_MAX = 12 * 999_999_999
"""Months of a duration, either way."""


class Months(msgspec.Struct, frozen=True):
    """A years and months duration."""

    months: int


class Time(msgspec.Struct, frozen=True):
    """A time of day; `offset` is None for a local time, `zone` the IANA name it was given with."""

    clock: time
    offset: timedelta | None = None
    zone: str | None = None


class DateTime(msgspec.Struct, frozen=True):
    """A date and time; `offset` is None for a local one, `zone` the IANA name that decided the offset."""

    local: datetime
    offset: timedelta | None = None
    zone: str | None = None


Duration: TypeAlias = timedelta | Months
Temporal: TypeAlias = date | Time | DateTime | timedelta | Months
TEMPORAL = (date, Time, DateTime, timedelta, Months)

TYPE_NAMES: dict[type, str] = {
    date: "date",
    Time: "time",
    DateTime: "date and time",
    timedelta: "days and time duration",
    Months: "years and months duration",
}


def months(number: int) -> Months | None:
    """A duration of so many months; None if it is too long."""
    return Months(number) if abs(number) <= MONTHS_MAX else None


def in_zone(local: datetime, zone: str) -> DateTime | None:
    """A wall-clock time in a zone; None if there is no such zone. A time that summer time skips moves forward."""
    found = find_zone(zone)
    if found is None:
        return None
    return at_instant(local - offset_at(found, local), zone)


def at_instant(utc: datetime, zone: str) -> DateTime | None:
    """An instant, told in UTC, as it is seen in a zone."""
    found = find_zone(zone)
    if found is None:
        return None
    local = found.fromutc(utc.replace(tzinfo=found))
    return DateTime(local.replace(tzinfo=None, fold=0), local.utcoffset(), None if zone == UTC_ZONE else zone)


def from_milliseconds(milliseconds: int) -> DateTime:
    """An instant given in milliseconds since 1970, in UTC."""
    return DateTime(_EPOCH + timedelta(milliseconds=milliseconds), ZERO)


def seconds_of(clock: time) -> timedelta:
    """What has passed since midnight."""
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond)


def clock_of(passed: timedelta) -> time:
    """The time of day when so much has passed since midnight, around the clock."""
    return (_START + passed % DAY).time()


def instant(value: Time | DateTime) -> timedelta:
    """What decides the order of times or of dates and times: of those with an offset, the distance in UTC."""
    passed = seconds_of(value.clock) if isinstance(value, Time) else value.local - _START
    return passed if value.offset is None else passed - value.offset


def order(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1; None if the two are of different types, or only one of them is local."""
    if type(left) is not type(right):
        return None
    match left, right:
        case (Months(), Months()):
            return (left.months > right.months) - (left.months < right.months)
        case (timedelta(), timedelta()):
            return (left > right) - (left < right)
        case (date(), date()):
            return (left > right) - (left < right)
        case (Time() | DateTime(), Time() | DateTime()):
            if (left.offset is None) != (right.offset is None):
                return None
            a, b = instant(left), instant(right)
            return (a > b) - (a < b)
    return None


def key(value: Temporal) -> tuple[str, object]:
    """What values share exactly if they are equal."""
    name = TYPE_NAMES[type(value)]
    if isinstance(value, Time | DateTime):
        return f"{name}{'' if value.offset is None else ' with offset'}", instant(value)
    return name, value


def whole(duration: timedelta, unit: timedelta) -> int:
    """How many times a unit fits into a duration, rounded towards zero."""
    return duration // unit if duration >= ZERO else -(-duration // unit)


def properties(value: Temporal) -> dict[str, int | str | timedelta | None]:
    """What `value.name` knows (DMN 1.5, table 65), by name."""
    match value:
        case date():
            return _date_properties(value)
        case Time():
            return _clock_properties(value.clock) | {"time offset": value.offset, "timezone": value.zone}
        case DateTime():
            clock = _clock_properties(value.local.time())
            return _date_properties(value.local) | clock | {"time offset": value.offset, "timezone": value.zone}
        case Months():
            years, rest = divmod(abs(value.months), 12)
            return {"years": years, "months": rest} if value.months >= 0 else {"years": -years, "months": -rest}
    seconds = whole(value, SECOND)
    sign, seconds = (1, seconds) if seconds >= 0 else (-1, -seconds)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    return {"days": sign * days, "hours": sign * (hours % 24), "minutes": sign * (minutes % 60),
            "seconds": sign * (seconds % 60)}  # fmt: skip


def _date_properties(value: date) -> dict[str, int | str | timedelta | None]:
    return {"year": value.year, "month": value.month, "day": value.day, "weekday": value.isoweekday()}


def _clock_properties(value: time) -> dict[str, int | str | timedelta | None]:
    return {"hour": value.hour, "minute": value.minute, "second": value.second}
