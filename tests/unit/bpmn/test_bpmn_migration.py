"""Migration plans: the equal elements of two processes, and what is wrong with a plan."""

from __future__ import annotations

import pytest

from engine.bpmn.migration import Instruction, Plan, generate, missing_targets
from engine.bpmn.model import Process
from engine.bpmn.parse import parse
from tests.support import models as m


def read(*parts: str, process_id: str = "p") -> Process:
    (process,) = parse(m.model(m.process(process_id, *parts)), "p.bpmn")
    return process


def row(*parts: str, names: tuple[str, ...]) -> Process:
    """The elements one after the other."""
    return read(m.start(), *parts, m.end(), m.chain("start", *names, "end"))


def jobs(*names: str) -> Process:
    return row(*(m.job(name) for name in names), names=names)


def problems(source: Process, target: Process, *instructions: Instruction) -> list[str]:
    """`source id: message`, of each problem."""
    return [
        f"{problem.source_element_id}: {problem.message}" for problem in Plan(source, target, instructions).problems
    ]


def found(told: list[str], *expected: str) -> None:
    """Each problem that is told begins so, in this order."""
    assert len(told) == len(expected), told
    for text, beginning in zip(told, expected, strict=True):
        assert text.startswith(beginning), f"expected '{beginning}', got '{text}'"


def test_equal_elements_are_mapped_and_others_are_not() -> None:
    source = row(m.job("a"), m.job("gone"), m.task("changed"), names=("a", "gone", "changed"))
    target = row(m.job("a"), m.job("changed"), m.job("new"), names=("a", "changed", "new"))
    assert generate(source, target) == [("start", "start"), ("a", "a"), ("end", "end")]
    assert not Plan(source, target, generate(source, target)).problems


def test_what_is_in_an_unequal_scope_is_not_equal() -> None:
    inner = (m.start("begin"), m.job("a"), m.end("done"), m.chain("begin", "a", "done"))
    source, moved = row(m.sub_process("s", *inner), names=("s",)), row(m.sub_process("t", *inner), names=("t",))
    assert generate(source, moved) == [("start", "start"), ("end", "end")]
    assert [name for name, _ in generate(source, source)] == ["start", "s", "begin", "a", "done", "end"]


def test_events_on_the_border_are_equal_where_their_activities_are() -> None:
    def model(host: str, other: str) -> Process:
        event = m.boundary_event("late", host, m.timer("PT1S"))
        return read(m.start(), m.job("a"), m.job("b"), event, m.end(), m.chain("start", "a", "b", "end"), other)

    assert ("late", "late") in generate(model("a", ""), model("a", ""))
    assert ("late", "late") not in generate(model("a", ""), model("b", ""))


def test_event_sub_processes_are_equal_with_their_start_events() -> None:
    def model(definition: str) -> Process:
        handler = m.handler("h", m.start_event("begun", definition), m.end("over"), m.chain("begun", "over"))
        return read(m.start(), m.job("a"), m.end(), m.chain("start", "a", "end"), handler)

    assert ("begun", "begun") in generate(model(m.message()), model(m.message("message-b")))
    assert ("begun", "begun") not in generate(model(m.message()), model(m.signal()))
    plan = Plan(model(m.message()), model(m.message()), [("begun", "begun")])
    assert plan.elements["h"] == "h"
    assert not plan.problems


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ((("x", "a"),), "x: expected an element of the source process 'p', got 'x'"),
        ((("a", "x"),), "a: expected an element of the target process 'p', got 'x'"),
        ((("", "a"),), ": expected an element of the source process 'p', got ''"),
        ((("a", "a"), ("a", "b")), "a: expected 'a' to be mapped once, got it again"),
        ((("a", "end"),), "a: expected 'end' to be of type SERVICE_TASK, as 'a' is, got END_EVENT"),
        ((("a", "a_b"),), "a: expected 'a_b' to be an element as 'a' is, got a sequence flow"),
        ((("start_a", "a_b"),), "start_a: expected 'a', to which 'start_a' leads, to be mapped to 'b', got no instr"),
    ],
)
def test_a_wrong_instruction_is_named(instructions: tuple[Instruction, ...], expected: str) -> None:
    found(problems(jobs("a", "b"), jobs("a", "b"), *instructions), expected)


def test_all_problems_are_told_at_once() -> None:
    told = problems(jobs("a", "b"), jobs("a", "b"), ("x", "a"), ("a", "y"), ("b", "start"))
    assert [text.partition(":")[0] for text in told] == ["x", "a", "b"]


