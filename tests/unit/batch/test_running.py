"""How fast a batch operation runs, when it begins, and when it suspends itself.

Numbers in names are issues of camunda/camunda that tell of a wrong result here.
"""

from __future__ import annotations

import msgspec
import pytest

from engine.batch.life import ACTIVE
from engine.batch.tables import PROGRESS
from engine.records.batch_options import BatchOptions
from tests.support.actions import batch, manage
from tests.support.batches import (
    INITIALIZATION,
    ITEM,
    MANAGEMENT,
    completed,
    counts,
    failing,
    final,
    is_over,
    key_of,
    populate,
    start,
    update,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import BEGIN

EXECUTION = "BATCH_OPERATION_EXECUTION"
PARTS = "BATCH_OPERATION_PARTITION_LIFECYCLE"
DAY = 24 * 3_600_000


# rate


def test_a_rate_holds_over_all_partitions(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 40)
    start(s, rate=10.0, slice_size=2)
    seen = []
    for _ in range(30):
        s.advance(100)
        seen.append(completed(s))
    assert [round(count / 10) for count in seen[9::10]] == [1, 2, 3]
    for _ in range(15):
        s.advance(100)
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 40, 40, 0, 0, 0)


def test_no_slice_is_larger_than_a_second_of_the_rate(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 6)
    start(s, rate=2.0)
    for _ in range(60):
        s.advance(100)
    slices = [record.value.item_count for record in s.everything().all(EXECUTION, "EXECUTED")]
    assert slices == [2, 2, 2]


def test_the_rate_is_divided_by_what_is_pending(scenario: MakeScenario) -> None:
    """Twenty items here and four there: both end at about the same time."""
    s = scenario(2)
    keys = populate(s, 40)
    for key in keys[1::2][4:]:
        s.cancel(key)
    start(s, rate=12.0, slice_size=1)
    rates = {number: partition.state.get(PROGRESS, key_of(s)).rate for number, partition in s.partitions.items()}
    assert rates == {1: 12 * 19 / 23, 2: 12 * 4 / 23}  # the first of them is canceled at once
    assert {r.value.source_partition_id for r in s.everything().all(PARTS, "PARTITION_PACED")} == {1, 2}
    for _ in range(30):
        s.advance(100)
    assert counts(final(s)) == (24, 24, 0, 0, 0)


def test_another_rate_while_it_runs(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 20)
    key = start(s, rate=0.01, slice_size=1)
    s.advance(1_000)
    assert completed(s) == 2
    s.when(update(key, rate=1_000.0))
    told = s.everything().all(MANAGEMENT, "UPDATED")
    assert [(r.value.rate, r.value.slice_size) for r in told] == [(1_000.0, 1)] * 2
    s.advance(100)
    assert final(s).intent == "COMPLETED"


def test_without_a_rate_any_more_it_goes_on_at_once(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 10)
    key = start(s, rate=0.01, slice_size=1)
    s.when(update(key, rate=0.0, slice_size=3))
    assert final(s).intent == "COMPLETED"
    slices = [record.value.item_count for record in s.everything().all(EXECUTION, "EXECUTED")]
    assert slices == [1, 3, 3, 3]


@pytest.mark.parametrize("changed", [{"rate": 1e-9}, {"rate": 1e9}, {"slice_size": 1_001}])
def test_a_pace_that_nobody_can_keep_is_refused(scenario: MakeScenario, changed: dict[str, float]) -> None:
    s = scenario()
    populate(s, 1)
    key = start(s, start_at=s.now + 1_000)
    s.when(update(key, **changed)).rejected("INVALID_ARGUMENT", "expected")
    s.advance(1_000)


@pytest.mark.parametrize("steps", range(1, 40, 2))
@pytest.mark.parametrize("intents", [("SUSPEND", "RESUME"), ("SUSPEND", "CANCEL"), ("UPDATE",), ("UPDATE", "CANCEL")])
def test_interrupted_while_it_is_paced(scenario: MakeScenario, steps: int, intents: tuple[str, ...]) -> None:
    """At every instant: one loop, and a stale EXECUTE of another does nothing."""
    s = scenario(2, settings={"query_page_size": 3}, group_size=1 + steps % 3)
    populate(s, 12)
    s.send(batch(options=BatchOptions(rate=20.0, slice_size=1)))
    for _ in range(steps):
        if not s.one():
            s.advance(60)
    s.flush_all()
    key = key_of(s)
    for intent in intents:
        s.send(update(key, rate=200.0) if intent == "UPDATE" else manage(intent, key))
        s.one()
    for _ in range(60):
        s.drain()
        s.advance(100)
    canceled = s.everything().all(MANAGEMENT, "CANCELING")
    assert final(s).intent == ("CANCELED" if canceled else "COMPLETED")
    assert s.rows().keys() & {"BATCHES", "PROGRESS", "CHUNKS", "REPORTS", "INITIALIZING", "BATCH_RETRIES"} == set()
    assert s.due_count() == 1  # its retention


# when it begins


def test_it_begins_at_its_time(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 4)
    start(s, start_at=BEGIN + 3_600_000)
    assert len(s.everything().all(INITIALIZATION, "INITIALIZED")) == 2  # what it selects is known before
    s.advance(3_599_999)
    assert completed(s) == 0
    s.advance(1)
    assert final(s).intent == "COMPLETED"


def test_it_begins_suspended(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 4)
    key = start(s, start_suspended=True)
    s.everything().none(INITIALIZATION)
    s.when(manage("RESUME", key))
    assert counts(final(s)) == (4, 4, 0, 0, 0)


def test_a_batch_that_is_suspended_before_its_initialization_blocks_no_other_43097(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 2)
    first = start(s, start_suspended=True)
    s.when(batch())
    assert final(s).key != first


