"""Batch operations: suspended, resumed and canceled at every instant; how they end."""

from __future__ import annotations

import itertools

import pytest

from engine.batch.tables import PROGRESS
from engine.core.record import first_key
from engine.records import (
    BatchOperationPartitionLifecycle,
)
from tests.support import models as m
from tests.support.actions import batch, manage
from tests.support.batches import FINAL, MANAGEMENT, counts, final, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make


def test_wrong_states_and_keys_are_refused(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 2)
    for intent in ("SUSPEND", "RESUME", "CANCEL"):
        s.when(manage(intent, first_key(1) + 9999)).rejected("NOT_FOUND")
        s.when(manage(intent, -1), 1).rejected("NOT_FOUND")
    s.send(batch())
    s.step(1)
    s.step(2)
    key = key_of(s)
    s.send(manage("RESUME", key))
    s.step(1)
    assert s.records(1)[-1].rejection_code == "INVALID_STATE"
    s.send(manage("SUSPEND", key))
    s.send(manage("SUSPEND", key))
    s.drain()
    assert s.records(1)[-1].rejection_code == "INVALID_STATE"
    s.when(manage("RESUME", key), 2).rejected("INVALID_ARGUMENT", "which lives on partition 1")
    assert s.query(1) is None
    s.when(manage("CANCEL", key))
    assert final(s).intent == "CANCELED"
    s.when(manage("CANCEL", key)).rejected("INVALID_STATE", "got ENDED")


def run_until(s: Scenario, steps: int) -> bool:
    """A batch operation up to a number of steps; False when it has ended before."""
    s.send(batch())
    return all(s.one() for _ in range(steps))


def build(scenario: MakeScenario, group_size: int = 1) -> Scenario:
    s: Scenario = scenario(
        2,
        settings={"query_page_size": 3, "chunk_size": 2, "db_chunk_size": 2, "slice_size": 2, "step_effects_max": 12},
        group_size=group_size,
    )
    s.deploy(m.one_task(), m.fan("fan", 6))
    for partition in (1, 2):
        for name in ("one", "fan", "one", "one", "one"):
            s.create(name, partition=partition)
    return s


@pytest.mark.parametrize("steps", range(1, 60, 2))
@pytest.mark.parametrize(
    "intents", [("CANCEL",), ("SUSPEND", "RESUME"), ("SUSPEND", "CANCEL"), ("SUSPEND", "RESUME", "CANCEL")]
)
def test_an_interruption_at_every_instant(scenario: MakeScenario, steps: int, intents: tuple[str, ...]) -> None:
    s = build(scenario, group_size=1 + steps % 3)
    run_until(s, steps)
    s.flush_all()
    key = key_of(s)
    if any(r.intent in FINAL for r in s.everything().all(MANAGEMENT)):
        s.when(manage(intents[0], key)).rejected("INVALID_STATE")
        return
    for intent in intents:
        s.send(manage(intent, key))
        for _ in range(steps % 7):
            s.one()
    s.drain()
    end = final(s)
    accepted = [r.intent for r in s.everything().all(MANAGEMENT) if r.step.partition_id == end.step.partition_id]
    assert end.intent == ("CANCELED" if "CANCELING" in accepted else "COMPLETED")
    total, completed, failed, skipped, canceled = counts(end)
    assert total == completed + failed + skipped + canceled
    if end.intent == "COMPLETED":
        assert (total, completed) == (10, 10)
        assert s.is_empty()
    assert {"BATCHES", "PROGRESS", "CHUNKS", "REPORTS", "INITIALIZING", "PAUSES"}.isdisjoint(s.rows())


def test_a_suspended_batch_operation_does_nothing_until_it_is_resumed(scenario: MakeScenario) -> None:
    s = build(scenario)
    run_until(s, 25)
    key = key_of(s)
    s.when(manage("SUSPEND", key))
    marks = s.marks()
    assert not s.one()
    assert s.since(marks).records == []
    rows = [p.state.get(PROGRESS, key) for p in s.partitions.values()]
    assert all(row.suspended for row in rows if row is not None)
    s.when(manage("RESUME", key))
    assert counts(final(s)) == (10, 10, 0, 0, 0)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
@pytest.mark.parametrize("intent", ["", "CANCEL"])
def test_partitions_end_in_any_order(scenario: MakeScenario, order: tuple[int, ...], intent: str) -> None:
    """Each partition runs alone to its end, in this order; partition 2 leads."""
    s = scenario(3)
    populate(s, 6)
    s.send(batch(), 2)
    s.step(2)
    if intent:
        s.send(manage(intent, key_of(s)))
    for number in order:
        while s.step(number) or s.initialize(number):
            pass
    s.drain()
    assert final(s).intent == ("CANCELED" if intent else "COMPLETED")
    assert {r.value.source_partition_id for r in s.everything().all("BATCH_OPERATION_PARTITION_LIFECYCLE")} == {1, 2, 3}


def test_reports_from_nobody_are_refused(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    s.send(batch())
    s.step(1)
    report = make(
        "BATCH_OPERATION_PARTITION_LIFECYCLE", "COMPLETE_PARTITION", BatchOperationPartitionLifecycle(), key_of(s)
    )
    s.send_internal(report)
    s.step(1)
    assert s.records()[-1].rejection_code == "NOT_FOUND"
    s.drain()