def test_several_elements_may_become_one() -> None:
    assert not problems(jobs("a", "b"), jobs("c"), ("a", "c"), ("b", "c"))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (m.catch("x", m.timer("PT1S")), m.catch("x", m.message()), "of event type Timer, as 'x' is, got Message"),
        (
            m.element("userTask", "x", extensions=["<zeebe:userTask />"]),
            m.element("userTask", "x"),
            "done by a person (native user task), as 'x' is, got a worker",
        ),
        (m.script("x", "=1", "y"), m.element("scriptTask", "x", extensions=[m.definition("y")]), "got a worker"),
        (m.multi(m.job("x")), m.job("x"), "repeated all at once, as 'x' is, got never"),
        (m.multi(m.job("x")), m.multi(m.job("x"), sequential=True), "got one after the other"),
    ],
    ids=["event", "user task", "script", "repeated", "sequential"],
)
def test_what_an_element_is_stays(before: str, after: str, expected: str) -> None:
    (told,) = problems(row(before, names=("x",)), row(after, names=("x",)), ("x", "x"))
    assert expected in told


def test_the_scope_of_an_element_stays() -> None:
    inner = (m.start("begin"), m.job("b"), m.end("done"), m.chain("begin", "b", "done"))
    source, target = row(m.job("a"), names=("a",)), row(m.sub_process("s", *inner), names=("s",))
    found(problems(source, target, ("a", "b")), "a: expected 'b' to be in 'p', which 'p' is mapped to, got it in 's'")
    found(problems(target, source, ("b", "a")), "b: expected 's', which 'b' is in, to be mapped, got no instruction")


def with_events(host: str, *names: str) -> Process:
    events = [m.boundary_event(name, host, m.timer("PT1S")) for name in names]
    return read(m.start(), m.job("a"), m.job("b"), *events, m.end(), m.chain("start", "a", "b", "end"))


def test_an_event_stays_on_the_border_of_its_activity() -> None:
    source, target = with_events("a", "x"), with_events("b", "x")
    found(
        problems(source, target, ("a", "a"), ("x", "x")), "x: expected 'a', to which 'x' is attached, to be mapped to"
    )
    found(
        problems(source, source, ("x", "x")), "x: expected 'a', to which 'x' is attached, to be mapped to 'a', got no"
    )
    assert not problems(source, target, ("a", "b"), ("x", "x"))


def test_two_events_of_one_activity_do_not_become_one() -> None:
    source, target = with_events("a", "x", "y"), with_events("a", "z")
    told = problems(source, target, ("a", "a"), ("x", "z"), ("y", "z"))
    found(told, "a: expected 'x' and 'y' to be mapped to different events, got 'z' twice")


def test_events_behind_a_gateway_stay_behind_it() -> None:
    def model(*behind: str) -> Process:
        events = [m.catch(name, m.timer("PT1S")) for name in ("x", "y", "z")]
        flows = [m.chain("g", name) for name in behind]
        flows += [m.chain("fork", name) for name in ("x", "y", "z") if name not in behind]
        parts = (m.start(), m.parallel("fork"), m.event_gateway("g"), *events)
        return read(*parts, m.chain("start", "fork", "g"), *flows)

    source, target = model("x", "y"), model("y", "z")
    assert not problems(source, target, ("g", "g"), ("x", "z"), ("y", "y"))
    found(problems(source, target, ("g", "g"), ("x", "x")), "g: expected 'x' to be mapped to an event that follows 'g'")


def joining(join: str, *names: str) -> Process:
    parts = (m.start(), m.parallel("fork"), *(m.job(name) for name in names), m.parallel(join), m.end())
    flows = [m.chain("fork", name, join) for name in names]
    return read(*parts, m.chain("start", "fork"), *flows, m.chain(join, "end"))


def test_a_gateway_that_joins_has_room_for_all_tokens() -> None:
    source, target = joining("j", "a", "b", "c"), joining("j", "a", "b")
    found(problems(source, target, ("j", "j")), "j: expected 'j' to have at least 3 incoming sequence flows, got 2")
    assert not problems(target, source, ("j", "j"))


def test_two_gateways_do_not_become_one() -> None:
    told = problems(joining("j", "a", "b"), joining("j", "a", "b"), ("fork", "j"), ("j", "j"))
    found(told, "j: expected 'j' to be the target of one gateway, got 'fork' and 'j'")


def test_two_flows_do_not_become_one() -> None:
    source = joining("j", "a", "b")
    told = problems(source, source, ("j", "j"), ("a_j", "a_j"), ("b_j", "a_j"))
    found(told, "b_j: expected 'a_j' to be the target of one sequence flow, got 'a_j' and 'b_j'")


def test_flows_are_those_told_or_of_the_same_id() -> None:
    source, target = joining("j", "a", "b"), joining("k", "a", "b")
    plan = Plan(source, target, [("j", "k"), ("a_j", "b_k")])
    assert (plan.flow_of("a_j"), plan.flow_of("b_j")) == ("b_k", None)
    assert Plan(source, source, [("j", "j")]).flow_of("a_j") == "a_j"


def test_targets_are_checked_without_a_source() -> None:
    told = missing_targets(jobs("a"), [("x", "a"), ("y", "b"), ("z", "b"), ("f", "start_a")])
    assert told == ["expected an element of process 'p', got 'b'; correct the target id"]
