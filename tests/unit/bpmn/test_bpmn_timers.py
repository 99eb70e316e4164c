"""Timers in models: which kind may be where, and what is checked before anything runs."""

from __future__ import annotations

import pytest

from engine.bpmn.model import ModelRefused, Timer
from engine.bpmn.parse import parse
from tests.support import models as m

TEXTS = {"timeDate": "2026-01-01T00:00:00Z", "timeDuration": "PT10S", "timeCycle": "R3/PT10S"}


def problems_of(*parts: str) -> list[str]:
    try:
        parse(m.model(m.process("p", *parts)), "model.bpmn")
    except ModelRefused as refused:
        return [f"{problem.element_type} '{problem.element_id}': {problem.message}" for problem in refused.problems]
    return []


def parts_with(place: str, definition: str) -> tuple[str, ...]:
    """A process with this timer at a place."""
    begin, flow = (m.start(), m.task("task")), m.chain("start", "task")
    if place == "start":
        return m.start_event("it", definition), m.task("task"), m.chain("it", "task")
    if place == "catch":
        return *begin, flow, m.catch("it", definition), m.chain("task", "it")
    if place.startswith("boundary"):
        interrupts = "false" if place.endswith("beside") else "true"
        return *begin, flow, m.boundary_event("it", "task", definition, cancelActivity=interrupts)
    interrupts = "false" if place.endswith("beside") else "true"
    return *begin, flow, m.handler("handler", m.start_event("it", definition, isInterrupting=interrupts))


@pytest.mark.parametrize(
    ("place", "kinds"),
    [
        ("start", ("timeDate", "timeCycle")),
        ("catch", ("timeDate", "timeDuration")),
        ("boundary", ("timeDate", "timeDuration")),
        ("boundary beside", ("timeDate", "timeDuration", "timeCycle")),
        ("handler", ("timeDate", "timeDuration")),
        ("handler beside", ("timeDate", "timeDuration", "timeCycle")),
    ],
)
def test_which_kind_may_be_where(place: str, kinds: tuple[str, ...]) -> None:
    for kind, text in TEXTS.items():
        problems = problems_of(*parts_with(place, m.timer(text, kind)))
        assert (not problems) == (kind in kinds), problems
        assert all("'it'" in problem and "change it" in problem for problem in problems)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("timeDate", "tomorrow"),
        ("timeDate", "2026-01-01"),
        ("timeDuration", "10 seconds"),
        ("timeCycle", "R0/PT1S"),
        ("timeCycle", "R/PT0S"),
        ("timeCycle", "0 99 * * * *"),
        ("timeCycle", "=1 +"),
    ],
)
def test_a_static_text_that_is_none_is_refused(kind: str, text: str) -> None:
    (problem,) = problems_of(*parts_with("boundary beside", m.timer(text, kind)))
    assert problem.startswith("BOUNDARY_EVENT 'it': expected ")


@pytest.mark.parametrize("inner", ["", "<bpmn:timeDuration />", "<bpmn:timeDuration>PT1S</bpmn:timeDuration>" * 2])
def test_a_timer_says_one_thing(inner: str) -> None:
    (problem,) = problems_of(*parts_with("catch", f"<bpmn:timerEventDefinition>{inner}</bpmn:timerEventDefinition>"))
    assert "expected one of timeDate, timeDuration, timeCycle" in problem


def test_all_problems_at_once() -> None:
    late = m.boundary_event("late", "task", m.timer("R9", "timeCycle"))
    problems = problems_of(m.start_event("it", m.timer("soon")), m.task("task"), late, m.chain("it", "task"))
    assert sorted(problem.split(":")[0] for problem in problems) == [
        *["BOUNDARY_EVENT 'late'"] * 2,
        *["START_EVENT 'it'"] * 2,
    ]


def test_a_process_may_begin_in_several_ways() -> None:
    daily, soon = m.start_event("daily", m.timer("@daily", "timeCycle")), m.start_event("on", m.timer("=d", "timeDate"))
    flows = m.chain("start", "task") + m.chain("daily", "task") + m.chain("on", "task")
    (process,) = parse(m.model(m.process("p", m.start(), daily, soon, m.task("task"), flows)), "model.bpmn")
    assert (process.root.start, process.root.event_starts) == ("start", ("daily", "on"))
    assert isinstance(process.elements["daily"].event, Timer)
    assert process.root.waits == ()
