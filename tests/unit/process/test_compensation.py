"""Compensation: what has completed is undone, each once, all at once, in the scope of the event that asks for it."""

from __future__ import annotations

import pytest

from engine.records.process_instance_creation import RuntimeInstruction
from tests.support import models as m
from tests.support.actions import (
    activate,
    complete,
    complete_all,
    creation,
    fail,
    resolve,
    set_variables,
    throw,
    update,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

FAMILY = "COMPENSATION_SUBSCRIPTION"


def compensating(*parts: str, names: tuple[str, ...], thrower: str = "throw", activity: str = "") -> bytes:
    """start, the elements `names`, the event `undo` that throws, then `after` unless it is an end event."""
    definition = m.compensation(activity)
    if thrower == "throw":
        event = m.throw("undo", definition) + m.task("after") + m.chain("undo", "after")
    else:
        event = m.end_event("undo", definition)
    return m.model(m.process("p", m.start(), *parts, event, m.chain("start", *names, "undo")))


def subscriptions(s: Scenario, intent: str) -> list[str]:
    """The activities of the subscriptions that this happened to, in order."""
    return [record.value.compensable_activity_id for record in s.everything().all(FAMILY, intent)]


@pytest.mark.parametrize("thrower", ["throw", "end"])
def test_an_activity_that_completed_is_undone(scenario: MakeScenario, thrower: str) -> None:
    s = scenario()
    s.deploy(compensating(m.job("a"), m.undo_job("undo_a", "a"), names=("a",), thrower=thrower))
    key = s.create("p")
    complete_all(s)
    s.everything().has(
        "a COMPLETING",
        f"{FAMILY} CREATED",
        "a COMPLETED",
        "undo ACTIVATED",
        "a_undone ACTIVATING",
        "a_undone COMPLETED",
        f"{FAMILY} TRIGGERED",
        "undo_a ACTIVATING",
        "JOB CREATED",
        "undo_a ACTIVATED",
    )
    assert "undo COMPLETING" not in s.everything().flow()
    complete_all(s, "undo_a")
    s.everything().has("undo_a COMPLETED", f"{FAMILY} COMPLETED", "undo COMPLETED", "p COMPLETED")
    created, triggered, completed = (record.value for record in s.everything().all(FAMILY))
    instances = {
        record.value.element_id: record for record in s.everything().all("PROCESS_INSTANCE", "ELEMENT_COMPLETED")
    }
    assert created.process_instance_key == created.root_process_instance_key == key
    assert (created.compensable_activity_id, created.compensation_handler_id) == ("a", "undo_a")
    assert created.compensable_activity_instance_key == instances["a"].key
    assert created.compensable_activity_scope_key == key
    assert (created.throw_event_id, created.throw_event_instance_key) == ("", -1)
    assert triggered == completed
    assert (triggered.throw_event_id, triggered.throw_event_instance_key) == ("undo", instances["undo"].key)
    assert triggered.compensation_handler_instance_key == instances["undo_a"].key
    assert s.is_empty()


@pytest.mark.parametrize("thrower", ["throw", "end"])
def test_with_nothing_to_undo_the_event_completes_at_once(scenario: MakeScenario, thrower: str) -> None:
    s = scenario()
    s.deploy(compensating(m.task("a"), names=("a",), thrower=thrower))
    s.create("p")
    s.everything().has("undo ACTIVATED", "undo COMPLETED", "p COMPLETED").none(FAMILY)
    assert s.is_empty()


def test_what_is_never_undone_is_forgotten_when_the_process_completes(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("a"), m.undo_job("undo_a", "a"), names=("a",)))
    s.create("p")
    complete_all(s)
    s.everything().has(f"{FAMILY} CREATED", "p COMPLETING", f"{FAMILY} DELETED", "p COMPLETED")
    assert s.is_empty()


