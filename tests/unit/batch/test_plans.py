"""Sealed plans: what a dry run foresaw is committed as it was foreseen, or not at all."""

from __future__ import annotations

import pytest

from engine.batch.removal_time import Body, read
from engine.core.record import NONE, Record
from engine.records.batch_options import BatchOptions
from tests.support.actions import batch, manage
from tests.support.batches import FINAL, INITIALIZATION, ITEM, MANAGEMENT, counts, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Moment, Scenario

PLAN = BatchOptions(dry_run=True, keep_plan=True)
PARAMETERS = dict.fromkeys(("SET_REMOVAL_TIME", "SET_DECISION_REMOVAL_TIME"), read(Body(calculated_removal_time=True)))


def make_plan(s: Scenario, **options: object) -> int:
    """A plan to cancel everything; gives its key."""
    wish = BatchOptions(dry_run=True, keep_plan=True, **options)  # type: ignore[arg-type]
    s.when(batch(options=wish)).accepted()
    return newest(s)


def newest(s: Scenario) -> int:
    created = s.everything().all("BATCH_OPERATION_CREATION", "CREATED")
    return int(max(created, key=lambda one: one.step.timestamp * 10_000 + one.position).key)


def commit(plan: int, **options: object) -> Record:
    return batch("", "", options=BatchOptions(plan_key=plan, **options))  # type: ignore[arg-type]


def end(moment: Moment) -> Record:
    (found,) = [r for r in moment.all(MANAGEMENT) if r.intent in FINAL]
    return found


def test_a_plan_that_still_holds_is_carried_out(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"slice_size": 2})
    keys = populate(s, 9)
    plan = make_plan(s)
    hashes = {
        r.value.plan_hash for r in s.everything().all("BATCH_OPERATION_PARTITION_LIFECYCLE", "PARTITION_COMPLETED")
    }
    assert all(len(one) == 32 for one in hashes)
    moment = s.when(commit(plan)).accepted()
    assert (end(moment).intent, counts(end(moment))) == ("COMPLETED", (9, 9, 0, 0, 0))
    assert {r.key for r in moment.all(ITEM, "COMPLETED")} == set(keys)
    judged = moment.all(MANAGEMENT, "JUDGED")
    assert [r.value.reason for r in judged] == [""]
    slices = moment.all(INITIALIZATION, "VALIDATED")
    assert len(slices) >= 5, "expected bounded steps"
    assert {r.value.next_cursor for r in moment.all("BATCH_OPERATION_CHUNK", "CREATED")} == {NONE}


def test_a_plan_that_has_changed_is_refused_and_says_what_has(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 6)
    plan = make_plan(s)
    s.cancel(keys[0])
    moment = s.when(commit(plan)).accepted()
    last = end(moment)
    assert (last.intent, counts(last)) == ("FAILED", (6, 0, 0, 0, 6))
    told = {error.partition_id: (error.type, error.message) for error in last.value.errors}
    assert {kind for kind, _ in told.values()} == {"PLAN_CHANGED"}
    assert f"1 items would not come out as plan {plan} foresees" in told[2][1]
    assert f"item {keys[0]} would now be FAILED, NOT_FOUND" in told[1][1]
    assert moment.all("PROCESS_INSTANCE") == []


def test_what_changes_after_the_validation_fails_as_changed(scenario: MakeScenario) -> None:
    s = scenario()
    gone, living, other = populate(s, 3)
    s.cancel(other)
    plan = make_plan(s)
    s.when(commit(plan, start_suspended=True)).accepted()
    key = newest(s)
    s.cancel(gone)
    moment = s.when(manage("RESUME", key)).accepted()
    outcomes = {r.key: (r.intent, r.value.error_code) for r in moment.all(ITEM)}
    assert outcomes == {gone: ("FAILED", "CHANGED"), living: ("COMPLETED", "")}
    assert "would now be FAILED, NOT_FOUND" in moment.one(ITEM, "FAILED").value.error_message


def test_effects_that_differ_are_undone(scenario: MakeScenario) -> None:
    s = scenario()
    (key,) = populate(s, 1)
    plan = make_plan(s)
    s.when(commit(plan, start_suspended=True)).accepted()
    commits = newest(s)
    s.when(batch("SUSPEND_PROCESS_INSTANCE")).accepted()  # its cancellation tells of other records now
    moment = s.when(manage("RESUME", commits)).accepted()
    outcome = moment.all(ITEM)[-1]
    assert outcome.key == key
    assert (outcome.intent, outcome.value.error_code) in {("COMPLETED", ""), ("FAILED", "CHANGED")}


