"""Signals: broadcast to all who wait on any partition, and to processes that they start."""

from __future__ import annotations

import pytest

from engine.process import signals
from engine.process.execution import Deciding, Execution
from engine.process.lifecycle import run
from engine.records import Signal
from tests.support import models as m
from tests.support.actions import activate, complete, resolve
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario, make

SIGNAL_A = m.signal()


def broadcast(s: Scenario, name: str = "a", variables: str = "", partition: int = 1) -> Moment:
    return s.when(make("SIGNAL", "BROADCAST", Signal(signal_name=name, variables=variables)), partition)


def begin(scenario: MakeScenario, *parts: str, variables: str = "") -> tuple[Scenario, int]:
    s = scenario()
    s.deploy(m.model(m.process("p", *parts)))
    return s, s.create("p", variables)


def waiting() -> tuple[str, ...]:
    return (m.start(), m.catch("wait", SIGNAL_A), m.end(), m.chain("start", "wait", "end"))


def test_a_catch_event_gets_the_signal_with_its_variables(scenario: MakeScenario) -> None:
    s, _ = begin(scenario, *waiting())
    s.everything().has("SIGNAL_SUBSCRIPTION CREATED", "wait ACTIVATED")
    assert not broadcast(s, "other").accepted().flow()
    moment = broadcast(s, variables='{"x": 1}')
    moment.has("SIGNAL BROADCASTED", "SIGNAL TRIGGERED", "SIGNAL_SUBSCRIPTION DELETED", "wait COMPLETED", "p COMPLETED")
    assert moment.variables() == {"x": "1"}
    assert s.is_empty()


def test_nobody_waits(scenario: MakeScenario) -> None:
    s = scenario(partitions=2)
    moment = broadcast(s).accepted()
    assert len(moment.all("SIGNAL", "TRIGGERED")) == 2
    assert s.is_empty()


def test_all_partitions_get_it(scenario: MakeScenario) -> None:
    s = scenario(partitions=3)
    s.deploy(m.model(m.process("p", *waiting())))
    for partition in (1, 1, 2, 3):
        s.create("p", partition=partition)
    assert broadcast(s, partition=2).flow().count("p COMPLETED") == 4
    assert s.is_empty()


