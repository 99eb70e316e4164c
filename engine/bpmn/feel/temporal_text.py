"""Dates, times and durations as text: what `@"…"` and the conversion functions read, what `string()` and JSON write.

Read are the notations of DMN 1.5, 10.3.4.1, and what feel-scala adds: seconds may be left out, and an offset may be
followed by a zone in brackets. JSON gets what Camunda 8 writes into variables.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from engine.bpmn.feel.temporal import (
    ZERO,
    DateTime,
    Duration,
    Months,
    Temporal,
    Time,
    at_instant,
    in_zone,
    months,
)
from engine.bpmn.feel.zones import OFFSET_MAX, UTC_ZONE, find_zone, offset_without_date

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_CLOCK = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
_ZONE = r"(?:(?:(Z|z)|([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)(?:\[([^\]]{1,64})\])?|@(.{1,64}))?"
_TIME = re.compile(f"T?{_CLOCK}{_ZONE}")
_MONTHS = re.compile(r"(-)?P(?:(-?[0-9]{1,12})Y)?(?:(-?[0-9]{1,12})M)?")
_DAYS = re.compile(
    r"(-)?P(?:(-?[0-9]{1,15})D)?"
    r"(?:T(?:(-?[0-9]{1,15})H)?(?:(-?[0-9]{1,15})M)?(?:(-?)([0-9]{1,15})(?:\.([0-9]{0,9}))?S)?)?"
)


def parse_temporal(text: str) -> Temporal | None:
    """The value of `@"text"`; None if the text is none."""
    if text.lstrip("-").startswith("P"):
        return parse_duration(text)
    return parse_date(text) or parse_date_time(text) or parse_time(text)


def parse_date(text: str) -> date | None:
    """`2026-01-31`"""
    match = _DATE.fullmatch(text)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def parse_time(text: str) -> Time | None:
    """`10:00:00`, with `Z`, `+02:00` or `@Europe/Berlin` behind it or not."""
    match = _TIME.fullmatch(text)
    clock = _read_clock(match) if match else None
    if match is None or clock is None:
        return None
    name, offset = match[11] or match[10], _read_offset(match)
    if offset is None and match[6]:
        return None
    if name is None:
        return Time(clock, offset)
    zone = find_zone(name)
    return (
        None
        if zone is None
        else Time(clock, offset_without_date(zone) if offset is None else offset, None if name == UTC_ZONE else name)
    )


def parse_date_time(text: str) -> DateTime | None:
    """`2026-01-31T10:00:00`, with a zone as in a time or not. A date alone is its midnight."""
    day_text, separator, clock_text = text.partition("T")
    day, match = parse_date(day_text), _TIME.fullmatch(clock_text)
    if day is None:
        return None
    if not separator:
        return DateTime(datetime.combine(day, time()))
    clock = _read_clock(match) if match and not clock_text.startswith("T") else None
    if match is None or clock is None:
        return None
    local, name, offset = datetime.combine(day, clock), match[11] or match[10], _read_offset(match)
    if offset is None and match[6]:
        return None
    try:
        if name is None:
            return DateTime(local, offset)
        return in_zone(local, name) if offset is None else at_instant(local - offset, name)
    except OverflowError:
        return None


def _read_clock(match: re.Match[str]) -> time | None:
    microsecond = int((match[4] or "").ljust(6, "0")[:6])
    try:
        return time(int(match[1]), int(match[2]), int(match[3] or 0), microsecond)
    except ValueError:
        return None


def _read_offset(match: re.Match[str]) -> timedelta | None:
    """The distance from UTC; None if none is written, or it is too large."""
    if match[5]:
        return ZERO
    if not match[6] or int(match[8]) > 59 or int(match[9] or 0) > 59:
        return None
    offset = timedelta(hours=int(match[7]), minutes=int(match[8]), seconds=int(match[9] or 0))
    return None if offset > OFFSET_MAX else -offset if match[6] == "-" else offset


def parse_duration(text: str) -> Duration | None:
    """`P1Y2M` or `P3DT4H5M6.7S`, either with a sign."""
    match = _MONTHS.fullmatch(text)
    if match and (match[2] or match[3]):
        number = 12 * int(match[2] or 0) + int(match[3] or 0)
        return months(-number if match[1] else number)
    match = _DAYS.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        return None
    seconds = timedelta(seconds=int(match[6] or 0), microseconds=int((match[7] or "").ljust(6, "0")[:6]))
    try:
        days = timedelta(days=int(match[2] or 0), hours=int(match[3] or 0), minutes=int(match[4] or 0))
        duration = days - seconds if match[5] else days + seconds
        return -duration if match[1] else duration
    except OverflowError:
        return None


def format_temporal(value: Temporal) -> str:
    """The text that `string()` writes, and that `@"…"` reads back to the same value."""
    match value:
        case Months():
            return _format_months(value.months)
        case timedelta():
            return _format_days(value)
        case date():
            return value.isoformat()
        case Time():
            return _format_clock(value.clock) + _format_zone(value.offset, value.zone)
        case DateTime():
            clock = _format_clock(value.local.time())
            return f"{value.local.date().isoformat()}T{clock}{_format_zone(value.offset, value.zone)}"


def export_temporal(value: Temporal) -> str:
    """The text that a variable gets, as Camunda 8 writes it: ISO 8601, a zone in brackets behind its offset."""
    match value:
        case DateTime(offset=timedelta() as offset, zone=str() as zone):
            return f"{format_temporal(DateTime(value.local, offset))}[{zone}]"
        case Time(offset=None) if value.clock.second == value.clock.microsecond == 0:
            return value.clock.isoformat("minutes")
    return format_temporal(value)


def _format_clock(clock: time) -> str:
    text = clock.isoformat()
    return text.rstrip("0") if clock.microsecond else text


def _format_zone(offset: timedelta | None, zone: str | None) -> str:
    if offset is None or zone is not None:
        return "" if zone is None else f"@{zone}"
    if offset == ZERO:
        return "Z"
    return ("-" if offset < ZERO else "+") + _format_offset(abs(offset))


def _format_offset(offset: timedelta) -> str:
    """`02:00`, or `02:00:30`"""
    minutes, seconds = divmod(int(offset.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def _format_months(number: int) -> str:
    years, rest = divmod(abs(number), 12)
    text = (f"{years}Y" if years else "") + (f"{rest}M" if rest else "")
    return f"{'-' if number < 0 else ''}P{text or '0Y'}"


def _format_days(duration: timedelta) -> str:
    length = abs(duration)
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{length.microseconds:06}".rstrip("0") if length.microseconds else ""
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    clock += f"{seconds}{fraction}S" if seconds or fraction else ""
    days = f"{length.days}D" if length.days or not clock else ""
    return f"{'-' if duration < ZERO else ''}P{days}{'T' if clock else ''}{clock}"
