"""Compensation in models: what is read of it, and what is refused."""

from __future__ import annotations

import pytest

from engine.bpmn.model import Compensation, ModelRefused, Process
from engine.bpmn.parse import parse
from tests.support import models as m

FLOWS = m.chain("start", "a", "undo")


def read(*parts: str) -> Process:
    """The process of a model that has also a start event."""
    (process,) = parse(m.model(m.process("p", m.start(), *parts)), "model.bpmn")
    return process


def problems_of(*parts: str) -> list[str]:
    """`TYPE 'id': message` of each problem."""
    with pytest.raises(ModelRefused) as refused:
        read(*parts)
    return [f"{problem.element_type} '{problem.element_id}': {problem.message}" for problem in refused.value.problems]


def undo(activity: str = "") -> str:
    return m.throw("undo", m.compensation(activity))


def marked(tag: str, name: str, *inner: str) -> str:
    return m.element(tag, name, *inner, isForCompensation="true")


def sub(name: str, *parts: str) -> str:
    return m.sub_process(name, m.start(f"{name}_start"), *parts)


def test_what_is_read_of_compensation() -> None:
    ends = m.end_event("end", m.compensation()) + m.chain("undo", "end")
    process = read(m.task("a"), m.undo_job("undo_a", "a"), undo("a"), ends, FLOWS)
    elements = process.elements
    assert elements["a_undone"].event == Compensation(handler="undo_a")
    assert elements["undo"].event == Compensation(activity="a")
    assert elements["end"].event == Compensation()
    assert (elements["undo_a"].for_compensation, elements["a"].for_compensation) == (True, False)
    assert elements["a"].boundaries == ("a_undone",)
    assert elements["a"].waits == ()


def test_other_associations_have_no_effect() -> None:
    note = m.element("textAnnotation", "note") + m.association("a_undone", "note") + m.association("note", "a_undone")
    others = m.association("a", "note") + m.association("undo_a", "a_undone") + m.association("", "nowhere")
    process = read(m.task("a"), m.undo_job("undo_a", "a"), note, others, undo(), FLOWS)
    assert process.elements["a_undone"].event == Compensation(handler="undo_a")


def test_one_activity_may_undo_several_and_one_that_undoes_nothing_is_never_begun() -> None:
    twice = m.task("a") + m.task("b") + marked("task", "back") + m.undoes("back", "a") + m.undoes("back", "b")
    process = read(twice, marked("userTask", "alone"), undo(), m.chain("start", "a", "b", "undo"))
    assert process.elements["a_undone"].event == process.elements["b_undone"].event == Compensation(handler="back")


def test_false_is_no_compensation_activity() -> None:
    process = read(m.element("task", "a", isForCompensation="false"), undo(), FLOWS)
    assert not process.elements["a"].for_compensation


def test_an_event_sub_process_may_name_what_is_in_it_or_around_it() -> None:
    inside = m.task("b") + m.undo_job("undo_b", "b") + m.throw("in", m.compensation("b"))
    handler = m.handler(
        "h",
        m.start_event("begun", m.error()),
        inside,
        m.end_event("out", m.compensation("a")),
        m.chain("begun", "b", "in", "out"),
    )
    process = read(m.task("a"), m.undo_job("undo_a", "a"), handler, m.chain("start", "a"))
    assert process.elements["out"].event == Compensation(activity="a")


def test_a_sub_process_may_be_named() -> None:
    assert read(sub("a"), undo("a"), FLOWS).elements["undo"].event == Compensation(activity="a")


BOUNDARY = m.boundary_event("a_undone", "a", m.compensation())
MAPPED = BOUNDARY.replace(
    m.compensation(),
    f"<bpmn:extensionElements>{m.mapping(outputs=[('=1', 'x')])}</bpmn:extensionElements>{m.compensation()}",
)
HANDLER = m.element(
    "subProcess", "h", m.start_event("begun", m.error()), triggeredByEvent="true", isForCompensation="true"
)