def test_an_interrupting_boundary_event(scenario: MakeScenario) -> None:
    parts = (m.start(), m.job("task"), m.boundary_event("stop", "task", SIGNAL_A), m.chain("start", "task"))
    s, _ = begin(scenario, *parts)
    broadcast(s).has("SIGNAL_SUBSCRIPTION DELETED", "task TERMINATED", "stop COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_boundary_event_that_does_not_interrupt_may_happen_again(scenario: MakeScenario) -> None:
    beside = m.boundary_event("note", "task", SIGNAL_A, cancelActivity="false")
    s, _ = begin(scenario, m.start(), m.job("task"), beside, m.chain("start", "task"))
    for _ in range(2):
        assert broadcast(s).flow().count("note COMPLETED") == 1
    complete(s, activate(s)[0]).has("SIGNAL_SUBSCRIPTION DELETED", "task COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("interrupting", [True, False])
def test_an_event_sub_process(scenario: MakeScenario, *, interrupting: bool) -> None:
    begun = m.start_event("begun", SIGNAL_A, isInterrupting=str(interrupting).lower())
    handler = m.handler("handler", begun, m.end("done"), m.chain("begun", "done"))
    s, _ = begin(scenario, m.start(), m.job("task"), m.chain("start", "task"), handler)
    moment = broadcast(s).has("SIGNAL TRIGGERED", "handler ACTIVATED", "handler COMPLETED")
    assert ("task TERMINATED" in moment.flow()) is interrupting
    if not interrupting:
        complete(s, activate(s)[0]).accepted()
    s.everything().has("p COMPLETED")
    assert s.is_empty()


def test_an_event_based_gateway(scenario: MakeScenario) -> None:
    parts = (m.start(), m.event_gateway("which"), m.catch("it", SIGNAL_A), m.catch("late", m.timer("PT1H")))
    s, _ = begin(scenario, *parts, m.chain("start", "which", "it"), m.flow("which", "late"))
    broadcast(s).has("which COMPLETED", "it COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_cancel_ends_the_wait(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *waiting())
    s.cancel(key).has("SIGNAL_SUBSCRIPTION DELETED", "p TERMINATED")
    assert s.is_empty()


def test_the_name_is_an_expression(scenario: MakeScenario) -> None:
    parts = (m.start(), m.catch("wait", m.signal("signal-feel")), m.chain("start", "wait"))
    s, _ = begin(scenario, *parts, variables='{"name": "n"}')
    broadcast(s, "n").has("wait COMPLETED", "p COMPLETED")
    s.create("p", '{"name": 7}')
    assert "signal name" in s.everything().one("INCIDENT", "CREATED").value.error_message


# start events


def starting(name: str = "p") -> str:
    return m.process(name, m.start_event("begun", SIGNAL_A), m.job("task"), m.chain("begun", "task"))


def test_a_start_event_starts_the_latest_version_where_it_was_broadcast(scenario: MakeScenario) -> None:
    s = scenario(partitions=2)
    s.deploy(m.model(starting()))
    s.deploy(m.model(starting().replace('id="task"', 'id="task" name="new"')))
    assert s.rows()["SIGNAL_SUBSCRIPTIONS"] == 2
    moment = broadcast(s, variables='{"x": 1}', partition=2)
    started = moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="p")
    assert [(record.step.partition_id, record.value.bpmn_version) for record in started] == [(2, 2)]
    assert moment.has("begun COMPLETED", "task ACTIVATED").variables() == {"x": "1"}


def test_a_version_without_signal_start_event_is_not_started(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(starting()))
    s.deploy(m.one_task("p"))
    assert "SIGNAL_SUBSCRIPTIONS" not in s.rows()
    assert not broadcast(s).flow()


# throw


def test_a_throw_event_takes_its_own_variables_along(scenario: MakeScenario) -> None:
    s = scenario(partitions=2)
    own = m.mapping(inputs=[("=x + 1", "y")])
    thrower = m.process("thrower", m.start("s"), m.throw("up", SIGNAL_A, own), m.end("e"), m.chain("s", "up", "e"))
    s.deploy(m.model(m.process("p", *waiting())), m.model(thrower))
    s.create("p", partition=2)
    s.create("thrower", '{"x": 1}')
    moment = s.everything().has("up ACTIVATED", "SIGNAL BROADCASTED", "up COMPLETED", "thrower COMPLETED")
    assert moment.one("SIGNAL", "BROADCASTED").value.variables == '{"y":2}'
    assert moment.has("wait COMPLETED", "p COMPLETED").variables()["y"] == "2"
    assert s.is_empty()


def test_an_end_event(scenario: MakeScenario) -> None:
    s, _ = begin(
        scenario, m.start(), m.end_event("up", m.signal("signal-feel")), m.chain("start", "up"), variables="{}"
    )
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR", element_id="up")
    resolve(s, incident.key).one("INCIDENT", "CREATED")
    s.create("p", '{"name": "n"}')
    s.everything().has("SIGNAL BROADCASTED", "up COMPLETED", "p COMPLETED")


# many, and faults


def test_many_get_it_in_pages_and_those_who_wait_again_do_not(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "PAGE_SIZE", 3)
    s = scenario()
    again = (m.start(), m.exclusive("merge"), m.catch("wait", SIGNAL_A), m.chain("start", "merge", "wait", "merge"))
    s.deploy(m.model(m.process("p", *again)))
    for _ in range(10):
        s.create("p")
    moment = broadcast(s)
    assert moment.flow().count("wait COMPLETED") == 10
    assert len(moment.all("SIGNAL", "TRIGGERED")) == 4
    assert s.rows()["SIGNAL_SUBSCRIPTIONS"] == 10


def test_a_page_ends_when_the_step_is_full(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 20})
    s.deploy(m.model(m.process("p", *waiting())))
    for _ in range(10):
        s.create("p")
    moment = broadcast(s)
    assert moment.flow().count("p COMPLETED") == 10
    assert len(moment.all("SIGNAL", "TRIGGERED")) > 2
    assert s.is_empty()


def test_one_instance_that_fails_does_not_keep_the_others_from_it(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", *waiting())))
    first, _ = s.create("p"), s.create("p")
    given = run

    def fail_once(execution: Execution, *, limit: int) -> Deciding:
        if execution.instance_key == first:
            raise RuntimeError("broken")
        return (yield from given(execution, limit=limit))

    monkeypatch.setattr(signals, "run", fail_once)
    moment = broadcast(s)
    incident = moment.one("INCIDENT", "CREATED", error_type="UNKNOWN", process_instance_key=first)
    assert moment.flow().count("p COMPLETED") == 1
    resolve(s, incident.key).has("wait COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_instance_that_is_gone_before_its_turn(scenario: MakeScenario) -> None:
    both = [m.boundary_event(name, "task", m.signal(), cancelActivity="true") for name in ("one",)]
    inner = m.sub_process("sub", m.start("s"), m.job("task"), m.chain("s", "task"), *both)
    outer = m.boundary_event("out", "sub", SIGNAL_A)
    s, _ = begin(scenario, m.start(), inner, outer, m.chain("start", "sub"))
    moment = broadcast(s).has("sub TERMINATED", "out COMPLETED", "p COMPLETED")
    assert "one ACTIVATED" not in moment.flow()
    assert s.is_empty()


@pytest.mark.parametrize(
    ("name", "variables", "text"), [("", "", "signal name"), ("a", "[1]", ""), ("x" * 5000, "", "4096")]
)
def test_a_broadcast_that_is_refused(scenario: MakeScenario, name: str, variables: str, text: str) -> None:
    broadcast(scenario(), name, variables).rejected("INVALID_ARGUMENT", text)