def test_what_the_plan_foresaw_to_fail_fails_the_same_way(scenario: MakeScenario) -> None:
    s = scenario()
    gone, living = populate(s, 2)
    wish = BatchOptions(dry_run=True, keep_plan=True)
    s.cancel(gone)
    s.when(batch("UPDATE_JOB_OR_NOTHING", "", options=wish)).rejected(
        "INVALID_ARGUMENT", "expected a batch operation type"
    )
    s.when(batch(filter_text="", item_keys=(gone, living, 7), options=wish)).accepted()
    plan = newest(s)
    moment = s.when(commit(plan)).accepted()
    outcomes = {r.key: (r.intent, r.value.error_code) for r in moment.all(ITEM)}
    assert outcomes == {7: ("SKIPPED", "NOT_FOUND"), gone: ("FAILED", "NOT_FOUND"), living: ("COMPLETED", "")}


@pytest.mark.parametrize("commands", [3, 100])
def test_a_commit_is_canceled_like_any_other(scenario: MakeScenario, commands: int) -> None:
    s = scenario(2, settings={"slice_size": 1})
    populate(s, 6)
    plan = make_plan(s)
    s.send(commit(plan, start_suspended=True))
    for _ in range(commands):
        s.one()
    s.send(manage("CANCEL", newest(s)))
    s.drain()
    final = [r for r in s.everything().all(MANAGEMENT) if r.intent == "CANCELED"]
    assert len(final) == 1
    assert s.everything().all(ITEM, "COMPLETED", prediction="") == []


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ({"plan_key": 999}, "NOT_FOUND", "expected a plan to commit"),
        ({"item_retries": 1}, "INVALID_ARGUMENT", "expected neither retries"),
        ({"raises_incidents": True}, "INVALID_ARGUMENT", "nor incidents of items"),
        ({"dry_run": True}, "INVALID_ARGUMENT", "expected nothing but how it runs"),
    ],
)
def test_what_cannot_be_committed(scenario: MakeScenario, options: dict[str, object], code: str, text: str) -> None:
    s = scenario()
    populate(s, 1)
    plan = make_plan(s)
    s.when(batch("", "", options=BatchOptions(**{"plan_key": plan, **options}))).rejected(code, text)  # type: ignore[arg-type]


def test_only_a_dry_run_that_was_kept_is_a_plan(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    s.when(batch(options=BatchOptions(dry_run=True))).accepted()
    s.when(commit(newest(s))).rejected("INVALID_STATE", "that was kept to commit")
    s.when(batch(options=BatchOptions(keep_plan=True))).rejected("INVALID_ARGUMENT", "keepPlan: expected")


def test_a_plan_is_forgotten_when_it_is_deleted_and_not_while_it_is_committed(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 500, "one")
    plan = make_plan(s)
    s.when(commit(plan, start_suspended=True)).accepted()
    key = newest(s)
    s.when(manage("DELETE", plan)).rejected("INVALID_STATE", "which retries, undoes or commits it")
    s.when(manage("CANCEL", key)).accepted()
    s.when(manage("DELETE", plan)).accepted()
    s.when(commit(plan)).rejected("NOT_FOUND", "expected a plan to commit")


@pytest.mark.parametrize(("partitions", "state"), [(1, "FAILED"), (2, "PARTIALLY_COMPLETED")])
def test_a_plan_that_a_partition_could_not_make_is_not_committed(
    scenario: MakeScenario, partitions: int, state: str
) -> None:
    s = scenario(partitions)
    populate(s, 4)
    s.search.failures = ["never"]
    assert end(s.when(batch(options=PLAN)).accepted()).intent == state
    refused = s.when(commit(newest(s)))
    refused.rejected("INVALID_STATE", "expected a plan that all partitions have made")
    refused.rejected("INVALID_STATE", f"which is {state} with the errors of 1")


def test_a_plan_in_which_all_items_fail_is_one(scenario: MakeScenario) -> None:
    s = scenario()
    (gone,) = populate(s, 1)
    s.cancel(gone)
    assert end(s.when(batch(filter_text="", item_keys=(gone,), options=PLAN)).accepted()).intent == "FAILED"
    assert counts(end(s.when(commit(newest(s))).accepted())) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize("kind", ["RESTART_PROCESS_INSTANCE", "SET_REMOVAL_TIME", "SET_DECISION_REMOVAL_TIME"])
def test_what_needs_secondary_storage_is_tried_but_no_plan_of_it_is_kept(scenario: MakeScenario, kind: str) -> None:
    s = scenario(settings={"history_time_to_live_ms": 1_000})
    populate(s, 1)
    wanted = '{"processInstanceKey": "1"}'
    refused = s.when(batch(kind, wanted, PARAMETERS.get(kind), options=PLAN))
    refused.rejected("INVALID_ARGUMENT", f"keepPlan: expected a type about what runs, got {kind}")
    s.when(batch(kind, wanted, PARAMETERS.get(kind), options=BatchOptions(dry_run=True))).accepted()
