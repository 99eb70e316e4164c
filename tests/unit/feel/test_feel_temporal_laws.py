"""What holds for all dates, times, durations and ranges: text, order and arithmetic agree with each other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.bpmn.feel import compile_expression
from engine.bpmn.feel.temporal import DateTime, Months, Temporal, Time, in_zone, key, order
from engine.bpmn.feel.temporal_arithmetic import add, divide_duration, multiply, subtract
from engine.bpmn.feel.temporal_text import format_temporal, parse_temporal

START, END = datetime(1900, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 wall-clock times
DATES = st.dates(START.date(), END.date())
DAYS = st.timedeltas(timedelta(days=-40_000), timedelta(days=40_000))
MONTHS = st.integers(-1200, 1200).map(Months)
DATE_TIMES = st.builds(DateTime, st.datetimes(START, END), st.none() | st.just(timedelta(hours=2)))
TIMES = st.builds(Time, st.times(), st.none() | st.just(timedelta(hours=-5)))
ZONED = st.builds(
    in_zone,
    st.datetimes(START, END),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
)
TEMPORALS: st.SearchStrategy[Any] = st.one_of(DATES, DAYS, MONTHS, DATE_TIMES, TIMES, ZONED)


@given(TEMPORALS)
def test_the_text_of_a_temporal_value_is_the_literal_of_it(value: Temporal) -> None:
    text = format_temporal(value)
    assert parse_temporal(text) == value
    again = compile_expression(f'string(@"{text}")').evaluate({})
    assert again == text


@given(TEMPORALS, TEMPORALS)
def test_order_and_equality_agree(left: Temporal, right: Temporal) -> None:
    assert order(left, left) == 0
    forward, back = order(left, right), order(right, left)
    assert (forward is None) == (back is None)
    if forward is not None and back is not None:
        assert forward == -back
        assert (forward == 0) == (key(left) == key(right))


@given(st.one_of(DATES, DATE_TIMES, ZONED), st.integers(-20_000, 20_000))
def test_days_added_and_taken_away_leave_a_point_where_it_was(point: Temporal, days: int) -> None:
    duration = timedelta(days=days)
    moved = add(point, duration)
    assert moved is not None
    assert add(duration, point) == moved
    assert subtract(moved, duration) == point
    assert subtract(moved, point) == duration


@given(DAYS, st.integers(-1000, 1000).filter(bool))
def test_a_duration_multiplied_and_divided_is_the_same(duration: timedelta, factor: int) -> None:
    product = multiply(duration, factor)
    assert product is not None
    assert divide_duration(product, factor) == duration
    assert multiply(duration, -factor) == -duration * factor


@given(st.lists(st.integers(0, 6), min_size=4, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_relations_of_ranges_are_those_of_the_points_in_them(ends: list[int], included: list[bool]) -> None:
    """Each range over whole numbers as the set of halves and wholes in it."""
    first, second = _range(ends[:2], included[:2]), _range(ends[2:], included[2:])
    a, b = _points(ends[:2], included[:2]), _points(ends[2:], included[2:])
    if not a or not b:
        return
    results = {name: compile_expression(f"{name}({first}, {second})").evaluate({}) for name in ("before", "after")}
    assert results == {"before": max(a) < min(b), "after": min(a) > max(b)}
    assert compile_expression(f"overlaps({first}, {second})").evaluate({}) == bool(a & b)
    assert compile_expression(f"includes({first}, {second})").evaluate({}) == (a >= b)
    assert compile_expression(f"during({first}, {second})").evaluate({}) == (a <= b)
    assert compile_expression(f"coincides({first}, {second})").evaluate({}) == (a == b)


def _range(ends: list[int], included: list[bool]) -> str:
    low, high = sorted(ends)
    return f"{'[' if included[0] else '('}{low}..{high}{']' if included[1] else ')'}"


def _points(ends: list[int], included: list[bool]) -> set[float]:
    """Enough points to tell ranges with whole ends apart: `(1..2]` has 1.5 and 2."""
    low, high = sorted(ends)
    points = {half / 2 for half in range(2 * low, 2 * high + 1)}
    return {point for point in points if (point > low or included[0]) and (point < high or included[1])}
