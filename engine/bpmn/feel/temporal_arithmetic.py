"""Calculating with dates, times and durations (DMN 1.5, tables 57 to 62).

Rule: every operation answers None where the specification has no answer, or where the result is out of range.
"""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from engine.bpmn.feel.arithmetic import DECIMAL128, Number, divide, finite
from engine.bpmn.feel.temporal import (
    MICROSECOND,
    ZERO,
    DateTime,
    Duration,
    Months,
    Temporal,
    Time,
    at_instant,
    clock_of,
    in_zone,
    instant,
    months,
    seconds_of,
)


def add(left: Temporal, right: Temporal) -> Temporal | None:
    """left + right: a duration and anything else, in either order."""
    if isinstance(right, timedelta | Months):
        return _move(left, right)
    return _move(right, left) if isinstance(left, timedelta | Months) else None


def subtract(left: Temporal, right: Temporal) -> Temporal | None:
    """left - right: what lies between two points, or a point or duration less a duration."""
    if isinstance(right, timedelta | Months):
        back = negate(right)
        return None if back is None else _move(left, back)
    return _between(right, left)


def negate(duration: Duration) -> Duration | None:
    """-duration"""
    if isinstance(duration, Months):
        return Months(-duration.months)
    try:
        return -duration
    except OverflowError:
        return None


def _move(value: Temporal, by: Duration) -> Temporal | None:
    try:
        return _move_months(value, by.months) if isinstance(by, Months) else _move_days(value, by)
    except (OverflowError, ValueError):
        return None


def _move_months(value: Temporal, number: int) -> Temporal | None:
    match value:
        case Months():
            return months(value.months + number)
        case DateTime(local=local, offset=offset, zone=zone):
            moved = datetime.combine(add_months(local.date(), number), local.time())
            return DateTime(moved, offset) if zone is None else in_zone(moved, zone)
        case timedelta() | Time():
            return None
        case date():
            return add_months(value, number)


def add_months(day: date, number: int) -> date:
    """The same day so many months later, or the last of that month if it is shorter. Raises ValueError."""
    year, month = divmod(12 * day.year + day.month - 1 + number, 12)
    if not 1 <= year <= 9999:
        raise ValueError(year)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _move_days(value: Temporal, by: timedelta) -> Temporal | None:
    match value:
        case timedelta():
            return value + by
        case Time():
            return Time(clock_of(seconds_of(value.clock) + by), value.offset, value.zone)
        case DateTime(local=local, offset=offset, zone=zone):
            if offset is None or zone is None:
                return DateTime(local + by, offset)
            return at_instant(local - offset + by, zone)
        case Months():
            return None
        case date():
            return (datetime.combine(value, time()) + by).date()


def _between(start: Temporal, end: Temporal) -> timedelta | None:
    """end - start. A date is its midnight: of UTC, if the other has an offset."""
    if isinstance(start, Time) and isinstance(end, Time):
        return instant(end) - instant(start) if (start.offset is None) == (end.offset is None) else None
    first, last = _as_date_time(start), _as_date_time(end)
    if first is None or last is None:
        return None
    if isinstance(start, date) and last.offset is not None:
        first = DateTime(first.local, ZERO)
    if isinstance(end, date) and first.offset is not None:
        last = DateTime(last.local, ZERO)
    if (first.offset is None) != (last.offset is None):
        return None
    return instant(last) - instant(first)


def _as_date_time(value: Temporal) -> DateTime | None:
    if isinstance(value, date):
        return DateTime(datetime.combine(value, time()))
    return value if isinstance(value, DateTime) else None


def multiply(duration: Duration, factor: Number) -> Duration | None:
    """duration * factor, to whole months or microseconds, rounded towards zero."""
    if isinstance(duration, Months):
        number = _truncate(DECIMAL128.multiply(duration.months, factor))
        return None if number is None else months(number)
    return _from_microseconds(DECIMAL128.multiply(duration // MICROSECOND, factor))


def divide_duration(duration: Duration, divisor: Number | Duration) -> Duration | Number | None:
    """duration / number is a duration; duration / duration of the same type is a number."""
    match duration, divisor:
        case (Months(), Months()):
            return divide(duration.months, divisor.months)
        case (timedelta(), timedelta()):
            return divide(duration // MICROSECOND, divisor // MICROSECOND)
        case (_, int() | Decimal()) if divisor != 0:
            if isinstance(duration, Months):
                number = _truncate(DECIMAL128.divide(duration.months, divisor))
                return None if number is None else months(number)
            return _from_microseconds(DECIMAL128.divide(duration // MICROSECOND, divisor))
    return None


def _truncate(number: Decimal) -> int | None:
    value = finite(number)
    return int(value) if value is not None and abs(value) < 10**20 else None


def _from_microseconds(number: Decimal) -> timedelta | None:
    count = _truncate(number)
    try:
        return None if count is None else timedelta(microseconds=count)
    except OverflowError:
        return None