def test_a_resumed_batch_executes_nothing_before_all_is_found_36292_32269(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 1})
    populate(s, 5)
    s.send(batch())
    s.step(1)
    s.initialize(1)
    s.step(1)
    s.send(manage("SUSPEND", key_of(s)))
    s.send(manage("RESUME", key_of(s)))
    s.drain()
    records = s.records()
    initialized = next(r.position for r in records if (r.value_type, r.intent) == (INITIALIZATION, "INITIALIZED"))
    assert all(r.position > initialized for r in records if (r.value_type, r.intent) == (EXECUTION, "EXECUTED"))
    assert counts(final(s)) == (5, 5, 0, 0, 0)


def test_nothing_matches_and_it_is_completed_47403(scenario: MakeScenario) -> None:
    s = scenario(2)
    start(s, rate=1.0, start_at=BEGIN + 1_000)  # there is nothing to wait for
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 0, 0, 0, 0, 0)


# failures


def test_it_suspends_itself_when_too_many_items_fail(scenario: MakeScenario) -> None:
    s = scenario()
    key = failing(s, 5, good=3, failures_max=2)
    suspended = s.everything().one(MANAGEMENT, "SUSPENDED")
    assert suspended.value.reason.startswith("expected fewer than 2 failed items, got 2")
    assert len(s.everything().all(ITEM, "FAILED")) == 2  # not one more, though slices are larger
    s.when(manage("RESUME", key))
    assert len(s.everything().all(ITEM, "FAILED")) == 4  # counted anew
    s.when(manage("RESUME", key))
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 8, 3, 5, 0, 0)


def test_failures_of_all_partitions_count(scenario: MakeScenario) -> None:
    s = scenario(3)
    key = failing(s, 9, good=30, failures_max=6, slice_size=1)
    told = s.everything().all(MANAGEMENT, "SUSPENDED")
    assert {r.step.partition_id for r in told} <= {1, 2, 3}
    assert told
    assert all("failed items" in r.value.reason for r in told)
    s.when(manage("RESUME", key))
    assert final(s).intent == "COMPLETED"


def test_it_suspends_itself_at_a_share_of_failures(scenario: MakeScenario) -> None:
    s = scenario(2)
    failing(s, 6, good=6, failure_share_max=0.25, slice_size=1)
    (suspended, *_) = s.everything().all(MANAGEMENT, "SUSPENDED")
    assert "0.25 of 12 items" in suspended.value.reason
    s.when(manage("CANCEL", suspended.key))


def test_the_last_failure_suspends_nothing(scenario: MakeScenario) -> None:
    s = scenario()
    failing(s, 2, failures_max=2)
    s.everything().none(MANAGEMENT, "SUSPENDED")
    assert final(s).intent == "FAILED"


def test_failed_items_make_a_failed_batch_61727_45169(scenario: MakeScenario) -> None:
    s = scenario()
    failing(s, 3)
    assert (final(s).intent, *counts(final(s))) == ("FAILED", 3, 0, 3, 0, 0)
    assert {r.value.error_code for r in s.everything().all(ITEM, "FAILED")} == {"NOT_FOUND"}


def test_totals_are_those_of_the_items_42478(scenario: MakeScenario) -> None:
    s = scenario(3)
    failing(s, 4, good=5)
    total, done, failed, *_ = counts(final(s))
    assert (total, done, failed) == (9, completed(s), len(s.everything().all(ITEM, "FAILED")))


def test_an_item_is_tried_again_before_it_is_failed(scenario: MakeScenario) -> None:
    s = scenario()
    failing(s, 2, good=2, item_retries=2, retry_backoff=1_000)
    assert not is_over(s)
    assert completed(s) == 2
    s.advance(999)
    assert [r.value.attempts for r in s.everything().all(ITEM, "RETRYING")] == [1, 1]
    s.advance(1)
    assert [r.value.attempts for r in s.everything().all(ITEM, "RETRYING")] == [1, 1, 2, 2]
    s.advance(1_000)
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 4, 2, 2, 0, 0)
    assert s.is_empty()


def test_canceled_while_items_wait_to_be_tried_again(scenario: MakeScenario) -> None:
    s = scenario()
    key = failing(s, 2, good=1, item_retries=5, retry_backoff=DAY)
    s.when(manage("CANCEL", key))
    assert (final(s).intent, *counts(final(s))) == ("CANCELED", 3, 1, 0, 0, 2)
    assert s.is_empty()


# what is refused


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (BatchOptions(name="n" * 257), "name"),
        (BatchOptions(reason="r" * 4_097), "reason"),
        (BatchOptions(labels=("l",) * 21), "labels"),
        (BatchOptions(labels=("l" * 101,)), "labels[0]"),
        (BatchOptions(labels=("",)), "labels"),
        (BatchOptions(rate=-1.0), "rate"),
        (BatchOptions(slice_size=1_001), "sliceSize"),
        (BatchOptions(start_at=-1), "startAt"),
        (BatchOptions(failures_max=-1), "maxFailures.count"),
        (BatchOptions(failure_share_max=1.5), "maxFailures.share"),
        (BatchOptions(item_retries=101), "itemRetries"),
        (BatchOptions(retry_backoff=-1), "retryBackoff"),
    ],
)
def test_options_out_of_bounds_are_refused(scenario: MakeScenario, options: BatchOptions, text: str) -> None:
    s = scenario()
    s.when(batch(options=options)).rejected("INVALID_ARGUMENT", f"{text}: expected")
    assert msgspec.structs.asdict(options) != msgspec.structs.asdict(BatchOptions())


def test_everything_else_is_active(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    key = start(s, start_at=s.now + 1)
    s.when(manage("RESUME", key)).rejected("INVALID_STATE", f"got {ACTIVE}")
    s.advance(1)
