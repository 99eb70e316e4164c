"""A partition that tells nothing is asked, and given up if it does not answer; what it did not do can be retried."""

from __future__ import annotations

import pytest

from engine.batch.silence import ANSWERED, CHECKED, GIVEN_UP
from engine.batch.tables import BATCHES, PARTITION_SILENT, SILENCES
from engine.core.record import Record, partition_of
from engine.records import BatchOperationCreation, BatchOperationPartitionLifecycle
from engine.records.batch_options import BatchOptions
from tests.support.actions import batch, manage
from tests.support.batches import FINAL, ITEM, MANAGEMENT, completed, counts, final, is_over, populate, start
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"
LIMIT, HALF = 600_000, 300_000
CREATED = ("BATCH_OPERATION_CREATION", "CREATED")


def told(s: Scenario, intent: str, partition: int = 1) -> list[Record]:
    return [record for record in s.records(partition) if (record.value_type, record.intent) == (LIFECYCLE, intent)]


def begun(scenario: MakeScenario, count: int = 8, partitions: int = 2, **options: object) -> tuple[Scenario, int]:
    """Half of its items are on partition 2, which stops when it has executed one of them."""
    s = scenario(partitions, settings={"slice_size": 1})
    populate(s, count)
    wanted = {"rate": 0.1 * partitions, **options}
    key = start(s, **wanted)
    s.stopped = {2}
    return s, key


def finish_first(s: Scenario) -> None:
    """All of partition 1's items."""
    for _ in range(12):
        s.advance(10_000)
    assert not is_over(s)


def back(s: Scenario) -> None:
    """Partition 2 works again."""
    s.stopped.clear()
    s.drain()
    s.advance(1)


def give_up(s: Scenario) -> None:
    s.advance(HALF)
    s.advance(HALF)


def test_who_is_silent_is_asked_and_then_given_up(scenario: MakeScenario) -> None:
    s, _ = begun(scenario)
    created = s.now
    finish_first(s)
    s.advance(created + HALF - s.now - 1)
    assert not told(s, CHECKED)
    s.advance(1)
    (asked,) = told(s, CHECKED)
    assert isinstance(asked.value, BatchOperationPartitionLifecycle)
    assert (asked.value.source_partition_id, asked.value.silent_since) == (2, created)
    s.advance(HALF - 1)
    assert not is_over(s)
    s.advance(1)
    (given_up,) = told(s, GIVEN_UP)
    assert isinstance(given_up.value, BatchOperationPartitionLifecycle)
    assert [error.type for error in given_up.value.errors] == [PARTITION_SILENT]
    assert final(s).intent == "PARTIALLY_COMPLETED"
    assert [(error.partition_id, error.type) for error in final(s).value.errors] == [(2, PARTITION_SILENT)]  # type: ignore[attr-defined]
    assert counts(final(s)) == (8, 4, 0, 0, 0)  # it told of four items, and of none that was executed
    assert s.rows().get("SILENCES") is None


def test_it_executes_nothing_when_it_is_back(scenario: MakeScenario) -> None:
    s, key = begun(scenario)
    finish_first(s)
    give_up(s)
    before = completed(s)
    back(s)
    assert completed(s) <= before + 1  # what was under way
    failed = s.everything().all(ITEM, "FAILED")
    assert {record.value.error_code for record in failed} == {PARTITION_SILENT}  # type: ignore[attr-defined]
    assert len(failed) == 8 - completed(s)
    assert [record.intent for record in s.records(2) if record.key == key][-1] == "PARTITION_FAILED"
    assert s.records(1)[-1].rejection_code == "NOT_FOUND"  # its end comes too late
    assert s.due_count() == 1  # of the retention


def test_a_retry_is_about_what_did_not_run(scenario: MakeScenario) -> None:
    s, key = begun(scenario)
    finish_first(s)
    give_up(s)
    s.when(make("BATCH_OPERATION_CREATION", "CREATE", BatchOperationCreation(options=BatchOptions(parent_key=key))), 1)
    assert len(s.everything().all("BATCH_OPERATION_CREATION", "CREATED")) == 3  # partition 2 has not heard of it
    back(s)
    ends = [record for record in s.everything().all(MANAGEMENT) if record.intent in FINAL]
    assert [record.intent for record in ends] == ["PARTIALLY_COMPLETED", "COMPLETED"]
    assert completed(s) == 8
    assert counts(ends[1]) == (8 - 5, 3, 0, 0, 0)


