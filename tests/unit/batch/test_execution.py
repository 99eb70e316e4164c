"""Batch operations: items and their outcomes, one overlay each, also over several steps."""

from __future__ import annotations

import pytest

from engine.process.elements.job_task import JobTask
from tests.support import models as m
from tests.support.actions import RESOLVE, activate, batch, fail, manage
from tests.support.batches import FINAL, INITIALIZATION, ITEM, MANAGEMENT, counts, final, key_of, populate
from tests.support.fixture import MakeScenario


def test_items_that_vanished_fail_or_are_skipped(scenario: MakeScenario) -> None:
    for skip, outcome in ((False, "FAILED"), (True, "SKIPPED")):
        s = scenario(settings={"skip_vanished_items": skip})
        first, second = populate(s, 2)
        s.send(batch())
        while not s.everything().all(INITIALIZATION, "INITIALIZED"):
            s.one()
        s.cancel(first)
        item = s.everything().one(ITEM, outcome)
        assert (item.key, item.value.error_code) == (first, "NOT_FOUND")
        assert s.everything().one(ITEM, "COMPLETED").key == second
        assert final(s).intent == "COMPLETED"


def test_every_item_failed_is_failed(scenario: MakeScenario) -> None:
    """The page comes while the suspension is on its way, so nothing is executed before the instances are gone."""
    s = scenario()
    keys = populate(s, 4)
    s.send(batch())
    s.step(1)
    s.initialize(1)
    s.when(manage("SUSPEND", key_of(s)))
    for key in keys:
        s.cancel(key)
    s.when(manage("RESUME", key_of(s)))
    assert (final(s).intent, *counts(final(s))) == ("FAILED", 4, 0, 4, 0, 0)
    assert s.is_empty()


def test_incidents_are_resolved_and_their_jobs_get_a_retry_in_one_step(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 6)
    for partition in (1, 2):
        for job in activate(s, partition=partition):
            fail(s, job)
    s.when(batch(RESOLVE)).accepted()
    assert counts(final(s)) == (6, 6, 0, 0, 0)
    for item in s.everything().all(ITEM, "COMPLETED"):
        step = [r for r in s.records(item.step.partition_id) if r.step == item.step]
        assert [(r.value_type, r.intent) for r in step if r.key == item.key] == [
            ("INCIDENT", "RESOLVED"),
            (ITEM, "COMPLETED"),
        ]
        assert any(r.intent == "UPDATED" and r.value.retries == 1 for r in step)
    assert len(activate(s)) == len(activate(s, partition=2)) == 3


def test_an_item_that_makes_the_engine_fail_is_the_only_one_that_fails(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    keys = populate(s, 5)
    terminates = JobTask.terminate

    def broken(self, execution, row):  # type: ignore[no-untyped-def]
        yield from terminates(self, execution, row)
        if execution.instance_key == keys[2]:
            raise RuntimeError

    monkeypatch.setattr(JobTask, "terminate", broken)
    s.when(batch()).accepted()
    monkeypatch.undo()
    assert counts(final(s)) == (5, 4, 1, 0, 0)
    failed = s.everything().one(ITEM, "FAILED")
    assert (failed.key, failed.value.error_code) == (keys[2], "PROCESSING_ERROR")
    s.cancel(keys[2]).has("one TERMINATED")
    assert s.is_empty()


def test_two_batch_operations_on_the_same_instances(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"slice_size": 2})
    populate(s, 12)
    s.send(batch(), 1)
    s.send(batch(), 2)
    s.drain()
    finals = [r for r in s.everything().all(MANAGEMENT) if r.intent in FINAL]
    assert sum(r.value.completed for r in finals) == 12
    assert all(r.value.total == r.value.completed + r.value.failed for r in finals)
    assert s.is_empty()


@pytest.mark.parametrize("interrupt", ["", "SUSPEND", "CANCEL"])
def test_an_item_whose_effects_span_steps(scenario: MakeScenario, interrupt: str) -> None:
    s = scenario(settings={"slice_size": 1, "step_effects_max": 100})
    s.deploy(m.fan("big", 300))
    s.create("big")
    populate(s, 1)
    s.send(batch())
    while not s.everything().all("PROCESS_INSTANCE", "ELEMENT_TERMINATING"):
        s.one()
    key = key_of(s)
    if interrupt:
        s.when(manage(interrupt, key))
    if interrupt == "SUSPEND":
        assert [r for r in s.everything().all(MANAGEMENT) if r.intent in FINAL] == []
        s.when(manage("RESUME", key))
    s.drain()
    assert final(s).intent == ("CANCELED" if interrupt == "CANCEL" else "COMPLETED")
    assert counts(final(s)) == ((2, 1, 0, 0, 1) if interrupt == "CANCEL" else (2, 2, 0, 0, 0))
    assert s.everything().all(ITEM, "COMPLETED")[-1].step.source_input == "internal"
    if interrupt == "CANCEL":
        assert s.rows()["JOBS"] == 1
    else:
        assert s.is_empty()
