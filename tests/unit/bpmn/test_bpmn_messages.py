"""Messages in models: what is read of them, and what is refused."""

from __future__ import annotations

import pytest

from engine.bpmn.model import Message, ModelRefused
from engine.bpmn.parse import parse
from tests.support import models as m

NAMELESS = '<bpmn:message id="nameless" />'
KEYLESS = '<bpmn:message id="keyless" name="keyless" />'
STATIC = (
    '<bpmn:message id="static" name="static"><bpmn:extensionElements><zeebe:subscription correlationKey="k" />'
    "</bpmn:extensionElements></bpmn:message>"
)
COMPUTED = '<bpmn:message id="computed" name="=&#34;com&#34; + &#34;puted&#34;" />'


def problems_of(*parts: str) -> list[str]:
    """`TYPE 'id': message` of each problem."""
    content = m.model(NAMELESS, KEYLESS, STATIC, COMPUTED, m.process("p", *parts))
    with pytest.raises(ModelRefused) as refused:
        parse(content, "model.bpmn")
    return [f"{problem.element_type} '{problem.element_id}': {problem.message}" for problem in refused.value.problems]


def test_what_is_read_of_a_message() -> None:
    parts = (m.start(), m.start_event("begun", m.message("computed")), m.receive("wait"), m.chain("start", "wait"))
    (process,) = parse(m.model(COMPUTED, m.process("p", *parts)), "model.bpmn")
    begun, wait = process.elements["begun"].event, process.elements["wait"].event
    assert isinstance(begun, Message)
    assert isinstance(wait, Message)
    assert (begun.name.text, begun.correlation_key) == ("computed", None)
    assert wait.correlation_key is not None
    assert (wait.name.text, wait.correlation_key.evaluate(Variables())) == ("a", 7)
    assert process.elements["wait"].waits == ("wait",)
    assert process.root.event_starts == ("begun",)


class Variables:
    def get(self, _name: str) -> int:
        return 7


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("nowhere", "messageRef to name a bpmn:message"),
        ("", "messageRef to name a bpmn:message"),
        ("nameless", "to have a name"),
        ("keyless", "zeebe:subscription"),
        ("static", "the correlation key to be FEEL"),
    ],
)
def test_a_message_that_nobody_could_get_is_refused(reference: str, words: str) -> None:
    for part in (m.catch("it", m.message(reference)), m.receive("it", reference)):
        (problem,) = problems_of(m.start(), part, m.chain("start", "it"))
        assert "'it'" in problem
        assert words in problem


@pytest.mark.parametrize(
    ("reference", "words"), [("message-feel", "without variables"), ("nameless", "to have a name")]
)
def test_the_name_of_a_message_that_starts_a_process_needs_no_variables(reference: str, words: str) -> None:
    (problem,) = problems_of(m.start_event("it", m.message(reference)))
    assert words in problem


def test_a_message_that_starts_a_process_needs_no_correlation_key() -> None:
    (process,) = parse(m.model(KEYLESS, m.process("p", m.start_event("it", m.message("keyless")))), "model.bpmn")
    assert isinstance(process.elements["it"].event, Message)


def test_one_place_waits_for_a_message_once() -> None:
    borders = (m.boundary_event("b1", "task", m.message()), m.boundary_event("b2", "task", m.message()))
    handlers = (m.handler(f"h{n}", m.start_event(f"s{n}", m.message())) for n in (1, 2))
    targets = (m.event_gateway("which"), m.catch("c1", m.message()), m.catch("c2", m.message()))
    starts = (m.start_event("e1", m.message()), m.start_event("e2", m.message()))
    flows = (m.chain("start", "task", "which", "c1"), m.flow("which", "c2"))
    problems = problems_of(m.start(), m.job("task"), *borders, *handlers, *targets, *starts, *flows)
    assert [problem.partition(":")[0].split()[1] for problem in problems] == ["'e2'", "'s2'", "'b2'", "'c2'"]
    assert all("the message 'a'" in problem for problem in problems)


@pytest.mark.parametrize("tag", ["endEvent", "intermediateThrowEvent"])
def test_a_thrown_message_needs_a_worker(tag: str) -> None:
    (problem,) = problems_of(m.start(), m.element(tag, "it", "<bpmn:messageEventDefinition />"), m.chain("start", "it"))
    assert "a worker sends the message" in problem


def test_a_worker_does_nothing_for_another_event() -> None:
    end = m.element("endEvent", "it", extensions=[m.definition("send")])
    (problem,) = problems_of(m.start(), end, m.chain("start", "it"))
    assert "on message events only" in problem


def test_a_message_inside_a_sub_process_cannot_start_it() -> None:
    inside = m.sub_process("inside", m.start(), m.start_event("begun", m.message()))
    (problem,) = problems_of(m.start("first"), inside, m.chain("first", "inside"))
    assert "'begun'" in problem


def test_a_subscription_stands_on_its_message() -> None:
    task = m.job("it", "work", '<zeebe:subscription correlationKey="=key" />')
    (problem,) = problems_of(m.start(), task, m.chain("start", "it"))
    assert "zeebe:subscription" in problem