def test_all_are_undone_at_once_and_an_activity_as_often_as_it_completed(scenario: MakeScenario) -> None:
    s = scenario()
    parts = [m.exclusive("merge"), m.script("a", "=n + 1", "n"), m.exclusive("again", "again_b"), m.task("b")]
    parts += [m.undo_job("undo_a", "a", "undo"), m.undo_job("undo_b", "b", "undo"), m.throw("undo", m.compensation())]
    flows = m.chain("start", "merge", "a", "again", "b", "undo") + m.flow("again", "merge", "=n < 3")
    s.deploy(m.model(m.process("p", m.start(), *parts, flows)))
    s.create("p", '{"n": 0}')
    assert subscriptions(s, "TRIGGERED") == ["a", "a", "a", "b"]
    jobs = activate(s, "undo")
    assert len(jobs) == 4
    for job in reversed(jobs[1:]):
        complete(s, job)
        assert "undo COMPLETING" not in s.everything().flow()
    complete(s, jobs[0]).has("undo_a COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert subscriptions(s, "COMPLETED") == ["b", "a", "a", "a"]
    assert s.is_empty()


def test_what_is_active_or_was_interrupted_is_not_undone(scenario: MakeScenario) -> None:
    s = scenario()
    parts = [m.parallel("fork"), m.job("a", "a"), m.job("b", "b"), m.job("t", "t"), m.throw("undo", m.compensation())]
    parts += [m.undo_job("undo_a", "a"), m.undo_job("undo_b", "b"), m.boundary("failed", "b")]
    flows = m.chain("start", "fork", "a") + m.chain("fork", "b") + m.chain("fork", "t", "undo")
    s.deploy(m.model(m.process("p", m.start(), *parts, flows)))
    s.create("p")
    throw(s, activate(s, "b")[0], "A").has("b TERMINATED", "failed COMPLETED")
    complete_all(s, "t")
    s.everything().has("undo COMPLETED").none(FAMILY)
    complete_all(s, "a")
    s.everything().has("a COMPLETED", "p COMPLETED").none(FAMILY, "TRIGGERED")
    assert s.is_empty()


def test_one_activity_is_undone_and_then_the_others(scenario: MakeScenario) -> None:
    s = scenario()
    parts = [m.task("a"), m.task("b"), m.undo_job("undo_a", "a"), m.undo_job("undo_b", "b")]
    parts += [m.throw("first", m.compensation("b")), m.throw("second", m.compensation())]
    flows = m.chain("start", "a", "b", "first", "second")
    s.deploy(m.model(m.process("p", m.start(), *parts, flows)))
    s.create("p")
    assert subscriptions(s, "TRIGGERED") == ["b"]
    complete_all(s, "undo_b")
    assert subscriptions(s, "TRIGGERED") == ["b", "a"]
    complete_all(s, "undo_a")
    s.everything().has("first COMPLETED", "second ACTIVATED", "undo_a COMPLETED", "second COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_two_events_at_once_undo_each_once(scenario: MakeScenario) -> None:
    s = scenario()
    parts = [m.task("a"), m.undo_job("undo_a", "a"), m.parallel("fork"), m.parallel("join")]
    parts += [m.throw("first", m.compensation()), m.throw("second", m.compensation())]
    flows = m.chain("start", "a", "fork", "first", "join") + m.chain("fork", "second", "join")
    s.deploy(m.model(m.process("p", m.start(), *parts, flows)))
    s.create("p")
    s.everything().has("first ACTIVATED", "second ACTIVATED", "second COMPLETED").one(FAMILY, "TRIGGERED")
    complete_all(s, "undo_a")
    s.everything().has("first COMPLETED", "join COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("activity", ["a", "sub", "call", "user", "rule"])
def test_every_kind_of_activity_can_be_undone(scenario: MakeScenario, activity: str) -> None:
    inside = m.start("s") + m.job("t") + m.chain("s", "t")
    kinds = {
        "a": m.job("a"),
        "sub": m.sub_process("sub", inside),
        "call": m.call("call", "one"),
        "user": m.element("userTask", "user"),
        "rule": m.element("businessRuleTask", "rule", extensions=(m.definition("work"),)),
    }
    s = scenario()
    s.deploy(m.one_task())
    s.deploy(compensating(kinds[activity], m.undo_job("undo_it", activity), names=(activity,)))
    s.create("p")
    complete_all(s, "io.camunda.zeebe:userTask" if activity == "user" else "work")
    assert subscriptions(s, "TRIGGERED") == [activity]
    complete_all(s, "undo_it")
    s.everything().has(f"{activity} COMPLETED", "undo_it COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("kind", ["sub", "call", "script", "task", "user"])
def test_every_kind_of_activity_can_undo(scenario: MakeScenario, kind: str) -> None:
    inside = m.start("s") + m.job("t") + m.chain("s", "t")
    made = {
        "sub": m.sub_process("it", inside),
        "call": m.call("it", "one"),
        "script": m.script("it", "=1", "undone"),
        "task": m.task("it"),
        "user": m.element("userTask", "it"),
    }[kind].replace('id="it"', 'id="it" isForCompensation="true"')
    s = scenario()
    s.deploy(m.one_task())
    s.deploy(compensating(m.task("a"), made, m.undoes("it", "a"), names=("a",)))
    s.create("p")
    complete_all(s, "io.camunda.zeebe:userTask" if kind == "user" else "work")
    s.everything().has(
        "undo ACTIVATED", "it ACTIVATED", "it COMPLETED", f"{FAMILY} COMPLETED", "undo COMPLETED", "after COMPLETED"
    )
    if kind == "script":
        assert s.everything().variables() == {"undone": "1"}
    assert s.is_empty()


def test_what_a_called_process_did_is_not_undone_from_outside(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("one", m.task("b"), m.undo_job("undo_b", "b"), names=("b",)))
    s.deploy(compensating(m.call("call", "one"), names=("call",)))
    s.create("p")
    s.everything().has(f"{FAMILY} CREATED", f"{FAMILY} DELETED", "one COMPLETED", "undo COMPLETED").none(
        FAMILY, "TRIGGERED"
    )
    assert s.is_empty()


def test_variables_are_those_of_the_scope_of_the_event(scenario: MakeScenario) -> None:
    s = scenario()
    inside = m.start("s") + m.task("a") + m.chain("s", "a")
    inside += m.undo_job("undo_a", "a", "undo_a", m.mapping([("=own", "seen"), ("=all", "all")], [("=seen", "result")]))
    sub = m.sub_process("sub", inside, extensions=(m.mapping([("=1", "own")]),))
    s.deploy(compensating(sub, names=("sub",)))
    s.create("p", '{"all": 2}')
    s.everything().one("VARIABLE", "CREATED", name="seen", value="null")
    s.everything().one("VARIABLE", "CREATED", name="all", value="2", scope_key=handler_key(s, "undo_a"))
    complete(s, activate(s, "undo_a")[0], '{"seen": 3}').one("VARIABLE", name="result", value="3")
    assert s.is_empty()


def handler_key(s: Scenario, name: str) -> int:
    return s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id=name).key


def test_an_incident_of_what_undoes_is_resolved(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(compensating(m.task("a"), m.undo_job("undo_a", "a"), names=("a",)))
    s.create("p")
    job = activate(s, "undo_a")[0]
    incident = fail(s, job).one("INCIDENT", "CREATED", element_id="undo_a")
    update(s, job, retries=1)
    resolve(s, incident.key).accepted()
    complete_all(s, "undo_a")
    s.everything().has("INCIDENT RESOLVED", "undo_a COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_incident_before_what_undoes_begins_is_resolved(scenario: MakeScenario) -> None:
    s = scenario()
    mapped = m.undo_job("undo_a", "a", "undo_a", m.mapping([("=assert(x, x != null)", "z")]))
    s.deploy(compensating(m.task("a"), mapped, names=("a",)))
    key = s.create("p")
    incident = s.everything().one("INCIDENT", "CREATED", element_id="undo_a")
    set_variables(s, key, '{"x": 1}')
    resolve(s, incident.key).accepted()
    complete_all(s, "undo_a")
    s.everything().has("undo COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_canceled_while_it_is_undone(scenario: MakeScenario) -> None:
    s = scenario()
    inside = m.start("s") + m.task("a") + m.chain("s", "a") + m.undo_job("undo_a", "a")
    parts = (m.sub_process("sub", inside), m.task("b"), m.undo_job("undo_b", "b"))
    s.deploy(compensating(*parts, names=("sub", "b")))
    key = s.create("p")
    s.cancel(key).has("undo TERMINATED", "undo_a TERMINATED", "p TERMINATED")
    assert subscriptions(s, "DELETED") == ["a", "b"]
    assert s.is_empty(), s.rows()


def test_a_terminate_end_event_ends_it(scenario: MakeScenario) -> None:
    s = scenario()
    parts = [m.task("a"), m.undo_job("undo_a", "a"), m.parallel("fork"), m.job("t"), m.terminate("stop")]
    parts += [m.throw("undo", m.compensation())]
    flows = m.chain("start", "a", "fork", "undo") + m.chain("fork", "t", "stop")
    s.deploy(m.model(m.process("p", m.start(), *parts, flows)))
    s.create("p")
    complete_all(s)
    s.everything().has("stop COMPLETED", "undo TERMINATED", "undo_a TERMINATED", "p COMPLETED")
    s.everything().one(FAMILY, "DELETED")
    assert s.is_empty(), s.rows()


def test_an_instance_may_end_after_the_boundary_event(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(compensating(m.task("a"), m.undo_job("undo_a", "a"), names=("a",)))
    after = (RuntimeInstruction(type="TERMINATE_PROCESS_INSTANCE", after_element_id="a_undone"),)
    s.when(creation("p", runtime_instructions=after), 1).has("a_undone COMPLETED", f"{FAMILY} DELETED", "p TERMINATED")
    s.everything().none(FAMILY, "TRIGGERED")
    assert s.is_empty(), s.rows()


def test_what_undoes_may_be_where_an_instance_begins(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(compensating(m.task("a"), m.undo_job("undo_a", "a"), names=("a",)))
    s.when(creation("p", start=("undo_a",)), 1).has("undo_a ACTIVATED")
    complete_all(s, "undo_a")
    s.everything().has("undo_a COMPLETED", "p COMPLETED").none(FAMILY)
    assert s.is_empty()