@pytest.mark.parametrize(
    ("parts", "who", "words"),
    [
        ((BOUNDARY,), "BOUNDARY_EVENT 'a_undone'", "expected one association"),
        (
            (m.undo_job("x", "a"), marked("task", "y"), m.association("a_undone", "y")),
            "BOUNDARY_EVENT 'a_undone'",
            "to the activity that undoes, got 2; leave one",
        ),
        (
            (BOUNDARY, m.task("x"), m.association("a_undone", "x")),
            "BOUNDARY_EVENT 'a_undone'",
            "isForCompensation=\"true\", got 'x'; mark it",
        ),
        (
            (BOUNDARY, m.association("a_undone", "undo")),
            "BOUNDARY_EVENT 'a_undone'",
            "isForCompensation=\"true\", got 'undo'; mark it",
        ),
        (
            (BOUNDARY, sub("s", marked("task", "x")), m.association("a_undone", "x")),
            "BOUNDARY_EVENT 'a_undone'",
            "expected 'x' in the same process or sub-process as the event, got it in another; move it",
        ),
        (
            (m.undo_job("x", "a"), m.flow("a_undone", "undo")),
            "BOUNDARY_EVENT 'a_undone'",
            "expected no outgoing flow of a compensation boundary event, got 1",
        ),
        (
            (m.undo_job("x", "a"), m.boundary_event("more", "a", m.compensation()), m.association("more", "x")),
            "BOUNDARY_EVENT 'more'",
            "expected one compensation boundary event on 'a', got another; remove it",
        ),
        (
            (MAPPED, marked("task", "x"), m.association("a_undone", "x")),
            "BOUNDARY_EVENT 'a_undone'",
            "expected no zeebe:ioMapping on a compensation boundary event",
        ),
        (
            (m.undo_job("x", "a"), m.flow("start", "x")),
            "SERVICE_TASK 'x'",
            "expected no incoming flow of a compensation activity, got 1",
        ),
        (
            (m.undo_job("x", "a"), m.flow("x", "undo")),
            "SERVICE_TASK 'x'",
            "expected no outgoing flow of a compensation activity, got 1",
        ),
        (
            (m.undo_job("x", "a"), m.boundary("failed", "x"), m.end("e"), m.chain("failed", "e")),
            "SERVICE_TASK 'x'",
            "expected no boundary event of a compensation activity, got 1; remove it",
        ),
        (
            (marked("task", "x"), m.undoes("x", "a"), marked("task", "y"), m.undoes("y", "x")),
            "TASK 'x'",
            "expected no boundary event of a compensation activity, got 1",
        ),
        (
            (HANDLER,),
            "SUB_PROCESS 'h'",
            "got it on an event sub-process; remove it",
        ),
    ],
)
def test_who_undoes_is_refused_unless_it_can(parts: tuple[str, ...], who: str, words: str) -> None:
    (problem,) = problems_of(m.task("a"), undo(), FLOWS, *parts)
    assert problem.startswith(who)
    assert words in problem


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "expected activityRef to name an activity, got 'nowhere'"),
        ("start", "expected activityRef to name an activity, got 'start'"),
        ("a", "expected 'a' to have a compensation boundary event, or to be a sub-process, got neither; attach one"),
        ("b", "expected 'b' in the same process or sub-process as the event, got it in another; name the sub-process"),
    ],
)
@pytest.mark.parametrize("thrower", ["intermediateThrowEvent", "endEvent"])
def test_what_is_named_must_be_there_and_can_be_undone(name: str, words: str, thrower: str) -> None:
    inside = sub("s", m.task("b"), m.undo_job("undo_b", "b"), m.chain("s_start", "b"))
    (problem,) = problems_of(m.task("a"), inside, m.element(thrower, "undo", m.compensation(name)), FLOWS)
    assert "'undo'" in problem
    assert words in problem


def test_a_sub_process_may_not_name_what_is_around_it() -> None:
    inside = sub("s", m.throw("in", m.compensation("a")), m.chain("s_start", "in"))
    (problem,) = problems_of(m.task("a"), m.undo_job("undo_a", "a"), inside, m.chain("start", "a", "s"))
    assert "expected 'a' in the same process or sub-process as the event" in problem


def test_all_problems_are_told_at_once_with_their_lines() -> None:
    lines = [m.task("a"), BOUNDARY, m.undo_job("x", "b"), m.task("b"), m.flow("start", "x"), undo("y"), FLOWS]
    content = m.model(m.process("p", m.start(), "\n", "\n".join(lines)))
    with pytest.raises(ModelRefused) as refused:
        parse(content, "model.bpmn")
    found = [(problem.element_id, problem.line) for problem in refused.value.problems]
    assert found == [("a_undone", 3), ("x", 4), ("undo", 7)]


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (m.start_event("it", m.compensation()), "a compensation start event"),
        (m.catch("it", m.compensation()), "a compensation intermediate catch event"),
        (m.handler("h", m.start_event("it", m.compensation())), "a compensation start event of an event sub-process"),
        (m.boundary_event("it", "a", "<bpmn:cancelEventDefinition />"), "a cancel boundary event"),
        (m.end_event("it", "<bpmn:cancelEventDefinition />"), "a cancel end event"),
    ],
)
def test_what_cannot_be_executed_is_refused_by_name(part: str, what: str) -> None:
    problems = problems_of(m.task("a"), undo(), FLOWS, part)
    assert f"got {what}, which cannot be executed yet; replace it" in problems[0]
