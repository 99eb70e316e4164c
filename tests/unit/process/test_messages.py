"""Messages that running instances wait for: subscriptions, correlation, the buffer."""

from __future__ import annotations

import pytest

from engine.core.faults import ALREADY_EXISTS, INVALID_ARGUMENT, NOT_FOUND
from engine.core.record import partition_of
from engine.records import Message, ProcessInstance
from tests.support import models as m
from tests.support.actions import (
    activate,
    complete,
    correlate,
    correlation,
    message_partition,
    publish,
    set_variables,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

HOUR = 3_600_000

CATCH = (m.start(), m.catch("wait", m.message()), m.end(), m.chain("start", "wait", "end"))


def begin(
    scenario: MakeScenario, *parts: str, partitions: int = 1, variables: str = '{"key": "k"}'
) -> tuple[Scenario, int]:
    s = scenario(partitions)
    s.deploy(m.model(m.process("p", *parts)))
    return s, s.create("p", variables)


def test_a_catch_event_waits_for_its_message(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *CATCH)
    s.everything().has("PROCESS_MESSAGE_SUBSCRIPTION CREATED", "wait ACTIVATED", "MESSAGE_SUBSCRIPTION CREATED")
    moment = publish(s, variables='{"x": 1}').accepted()
    moment.has(
        "MESSAGE PUBLISHED",
        "MESSAGE_SUBSCRIPTION CORRELATING",
        "MESSAGE EXPIRED",
        "PROCESS_MESSAGE_SUBSCRIPTION CORRELATED",
        "wait COMPLETED",
        "p COMPLETED",
        "MESSAGE_SUBSCRIPTION CORRELATED",
    )
    assert moment.variables() == {"x": "1"}
    assert moment.one("VARIABLE").value.scope_key == key
    assert s.is_empty()


@pytest.mark.parametrize("key", ["k", "order-17", "", "ä", "42"])
def test_the_instance_may_be_on_another_partition_than_its_correlation_key(scenario: MakeScenario, key: str) -> None:
    s, instance = begin(scenario, *CATCH, partitions=3, variables=f'{{"key": "{key}"}}')
    home = message_partition(s, key)
    subscription = s.everything().one("MESSAGE_SUBSCRIPTION", "CREATED")
    assert (subscription.step.partition_id, partition_of(instance)) == (home, 1)
    publish(s, correlation_key=key).accepted().has("wait COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize(("value", "text"), [("17", "17"), ("17.9", "17"), ('"17"', "17")])
def test_a_number_is_a_correlation_key_too(scenario: MakeScenario, value: str, text: str) -> None:
    s, _ = begin(scenario, *CATCH, variables=f'{{"key": {value}}}')
    publish(s, correlation_key=text).has("p COMPLETED")


@pytest.mark.parametrize("variables", ["", '{"key": true}', '{"key": ["k"]}', f'{{"key": "{"k" * 5000}"}}'])
def test_what_can_be_no_correlation_key_is_an_incident(scenario: MakeScenario, variables: str) -> None:
    s, key = begin(scenario, *CATCH, variables=variables)
    incident = s.everything().one("INCIDENT", "CREATED")
    assert (incident.value.error_type, incident.value.element_id) == ("EXTRACT_VALUE_ERROR", "wait")
    s.everything().none("MESSAGE_SUBSCRIPTION")
    set_variables(s, key, '{"key": "k"}')
    s.when(make("INCIDENT", "RESOLVE", incident.value, incident.key)).has("MESSAGE_SUBSCRIPTION CREATED")
    publish(s).has("p COMPLETED")


def test_a_name_may_be_evaluated(scenario: MakeScenario) -> None:
    parts = (m.start(), m.catch("wait", m.message("message-feel")), m.chain("start", "wait"))
    s, _ = begin(scenario, *parts, variables='{"key": "k", "name": "n"}')
    publish(s, "n").has("p COMPLETED")
    s.create("p", '{"key": "k"}')
    assert "message name" in s.everything().one("INCIDENT", "CREATED").value.error_message


def test_a_receive_task_waits_for_its_message(scenario: MakeScenario) -> None:
    mapping = m.mapping(inputs=[("=key", "inside")], outputs=[("=x + 1", "y")])
    parts = (m.start(), m.receive("task", extensions=[mapping]), m.chain("start", "task"))
    s, _ = begin(scenario, *parts)
    assert publish(s, variables='{"x": 1}').has("task COMPLETED", "p COMPLETED").variables() == {"x": "1", "y": "2"}
    assert s.is_empty()


def test_an_interrupting_boundary_event_ends_its_activity(scenario: MakeScenario) -> None:
    parts = (m.start(), m.job("task"), m.boundary_event("called", "task", m.message()), m.end())
    s, _ = begin(scenario, *parts, m.chain("start", "task", "end"))
    publish(s, variables='{"x": 1}').has("task TERMINATED", "called COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_the_correlation_key_of_a_boundary_event_is_that_around_its_activity(scenario: MakeScenario) -> None:
    task = m.job("task", "work", m.mapping(inputs=[("inner", "key")]))
    parts = (m.start(), task, m.boundary_event("called", "task", m.message()), m.chain("start", "task"))
    s, _ = begin(scenario, *parts)
    publish(s, correlation_key="inner").none("PROCESS_INSTANCE")
    publish(s).has("called COMPLETED")


def test_a_boundary_event_that_does_not_interrupt_takes_one_message_after_the_other(scenario: MakeScenario) -> None:
    called = m.boundary_event("called", "task", m.message(), cancelActivity="false")
    parts = (
        m.start(),
        m.job("task"),
        called,
        m.job("note", "note"),
        m.chain("start", "task"),
        m.chain("called", "note"),
    )
    s = scenario()
    s.deploy(m.model(m.process("p", *parts)))
    for number in range(3):
        publish(s, variables=f'{{"n": {number}}}', time_to_live=HOUR)
    s.create("p", '{"key": "k"}')
    assert len(s.everything().all("PROCESS_MESSAGE_SUBSCRIPTION", "CORRELATED")) == 3
    assert [r.value.value for r in s.everything().all("VARIABLE", name="n")] == ["0", "1", "2"]
    publish(s).has("called COMPLETED", "note ACTIVATED")
    (task,) = activate(s)
    complete(s, task).has("PROCESS_MESSAGE_SUBSCRIPTION DELETED", "task COMPLETED", "MESSAGE_SUBSCRIPTION DELETED")
    assert len(activate(s, "note")) == 4


def test_event_sub_processes_wait_for_messages(scenario: MakeScenario) -> None:
    beside = m.handler("beside", m.start_event("noted", m.message(), isInterrupting="false"))
    instead = m.handler("instead", m.start_event("ended", m.message("message-b")))
    s, _ = begin(scenario, m.start(), m.job("task"), m.chain("start", "task"), beside, instead)
    publish(s).has("beside ACTIVATED", "noted COMPLETED", "beside COMPLETED")
    publish(s).has("beside COMPLETED")
    publish(s, "b").has("task TERMINATED", "instead COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_the_first_message_decides_where_an_event_based_gateway_goes_on(scenario: MakeScenario) -> None:
    parts = (
        m.start(),
        m.event_gateway("which"),
        m.catch("first", m.message()),
        m.catch("second", m.message("message-b")),
    )
    s, _ = begin(scenario, *parts, m.chain("start", "which", "first"), m.flow("which", "second"))
    moment = publish(s, "b", variables='{"x": 1}')
    moment.has("which COMPLETED", "second COMPLETED", "p COMPLETED", "MESSAGE_SUBSCRIPTION DELETED")
    assert moment.variables() == {"x": "1"}
    assert s.is_empty()


@pytest.mark.parametrize("tag", ["endEvent", "intermediateThrowEvent"])
def test_a_message_is_thrown_by_a_worker(scenario: MakeScenario, tag: str) -> None:
    event = m.element(tag, "tell", "<bpmn:messageEventDefinition />", extensions=[m.definition("send")])
    s, _ = begin(scenario, m.start(), event, m.chain("start", "tell"))
    (job,) = activate(s, "send")
    complete(s, job, '{"x": 1}').has("tell COMPLETED", "p COMPLETED")
    other = s.create("p")
    s.cancel(other).has("tell TERMINATING", "JOB CANCELED", "p TERMINATED")
    assert s.is_empty()


# the buffer


def test_a_message_is_kept_for_who_waits_later_and_given_once_to_a_process(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.deploy(m.model(m.process("p", *CATCH)), m.model(m.process("q", *CATCH)))
    publish(s, time_to_live=HOUR)
    for _ in range(2):
        s.create("p", '{"key": "k"}')
        s.create("q", '{"key": "k"}')
    assert s.everything().flow().count("p COMPLETED") == s.everything().flow().count("q COMPLETED") == 1
    publish(s, time_to_live=HOUR)
    assert s.everything().flow().count("p COMPLETED") == s.everything().flow().count("q COMPLETED") == 2
    s.advance(HOUR)
    assert s.is_empty()


def test_the_time_of_a_message_ends(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", *CATCH)))
    publish(s, time_to_live=1000)
    assert not s.advance(999).records
    s.advance(1).has("MESSAGE EXPIRED")
    assert s.is_empty()
    s.create("p", '{"key": "k"}')
    s.everything().none("MESSAGE_SUBSCRIPTION", "CORRELATING")


def test_a_message_whose_time_is_over_is_not_given_before_it_is_taken_away(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", *CATCH)))
    publish(s, time_to_live=1000)
    s.now += 1000
    s.create("p", '{"key": "k"}')
    s.everything().none("MESSAGE_SUBSCRIPTION", "CORRELATING")


def test_a_message_that_is_not_kept_is_gone(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", *CATCH)))
    publish(s).has("MESSAGE PUBLISHED", "MESSAGE EXPIRED")
    assert s.is_empty()


def test_a_message_id_is_unique_while_the_message_is_kept(scenario: MakeScenario) -> None:
    s = scenario()
    publish(s, message_id="1", time_to_live=HOUR).accepted()
    publish(s, message_id="1", time_to_live=HOUR).rejected(ALREADY_EXISTS, "'1'")
    publish(s, "b", message_id="1").accepted()
    publish(s, correlation_key="other", message_id="1").accepted()
    publish(s, message_id="2", time_to_live=HOUR).accepted()
    s.advance(HOUR)
    publish(s, message_id="1").accepted()
    publish(s, message_id="1").accepted()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": ""}, "message name"),
        ({"name": "n" * 5000}, "message name"),
        ({"correlation_key": "k" * 5000}, "correlation key"),
        ({"time_to_live": -1}, "time to live"),
        ({"time_to_live": 1 << 62}, "time to live"),
        ({"message_id": "i" * 5000}, "message id"),
        ({"variables": "[]"}, "JSON object"),
    ],
)
def test_a_message_that_cannot_be_is_refused(scenario: MakeScenario, fields: dict[str, object], text: str) -> None:
    publish(scenario(), **fields).rejected(INVALID_ARGUMENT, text)  # type: ignore[arg-type]


def test_a_message_on_the_wrong_partition_is_refused(scenario: MakeScenario) -> None:
    s = scenario(2)
    wrong = 3 - message_partition(s, "k")
    s.when(make("MESSAGE", "PUBLISH", Message(name="a", correlation_key="k")), wrong).rejected(
        INVALID_ARGUMENT, "partition"
    )


# the sender waits


def test_the_sender_learns_which_instance_got_the_message(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *CATCH, partitions=3)
    answer = correlate(s).one("MESSAGE_CORRELATION", "CORRELATED")
    assert answer.value.process_instance_key == key
    assert s.is_empty()


def test_the_sender_learns_that_nobody_waits(scenario: MakeScenario) -> None:
    s = scenario()
    correlate(s).rejected(NOT_FOUND, "'a'")
    assert s.is_empty()


def test_the_sender_learns_that_everybody_was_gone(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *CATCH, partitions=2, variables='{"key": "away"}')
    other = s.create("p", '{"key": "away"}')
    assert message_partition(s, "away") == 2
    for instance in (key, other):
        s.send(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key=instance))
    while s.step(1):
        pass
    marks = s.marks()
    s.send(correlation(correlation_key="away"), 2)
    s.drain()
    answer = s.since(marks).one("MESSAGE_CORRELATION", "NOT_CORRELATED")
    s.since(marks).has("MESSAGE_SUBSCRIPTION CORRELATING", "MESSAGE_SUBSCRIPTION REJECTED")
    headers = s.partitions[2].headers[answer.position - 1]
    assert headers == {"request": "gateway/4", "final": "1"}
    assert s.is_empty()


def test_a_message_that_comes_too_late_is_given_to_another_instance(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *CATCH, partitions=2, variables='{"key": "away"}')
    other = s.create("p", '{"key": "away"}')
    s.send(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key=key))
    while s.step(1):
        pass
    marks = s.marks()
    s.send(correlation(correlation_key="away", variables='{"x": 1}'), 2)
    s.drain()
    answer = s.since(marks).one("MESSAGE_CORRELATION", "CORRELATED")
    assert answer.value.process_instance_key == other
    assert s.everything().variables()["x"] == "1"
    assert s.is_empty()
