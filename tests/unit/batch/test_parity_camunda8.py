"""What went wrong with batch operations of Camunda 8, under the numbers of camunda/camunda: in the machine it does not.

What went wrong in searches is in `tests/unit/exporters/test_parity_camunda8_searches.py`.
"""

from __future__ import annotations

import pytest

from engine.core.effects import Effects
from engine.process.elements.job_task import JobTask
from tests.support import models as m
from tests.support.actions import DELETE_INSTANCES, RESOLVE, activate, batch, fail, manage, suspend
from tests.support.batches import (
    EXECUTION,
    FINAL,
    INITIALIZATION,
    ITEM,
    MANAGEMENT,
    counts,
    final,
    key_of,
    populate,
    start,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

#: More than the 10,000 that were the most in many places.
MANY = 10_050


def created(s: Scenario) -> list[int]:
    return [record.key for record in s.everything().all("BATCH_OPERATION_CREATION", "CREATED")]


def finals(s: Scenario) -> dict[int, str]:
    return {record.key: record.intent for record in s.everything().all(MANAGEMENT) if record.intent in FINAL}


def pages(s: Scenario, key: int) -> int:
    return len([record for record in s.everything().all(INITIALIZATION) if record.key == key])


def failing_jobs(s: Scenario, count: int) -> list[int]:
    """Instances whose jobs have run out of retries; gives the incidents."""
    populate(s, count)
    for job in activate(s):
        fail(s, job)
    return [record.key for record in s.everything().all("INCIDENT", "CREATED")]


def test_issue_43097_one_that_is_suspended_before_it_is_initialized_blocks_no_other(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 2)
    s.send(batch())
    s.step(1)
    first = key_of(s)
    s.send(manage("SUSPEND", first))
    s.send(batch(), 1)
    s.drain()
    (second,) = set(created(s)) - {first}
    assert finals(s) == {second: "COMPLETED"}
    assert pages(s, first) == 0
    s.when(manage("RESUME", first))
    assert set(finals(s)) == {first, second}


def test_issue_47403_and_54241_zero_items_complete(scenario: MakeScenario) -> None:
    s = scenario(3)
    s.when(batch())
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 0, 0, 0, 0, 0)
    assert s.is_empty()


def test_issue_61727_all_that_failed_for_good_is_not_completed(scenario: MakeScenario) -> None:
    s = scenario()
    ended = populate(s, 2)
    for key in ended:
        s.cancel(key)
    s.when(batch(filter_text="", item_keys=tuple(ended)))
    assert (final(s).intent, *counts(final(s))) == ("FAILED", 2, 0, 2, 0, 0)


def test_issue_45168_the_retries_that_resolving_raises_are_seen_with_the_item(scenario: MakeScenario) -> None:
    s = scenario()
    (incident,) = failing_jobs(s, 1)
    s.when(batch(RESOLVE))
    done = s.everything().one(ITEM, "COMPLETED")
    step = [record for record in s.records() if record.step == done.step]
    assert done.key == incident
    assert [record.value.retries for record in step if record.value_type == "JOB"] == [1]
    assert done.step.batch_operation_reference == key_of(s)


def test_issue_41213_resolving_raises_retries_and_the_counts_agree(scenario: MakeScenario) -> None:
    s = scenario()
    failing_jobs(s, 11)
    s.when(batch(RESOLVE))
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 11, 11, 0, 0, 0)
    assert len(activate(s)) == 11


def test_issue_40822_what_is_resolved_already_is_none_of_its_items(scenario: MakeScenario) -> None:
    s = scenario()
    failing_jobs(s, 3)
    s.when(batch(RESOLVE))
    marks = s.marks()
    for job in activate(s)[:1]:
        fail(s, job)
    s.when(batch(RESOLVE))
    assert len(s.since(marks).all(ITEM, "COMPLETED")) == 1
    assert s.since(marks).all(MANAGEMENT)[-1].value.total == 1


def test_issue_61253_suspended_instances_are_canceled_too(scenario: MakeScenario) -> None:
    s = scenario()
    keys = populate(s, 3)
    suspend(s, keys[1])
    s.send(batch())
    s.step(1)
    asked = s.query(1)
    assert asked is not None
    assert set(asked.states) == {"ACTIVE", "SUSPENDED"}
    s.drain()
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    assert s.is_empty()


def test_issue_30940_and_33618_more_than_ten_thousand_items(scenario: MakeScenario) -> None:
    """They are counted, fetched to the last page, and each has its outcome."""
    s = scenario(settings={"slice_size": 1_000})
    s.deploy(m.one_task())
    s.when(batch(filter_text="", item_keys=tuple(range(1, MANY + 1))))  # of nothing
    assert counts(final(s)) == (MANY, 0, 0, MANY, 0)
    assert len({record.key for record in s.everything().all(ITEM, "SKIPPED")}) == MANY


