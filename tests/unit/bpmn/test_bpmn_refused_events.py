"""Errors, escalations, links, signals and inclusive gateways that are refused, with id, type and message."""

from __future__ import annotations

import pytest

from engine.bpmn.model import ModelRefused, Problem
from engine.bpmn.parse import parse
from tests.support import models as m

START = m.start()


def problems_of(*parts: str, head: str = "") -> tuple[Problem, ...]:
    content = m.model(m.process("p", *parts)).replace(b"<bpmn:process", head.encode() + b"<bpmn:process", 1)
    with pytest.raises(ModelRefused) as refusal:
        parse(content, "model.bpmn")
    return refusal.value.problems


def handler(name: str, definition: str) -> str:
    return m.handler(name, m.start_event(f"{name}_begun", definition))


def guarded(*boundaries: str) -> str:
    return m.sub_process("sub", m.start("inside")) + "".join(boundaries)


BARE = '<bpmn:escalation id="bare" /><bpmn:signal id="bare-signal" />'

#: parts of the process, element id, a part of the message
REFUSALS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "unknown escalation": (
        (START, m.throw("it", m.escalation("ghost"))),
        "it",
        "escalationRef to name a bpmn:escalation",
    ),
    "escalation without code": ((START, m.throw("it", m.escalation("bare"))), "it", "an escalation without code"),
    "escalation that is thrown without reference": (
        (START, m.end_event("it", m.escalation())),
        "it",
        "an escalation end event to refer to an escalation with a code, got no escalation",
    ),
    "code of a caught escalation as FEEL": (
        (START, guarded(m.boundary_event("it", "sub", m.escalation("escalation-feel")))),
        "it",
        "caught to be static",
    ),
    "escalation boundary event on a task": (
        (START, m.job("task"), m.boundary_event("it", "task", m.escalation())),
        "it",
        "on a sub-process or call activity",
    ),
    "two escalation boundary events for one code": (
        (START, guarded(*(m.boundary_event(name, "sub", m.escalation("escalation-a")) for name in ("one", "it")))),
        "it",
        "one escalation boundary event for the code 'A' on 'sub', got another",
    ),
    "two event sub-processes for every escalation": (
        (START, handler("one", m.escalation()), handler("two", m.escalation())),
        "two_begun",
        "one event sub-process with an escalation for every code on 'p', got another",
    ),
    "two event sub-processes for one error": (
        (START, handler("one", m.error("error-a")), handler("two", m.error("error-a"))),
        "two_begun",
        "one event sub-process with an error for the code 'A' on 'p', got another",
    ),
    "link without name": ((START, m.throw("it", m.link(""))), "it", "a link to have a name"),
    "link that nobody catches": ((START, m.throw("it", m.link("A"))), "it", "catches the link 'A' here, got none"),
    "link that is caught in another scope": (
        (START, m.throw("it", m.link("A")), m.sub_process("sub", m.start("s"), m.catch("c", m.link("A")))),
        "it",
        "catches the link 'A' here, got none",
    ),
    "link that is caught twice": (
        (START, m.catch("one", m.link("A")), m.catch("it", m.link("A"))),
        "it",
        "one event that catches the link 'A' here, got another",
    ),
    "flow into a caught link": (
        (START, m.catch("it", m.link("A")), m.chain("start", "it")),
        "it",
        "no flow into an event that catches a link",
    ),
    "flow out of a thrown link": (
        (START, m.throw("it", m.link("A")), m.catch("c", m.link("A")), m.end(), m.chain("it", "end")),
        "it",
        "no flow out of an event that throws a link",
    ),
    "unknown signal": ((START, m.catch("it", m.signal("ghost"))), "it", "signalRef to name a bpmn:signal"),
    "signal without name": ((START, m.catch("it", m.signal("bare-signal"))), "it", "to have a name"),
    "signal start event with variables in its name": (
        (m.start_event("it", m.signal("signal-feel")),),
        "it",
        "a text without variables",
    ),
    "two boundary events for one signal": (
        (START, guarded(*(m.boundary_event(name, "sub", m.signal()) for name in ("one", "it")))),
        "it",
        "one event for the signal 'a' at 'sub', got another",
    ),
    "inclusive gateway without condition": (
        (START, m.inclusive("which"), m.end(), m.chain("which", "end"), m.flow("which", "end", "=x", name="f2")),
        "which_end",
        "expected a condition",
    ),
    "default flow of another gateway": (
        (START, m.inclusive("it", "start_it"), m.chain("start", "it")),
        "it",
        "an outgoing flow of the gateway",
    ),
}


@pytest.mark.parametrize(("parts", "element_id", "text"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusal(parts: tuple[str, ...], element_id: str, text: str) -> None:
    (problem,) = problems_of(*parts, head=BARE)
    assert problem.element_id == element_id
    assert text in problem.message


def test_a_link_that_nobody_throws_is_allowed() -> None:
    parse(m.model(m.process("p", START, m.catch("it", m.link("A")))), "model.bpmn")


def test_a_signal_start_event_may_have_an_expression_without_variables() -> None:
    head = b'<bpmn:signal id="joined" name="=&quot;a&quot; + &quot;b&quot;" /><bpmn:process'
    content = m.model(m.process("p", m.start_event("it", m.signal("joined")))).replace(b"<bpmn:process", head, 1)
    (process,) = parse(content, "model.bpmn")
    assert getattr(process.elements["it"].event, "name").text == "ab"  # noqa: B009
