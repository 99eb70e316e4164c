"""Timers that fail are set aside, each for itself; the others fire, and a tick never fails as a whole (law 12)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.faults import INVALID_STATE, Reject
from engine.core.head import DUE, set_due
from engine.process import jobs
from tests.support import models as m
from tests.support.actions import activate, resolve
from tests.support.fixture import MakeScenario
from tests.support.scenario import ASSEMBLY, Scenario


def running(scenario: MakeScenario, count: int) -> tuple[Scenario, list[int]]:
    """Jobs that workers have taken, due at once."""
    s = scenario()
    s.deploy(m.one_task())
    for _ in range(count):
        s.create("one")
    return s, activate(s, timeout=10)


@pytest.mark.parametrize("error", [RuntimeError("planted"), Reject(INVALID_STATE, "planted")])
def test_a_timer_that_fails_is_dropped_and_others_fire(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    s, keys = running(scenario, 3)
    activatable = jobs.activatable

    def failing(view: Any, row: Any, intent: str, key: int, **named: Any) -> Any:
        if key == keys[1]:
            raise error
        return activatable(view, row, intent, key, **named)

    monkeypatch.setattr(jobs, "activatable", failing)
    moment = s.advance(10).accepted()
    assert [r.key for r in moment.all("JOB", "TIMED_OUT")] == [keys[0], keys[2]]
    dropped = moment.one("CLOCK", "TIMER_DROPPED")
    assert (dropped.key, dropped.value.timer) == (keys[1], "JOB_TIMEOUT")
    incident = moment.one("INCIDENT", "CREATED", error_type="UNKNOWN", job_key=keys[1])
    assert s.due_count() == 0
    monkeypatch.undo()
    resolve(s, incident.key).accepted()
    assert sorted(activate(s)) == keys


def test_a_timer_without_effects_is_dropped(scenario: MakeScenario) -> None:
    """It would be due for ever."""
    s, keys = running(scenario, 1)
    state = s.partitions[1].state
    for name, key in (("JOB_TIMEOUT", 7), ("NO_SUCH_TIMER", 8)):
        set_due(state, 1, name, key)
    moment = s.advance(10).accepted()
    assert [r.value.timer for r in moment.all("CLOCK", "TIMER_DROPPED")] == ["JOB_TIMEOUT", "NO_SUCH_TIMER"]
    assert [r.key for r in moment.all("JOB", "TIMED_OUT")] == keys
    assert not state.scan(DUE)


def test_every_timer_is_known_to_the_tick() -> None:
    of_batches = {"BATCH_OPERATION_WAKE", "BATCH_OPERATION_RETENTION", "BATCH_OPERATION_SILENCE"}
    of_instances = {"JOB_TIMEOUT", "JOB_BACKOFF", "MESSAGE_TTL", "TIMER"}
    of_history = {"HISTORY_REMOVAL_PROCESS_INSTANCE", "HISTORY_REMOVAL_DECISION_INSTANCE"}
    assert set(ASSEMBLY.registry.timers) == of_batches | of_instances | of_history