def test_a_retry_waits_until_all_have_failed(scenario: MakeScenario) -> None:
    """Those are more than one step takes."""
    s = scenario(2, settings={"step_effects_max": 3})
    populate(s, 30)
    key = start(s, start_at=s.now + 1)
    s.stopped = {2}
    s.advance(1)
    give_up(s)
    s.when(make("BATCH_OPERATION_CREATION", "CREATE", BatchOperationCreation(options=BatchOptions(parent_key=key))), 1)
    s.stopped.clear()
    child = newest(s)
    while s.machine(2).get(BATCHES, child) is None:
        s.step(2)
    assert s.query(2) is None
    while s.machine(2).get(BATCHES, key) is not None:
        s.step(2)
    (end,) = [record for record in s.records(2) if (record.intent, record.key) == ("PARTITION_FAILED", key)]
    query = s.partitions[2].initializer.wanted(s.machine(2), s.now)
    assert query is not None
    assert query.position == end.position  # all that has failed is searchable from there on
    back(s)
    assert completed(s) == 30


def newest(s: Scenario) -> int:
    return s.everything().all("BATCH_OPERATION_CREATION", "CREATED")[-1].key


def test_who_answers_goes_on(scenario: MakeScenario) -> None:
    s, _ = begun(scenario, rate=0.002)  # so slow that nothing is told between
    back(s)
    for _ in range(8):
        s.advance(HALF)
    assert len(told(s, CHECKED)) >= 3
    assert len(told(s, ANSWERED)) == len(told(s, CHECKED))
    assert not told(s, GIVEN_UP)


def test_who_is_back_in_time_goes_on(scenario: MakeScenario) -> None:
    s, _ = begun(scenario)
    finish_first(s)
    s.advance(HALF)
    back(s)
    for _ in range(12):
        s.advance(10_000)
    assert counts(final(s)) == (8, 8, 0, 0, 0)
    assert len(told(s, CHECKED)) == len(told(s, ANSWERED)) == 1


def test_the_end_is_heard_while_others_go_on(scenario: MakeScenario) -> None:
    """Then all counts are exact."""
    s, _ = begun(scenario, count=30, partitions=3, rate=0.03)
    s.advance(HALF)
    s.advance(HALF)
    assert told(s, GIVEN_UP)
    assert not is_over(s)
    back(s)
    assert len(told(s, "PARTITION_FAILED")) == 1
    while not is_over(s):
        s.advance(100_000)
    assert final(s).intent == "PARTIALLY_COMPLETED"
    told_counts = counts(final(s))
    assert told_counts[0] == 30 == sum(told_counts[1:])
    assert told_counts[2] == len(s.everything().all(ITEM, "FAILED"))


def test_one_that_had_found_nothing_says_that_a_retry_is_not_enough(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 4)
    s.stopped = {2}
    start(s)
    assert not is_over(s)
    give_up(s)
    assert counts(final(s)) == (2, 2, 0, 0, 0)
    back(s)
    (failed,) = s.everything().all("BATCH_OPERATION_INITIALIZATION", "FAILED")
    assert "create another" in failed.value.error_message  # type: ignore[attr-defined]
    assert completed(s) == 2


def test_a_canceled_one_ends_without_it(scenario: MakeScenario) -> None:
    s, key = begun(scenario)
    s.when(manage("CANCEL", key))
    assert not is_over(s)
    give_up(s)
    give_up(s)
    assert final(s).intent == "CANCELED"
    back(s)
    assert len(s.everything().all(ITEM, "CANCELED")) == 6
    assert not s.everything().all(ITEM, "FAILED")


def test_a_suspended_one_waits_for_nobody(scenario: MakeScenario) -> None:
    s, key = begun(scenario)
    s.advance(HALF)
    assert len(told(s, CHECKED)) == 1
    s.when(manage("SUSPEND", key))
    for _ in range(5):
        s.advance(LIMIT)
    assert len(told(s, CHECKED)) == 1
    s.when(manage("RESUME", key))
    s.advance(HALF - 1)
    assert not told(s, GIVEN_UP)
    s.advance(1)
    assert told(s, GIVEN_UP)


