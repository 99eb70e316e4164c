"""When timers are due: dates, durations and cycles as texts (ISO 8601), and cron expressions.

Rules: pure; instants are ms since 1970 (UTC); years end with 9999; cron expressions are read in UTC.
Sources: Camunda 8 "Timer events"; cron expressions as Spring 5.3 has them, in part: docs/bpmn.md tells which.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from croniter import croniter
from croniter.croniter import CroniterError
from msgspec import Struct

from .feel import EvaluationFailure, brief
from .feel.temporal import Months
from .feel.temporal_arithmetic import add_months
from .feel.temporal_text import parse_date_time, parse_duration

#: Repetitions of a cycle without end.
FOREVER = -1

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 a wall-clock time of UTC
_MILLISECOND = timedelta(milliseconds=1)

_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?P<months>(?:-?\d{1,9}Y)?(?:-?\d{1,9}M)?)"
    r"(?:(?P<weeks>-?\d{1,9})W)?(?P<rest>(?:-?\d{1,15}D)?(?:T.+)?)",
    re.ASCII,
)
_CYCLE = re.compile(r"R(?P<repetitions>-1|[0-9]{0,9})/(?:(?P<start>.+)/)?(?P<interval>[^/]*)")
_CRON_PART = r"(?:[0-9]{1,2}W?|[A-Z]{3}|L|[*?])(?:-(?:[0-9]{1,2}|[A-Z]{3}))?(?:/[0-9]{1,2})?(?:#[1-5])?"
_CRON_FIELD = rf"{_CRON_PART}(?:,{_CRON_PART})*"
_CRON = re.compile(rf"{_CRON_FIELD}(?: +{_CRON_FIELD}){{5}}")
_CRON_MACROS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}


class Schedule(Struct, frozen=True, kw_only=True):
    """When a timer is due first, and how often in all (`FOREVER`: without end).

    `interval`: a duration or a cron expression, which leads from one time to the next; empty for once.
    """

    due: int
    repetitions: int = 1
    interval: str = ""


def read_schedule(kind: str, text: str, now: int) -> Schedule:
    """What a timer of this kind ("date", "duration", "cycle") says at the time `now`. Raises EvaluationFailure."""
    if kind == "date":
        return Schedule(due=_read_date(text))
    if kind == "duration":
        return Schedule(due=_add_duration(text, now))
    if not text.startswith("R"):
        return Schedule(due=_next_match(text, now), repetitions=FOREVER, interval=text)
    return _read_cycle(text, now)


def next_due(interval: str, due: int, now: int) -> int | None:
    """When a timer that was due is due again: an interval later, or, if that is over, an interval from now.

    So a timer that was late several times fires once for all of them, as in Zeebe. None: never again.
    """
    try:
        following = _later(interval, due)
        return following if following > now else max(_later(interval, now), now + 1)
    except EvaluationFailure:
        return None


def _read_cycle(text: str, now: int) -> Schedule:
    match = _CYCLE.fullmatch(text)
    if match is None or match["repetitions"].strip("0") == "" != match["repetitions"]:
        expected = "expected a cycle such as R3/PT10S, R/P1D or R/2026-01-01T00:00:00Z/PT1H, or a cron expression"
        raise EvaluationFailure(f"{expected}, got {brief(text)}")
    interval = match["interval"]
    following = _add_duration(interval, now)
    if following <= now:
        raise EvaluationFailure(f"expected the interval of a cycle to be longer than nothing, got {brief(text)}")
    due = max(_read_date(match["start"]), now) if match["start"] else following
    return Schedule(due=due, repetitions=int(match["repetitions"] or FOREVER), interval=interval)


def _read_date(text: str) -> int:
    found = parse_date_time(text)
    if found is None or found.offset is None:
        raise EvaluationFailure(f"expected a date and time with an offset from UTC or a zone, got {brief(text)}")
    return _instant(found.local - _EPOCH - found.offset)


def _instant(passed: timedelta) -> int:
    """What is before 1970 is long past, all the same."""
    return max(passed // _MILLISECOND, 0)


def _later(interval: str, at: int) -> int:
    return _add_duration(interval, at) if interval.lstrip("+-").startswith("P") else _next_match(interval, at)


def _add_duration(text: str, at: int) -> int:
    """Months and years are those of the calendar in UTC; a day that a month lacks is its last one."""
    match = _DURATION.fullmatch(text)
    try:
        months, rest = _read_duration(match) if match else (None, None)
        if months is None or rest is None:
            raise EvaluationFailure(f"expected a duration such as PT15S or P1M, got {brief(text)}")
        moment = _EPOCH + timedelta(milliseconds=at)
        moved = datetime.combine(add_months(moment.date(), months), moment.time())
        return _instant(moved + rest - _EPOCH)
    except (ValueError, OverflowError):
        raise EvaluationFailure(f"expected a duration that ends before the year 10000, got {brief(text)}") from None


def _read_duration(match: re.Match[str]) -> tuple[int | None, timedelta | None]:
    """Months, and what is to be added after them; None for what is no duration."""
    if not (match["months"] or match["weeks"] or match["rest"]):
        return None, None
    months = parse_duration("P" + match["months"]) if match["months"] else Months(0)
    rest = parse_duration("P" + match["rest"]) if match["rest"] else timedelta()
    if not isinstance(months, Months) or not isinstance(rest, timedelta):
        return None, None
    rest += timedelta(weeks=int(match["weeks"] or 0))
    return (-months.months, -rest) if match["sign"] == "-" else (months.months, rest)


def _next_match(text: str, at: int) -> int:
    """The first second after `at` that a cron expression names; both days must match, as in Spring."""
    expression = _CRON_MACROS.get(text, text)
    if not _CRON.fullmatch(expression):
        expected = "expected a cycle such as R3/PT10S, or a cron expression of six fields such as 0 0 9-17 * * MON-FRI"
        raise EvaluationFailure(f"{expected}, got {brief(text)}")
    start = (_EPOCH + timedelta(milliseconds=at)).replace(tzinfo=UTC)
    try:
        found = croniter(expression, start, second_at_beginning=True, day_or=False).get_next(datetime)
    except (CroniterError, OverflowError) as error:
        raise EvaluationFailure(f"expected a cron expression, got {brief(text)}: {error}") from None
    return _instant(found.replace(tzinfo=None) - _EPOCH)
