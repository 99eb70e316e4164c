"""Built-in functions on dates, times and durations (DMN 1.5, 10.3.4.1, 10.3.4.7 and 10.3.4.8).

`now()` and `today()` answer the time that was given with the evaluation: an expression has no clock. Names of days and
months are English.
"""

from __future__ import annotations

import calendar
from datetime import MAXYEAR, MINYEAR, date, datetime, time, timedelta

from engine.bpmn.feel import temporal
from engine.bpmn.feel.arithmetic import DECIMAL128, exact, whole
from engine.bpmn.feel.builtin import Builtin, builtin
from engine.bpmn.feel.limits import TEMPORAL_STEPS, Budget
from engine.bpmn.feel.temporal import DateTime, Months, Time, months
from engine.bpmn.feel.temporal_text import parse_date, parse_date_time, parse_duration, parse_time
from engine.bpmn.feel.values import Data
from engine.bpmn.feel.zones import OFFSET_MAX

# Written out: `calendar.day_name` follows the locale of the machine.
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def now(budget: Budget) -> Data:
    return None if budget.now is None else temporal.from_milliseconds(budget.now)


def today(budget: Budget) -> Data:
    """The date in UTC."""
    return None if budget.now is None else temporal.from_milliseconds(budget.now).local.date()


def make_date(*arguments: Data) -> Data:
    """Of a text, a date or a date and time; or of year, month and day."""
    if len(arguments) == 1:
        value = arguments[0]
        return parse_date(value) if isinstance(value, str) else _day(value)
    year, month, day = (whole(argument) for argument in arguments)
    if year is None or month is None or day is None or not MINYEAR <= year <= MAXYEAR or not 1 <= month <= 12:
        return None
    return date(year, month, day) if 1 <= day <= calendar.monthrange(year, month)[1] else None


def make_time(*arguments: Data) -> Data:
    """Of a text, a time, a date (its midnight in UTC) or a date and time; or of hour, minute, second and offset."""
    if len(arguments) > 1:
        return _time_of_parts(*arguments)
    match arguments[0]:
        case str() as text:
            return parse_time(text)
        case Time() as value:
            return value
        case DateTime(local=local, offset=offset, zone=zone):
            return Time(local.time(), offset, zone)
        case date():
            return Time(time(), timedelta())
    return None


def _time_of_parts(hour: Data, minute: Data, second: Data, offset: Data = None) -> Data:
    seconds, parts = exact(second), (whole(hour), whole(minute), whole(second))
    if seconds is None or not (offset is None or (isinstance(offset, timedelta) and abs(offset) <= OFFSET_MAX)):
        return None
    hours, minutes, whole_seconds = parts
    if hours is None or minutes is None or whole_seconds is None:
        return None
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 60):
        return None
    fraction = DECIMAL128.subtract(seconds, whole_seconds)
    return Time(time(hours, minutes, whole_seconds, int(DECIMAL128.multiply(fraction, 1_000_000))), offset)


def make_date_time(first: Data, second: Data = None) -> Data:
    """Of a text or a date and time; or of a date and a time; or of a date and time and the zone to see it in."""
    if second is None:
        return parse_date_time(first) if isinstance(first, str) else first if isinstance(first, DateTime) else None
    try:
        if isinstance(second, Time):
            return _combine(first, second)
        if isinstance(second, str) and isinstance(first, DateTime):
            if first.offset is None:
                return temporal.in_zone(first.local, second)
            return temporal.at_instant(first.local - first.offset, second)
    except OverflowError:
        return None
    return None


def _combine(first: Data, second: Time) -> Data:
    day = _day(first)
    if day is None:
        return None
    local = datetime.combine(day, second.clock)
    return DateTime(local, second.offset) if second.zone is None else temporal.in_zone(local, second.zone)


def duration(value: Data) -> Data:
    if isinstance(value, str):
        return parse_duration(value)
    return value if isinstance(value, timedelta | Months) else None


def months_between(start: Data, end: Data) -> Data:
    """The whole months between two days, rounded towards zero; the time of day does not count."""
    first, last = _day(start), _day(end)
    if first is None or last is None:
        return None
    number = 12 * (last.year - first.year) + last.month - first.month
    if number > 0 and last.day < first.day:
        number -= 1
    elif number < 0 and last.day > first.day:
        number += 1
    return months(number)


def _day(value: Data) -> date | None:
    """The day of a date, or of a date and time."""
    return value.local.date() if isinstance(value, DateTime) else value if isinstance(value, date) else None


def day_of_year(value: Data) -> Data:
    day = _day(value)
    return None if day is None else day.timetuple().tm_yday


def day_of_week(value: Data) -> Data:
    day = _day(value)
    return None if day is None else DAY_NAMES[day.weekday()]


def month_of_year(value: Data) -> Data:
    day = _day(value)
    return None if day is None else MONTH_NAMES[day.month - 1]


def week_of_year(value: Data) -> Data:
    """The ISO 8601 week: the first of a year has its first Thursday."""
    day = _day(value)
    return None if day is None else day.isocalendar().week


def last_day_of_month(value: Data) -> Data:
    day = _day(value)
    return None if day is None else day.replace(day=calendar.monthrange(day.year, day.month)[1])


TEMPORAL_FUNCTIONS: tuple[Builtin, ...] = (
    builtin("now", "", now, spends=True, steps=TEMPORAL_STEPS),
    builtin("today", "", today, spends=True, steps=TEMPORAL_STEPS),
    builtin("date", "from; year, month, day", make_date, steps=TEMPORAL_STEPS),
    builtin("time", "from; hour, minute, second, [offset]", make_time, steps=TEMPORAL_STEPS),
    builtin("date and time", "from; date, time|timezone", make_date_time, steps=TEMPORAL_STEPS),
    builtin("duration", "from", duration, steps=TEMPORAL_STEPS),
    builtin("years and months duration", "from, to", months_between, steps=TEMPORAL_STEPS),
    builtin("day of year", "date", day_of_year, steps=TEMPORAL_STEPS),
    builtin("day of week", "date", day_of_week, steps=TEMPORAL_STEPS),
    builtin("month of year", "date", month_of_year, steps=TEMPORAL_STEPS),
    builtin("week of year", "date", week_of_year, steps=TEMPORAL_STEPS),
    builtin("last day of month", "date", last_day_of_month, steps=TEMPORAL_STEPS),
)
