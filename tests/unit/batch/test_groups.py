"""Camunda 7's settings: what succeeds or fails together, how much is looked for at once, how often parts report."""

from __future__ import annotations

import pytest

from engine.operations.migrate_process_instance import Parameters as Plan
from engine.operations.set_variables import Parameters as Variables
from engine.records.batch_options import BatchOptions
from engine.records.process_instance_migration import MappingInstruction
from tests.support import models as m
from tests.support.actions import CORRELATE, MIGRATE, RESUME, SET_VARIABLES, SUSPEND, batch, manage, suspend
from tests.support.batches import EXECUTION, INITIALIZATION, ITEM, completed, counts, final, key_of, populate, start
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

TOGETHER = "invocations_per_batch_job"


def with_one_gone(s: Scenario, count: int, gone: int, wish: object = None, **options: object) -> list[int]:
    """Cancels instances of which one has gone since it was found; gives their keys."""
    keys = populate(s, count)
    s.when(wish or batch(options=BatchOptions(start_at=s.now + 1, **options)))  # type: ignore[arg-type]
    s.cancel(keys[gone])
    s.advance(1)
    return keys


def test_items_fail_together(scenario: MakeScenario) -> None:
    s = scenario(settings={TOGETHER: 3})
    keys = with_one_gone(s, 7, gone=4)
    failed = {record.key: record.value for record in s.everything().all(ITEM, "FAILED")}
    assert sorted(failed) == keys[3:6]
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 7, 4, 3, 0, 0)
    assert failed[keys[4]].error_message.startswith("expected a running process instance")
    for other in (keys[3], keys[5]):
        expected = f"expected 3 items to succeed together, got item {keys[4]} that fails: expected a running"
        assert failed[other].error_message.startswith(expected)
        assert failed[other].error_code == failed[keys[4]].error_code == "NOT_FOUND"
    assert s.rows()["JOBS"] == 2  # those that failed with the other one still run


def test_one_that_is_passed_over_fails_nobody(scenario: MakeScenario) -> None:
    s = scenario(settings={TOGETHER: 3})
    with_one_gone(s, 3, gone=1, wish=batch(CORRELATE, options=BatchOptions(start_at=s.now + 1)))
    assert counts(final(s)) == (3, 2, 0, 1, 0)
    s = scenario(settings={TOGETHER: 3, "skip_vanished_items": True})
    with_one_gone(s, 3, gone=1)
    assert counts(final(s)) == (3, 2, 0, 1, 0)


def test_what_failed_with_others_is_tried_again_alone(scenario: MakeScenario) -> None:
    s = scenario(settings={TOGETHER: 4})
    keys = with_one_gone(s, 4, gone=0, item_retries=1, retry_backoff=10)
    assert len(s.everything().all(ITEM, "RETRYING")) == 4
    s.advance(10)
    assert s.everything().one(ITEM, "FAILED").key == keys[0]
    assert counts(final(s)) == (4, 3, 1, 0, 0)


def test_a_slice_is_never_a_part_of_a_group(scenario: MakeScenario) -> None:
    for sizes, expected in (({"slice_size": 5, TOGETHER: 2}, [4, 4, 2]), ({"slice_size": 2, TOGETHER: 4}, [4, 4, 2])):
        s = scenario(settings=sizes)
        populate(s, 10)
        start(s, rate=0.5 if sizes["slice_size"] == 2 else 0.0)
        for _ in range(3):
            s.advance(60_000)
        assert [record.value.item_count for record in s.everything().all(EXECUTION, "EXECUTED")] == expected
        assert completed(s) == 10


def test_a_group_whose_last_one_fails_leaves_nothing_of_the_others(scenario: MakeScenario) -> None:
    """Also where effects are large, and where what was done would go on in later steps."""
    s = scenario(settings={TOGETHER: 2, "step_effects_max": 50})
    s.deploy(m.fan("big", 200))
    large = s.create("big")
    keys = populate(s, 1)
    s.when(batch(options=BatchOptions(start_at=s.now + 1)))
    s.cancel(keys[0])
    s.advance(1)
    assert counts(final(s)) == (2, 0, 2, 0, 0)
    assert len([r for r in s.records() if r.key == large and r.intent == "ELEMENT_TERMINATING"]) == 0


@pytest.mark.parametrize("kind", [SUSPEND, RESUME, SET_VARIABLES, MIGRATE])
def test_other_types_in_groups(scenario: MakeScenario, kind: str) -> None:
    s = scenario(2, settings={TOGETHER: 3})
    keys = populate(s, 8)
    target = s.deploy(m.one_task("other")).all("PROCESS", "CREATED")[0].key
    instruction = MappingInstruction(source_element_id="task", target_element_id="task")
    parameters = {
        SET_VARIABLES: Variables(variables='{"x":1}'),
        MIGRATE: Plan(target_process_definition_key=target, mapping_instructions=(instruction,)),
    }
    if kind == RESUME:
        for key in keys:
            suspend(s, key)
    s.when(batch(kind, parameters=parameters.get(kind)))
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 8, 8, 0, 0, 0)


def test_a_query_asks_for_as_many_groups(scenario: MakeScenario) -> None:
    for settings, expected in (
        ({"batch_jobs_per_seed": 10}, 10),
        ({"batch_jobs_per_seed": 10, TOGETHER: 5}, 50),
        ({"batch_jobs_per_seed": 10, TOGETHER: 5, "query_page_size": 30}, 30),
        ({TOGETHER: 5, "query_page_size": 30}, 30),
    ):
        s = scenario(settings=settings)
        populate(s, 12)
        start(s)
        assert s.everything().one("BATCH_OPERATION_CREATION", "CREATED").value.page_size == expected
        pages = s.everything().all(INITIALIZATION)
        assert [record.intent for record in pages] == ["INITIALIZING"] * (12 // expected) + ["INITIALIZED"]


def test_parts_report_as_often_as_is_set(scenario: MakeScenario) -> None:
    for interval, expected in ((1, 5), (1_000_000, 1)):
        s = scenario(2, settings={"batch_poll_time_ms": interval, "slice_size": 1})
        populate(s, 10)
        start(s, rate=2.0)
        s.when(manage("SUSPEND", key_of(s)))
        s.when(manage("RESUME", key_of(s)))
        for _ in range(8):
            s.advance(1_000)
        reports = [r for r in s.records(2) if r.intent == "PARTITION_REPORTED"]
        assert len(reports) >= expected
        assert expected > 1 or len(reports) == expected
