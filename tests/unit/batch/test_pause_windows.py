"""Times of day in which a batch operation executes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.batch.windows import parse_window, paused_until
from engine.records.batch_options import BatchOptions
from tests.support.actions import batch, manage
from tests.support.batches import completed, counts, final, is_over, populate, start, update
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

EXECUTION = "BATCH_OPERATION_EXECUTION"
MINUTE = 60_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def window(s: Scenario, minutes: int, later: int = 0) -> str:
    """From now, or so many minutes later, for some minutes."""
    begin = datetime.fromtimestamp(s.now / 1000, UTC) + timedelta(minutes=later)
    return f"{begin:%H:%M}-{begin + timedelta(minutes=minutes):%H:%M}"


@pytest.mark.parametrize(
    ("text", "now", "end"),
    [
        ("08:00-18:00", "2026-03-02T07:59:59.999+00:00", None),
        ("08:00-18:00", "2026-03-02T08:00:00+00:00", "2026-03-02T18:00:00+00:00"),
        ("08:00-18:00", "2026-03-02T18:00:00+00:00", None),
        ("22:00-06:00", "2026-03-02T23:00:00+00:00", "2026-03-03T06:00:00+00:00"),
        ("22:00-06:00", "2026-03-02T05:00:00+00:00", "2026-03-02T06:00:00+00:00"),
        ("22:00-06:00", "2026-03-02T06:00:00+00:00", None),
        ("08:00-18:00 Europe/Berlin", "2026-03-02T07:00:00+00:00", "2026-03-02T17:00:00+00:00"),
        ("08:00-18:00 Europe/Berlin", "2026-07-02T06:00:00+00:00", "2026-07-02T16:00:00+00:00"),
        # the night in which the clock is put forward, and the one in which it is put back
        ("22:00-06:00 Europe/Berlin", "2026-03-28T21:00:00+00:00", "2026-03-29T04:00:00+00:00"),
        ("22:00-06:00 Europe/Berlin", "2026-10-24T20:00:00+00:00", "2026-10-25T05:00:00+00:00"),
    ],
)
def test_when_a_window_ends(text: str, now: str, end: str | None) -> None:
    assert paused_until([text], at(now)) == (at(end) if end else 0)


def test_the_last_of_several_windows_counts() -> None:
    assert paused_until(["08:00-10:00", "09:00-12:00"], at("2026-03-02T09:30:00+00:00")) == at(
        "2026-03-02T12:00:00+00:00"
    )


@pytest.mark.parametrize("text", ["8-18", "24:00-01:00", "08:00-08:00", "08:00-18:00 Mars/Base", "", "08:00-18:00 "])
def test_what_is_no_window_is_refused(scenario: MakeScenario, text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_window(text)
    s = scenario()
    s.when(batch(options=BatchOptions(pause_windows=("01:00-02:00", text)))).rejected(
        "INVALID_ARGUMENT", "pauseWindows[1]: expected"
    )


def test_too_many_windows_are_refused(scenario: MakeScenario) -> None:
    wish = BatchOptions(pause_windows=("01:00-02:00",) * 21)
    scenario().when(batch(options=wish)).rejected("INVALID_ARGUMENT", "expected at most 20, got 21")


def test_it_waits_for_the_end_of_a_window(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 4)
    start(s, pause_windows=(window(s, 5),))
    paused = s.everything().all(EXECUTION, "PAUSED")
    assert len(paused) == 2
    s.advance(4 * MINUTE)
    assert completed(s) == 0
    s.advance(MINUTE)
    assert counts(final(s)) == (4, 4, 0, 0, 0)


def test_a_window_begins_while_it_runs(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 10)
    key = start(s, rate=1 / 30, slice_size=1, pause_windows=(window(s, 2, later=1),))
    for _ in range(8):
        s.advance(MINUTE // 2)
    done = completed(s)
    assert done < 8
    assert len(s.everything().all(EXECUTION, "PAUSED")) == 1
    s.when(manage("SUSPEND", key))
    s.when(manage("RESUME", key))
    for _ in range(20):
        s.advance(MINUTE)
    assert counts(final(s)) == (10, 10, 0, 0, 0)


def test_one_window_after_the_other(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    start(s, pause_windows=(window(s, 1), window(s, 1, later=1)))
    s.advance(MINUTE)
    assert len(s.everything().all(EXECUTION, "PAUSED")) == 2
    assert not is_over(s)
    s.advance(MINUTE)
    assert is_over(s)


def test_windows_are_changed_while_it_runs(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 4)
    key = start(s, pause_windows=(window(s, 5),))
    s.when(update(key, rate=1_000.0, slice_size=-1))
    assert completed(s) == 0  # it pauses still
    s.when(update(key, pause_windows=("now",), changes_pauses=True)).rejected("INVALID_ARGUMENT", "pauseWindows[0]")
    s.when(update(key, pause_windows=(window(s, 2),), changes_pauses=True))
    s.advance(MINUTE // 2)
    assert completed(s) == 0
    s.when(update(key, changes_pauses=True))
    s.advance(1_000)
    assert counts(final(s)) == (4, 4, 0, 0, 0)


def test_what_is_canceled_waits_for_nothing(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 3)
    key = start(s, pause_windows=(window(s, 5),))
    s.when(manage("CANCEL", key))
    assert counts(final(s)) == (3, 0, 0, 0, 3)
