"""Who catches an event and what that does, whatever its kind; shown with timers."""

from __future__ import annotations

from tests.support import models as m
from tests.support.actions import activate, complete
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

TEN_SECONDS = m.timer("PT10S")


def begin(scenario: MakeScenario, *parts: str) -> tuple[Scenario, int]:
    s = scenario()
    s.deploy(m.model(m.process("p", *parts)))
    return s, s.create("p")


def test_a_catch_event_waits_until_its_time_has_come(scenario: MakeScenario) -> None:
    s, _ = begin(scenario, m.start(), m.catch("wait", TEN_SECONDS), m.end(), m.chain("start", "wait", "end"))
    assert s.due_count() == 1
    assert not s.advance(9_999).records
    s.advance(1).has("TIMER TRIGGERED", "wait COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_interrupting_boundary_event_ends_its_activity(scenario: MakeScenario) -> None:
    parts = (m.start(), m.job("task"), m.boundary_event("late", "task", TEN_SECONDS), m.end(), m.end("escalated"))
    s, _ = begin(scenario, *parts, m.chain("start", "task", "end"), m.chain("late", "escalated"))
    s.advance(10_000).has("TIMER TRIGGERED", "task TERMINATED", "late COMPLETED", "escalated COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_boundary_event_that_does_not_interrupt_begins_beside(scenario: MakeScenario) -> None:
    late = m.boundary_event("late", "task", TEN_SECONDS, cancelActivity="false")
    parts = (m.start(), m.job("task"), late, m.job("remind", "remind"), m.end())
    s, _ = begin(scenario, *parts, m.chain("start", "task", "end"), m.chain("late", "remind"))
    s.advance(10_000).has("TIMER TRIGGERED", "late COMPLETED", "remind ACTIVATED")
    (task,), (reminder,) = activate(s), activate(s, "remind")
    assert "p COMPLETED" not in complete(s, task).has("task COMPLETED").flow()
    complete(s, reminder).accepted()
    assert s.is_empty()


def test_what_waited_waits_no_longer_when_its_host_is_done(scenario: MakeScenario) -> None:
    parts = (m.start(), m.job("task"), m.boundary_event("late", "task", TEN_SECONDS), m.end())
    s, _ = begin(scenario, *parts, m.chain("start", "task", "end"))
    (job,) = activate(s)
    complete(s, job).has("TIMER CANCELED", "task COMPLETED", "p COMPLETED")
    assert s.due_count() == 0


def test_an_event_sub_process_interrupts_its_scope(scenario: MakeScenario) -> None:
    handler = m.handler(
        "handler", m.start_event("begun", TEN_SECONDS), m.job("clean", "clean"), m.chain("begun", "clean")
    )
    parts = (m.start(), m.parallel("fork"), m.job("one"), m.job("two", "two"), m.parallel("join"), m.end(), handler)
    flows = (m.chain("start", "fork", "one", "join", "end"), m.chain("fork", "two", "join"))
    s, _ = begin(scenario, *parts, *flows)
    (one,) = activate(s)
    complete(s, one).accepted()
    s.advance(10_000).has(
        "TIMER TRIGGERED", "two TERMINATED", "handler ACTIVATED", "begun COMPLETED", "clean ACTIVATED"
    )
    (job,) = activate(s, "clean")
    complete(s, job).has("clean COMPLETED", "handler COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_event_sub_process_runs_beside_and_the_scope_waits_for_it(scenario: MakeScenario) -> None:
    begun = m.start_event("begun", TEN_SECONDS, isInterrupting="false")
    parts = (m.start(), m.job("task"), m.handler("handler", begun, m.job("note", "note"), m.chain("begun", "note")))
    s, _ = begin(scenario, *parts, m.chain("start", "task"))
    s.advance(10_000).has("handler ACTIVATED", "note ACTIVATED")
    (task,), (note,) = activate(s), activate(s, "note")
    complete(s, task).has("task COMPLETED")
    complete(s, note).has("note COMPLETED", "handler COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_the_first_event_decides_where_an_event_based_gateway_goes_on(scenario: MakeScenario) -> None:
    parts = (m.start(), m.event_gateway("which"), m.catch("soon", TEN_SECONDS), m.catch("later", m.timer("PT1H")))
    flows = (m.chain("start", "which", "soon"), m.flow("which", "later"))
    s, _ = begin(scenario, *parts, *flows)
    assert s.due_count() == 2
    s.advance(10_000).has("TIMER TRIGGERED", "TIMER CANCELED", "which COMPLETED", "soon COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_cannot_be_evaluated_is_an_incident_and_nothing_is_waited_for(scenario: MakeScenario) -> None:
    late, later = (m.boundary_event(name, "task", m.timer(text)) for name, text in (("a", "PT1H"), ("b", "=when")))
    s, _ = begin(scenario, m.start(), m.job("task"), late, later, m.chain("start", "task"))
    assert s.due_count() == 0
    (incident,) = s.everything().all("INCIDENT", "CREATED")
    assert incident.value.error_type == "EXTRACT_VALUE_ERROR"
    assert "what 'b' waits for" in incident.value.error_message
