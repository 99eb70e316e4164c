"""Escalations: thrown by events, caught by boundary events and event sub-processes, or by nobody."""

from __future__ import annotations

import pytest

from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, resolve
from tests.support.fixture import MakeScenario


def escalating(thrower: str, *around: str, reference: str = "escalation-a", inside: str = "") -> bytes:
    """A sub-process with a job beside an event `up` that throws, then a job `later` (not after an end event)."""
    definition = m.escalation(reference)
    if thrower == "throw":
        event = m.throw("up", definition) + m.job("later", "later") + m.chain("up", "later")
    else:
        event = m.end_event("up", definition)
    parts = (m.start("s"), m.parallel("fork"), m.job("t"), m.chain("s", "fork", "t"), m.chain("fork", "up"))
    sub = m.sub_process("sub", *parts, event, inside)
    return m.model(m.process("p", m.start(), sub, m.end(), m.chain("start", "sub", "end"), *around))


def boundary(name: str, reference: str = "", **attributes: str) -> str:
    after = m.end(f"{name}_end") + m.chain(name, f"{name}_end")
    return m.boundary_event(name, "sub", m.escalation(reference), **attributes) + after


def handler(name: str, reference: str = "", *after: str, **attributes: str) -> str:
    begun = m.start_event(f"{name}_begun", m.escalation(reference), **attributes)
    return m.handler(name, begun, *(after or (m.end(f"{name}_after"),)), m.chain(f"{name}_begun", f"{name}_after"))


@pytest.mark.parametrize("thrower", ["throw", "end"])
def test_a_boundary_event_that_does_not_interrupt_begins_beside(scenario: MakeScenario, thrower: str) -> None:
    s = scenario()
    s.deploy(escalating(thrower, boundary("caught", "escalation-a", cancelActivity="false")))
    s.create("p")
    moment = s.everything().has("ESCALATION ESCALATED", "caught_end COMPLETED", "up COMPLETED")
    escalated = moment.one("ESCALATION", "ESCALATED").value
    assert (escalated.escalation_code, escalated.throw_element_id, escalated.catch_element_id) == ("A", "up", "caught")
    complete_all(s)
    complete_all(s, "later")
    s.everything().has("sub COMPLETED", "end COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("thrower", ["throw", "end"])
def test_an_interrupting_boundary_event_ends_the_thrower_too(scenario: MakeScenario, thrower: str) -> None:
    s = scenario()
    s.deploy(escalating(thrower, boundary("caught", "escalation-a")))
    s.create("p")
    moment = s.everything().has("up ACTIVATED", "ESCALATION ESCALATED", "sub TERMINATED", "caught_end COMPLETED")
    assert "up TERMINATED" in moment.flow()
    assert "up COMPLETED" not in moment.flow()
    assert s.is_empty()


def test_an_event_sub_process_beside(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(escalating("end", inside=handler("h", "escalation-a", isInterrupting="false")))
    s.create("p")
    s.everything().has("ESCALATION ESCALATED", "h COMPLETED", "up COMPLETED")
    complete(s, activate(s)[0]).has("t COMPLETED", "sub COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_event_sub_process_that_interrupts(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(escalating("throw", inside=handler("h", "escalation-a")))
    s.create("p")
    moment = s.everything().has("ESCALATION ESCALATED", "t TERMINATED", "h COMPLETED", "sub COMPLETED", "p COMPLETED")
    assert "up TERMINATED" in moment.flow()
    assert s.is_empty()


@pytest.mark.parametrize("thrower", ["throw", "end"])
def test_an_escalation_that_nobody_catches_goes_on(scenario: MakeScenario, thrower: str) -> None:
    s = scenario()
    s.deploy(escalating(thrower, boundary("other", "escalation-b")))
    s.create("p")
    moment = s.everything().has("ESCALATION NOT_ESCALATED", "up COMPLETED")
    assert moment.one("ESCALATION").value.catch_element_id == ""
    moment.none("INCIDENT")
    complete_all(s)
    complete_all(s, "later")
    assert s.is_empty()


def test_the_very_code_comes_before_every_code(scenario: MakeScenario) -> None:
    s = scenario()
    both = (boundary("all", cancelActivity="false"), boundary("a", "escalation-a", cancelActivity="false"))
    s.deploy(escalating("end", *both))
    s.create("p")
    assert s.everything().one("ESCALATION", "ESCALATED").value.catch_element_id == "a"


def test_a_handler_does_not_catch_its_own_escalation(scenario: MakeScenario) -> None:
    s = scenario()
    again = m.end_event("h_after", m.escalation("escalation-a"))
    inside = handler("h", "escalation-a", again, isInterrupting="false")
    s.deploy(escalating("end", boundary("outside", cancelActivity="false"), inside=inside))
    s.create("p")
    caught = [record.value.catch_element_id for record in s.everything().all("ESCALATION", "ESCALATED")]
    assert caught == ["h_begun", "outside"]
    complete_all(s)
    assert s.is_empty()


def test_the_code_is_an_expression(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(escalating("end", boundary("caught", "escalation-a"), reference="escalation-feel"))
    s.create("p", '{"code": "A"}')
    s.everything().has("ESCALATION ESCALATED", "caught COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_code_that_is_no_text_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(escalating("throw", reference="escalation-feel"))
    key = s.create("p")
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR", element_id="up")
    resolve(s, incident.key).one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    s.cancel(key).has("up TERMINATED", "p TERMINATED")
    assert s.is_empty()


@pytest.mark.parametrize("interrupting", [True, False])
def test_an_escalation_reaches_the_calling_process(scenario: MakeScenario, *, interrupting: bool) -> None:
    s = scenario()
    child = m.process(
        "child",
        m.start(),
        m.throw("up", m.escalation("escalation-a")),
        m.job("t"),
        m.end(),
        m.chain("start", "up", "t", "end"),
    )
    caught = m.boundary_event("caught", "call", m.escalation("escalation-a"), cancelActivity=str(interrupting).lower())
    parent = m.process("p", m.start(), m.call("call", "child"), caught, m.end(), m.chain("start", "call", "end"))
    s.deploy(m.model(parent), m.model(child))
    s.create("p")
    moment = s.everything().has("ESCALATION ESCALATED", "caught COMPLETED")
    assert moment.one("ESCALATION").value.catch_element_id == "caught"
    if interrupting:
        moment.has("up TERMINATED", "child TERMINATED", "call TERMINATED", "p COMPLETED")
    else:
        moment.has("up COMPLETED", "t ACTIVATED")
        complete(s, activate(s)[0]).has("child COMPLETED", "call COMPLETED", "p COMPLETED")
    assert s.is_empty()
