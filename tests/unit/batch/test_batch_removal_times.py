"""Removal times of batch operations, given by a batch operation."""

from __future__ import annotations

import pytest

from engine.records.batch_options import BatchOptions
from tests.support.actions import SET_BATCH_REMOVAL_TIME, SUSPEND, batch, manage
from tests.support.batches import ITEM, MANAGEMENT, counts, populate
from tests.support.fixture import MakeScenario
from tests.support.identities import by, grant
from tests.support.scenario import Moment, Scenario
from tests.unit.batch.test_batch_rights import switch_on
from tests.unit.batch.test_plans import commit, end, newest
from tests.unit.batch.test_removal_times import ALL, CALCULATED, CLEARED, DAY, at


def set_all(s: Scenario, parameters: object, **fields: object) -> Moment:
    return s.when(batch(SET_BATCH_REMOVAL_TIME, ALL, parameters, **fields)).accepted()  # type: ignore[arg-type]


def deleted(moment: Moment) -> set[int]:
    return {record.key for record in moment.all(MANAGEMENT, "DELETED")}


@pytest.fixture
def ended(scenario: MakeScenario) -> tuple[Scenario, list[int]]:
    """Two batch operations that have ended, led by different partitions."""
    s = scenario(2, settings={"retention_ms": 10 * DAY})
    populate(s, 2)
    keys = []
    for partition in (1, 2):
        s.when(batch(SUSPEND), partition)
        keys.append(newest(s))
    return s, keys


def test_batch_operations_are_deleted_when_their_time_has_come(ended: tuple[Scenario, list[int]]) -> None:
    s, keys = ended
    assert counts(end(set_all(s, at(s.now + 1_000)))) == (2, 2, 0, 0, 0)
    own = newest(s)
    assert not s.advance(999).all(MANAGEMENT)
    assert deleted(s.advance(1)) == set(keys)
    # the one that said so has its retention
    assert not deleted(s.advance(9 * DAY))
    assert deleted(s.advance(DAY)) == {own}


def test_none_keeps_them_for_ever_and_calculated_is_their_end_and_their_retention(
    ended: tuple[Scenario, list[int]],
) -> None:
    s, (first, second) = ended
    told = s.now
    s.advance(3 * DAY)
    set_all(s, CLEARED)
    set_all(s, CALCULATED, excluded_keys=(first,))
    times = {record.key: record.value.removal_time for record in s.everything().all(MANAGEMENT, "SCHEDULED")}
    assert times[second] == told + 10 * DAY
    assert second in deleted(s.advance(7 * DAY))
    assert first not in deleted(s.advance(100 * DAY))


def test_without_a_retention_what_is_calculated_is_never(scenario: MakeScenario) -> None:
    s = scenario(settings={"retention_ms": 0})
    populate(s, 1)
    s.when(batch(SUSPEND))
    set_all(s, at(s.now + 1_000))
    set_all(s, CALCULATED)
    assert not deleted(s.advance(1_000))


def test_what_runs_fails_and_what_is_not_there_is_passed_over(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 2)
    s.when(batch(SUSPEND, options=BatchOptions(start_suspended=True)))
    running = newest(s)
    own = running + 1_000
    moment = s.when(batch(SET_BATCH_REMOVAL_TIME, "", CLEARED, item_keys=(running, own, 7))).accepted()
    outcomes = {record.key: (record.intent, record.value.error_code) for record in moment.all(ITEM)}
    assert outcomes == {
        running: ("FAILED", "INVALID_STATE"),
        own: ("SKIPPED", "NOT_FOUND"),
        7: ("SKIPPED", "NOT_FOUND"),
    }


def test_one_that_is_retried_is_kept_until_that_has_ended(scenario: MakeScenario) -> None:
    s = scenario()
    keys = populate(s, 1)
    s.when(batch(SUSPEND, options=BatchOptions(start_suspended=True)))
    first = newest(s)
    s.cancel(keys[0])
    s.when(manage("RESUME", first)).accepted()
    s.when(batch("", "", options=BatchOptions(parent_key=first, start_suspended=True))).accepted()
    again = newest(s)
    set_all(s, at(s.now - 1))
    assert not deleted(s.advance(1_000))
    s.when(manage("RESUME", again)).accepted()
    assert deleted(s.advance(0)) == {first}


def test_it_is_tried_planned_and_committed(ended: tuple[Scenario, list[int]]) -> None:
    s, keys = ended
    moment = set_all(s, at(s.now + 1_000), options=BatchOptions(dry_run=True, keep_plan=True))
    assert {one.value.prediction for one in moment.all(ITEM)} == {f"{MANAGEMENT} SCHEDULED: 1"}
    plan = newest(s)
    assert not moment.all(MANAGEMENT, "SCHEDULED")
    assert counts(end(s.when(commit(plan)).accepted())) == (2, 2, 0, 0, 0)
    assert deleted(s.advance(1_000)) == set(keys)


@pytest.mark.parametrize(
    ("permissions", "outcome"),
    [
        (("CREATE", "READ", "UPDATE"), (2, 2, 0, 0, 0)),
        (("CREATE", "READ"), (2, 0, 2, 0, 0)),
        (("CREATE", "UPDATE"), (0, 0, 0, 0, 0)),
    ],
)
def test_it_needs_the_rights_of_who_manages_batch_operations(
    ended: tuple[Scenario, list[int]], permissions: tuple[str, ...], outcome: tuple[int, ...]
) -> None:
    s, _ = ended
    s.now += 1
    switch_on(s)
    grant(s, "user:ada", "BATCH", *permissions)
    moment = s.when(by(batch(SET_BATCH_REMOVAL_TIME, ALL, CLEARED), "user:ada")).accepted()
    assert counts(end(moment)) == outcome
    assert {record.value.error_code for record in moment.all(ITEM, "FAILED")} <= {"FORBIDDEN"}
