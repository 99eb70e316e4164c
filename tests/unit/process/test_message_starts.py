"""Messages that start process instances."""

from __future__ import annotations

from engine.core.faults import NOT_FOUND
from engine.core.record import partition_of
from tests.support import models as m
from tests.support.actions import activate, complete, correlate, publish
from tests.support.fixture import MakeScenario

HOUR = 3_600_000


def started(name: str = "started", reference: str = "message-a") -> str:
    return m.start_event(name, m.message(reference))


def test_a_message_starts_an_instance_on_the_partition_of_its_correlation_key(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.deploy(m.model(m.process("p", started(), m.job("task"), m.chain("started", "task"))))
    assert len(s.everything().all("MESSAGE_START_EVENT_SUBSCRIPTION", "CREATED")) == 2
    moment = publish(s, correlation_key="away", variables='{"x": 1}')
    moment.has("MESSAGE_START_EVENT_SUBSCRIPTION CORRELATED", "p ACTIVATED", "started COMPLETED", "task ACTIVATED")
    instance = moment.one("MESSAGE_START_EVENT_SUBSCRIPTION", "CORRELATED").value.process_instance_key
    assert partition_of(instance) == 2
    assert moment.one("VARIABLE", "CREATED").value.scope_key == instance


def test_output_mappings_of_a_start_event_say_what_becomes_of_the_message(scenario: MakeScenario) -> None:
    s = scenario()
    start = m.element("startEvent", "started", m.message(), extensions=[m.mapping(outputs=[("=x + 1", "y")])])
    s.deploy(m.model(m.process("p", start, m.job("task"), m.chain("started", "task"))))
    moment = publish(s, variables='{"x": 1}')
    instance = moment.one("MESSAGE_START_EVENT_SUBSCRIPTION", "CORRELATED").value.process_instance_key
    assert {r.value.name: r.value.value for r in moment.all("VARIABLE", scope_key=instance)} == {"y": "2"}


def test_one_instance_at_a_time_is_started_for_a_correlation_key(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", started(), m.job("task"), m.chain("started", "task"))))
    publish(s, variables='{"n": 1}', time_to_live=HOUR).has("task ACTIVATED")
    publish(s, variables='{"n": 2}', time_to_live=HOUR).none("PROCESS_INSTANCE")
    publish(s, variables='{"n": 3}', time_to_live=HOUR).none("PROCESS_INSTANCE")
    publish(s, correlation_key="other").has("task ACTIVATED")
    correlate(s).rejected(NOT_FOUND, "p has an instance")
    (first, other) = activate(s)
    complete(s, other).none("MESSAGE_START_EVENT_SUBSCRIPTION")
    moment = complete(s, first)
    moment.has("p COMPLETED", "MESSAGE_START_EVENT_SUBSCRIPTION CORRELATED", "task ACTIVATED")
    assert moment.variables()["n"] == "2"
    second = moment.one("MESSAGE_START_EVENT_SUBSCRIPTION", "CORRELATED").value.process_instance_key
    s.cancel(second).has("p TERMINATED", "MESSAGE_START_EVENT_SUBSCRIPTION CORRELATED", "task ACTIVATED")
    (third,) = activate(s)
    complete(s, third).none("MESSAGE_START_EVENT_SUBSCRIPTION")
    s.advance(HOUR)
    assert s.is_empty()


def test_without_correlation_key_every_message_starts_an_instance(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", started(), m.job("task"), m.chain("started", "task"))))
    for _ in range(3):
        publish(s, correlation_key="").has("task ACTIVATED")


def test_the_latest_version_alone_is_started(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.deploy(m.model(m.process("p", started(), m.task("one"), m.chain("started", "one"))))
    moment = s.deploy(m.model(m.process("p", started(reference="message-b"), m.task("two"), m.chain("started", "two"))))
    moment.has("MESSAGE_START_EVENT_SUBSCRIPTION DELETED", "MESSAGE_START_EVENT_SUBSCRIPTION CREATED")
    publish(s).none("PROCESS_INSTANCE")
    publish(s, "b").has("two COMPLETED")
    publish(s, "b", "away").has("two COMPLETED")


def test_a_process_that_waits_is_not_started_by_the_same_message(scenario: MakeScenario) -> None:
    parts = (m.start(), started(), m.catch("wait", m.message()), m.task("begun"), m.chain("start", "wait"))
    s = scenario()
    s.deploy(m.model(m.process("p", *parts, m.chain("started", "begun"))))
    s.create("p", '{"key": "k"}')
    publish(s).has("wait COMPLETED").none("MESSAGE_START_EVENT_SUBSCRIPTION")
    publish(s).has("begun COMPLETED")


def test_the_sender_learns_which_instance_was_started(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", started(), m.task("begun"), m.chain("started", "begun"))))
    moment = correlate(s)
    instance = moment.one("MESSAGE_START_EVENT_SUBSCRIPTION", "CORRELATED").value.process_instance_key
    assert moment.one("MESSAGE_CORRELATION", "CORRELATED").value.process_instance_key == instance


def test_a_message_that_starts_many_processes_is_a_bounded_step(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 30})
    names = [f"p{number}" for number in range(10)]
    s.deploy(m.model(*(m.process(n, started(f"s{n}"), m.task(f"t{n}"), m.chain(f"s{n}", f"t{n}")) for n in names)))
    moment = publish(s)
    assert max(record.step.step_count for record in moment.records) < 100
    assert {f"{name} COMPLETED" for name in names} <= set(moment.flow())


def test_what_a_started_process_waits_for_may_be_told_by_the_message_that_starts_it(scenario: MakeScenario) -> None:
    s = scenario()
    handler = m.handler("handler", m.start_event("ended", m.message("message-b")))
    s.deploy(m.model(m.process("p", started(), m.job("task"), m.chain("started", "task"), handler)))
    publish(s, variables='{"key": "mine"}').has("PROCESS_MESSAGE_SUBSCRIPTION CREATED", "task ACTIVATED")
    publish(s, "b", "mine").has("task TERMINATED", "handler COMPLETED", "p COMPLETED")
    assert s.is_empty()
