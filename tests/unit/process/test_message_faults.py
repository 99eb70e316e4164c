"""Messages for instances that are paused, and messages that make the engine fail."""

from __future__ import annotations

import pytest

from engine.process import lifecycle
from engine.process import work as kinds
from engine.records import Message
from tests.support import models as m
from tests.support.actions import batch, correlation, creation, publish, resolve
from tests.support.batches import counts, final
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

HOUR = 3_600_000


def paused(scenario: MakeScenario, *parts: str) -> tuple[Scenario, int]:
    """An instance that pauses between steps for a while: a token goes in a circle beside a task."""
    s = scenario(settings={"step_effects_max": 20, "continuation_rounds_max": 100})
    turning = (m.exclusive("merge"), m.task("turn"), m.exclusive("again", "again_merge"), m.end("out"))
    flows = (m.chain("start", "fork", "merge", "turn", "again", "merge"), m.flow("again", "out", "=go"))
    s.deploy(m.model(m.process("p", m.start(), m.parallel("fork"), *turning, *parts, *flows)))
    s.send(creation("p", '{"key": "k"}'), 1)
    step_until(s, "MESSAGE_SUBSCRIPTION", "CREATED")
    return s, s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key


def step_until(s: Scenario, value_type: str, intent: str) -> None:
    for _ in range(100):
        if s.everything().all(value_type, intent):
            return
        s.one()
    raise AssertionError(f"expected {value_type} {intent}\n{s.log()}")


def test_a_paused_instance_takes_one_message_that_excludes_others(scenario: MakeScenario) -> None:
    which = (m.event_gateway("which"), m.catch("first", m.message()), m.catch("second", m.message("message-b")))
    s, key = paused(scenario, *which, m.chain("fork", "which", "first"), m.flow("which", "second"))
    for name in "ab":
        s.send(make("MESSAGE", "PUBLISH", Message(name=name, correlation_key="k", time_to_live=HOUR)), 1)
    step_until(s, "MESSAGE_SUBSCRIPTION", "REJECTED")
    s.cancel(key)
    assert len(s.everything().all("PROCESS_MESSAGE_SUBSCRIPTION", "CORRELATED")) == 1
    assert s.rows()["CORRELATIONS"] == 1
    s.advance(HOUR)
    assert s.is_empty()


def test_a_paused_instance_keeps_one_message_of_each_subscription(scenario: MakeScenario) -> None:
    called = m.boundary_event("called", "task", m.message(), cancelActivity="false")
    s, key = paused(scenario, m.job("task"), called, m.chain("fork", "task"))
    for _ in range(5):
        s.send(make("MESSAGE", "PUBLISH", Message(name="a", correlation_key="k", time_to_live=HOUR)), 1)
    s.send(correlation(), 1)
    for _ in range(40):
        s.one()
    assert len(s.everything().all("PROCESS_MESSAGE_SUBSCRIPTION", "CORRELATED")) > 1
    s.cancel(key)
    s.advance(HOUR)
    assert s.is_empty()


def test_a_message_that_makes_the_engine_fail_can_be_taken_again(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    parts = (m.start(), m.catch("wait", m.message()), m.end(), m.chain("start", "wait", "end"))
    s.deploy(m.model(m.process("p", *parts)))
    s.create("p", '{"key": "k"}')

    def broken(_execution: object, _work: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setitem(lifecycle._PERFORM, kinds.HAPPENED, broken)
    publish(s, variables='{"x": 1}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="UNKNOWN", element_id="wait")
    monkeypatch.undo()
    moment = resolve(s, incident.key)
    moment.has("INCIDENT RESOLVED", "wait COMPLETED", "p COMPLETED")
    assert moment.variables() == {"x": "1"}
    assert s.is_empty()


def test_a_batch_operation_cancels_what_waits_for_messages(scenario: MakeScenario) -> None:
    s = scenario(2)
    parts = (m.start(), m.catch("wait", m.message()), m.end(), m.chain("start", "wait", "end"))
    s.deploy(m.model(m.process("p", *parts)))
    for partition in (1, 2, 1, 2):
        s.create("p", '{"key": "k"}', partition=partition)
    publish(s, time_to_live=HOUR).accepted()
    s.when(batch(), 1)
    assert counts(final(s))[:2] == (3, 3)
    assert not {"MESSAGE_SUBSCRIPTIONS", "PROCESS_MESSAGE_SUBSCRIPTIONS", "OPEN_SUBSCRIPTIONS"} & s.rows().keys()
