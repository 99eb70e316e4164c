"""How many items one step handles: no more than a client should wait for."""

from __future__ import annotations

import pytest

from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import batch, manage
from tests.support.batches import counts, failing, final, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario
from tests.unit.batch.test_plans import commit

#: Canceling an instance of one task, and telling the outcome.
EFFECTS_OF_ITEM = 6


def slices(s: Scenario) -> list[int]:
    """Items in each slice of the batch operation that canceled all of them."""
    assert counts(final(s))[:1] == counts(final(s))[1:2]
    return [record.value.item_count for record in s.everything().all("BATCH_OPERATION_EXECUTION", "EXECUTED")]


@pytest.mark.parametrize(
    ("settings", "options", "expected"),
    [
        ({}, BatchOptions(), [14, 10]),
        ({"slice_effects_max": 5 * EFFECTS_OF_ITEM}, BatchOptions(), [5, 5, 5, 5, 4]),
        ({"slice_effects_max": 1}, BatchOptions(), [1] * 24),
        ({"slice_size": 8}, BatchOptions(), [8, 8, 8]),
        ({"slice_size": 8, "slice_effects_max": 1}, BatchOptions(slice_size=12), [12, 12]),
        ({"slice_effects_max": 1}, BatchOptions(slice_size=12), [1] * 24),
        ({"invocations_per_batch_job": 5}, BatchOptions(), [15, 9]),
        ({"slice_effects_max": 30, "invocations_per_batch_job": 10}, BatchOptions(), [10, 10, 4]),
        ({"slice_effects_max": 1_000, "step_effects_max": 12 * EFFECTS_OF_ITEM}, BatchOptions(), [12, 12]),
        ({"step_effects_max": 12 * EFFECTS_OF_ITEM}, BatchOptions(slice_size=24), [12, 12]),
    ],
)
def test_a_slice_ends_with_its_items_or_its_effects(
    scenario: MakeScenario, settings: dict[str, int], options: BatchOptions, expected: list[int]
) -> None:
    s = scenario(settings=settings)
    populate(s, 24)
    s.when(batch(options=options)).accepted()
    assert slices(s) == expected


def test_large_instances_are_few_in_a_slice(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.fan("big", 40))
    for _ in range(3):
        s.create("big")
    s.when(batch()).accepted()
    assert slices(s) == [1, 1, 1]


def test_what_is_given_up_is_not_done_in_small_slices(scenario: MakeScenario) -> None:
    """Nobody's instance is changed, and each item is one event."""
    s = scenario()
    populate(s, 150)
    s.when(batch(options=BatchOptions(start_at=s.now + 1_000)))
    s.when(manage("CANCEL", key_of(s)))
    assert counts(final(s)) == (150, 0, 0, 0, 150)
    assert [r.value.item_count for r in s.everything().all("BATCH_OPERATION_EXECUTION", "EXECUTED")] == [150]


@pytest.mark.parametrize("chosen", [0, 24])
def test_a_plan_is_tried_and_validated_in_such_slices(scenario: MakeScenario, chosen: int) -> None:
    """What is validated has no outcome on the log, so there is room for more."""
    s = scenario()
    populate(s, 24)
    s.when(batch(options=BatchOptions(dry_run=True, keep_plan=True, slice_size=chosen))).accepted()
    tried = [record.value.item_count for record in s.everything().all("BATCH_OPERATION_EXECUTION", "EXECUTED")]
    moment = s.when(commit(key_of(s), slice_size=chosen)).accepted()
    validated = [len(record.value.items) for record in moment.all("BATCH_OPERATION_CHUNK", "CREATED")]
    assert (tried, validated) == (([24], [24]) if chosen else ([14, 10], [16, 8]))


def test_items_that_are_tried_again_count_as_others(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_effects_max": 4})
    failing(s, 6, item_retries=1, retry_backoff=1)
    s.advance(1)
    counted = s.everything().all("BATCH_OPERATION_EXECUTION", "EXECUTED")
    assert [(r.value.item_count, r.value.retry_count) for r in counted] == [(4, 0), (2, 0), (0, 4), (0, 2)]
