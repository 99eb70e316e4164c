"""When timers are due: dates, durations, cycles and cron expressions."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.schedules import FOREVER, Schedule, next_due, read_schedule


def at(text: str) -> int:
    """ms since 1970"""
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


NOW = at("2026-01-31T10:00:00")


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00"),
        ("2026-02-01T00:00:00+02:00", "2026-01-31T22:00:00"),
        ("2026-07-01T00:00:00+02:00[Europe/Berlin]", "2026-06-30T22:00:00"),
        ("2026-07-01T00:00:00@Europe/Berlin", "2026-06-30T22:00:00"),
        ("2026-02-01T00:00Z", "2026-02-01T00:00:00"),
        ("2000-02-01T00:00:00Z", "2000-02-01T00:00:00"),
        ("1900-02-01T00:00:00Z", "1970-01-01T00:00:00"),
    ],
)
def test_dates(text: str, due: str) -> None:
    assert read_schedule("date", text, NOW) == Schedule(due=at(due))


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("PT10S", "2026-01-31T10:00:10"),
        ("PT0S", "2026-01-31T10:00:00"),
        ("P1D", "2026-02-01T10:00:00"),
        ("P2W", "2026-02-14T10:00:00"),
        ("P1M", "2026-02-28T10:00:00"),
        ("P1Y1M1DT1H", "2027-03-01T11:00:00"),
        ("-PT1H", "2026-01-31T09:00:00"),
        ("PT-1H", "2026-01-31T09:00:00"),
        ("-P1M", "2025-12-31T10:00:00"),
        ("-P100Y", "1970-01-01T00:00:00"),
    ],
)
def test_durations(text: str, due: str) -> None:
    assert read_schedule("duration", text, NOW) == Schedule(due=at(due))


@pytest.mark.parametrize(
    ("text", "due", "repetitions", "interval"),
    [
        ("R3/PT10S", "2026-01-31T10:00:10", 3, "PT10S"),
        ("R/PT10S", "2026-01-31T10:00:10", FOREVER, "PT10S"),
        ("R-1/PT10S", "2026-01-31T10:00:10", FOREVER, "PT10S"),
        ("R/P1M", "2026-02-28T10:00:00", FOREVER, "P1M"),
        ("R3/2026-03-01T00:00:00Z/PT10S", "2026-03-01T00:00:00", 3, "PT10S"),
        ("R3/2026-03-01T00:00:00@Europe/Berlin/PT10S", "2026-02-28T23:00:00", 3, "PT10S"),
        ("R3/2020-01-01T00:00:00Z/PT10S", "2026-01-31T10:00:00", 3, "PT10S"),
        ("0 0 9-17 * * MON-FRI", "2026-02-02T09:00:00", FOREVER, "0 0 9-17 * * MON-FRI"),
        ("*/20 * * * * *", "2026-01-31T10:00:20", FOREVER, "*/20 * * * * *"),
        ("@daily", "2026-02-01T00:00:00", FOREVER, "@daily"),
        ("@weekly", "2026-02-01T00:00:00", FOREVER, "@weekly"),
        ("@yearly", "2027-01-01T00:00:00", FOREVER, "@yearly"),
        ("0 0 0 ? * 1#2", "2026-02-09T00:00:00", FOREVER, "0 0 0 ? * 1#2"),
        ("0 0 0 L 2 *", "2026-02-28T00:00:00", FOREVER, "0 0 0 L 2 *"),
        # both days must match, as in Spring
        ("0 0 0 13 * FRI", "2026-02-13T00:00:00", FOREVER, "0 0 0 13 * FRI"),
    ],
)
def test_cycles(text: str, due: str, repetitions: int, interval: str) -> None:
    assert read_schedule("cycle", text, NOW) == Schedule(due=at(due), repetitions=repetitions, interval=interval)


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("date", "2026-01-01", "an offset from UTC"),
        ("date", "2026-01-01T00:00:00", "an offset from UTC"),
        ("date", "2026-02-30T00:00:00Z", "an offset from UTC"),
        ("duration", "10s", "a duration such as"),
        ("duration", "P", "a duration such as"),
        ("duration", "P1DT", "a duration such as"),
        ("duration", "P8000Y", "before the year 10000"),
        ("cycle", "R0/PT10S", "a cycle such as"),
        ("cycle", "R3/", "a duration such as"),
        ("cycle", "Rx/PT10S", "a cycle such as"),
        ("cycle", "R/PT0S", "longer than nothing"),
        ("cycle", "R/-PT1S", "longer than nothing"),
        ("cycle", "R/2026-01-01/PT1S", "an offset from UTC"),
        ("cycle", "PT10S", "a cron expression"),
        ("cycle", "* * * * *", "a cron expression of six fields"),
        ("cycle", "0 99 * * * *", "a cron expression"),
        ("cycle", "0 0 0 30 2 *", "a cron expression"),
        ("cycle", "H H H * * *", "a cron expression"),
        ("cycle", "@reboot", "a cron expression"),
    ],
)
def test_what_is_none(kind: str, text: str, problem: str) -> None:
    with pytest.raises(EvaluationFailure) as caught:
        read_schedule(kind, text, NOW)
    assert problem in str(caught.value)


def test_the_next_time_is_an_interval_after_the_last() -> None:
    assert next_due("PT10S", NOW - 3_000, NOW) == NOW + 7_000
    assert next_due("P1M", NOW, NOW) == at("2026-02-28T10:00:00")
    assert next_due("0 0 12 * * *", NOW, NOW) == at("2026-01-31T12:00:00")


def test_times_that_were_missed_are_one() -> None:
    assert next_due("PT10S", NOW - 60_000, NOW) == NOW + 10_000
    assert next_due("0 0 * * * *", NOW - 7_200_000, NOW) == at("2026-01-31T11:00:00")


def test_after_the_last_year_there_is_none() -> None:
    assert next_due("P7000Y", at("9000-01-01T00:00:00"), at("9000-01-01T00:00:00")) is None
