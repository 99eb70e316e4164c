"""What element instances wait for when they migrate: it moves, is closed, or is opened."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from engine.records import Message, Signal
from engine.records.process_instance_migration import MappingInstruction
from tests.support import models as m
from tests.support.actions import (
    activate,
    complete,
    complete_all,
    fail,
    message_partition,
    migrate,
    migration,
    publish,
    resolve,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

SUBSCRIPTION = "MESSAGE_SUBSCRIPTION"
PROCESS_SUBSCRIPTION = "PROCESS_MESSAGE_SUBSCRIPTION"


def with_boundary(process_id: str, task: str, name: str, definition: str, **attributes: str) -> bytes:
    event = m.boundary_event(name, task, definition, **attributes)
    parts = (m.start(), m.job(task, "work"), event, m.end(), m.end(f"after_{name}"))
    return m.model(m.process(process_id, *parts, m.chain("start", task, "end"), m.chain(name, f"after_{name}")))


def open_ended(process_id: str, name: str) -> bytes:
    """A job, and beside it whatever messages bring."""
    return with_boundary(process_id, "a", name, m.message(), cancelActivity="false")


def without_boundary(process_id: str, task: str) -> bytes:
    return m.straight(process_id, m.job(task, "work"), names=[task])


def deploy(s: Scenario, resource: bytes) -> int:
    return s.deploy(resource).all("PROCESS", "CREATED")[0].key


def begin(
    scenario: MakeScenario, before: bytes, after: bytes, variables: str = '{"key": "k"}', partitions: int = 1
) -> tuple[Scenario, int, int]:
    s = scenario(partitions)
    deploy(s, before)
    key = s.create("p", variables)
    return s, key, deploy(s, after)


def test_a_timer_that_is_mapped_goes_on_counting(scenario: MakeScenario) -> None:
    late = m.timer("PT10S")
    s, key, target = begin(scenario, with_boundary("p", "a", "late", late), with_boundary("p", "b", "later", late))
    s.advance(4_000)
    moment = migrate(s, key, target, ("a", "b"), ("late", "later")).accepted()
    moved = moment.one("TIMER", "MIGRATED").value
    assert (moved.target_element_id, moved.process_definition_key) == ("later", target)
    moment.none("TIMER", "CREATED")
    assert not s.advance(5_999).records
    s.advance(1).has("TIMER TRIGGERED", "b TERMINATED", "later COMPLETED", "after_later COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_timer_that_is_not_mapped_is_canceled_and_that_of_the_target_begins(scenario: MakeScenario) -> None:
    before, after = with_boundary("p", "a", "late", m.timer("PT10S")), with_boundary("p", "a", "later", m.timer("PT5S"))
    s, key, target = begin(scenario, before, after)
    moment = migrate(s, key, target, "a").accepted()
    assert moment.one("TIMER", "CANCELED").value.target_element_id == "late"
    assert moment.one("TIMER", "CREATED").value.target_element_id == "later"
    s.advance(5_000).has("later COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_boundary_event_that_only_the_target_has_is_opened(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, without_boundary("p", "a"), with_boundary("p", "a", "asked", m.message()))
    migrate(s, key, target, "a").accepted().one(PROCESS_SUBSCRIPTION, "CREATED", element_id="asked")
    publish(s).has("asked COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_boundary_event_that_the_target_has_no_longer_is_closed(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, with_boundary("p", "a", "told", m.signal()), without_boundary("p", "a"))
    migrate(s, key, target, "a").accepted().one("SIGNAL_SUBSCRIPTION", "DELETED", element_id="told")
    complete_all(s)
    assert s.is_empty()


def test_what_cannot_be_evaluated_refuses_the_migration(scenario: MakeScenario) -> None:
    after = with_boundary("p", "a", "asked", m.message())
    s, key, target = begin(scenario, without_boundary("p", "a"), after, "{}")
    moment = migrate(s, key, target, "a")
    moment.rejected("INVALID_STATE", "what 'asked' waits for: expected the correlation key 'key'")
    moment.none("PROCESS_INSTANCE")


def test_an_element_that_has_not_come_to_wait_waits_as_the_target_says(scenario: MakeScenario) -> None:
    before = with_boundary("p", "a", "asked", m.message())
    after = with_boundary("p", "a", "late", m.timer("PT1S"))
    s, key, target = begin(scenario, before, after, "{}")
    incident = s.everything().one("INCIDENT", "CREATED").key
    moment = migrate(s, key, target, "a").accepted()
    moment.none("TIMER")
    resolve(s, incident).accepted().one("TIMER", "CREATED", target_element_id="late")


def test_a_signal_reaches_the_element_that_its_event_is_mapped_to(scenario: MakeScenario) -> None:
    before, after = with_boundary("p", "a", "x", m.signal()), with_boundary("q", "a", "y", m.signal("signal-feel"))
    s, key, target = begin(scenario, before, after)
    moved = migrate(s, key, target, "a", ("x", "y")).accepted().one("SIGNAL_SUBSCRIPTION", "MIGRATED").value
    assert (moved.signal_name, moved.element_id, moved.bpmn_process_id) == ("a", "y", "q")
    s.when(make("SIGNAL", "BROADCAST", Signal(signal_name="a")), 1).has("y COMPLETED", "q COMPLETED")
    assert s.is_empty()


def test_a_message_reaches_an_instance_that_became_another_process(scenario: MakeScenario) -> None:
    def waiting(process_id: str, name: str) -> bytes:
        return m.straight(process_id, m.catch(name, m.message()), names=[name])

    s, key, target = begin(scenario, waiting("p", "x"), waiting("q", "y"), partitions=2)
    moment = migrate(s, key, target, ("x", "y")).accepted()
    assert moment.one(PROCESS_SUBSCRIPTION, "MIGRATED").value.element_id == "y"
    there = moment.one(SUBSCRIPTION, "MIGRATED")
    assert (there.step.partition_id, there.value.bpmn_process_id) == (message_partition(s, "k"), "q")
    publish(s, variables='{"x": 1}').has("y COMPLETED", "q COMPLETED")
    assert s.is_empty()


def test_a_message_that_is_kept_is_given_to_the_process_that_an_instance_became(scenario: MakeScenario) -> None:
    def waiting(process_id: str) -> bytes:
        return m.straight(process_id, m.catch("x", m.message()), names=["x"])

    s = scenario()
    deploy(s, waiting("p"))
    first, second = s.create("p", '{"key": "k"}'), s.create("p", '{"key": "k"}')
    target = deploy(s, waiting("q"))
    publish(s, time_to_live=60_000).accepted()
    left = second if s.everything().all("PROCESS_INSTANCE", "ELEMENT_COMPLETED", process_instance_key=first) else first
    migrate(s, left, target, "x").has(f"{SUBSCRIPTION} MIGRATED", "x COMPLETED", "q COMPLETED")


def test_a_message_on_its_way_finds_the_element_that_its_event_became(scenario: MakeScenario) -> None:
    """It is given to the old process, taken by the new one, and not given again, though it is kept."""
    found = []
    for commands_before in range(2):  # the inputs take turns
        s, key, target = begin(scenario, open_ended("p", "x"), open_ended("q", "y"), partitions=2)
        for _ in range(commands_before):
            s.cancel(key + 1_000_000)
        there = message_partition(s, "k")
        assert there == 2
        s.send(make("MESSAGE", "PUBLISH", Message(name="a", correlation_key="k", time_to_live=60_000)), there)
        s.step(there)
        s.send(migration(key, target, "a", ("x", "y")), 1)
        s.drain()
        found.append(s.everything().one(PROCESS_SUBSCRIPTION, "CORRELATED").value.element_id)
        publish(s).has("y ACTIVATING")
    assert "y" in found


def test_a_message_that_an_instance_had_is_not_given_to_it_as_another_process(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, open_ended("p", "x"), open_ended("q", "y"))
    publish(s, time_to_live=60_000).has("x COMPLETED")
    migrate(s, key, target, "a", ("x", "y")).accepted().none(SUBSCRIPTION, "CORRELATING")
    publish(s, time_to_live=60_000).has("y COMPLETED")
    assert len(s.everything().all(PROCESS_SUBSCRIPTION, "CORRELATED")) == 2


def test_whether_an_event_interrupts_is_as_the_target_says(scenario: MakeScenario) -> None:
    before = with_boundary("p", "a", "x", m.message(), cancelActivity="false")
    s, key, target = begin(scenario, before, with_boundary("p", "a", "x", m.message()))
    migrate(s, key, target, "a", "x").accepted()
    publish(s).has("a TERMINATED", "x COMPLETED", "p COMPLETED")
    assert s.is_empty()


def handler_model(handler: str, begun: str, names: Sequence[str] = ("a",), **attributes: str) -> bytes:
    inside = (m.start_event(begun, m.message(), **attributes), m.end(f"end_{begun}"), m.chain(begun, f"end_{begun}"))
    jobs = [m.job(name, "work") for name in names]
    return m.model(
        m.process("p", m.start(), *jobs, m.end(), m.chain("start", *names, "end"), m.handler(handler, *inside))
    )


def test_an_event_sub_process_begins_for_the_event_that_its_start_is_mapped_to(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, handler_model("h", "x"), handler_model("g", "y"))
    moment = migrate(s, key, target, "a", ("x", "y")).accepted()
    assert moment.one(PROCESS_SUBSCRIPTION, "MIGRATED").value.element_id == "y"
    publish(s).has("a TERMINATED", "g COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_event_sub_process_that_is_not_mapped_waits_anew(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, handler_model("h", "x"), handler_model("g", "y"))
    moment = migrate(s, key, target, "a").accepted()
    moment.one(PROCESS_SUBSCRIPTION, "DELETED", element_id="x")
    moment.one(PROCESS_SUBSCRIPTION, "CREATED", element_id="y")
    publish(s).has("g COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_interrupted_scope_waits_for_nothing_new(scenario: MakeScenario) -> None:
    def model(*more: str) -> bytes:
        inside = (m.start_event("x", m.message()), m.job("clean", "clean"), m.chain("x", "clean"))
        parts = (m.start(), m.job("a", "work"), m.end(), m.chain("start", "a", "end"), m.handler("h", *inside), *more)
        return m.model(m.process("p", *parts))

    second = m.handler("g", m.start_event("y", m.message("message-b")), m.end("over"), m.chain("y", "over"))
    s, key, target = begin(scenario, model(), model(second))
    publish(s).has("h ACTIVATED")
    migrate(s, key, target, "h", "clean").accepted().none(PROCESS_SUBSCRIPTION)
    complete_all(s, "clean")
    assert s.is_empty()


def test_an_event_based_gateway_goes_on_where_the_target_says(scenario: MakeScenario) -> None:
    def model(gateway: str, *names: str) -> bytes:
        events = [
            m.catch(name, m.timer("PT10S") if name.startswith("t") else m.message(f"message-{name[0]}"))
            for name in names
        ]
        flows = [m.chain(gateway, name, f"after_{name}") for name in names]
        ends = [m.end(f"after_{name}") for name in names]
        parts = (m.start(), m.event_gateway(gateway), *events, *ends)
        return m.model(m.process("p", *parts, m.chain("start", gateway), *flows))

    s, key, target = begin(scenario, model("g", "t1", "a1"), model("h", "t2", "b2"))
    moment = migrate(s, key, target, ("g", "h"), ("t1", "t2")).accepted()
    moment.one("TIMER", "MIGRATED", target_element_id="t2")
    moment.one(PROCESS_SUBSCRIPTION, "DELETED", message_name="a")
    moment.one(PROCESS_SUBSCRIPTION, "CREATED", message_name="b")
    s.advance(10_000).has("h COMPLETED", "t2 COMPLETED", "after_t2 COMPLETED")
    assert s.is_empty()


def test_an_event_that_happened_and_failed_happens_at_the_target(scenario: MakeScenario) -> None:
    """The incident of a job in an instance that waits beside: nothing of what it goes on with is lost."""
    s, key, target = begin(
        scenario, with_boundary("p", "a", "x", m.message()), with_boundary("p", "b", "y", m.message())
    )
    (job,) = activate(s)
    fail(s, job).accepted()
    migrate(s, key, target, ("a", "b"), ("x", "y")).accepted().one("INCIDENT", "MIGRATED")
    publish(s).has("INCIDENT RESOLVED", "b TERMINATED", "y COMPLETED", "p COMPLETED")
    assert s.is_empty()
    complete(s, job).rejected("NOT_FOUND")


@pytest.mark.parametrize(("anew", "fires_after"), [(False, 6_000), (True, 20_000)])
def test_a_timer_that_is_updated_begins_anew_as_the_target_says(
    scenario: MakeScenario, *, anew: bool, fires_after: int
) -> None:
    before = with_boundary("p", "a", "late", m.timer("PT10S"))
    s, key, target = begin(scenario, before, with_boundary("p", "b", "later", m.timer("PT20S")))
    s.advance(4_000)
    command = migration(key, target, ("a", "b"), ("late", "later"))
    late = MappingInstruction(source_element_id="late", target_element_id="later", update_event_trigger=anew)
    instructions = (command.value.mapping_instructions[0], late)
    s.when(replace(command, value=replace(command.value, mapping_instructions=instructions))).accepted()
    s.advance(fires_after - 1)
    s.everything().none("TIMER", "TRIGGERED")
    s.advance(1).has("later COMPLETED")


def test_what_waits_for_nothing_is_not_updated(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, without_boundary("p", "a"), without_boundary("p", "b"))
    command = migration(key, target, ("a", "b"))
    wrong = (replace(command.value.mapping_instructions[0], update_event_trigger=True),)
    s.when(replace(command, value=replace(command.value, mapping_instructions=wrong))).rejected(
        "INVALID_ARGUMENT", "expected updateEventTrigger of an event that waits"
    )