def test_issue_34610_all_that_is_selected_is_done_not_one_page_of_it(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 50})
    populate(s, 120)
    s.when(batch())
    assert counts(final(s)) == (120, 120, 0, 0, 0)


def test_issue_30944_each_failure_has_its_reason(scenario: MakeScenario) -> None:
    """An instance that was called cannot be canceled by itself."""
    s = scenario()
    s.deploy(m.one_task("child"), m.straight("parent", m.call("call", "child"), names=("call",)))
    s.create("parent")
    s.when(batch(filter_text='{"processDefinitionId": "child"}'))
    failed = s.everything().one(ITEM, "FAILED")
    assert failed.value.error_code == "INVALID_STATE"
    assert "cancel the one that called it" in failed.value.error_message


def test_issue_34969_one_page_of_one_batch_operation_at_a_time_in_turn(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 2})
    populate(s, 6)
    for _ in range(3):
        s.send(batch())
    for _ in range(3):
        s.step(1)
    s.drain()
    asked = [record.key for record in s.everything().all("BATCH_OPERATION_CHUNK", "CREATED")]
    assert asked[:3] == sorted(created(s))


def test_issue_36394_the_same_page_twice_finds_nothing_twice(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 3)
    s.send(batch())
    s.step(1)
    s.initialize(1)
    s.initialize(1)  # asked again before the first answer was looked at
    s.drain()
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    assert len(s.everything().one("BATCH_OPERATION_CHUNK", "CREATED").value.items) == 3


def test_issue_36292_and_32269_resumed_while_it_looks_for_items_it_executes_none(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 2})
    populate(s, 6)
    s.send(batch())
    s.step(1)
    s.initialize(1)
    s.step(1)
    key = key_of(s)
    for intent in ("SUSPEND", "RESUME"):
        s.send(manage(intent, key))
        s.drain(initialize=False)
    s.everything().none(EXECUTION)
    s.everything().none("BATCH_OPERATION_PARTITION_LIFECYCLE")
    s.drain()
    records = [record.intent for record in s.everything().all(INITIALIZATION)]
    assert records[-1] == "INITIALIZED"
    assert counts(final(s)) == (6, 6, 0, 0, 0)


@pytest.mark.parametrize("partition", [1, 2])
def test_issue_32715_32526_and_32521_a_partition_that_fails_leaves_it_not_open(
    scenario: MakeScenario, partition: int
) -> None:
    s = scenario(2)
    populate(s, 4)
    s.send(batch())
    for number in (1, 2):
        s.step(number)
    s.search.failures = ["never"]
    s.initialize(partition)
    s.drain()
    assert final(s).intent == "PARTIALLY_COMPLETED"
    assert [error.partition_id for error in final(s).value.errors] == [partition]


def test_issue_31367_an_error_within_a_slice_drops_no_item(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario(settings={"slice_size": 10})
    keys = populate(s, 25)
    terminates = JobTask.terminate

    def broken(self, execution, row) -> Effects:  # type: ignore[no-untyped-def]
        yield from terminates(self, execution, row)
        if execution.instance_key == keys[4]:
            raise RuntimeError

    monkeypatch.setattr(JobTask, "terminate", broken)
    s.when(batch())
    monkeypatch.undo()
    assert counts(final(s)) == (25, 24, 1, 0, 0)
    s.cancel(keys[4]).accepted()


def test_issue_46526_deletion_is_not_complete_before_the_data_is_gone(scenario: MakeScenario) -> None:
    s = scenario()
    (key,) = populate(s, 1)
    s.cancel(key)
    s.search.exports = False
    s.when(batch(DELETE_INSTANCES, '{"state": {"$exists": true}}'))
    s.everything().one("HISTORY_DELETION", "DELETED")
    s.everything().none(ITEM, "COMPLETED")
    assert finals(s) == {}
    s.search.exports = True
    s.drain()
    assert s.everything().one(ITEM, "COMPLETED").key == key
    assert final(s).intent == "COMPLETED"


def test_issue_54336_and_54567_one_that_has_ended_meanwhile_is_told_apart(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    s.when(batch())
    s.when(manage("SUSPEND", key_of(s))).rejected("INVALID_STATE", "got ENDED")
    s.when(manage("SUSPEND", key_of(s) + 1_000)).rejected("NOT_FOUND")


@pytest.mark.parametrize("partitions", [1, 3])
def test_issue_42478_the_counts_of_the_end_add_up(scenario: MakeScenario, partitions: int) -> None:
    s = scenario(partitions, settings={"query_page_size": 2, "chunk_size": 1, "slice_size": 1})
    keys = populate(s, 9)
    start(s, start_at=s.now + 1)
    s.cancel(keys[0])
    s.advance(1)
    total, *parts = counts(final(s))
    assert (total, parts) == (9, [8, 1, 0, 0])
    assert total == sum(len(r.value.items) for r in s.everything().all("BATCH_OPERATION_CHUNK", "CREATED"))
