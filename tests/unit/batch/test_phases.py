"""Phases of a batch operation that are held by themselves."""

from __future__ import annotations

import pytest

from engine.batch.tables import PROGRESS
from engine.records.batch_operation_lifecycle_management import COMPLETION, EXECUTION, INITIALIZATION, PHASES
from engine.records.batch_options import BatchOptions
from tests.support.actions import batch, manage
from tests.support.batches import (
    INITIALIZATION as FOUND,
)
from tests.support.batches import MANAGEMENT, completed, counts, final, is_over, key_of, populate, start
from tests.support.fixture import MakeScenario


def test_no_items_are_looked_for(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 4)
    key = start(s, start_suspended=True)
    s.when(manage("RESUME", key, EXECUTION, COMPLETION))
    assert not s.everything().all(FOUND, "INITIALIZED")
    s.when(manage("RESUME", key))
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 4, 4, 0, 0, 0)


def test_no_items_are_executed_but_found(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 4)
    s.send(batch())
    s.step(1)
    key = key_of(s)
    s.when(manage("SUSPEND", key, EXECUTION))
    assert len(s.everything().all(FOUND, "INITIALIZED")) == 2
    assert completed(s) == 0
    s.when(manage("RESUME", key, EXECUTION))
    assert counts(final(s)) == (4, 4, 0, 0, 0)


@pytest.mark.parametrize("partitions", [1, 3])
def test_its_end_waits(scenario: MakeScenario, partitions: int) -> None:
    s = scenario(partitions)
    populate(s, 6)
    key = start(s, start_at=s.now + 1_000)
    s.when(manage("SUSPEND", key, COMPLETION))
    s.advance(1_000)
    assert completed(s) == 6
    assert not is_over(s)
    s.when(manage("RESUME", key))
    assert counts(final(s)) == (6, 6, 0, 0, 0)


@pytest.mark.parametrize("steps", range(2, 40))
@pytest.mark.parametrize("phase", PHASES)
def test_held_at_every_instant(scenario: MakeScenario, steps: int, phase: str) -> None:
    """It never ends while its end is held, and always afterwards."""
    s = scenario(2, settings={"query_page_size": 3}, group_size=1 + steps % 3)
    populate(s, 8)
    s.send(batch(options=BatchOptions(slice_size=1)))
    for _ in range(steps):
        s.one()
    key = key_of(s)
    s.when(manage("SUSPEND", key, phase))
    assert not (is_over(s) and phase == COMPLETION and s.everything().all(MANAGEMENT, "SUSPENDED"))
    if not is_over(s):
        s.when(manage("RESUME", key, phase))
    assert counts(final(s)) == (8, 8, 0, 0, 0)


def test_one_phase_after_the_other_is_all(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 2)
    key = start(s, start_at=s.now + 1_000)
    for phase in PHASES:
        s.when(manage("SUSPEND", key, phase))
    assert all(row.suspended for p in s.partitions.values() if (row := p.state.get(PROGRESS, key)))
    s.when(manage("SUSPEND", key, COMPLETION)).rejected("INVALID_STATE", "expected")
    s.when(manage("RESUME", key, INITIALIZATION))
    s.when(manage("RESUME", key, INITIALIZATION)).rejected("INVALID_STATE", "INITIALIZATION is not held")
    s.when(manage("SUSPEND", key, "DINNER")).rejected("INVALID_ARGUMENT", "DINNER")
    s.when(manage("CANCEL", key))
    assert final(s).intent == "CANCELED"
