"""Dry runs: each item tells what would happen, and nothing does."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.batch.rehearsal import PREDICTION_LENGTH_MAX, prediction
from engine.operations import set_variables
from engine.records.batch_options import BatchOptions
from tests.support.actions import DELETE_INSTANCES, batch, manage
from tests.support.batches import ITEM, MANAGEMENT, counts, final, key_of, populate, start
from tests.support.fixture import MakeScenario
from tests.support.scenario import Moment, Scenario

DRY = BatchOptions(dry_run=True)
#: Families that a dry run may tell of.
OWN = "BATCH_OPERATION_"


def told(s: Scenario) -> dict[int, tuple[str, str, str]]:
    """Item -> its outcome, the error, and what would happen."""
    items = s.everything().all(ITEM)
    return {r.key: (r.intent, r.value.error_code, r.value.prediction) for r in items}


def strange(moment: Moment) -> set[str]:
    """Families of events that a dry run must not tell of."""
    events = moment.records
    return {r.value_type for r in events if not r.value_type.startswith(OWN) and r.value_type != "PARTITION_MESSAGE"}


def test_what_would_happen_is_told_and_does_not_happen(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"slice_size": 2})
    keys = populate(s, 5)
    moment = s.when(batch(options=DRY)).accepted()
    assert counts(final(s)) == (5, 5, 0, 0, 0)
    texts = {text for _, _, text in told(s).values()}
    assert texts == {
        "JOB CANCELED (task): 1; PROCESS_INSTANCE ELEMENT_TERMINATED (one): 1; "
        "PROCESS_INSTANCE ELEMENT_TERMINATED (task): 1; PROCESS_INSTANCE ELEMENT_TERMINATING (one): 1; "
        "PROCESS_INSTANCE ELEMENT_TERMINATING (task): 1"
    }
    assert strange(moment) == set()
    s.when(batch()).accepted()  # all of them are still there
    assert {key for key, (intent, _, text) in told(s).items() if not text and intent == "COMPLETED"} == set(keys)


def test_what_would_be_refused_is_told_with_its_reason(scenario: MakeScenario) -> None:
    s = scenario()
    gone, living = populate(s, 2)
    key = start(s, dry_run=True, start_at=s.now + 1)
    s.cancel(gone)
    s.advance(1)
    assert key == key_of(s)
    assert counts(final(s)) == (2, 1, 1, 0, 0)
    outcomes = told(s)
    assert outcomes[gone][:2] == ("FAILED", "NOT_FOUND")
    assert outcomes[living][0] == "COMPLETED"


@pytest.mark.parametrize("options", [{"item_retries": 1}, {"raises_incidents": True}])
def test_items_of_a_dry_run_are_tried_once(scenario: MakeScenario, options: dict[str, object]) -> None:
    s = scenario()
    populate(s, 1)
    wish = BatchOptions(dry_run=True, **options)  # type: ignore[arg-type]
    s.when(batch(options=wish)).rejected("INVALID_ARGUMENT", "retryPolicy: expected none with dryRun")


def test_it_is_the_state_at_the_time_that_counts(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    values = set_variables.Parameters(variables='{"x": 1}')
    s.when(batch("SET_VARIABLES", parameters=values, options=DRY)).accepted()
    ((_, _, first),) = told(s).values()
    s.when(batch("SET_VARIABLES", parameters=values)).accepted()
    s.when(batch("SET_VARIABLES", parameters=set_variables.Parameters(variables='{"x": 2}'), options=DRY)).accepted()
    ((_, _, second),) = told(s).values()
    assert ("VARIABLE CREATED" in first, "VARIABLE UPDATED" in second) == (True, True)


def test_a_large_instance_is_tried_in_a_bounded_step(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 4, "slice_size": 20})
    populate(s, 6)
    s.when(batch(options=DRY)).accepted()
    assert counts(final(s)) == (6, 6, 0, 0, 0)
    assert all("goes on in later steps" in text for _, _, text in told(s).values())
    slices = [r.value.item_count for r in s.everything().all("BATCH_OPERATION_EXECUTION", "EXECUTED")]
    assert max(slices) == 1, "expected what is only tried to count as work of the step"


def test_history_is_not_deleted_by_a_dry_run(scenario: MakeScenario) -> None:
    s = scenario()
    (key,) = populate(s, 1)
    s.cancel(key)
    s.when(batch(DELETE_INSTANCES, '{"state": "TERMINATED"}', options=DRY)).accepted()
    assert counts(final(s)) == (1, 1, 0, 0, 0)
    assert "HISTORY_DELETION DELETED" in told(s)[key][2]
    assert s.everything().all("HISTORY_DELETION") == []


def test_commands_carry_the_mark_and_it_is_suspended_resumed_and_canceled_like_any_other(
    scenario: MakeScenario,
) -> None:
    s = scenario()
    populate(s, 2)
    key = start(s, dry_run=True, start_suspended=True)
    created = s.everything().all("BATCH_OPERATION_CREATION", "CREATED")[0]
    assert created.value.options.dry_run
    s.when(manage("RESUME", key)).accepted()
    assert counts(final(s)) == (2, 2, 0, 0, 0)


def test_what_failed_in_a_dry_run_is_not_retried_in_earnest(scenario: MakeScenario) -> None:
    s = scenario()
    (gone,) = populate(s, 1)
    key = start(s, dry_run=True, start_at=s.now + 1)
    s.cancel(gone)
    s.advance(1)
    assert [r.intent for r in s.everything().all(MANAGEMENT)] == ["FAILED"]
    s.when(batch("", "", options=BatchOptions(parent_key=key))).rejected("INVALID_STATE", "that was no dry run")


@pytest.mark.parametrize(("length", "is_cut"), [(10, False), (2_000, True)])
def test_a_long_prediction_ends_with_the_hash_of_the_whole(length: int, is_cut: bool) -> None:
    first, second = (prediction(Counter({("JOB", "CREATED", "x" * length + end): 1}), ends=True) for end in "ab")
    assert first != second
    assert len(first) <= PREDICTION_LENGTH_MAX
    assert (" … " in first) is is_cut


def test_nothing_is_a_prediction_too() -> None:
    assert prediction(Counter(), ends=True) == "nothing"
