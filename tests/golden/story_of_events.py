"""The part of the golden story in which process instances wait for events: add a function for each kind."""

from __future__ import annotations

from engine.records import ProcessInstance, Signal
from tests.support import models as m
from tests.support.actions import (
    activate,
    complete,
    correlate,
    correlation,
    message_partition,
    publish,
    resume,
    suspend,
)
from tests.support.scenario import Scenario, make


def wait_for_events(s: Scenario) -> None:
    wait_for_time(s)
    wait_for_messages(s)
    wait_for_signals(s)
    escalate(s)
    stand_still(s)


def stand_still(s: Scenario) -> None:
    """What would have come to an instance while it is suspended comes when it is resumed."""
    waits = (
        m.start(),
        m.event_gateway("which"),
        m.catch("told", m.message()),
        m.catch("late", m.timer("PT1S")),
        m.end(),
    )
    flows = (m.chain("start", "which", "told", "end"), m.chain("which", "late", "end"))
    s.deploy(m.model(m.process("still", *waits, *flows)))
    key = s.create("still", '{"key": "away"}')
    suspend(s, key).accepted()
    publish(s, "a", "away", time_to_live=60_000).has("PROCESS_MESSAGE_SUBSCRIPTION REJECTED")
    s.advance(2_000).has("TIMER SUSPENDED")
    resume(s, key).has("TIMER RESUMED", "told COMPLETED", "still COMPLETED")
    s.advance(60_000)


def wait_for_messages(s: Scenario) -> None:
    """A message that is kept, two that start instances, one that is asked after, and one that comes too late."""
    called = m.boundary_event("called", "work", m.message(), cancelActivity="false")
    started = m.start_event("started", m.message("message-b"))
    parts = (m.start(), started, m.job("work", "told"), called, m.receive("receive"), m.end())
    flows = (m.chain("start", "work", "receive", "end"), m.chain("started", "work"))
    s.deploy(m.model(m.process("told", *parts, *flows)))
    assert message_partition(s, "away") == 2
    publish(s, "a", "away", '{"n": 1}', time_to_live=5_000, message_id="first").accepted()
    instance = s.create("told", '{"key": "away"}')
    correlate(s, "a", "away", '{"n": 2}').accepted()
    for number in range(2):
        publish(s, "b", "away", f'{{"key": "k", "n": {number}}}', time_to_live=60_000).accepted()
    complete(s, activate(s, "told", partition=2)[0]).accepted()
    publish(s, "a", "k").has("receive COMPLETED", "MESSAGE_START_EVENT_SUBSCRIPTION CORRELATED")
    s.send(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), instance))
    while s.step(1):
        pass
    s.send(correlation("a", "away"), 2)
    s.drain()
    s.deploy(m.model(m.process("told", m.start(), m.end(), m.chain("start", "end"))))
    s.advance(5_000)


def wait_for_time(s: Scenario) -> None:
    """A timer that interrupts, one that does not, one that is not needed, the first of two at a gateway, a cycle."""
    reminder = m.boundary_event("reminder", "work", m.timer("PT1S"), cancelActivity="false")
    handler = m.handler(
        "handler", m.start_event("begun", m.timer("PT1M")), m.end("handled"), m.chain("begun", "handled")
    )
    parts = (m.start(), m.job("work", "timed"), reminder, m.event_gateway("which"), m.catch("soon", m.timer("PT1S")))
    flows = (m.chain("start", "work", "which", "soon"), m.flow("which", "late"), m.chain("reminder", "told"))
    late = (m.catch("late", m.timer("PT1H")), m.end("told"), handler)
    s.deploy(m.model(m.process("timed", *parts, *late, *flows)))
    for _ in range(2):
        s.create("timed", partition=2)
    s.advance(1_000)
    complete(s, activate(s, "timed", partition=2)[0]).accepted()
    s.advance(1_000)
    s.advance(60_000)
    tick = m.start_event("tick", m.timer("R/PT1S", "timeCycle"))
    s.deploy(m.model(m.process("ticking", tick, m.end(), m.chain("tick", "end"))))
    s.advance(1_000)
    s.deploy(m.model(m.process("ticking", m.start(), m.end(), m.chain("start", "end"))))


def wait_for_signals(s: Scenario) -> None:
    """A signal that an end event throws to an instance on another partition, and one that starts a process."""
    signaled = m.process("signaled", m.start(), m.catch("heard", m.signal()), m.chain("start", "heard"))
    parts = (m.start_event("begun", m.signal()), m.end_event("up", m.signal("signal-feel")), m.chain("begun", "up"))
    s.deploy(m.model(signaled), m.model(m.process("signaling", *parts)))
    s.create("signaled", partition=2)
    s.when(make("SIGNAL", "BROADCAST", Signal(signal_name="a", variables='{"name": "b"}')), 1).accepted()
    s.deploy(m.model(m.process("signaling", m.start(), m.end(), m.chain("start", "end"))))


def escalate(s: Scenario) -> None:
    """An escalation that is caught, and one that is not; a link."""
    inside = (m.start("s"), m.throw("up", m.escalation("escalation-a")), m.throw("on", m.escalation("escalation-b")))
    sub = m.sub_process("sub", *inside, m.chain("s", "up", "on"))
    caught = m.boundary_event("caught", "sub", m.escalation("escalation-a"), cancelActivity="false")
    links = (m.throw("away", m.link("A")), m.catch("here", m.link("A")))
    flows = (m.chain("start", "sub", "away"), m.chain("here", "end"))
    s.deploy(m.model(m.process("escalating", m.start(), sub, caught, *links, m.end(), *flows)))
    s.create("escalating")