def test_items_with_incidents_fail_with_their_errors(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 2)
    start(s, start_at=s.now + 1, raises_incidents=True)
    for gone in keys:
        s.cancel(gone)
    s.advance(1)
    s.stopped = {2}
    give_up(s)
    back(s)
    failed = s.everything().all(ITEM, "FAILED")
    assert [record.value.error_code for record in failed] == ["NOT_FOUND"]  # type: ignore[attr-defined]


def test_nobody_is_asked_without_a_limit(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"partition_silence_max_ms": 0})
    populate(s, 4)
    s.stopped = {2}
    start(s)
    for _ in range(5):
        s.advance(LIMIT)
    assert not told(s, CHECKED)
    assert s.machine().get(SILENCES, start_key(s), 2) is not None
    back(s)
    assert is_over(s)


def start_key(s: Scenario) -> int:
    return s.everything().all("BATCH_OPERATION_CREATION", "CREATED")[0].key


@pytest.mark.parametrize("intent", ["CHECK_PARTITION", "ANSWER_PARTITION", "ABANDON_PARTITION"])
def test_what_nobody_sent_is_refused(scenario: MakeScenario, intent: str) -> None:
    s, key = begun(scenario)
    value = BatchOperationPartitionLifecycle(batch_operation_key=key, source_partition_id=2)
    s.when_internal(make(LIFECYCLE, intent, value, key), 1).rejected("NOT_FOUND")
    s.when(make(LIFECYCLE, intent, value, key), 1).rejected("FORBIDDEN")


@pytest.mark.parametrize("group_size", [1, 5])
def test_replay_decides_the_same(scenario: MakeScenario, group_size: int) -> None:
    s = scenario(2, group_size=group_size, settings={"slice_size": 1})
    populate(s, 6)
    start(s, rate=0.2)
    s.stopped = {2}
    for _ in range(12):
        s.crash(1)
        s.advance(100_000)
    s.stopped.clear()
    s.crash(2)
    s.advance(1)
    assert is_over(s)


def test_a_deleted_one_is_forgotten_where_its_part_is_over(scenario: MakeScenario) -> None:
    """Nothing that is told of it comes after that, so what is exported ends with it."""
    s, key = begun(scenario)
    finish_first(s)
    give_up(s)
    s.when(manage("DELETE", key)).accepted()
    back(s)
    told_last = [record.intent for record in s.records(2) if record.key == key][-2:]
    assert told_last == ["PARTITION_FAILED", "DELETED"]
    intents = [record.intent for record in s.records(2) if record.value_type in (MANAGEMENT, ITEM)]
    assert intents.index("DELETING") < intents.index("FAILED")
    assert not s.rows().keys() & {"BATCHES", "PROGRESS", "BATCH_TIMES", "ENDED_BATCHES"}


def test_of_a_deleted_dry_run_no_plan_is_left(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"step_effects_max": 3})
    populate(s, 30)
    key = start(s, start_at=s.now + 1, dry_run=True, keep_plan=True)
    s.stopped = {2}
    s.advance(1)
    give_up(s)
    s.when(manage("DELETE", key)).accepted()
    back(s)
    assert not s.rows().keys() & {"PLANS", "PLAN_ROWS"}


def test_a_lead_partition_that_was_away_asks_again(scenario: MakeScenario) -> None:
    s, _ = begun(scenario, rate=0.002)
    s.advance(HALF)
    assert len(told(s, CHECKED)) == 1
    s.stopped = {1, 2}
    s.advance(LIMIT)
    s.stopped = {2}
    s.advance(1)
    assert (len(told(s, CHECKED)), told(s, GIVEN_UP)) == (2, [])
    back(s)
    assert told(s, ANSWERED)


def test_how_much_is_retried_is_not_known_where_a_part_was_given_up(scenario: MakeScenario) -> None:
    """It told of none that failed, and all of its items have: a plan is needed."""
    s = scenario(2, settings={"approval_items_min": 5})
    keys = populate(s, 30)
    mine = tuple(key for key in keys if partition_of(key) == 2)[:4]
    key = (
        s.when(batch(filter_text="", item_keys=mine, options=BatchOptions(start_at=s.now + 1)), 1).all(*CREATED)[0].key
    )
    s.stopped = {2}
    s.advance(1)
    give_up(s)
    back(s)
    retry = BatchOperationCreation(options=BatchOptions(parent_key=key))
    s.when(make("BATCH_OPERATION_CREATION", "CREATE", retry), 1).rejected("INVALID_ARGUMENT", "expected a plan")
