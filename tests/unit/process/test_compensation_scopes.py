"""Compensation through sub-processes: what is in a completed one is undone from outside, in the scope of the event."""

from __future__ import annotations

import pytest

from engine.core.record import Record
from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, publish, throw
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

FAMILY = "COMPENSATION_SUBSCRIPTION"


def happened(s: Scenario) -> list[str]:
    """`activity INTENT` of everything that happened to subscriptions."""
    return [f"{record.value.compensable_activity_id} {record.intent}" for record in s.everything().all(FAMILY)]


def step(name: str) -> str:
    """A task that the job `undo_NAME` undoes."""
    return m.task(name) + m.undo_job(f"undo_{name}", name)


def sub(name: str, *parts: str, names: tuple[str, ...]) -> str:
    """A sub-process that goes through the elements `names`."""
    return m.sub_process(name, m.start(f"{name}_start"), *parts, m.chain(f"{name}_start", *names))


def undoing(*parts: str, names: tuple[str, ...], activity: str = "") -> bytes:
    """start, the elements `names`, then the event `undo`."""
    event = m.throw("undo", m.compensation(activity))
    return m.model(m.process("p", m.start(), *parts, event, m.chain("start", *names, "undo")))


def instance_of(s: Scenario, name: str) -> Record:
    return s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id=name)


def test_what_was_done_in_a_completed_sub_process_is_undone(scenario: MakeScenario) -> None:
    s = scenario()
    inner = sub("inner", step("b"), names=("b",))
    s.deploy(undoing(sub("outer", step("a"), inner, names=("a", "inner")), names=("outer",)))
    key = s.create("p")
    assert happened(s) == [
        *("a CREATED", "b CREATED", "inner CREATED", "outer CREATED"),
        *("outer TRIGGERED", "a TRIGGERED", "inner TRIGGERED", "b TRIGGERED", "inner COMPLETED", "outer COMPLETED"),
    ]
    of_outer = s.everything().one(FAMILY, "TRIGGERED", compensable_activity_id="outer").value
    assert (of_outer.compensation_handler_id, of_outer.compensation_handler_instance_key) == ("", -1)
    assert of_outer.compensable_activity_instance_key == instance_of(s, "outer").key
    assert instance_of(s, "undo_b").value.flow_scope_key == instance_of(s, "b_undone").value.flow_scope_key == key
    complete_all(s, "undo_b")
    assert "undo COMPLETING" not in s.everything().flow()
    complete_all(s, "undo_a")
    assert happened(s)[-2:] == ["b COMPLETED", "a COMPLETED"]
    s.everything().has("undo_a COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_sub_process_in_which_nothing_can_be_undone_is_not_subscribed_for(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(undoing(sub("outer", m.task("a"), names=("a",)), names=("outer",)))
    s.create("p")
    s.everything().has("outer COMPLETED", "undo COMPLETED").none(FAMILY)
    assert s.is_empty()


def test_an_event_in_a_sub_process_undoes_what_is_in_it_only(scenario: MakeScenario) -> None:
    s = scenario()
    inside = step("b") + m.throw("inner_undo", m.compensation())
    s.deploy(undoing(step("a"), sub("outer", inside, names=("b", "inner_undo")), names=("a", "outer")))
    s.create("p")
    assert happened(s) == ["a CREATED", "b CREATED", "b TRIGGERED"]
    complete_all(s, "undo_b")
    assert happened(s)[3:] == ["b COMPLETED", "a TRIGGERED"]
    complete_all(s, "undo_a")
    s.everything().has("inner_undo COMPLETED", "outer COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_sub_process_can_be_named(scenario: MakeScenario) -> None:
    s = scenario()
    outer = sub("outer", step("a"), sub("inner", step("b"), names=("b",)), names=("a", "inner"))
    s.deploy(undoing(outer, step("c"), names=("outer", "c"), activity="outer"))
    s.create("p")
    complete_all(s, "undo_a")
    complete_all(s, "undo_b")
    s.everything().has("undo_b COMPLETED", "undo COMPLETED", f"{FAMILY} DELETED", "p COMPLETED")
    assert "c TRIGGERED" not in happened(s)
    assert happened(s)[-1] == "c DELETED"
    assert s.is_empty()


def test_a_sub_process_may_be_undone_itself_and_what_is_in_it_too(scenario: MakeScenario) -> None:
    s = scenario()
    outer = sub("outer", step("a"), names=("a",)) + m.undo_job("undo_outer", "outer")
    s.deploy(undoing(outer, names=("outer",)))
    s.create("p")
    assert happened(s) == ["a CREATED", "outer CREATED", "outer TRIGGERED", "a TRIGGERED"]
    complete_all(s, "undo_outer")
    assert "undo COMPLETING" not in s.everything().flow()
    complete_all(s, "undo_a")
    s.everything().has(
        "outer_undone COMPLETED", "undo_outer COMPLETED", "undo_a COMPLETED", "undo COMPLETED", "p COMPLETED"
    )
    assert s.is_empty()


def test_a_sub_process_that_is_active_is_left_alone(scenario: MakeScenario) -> None:
    s = scenario()
    outer = sub("outer", step("a"), m.job("wait", "wait"), names=("a", "wait"))
    parts = [m.parallel("fork"), outer, m.job("t", "t"), m.throw("undo", m.compensation())]
    flows = m.chain("start", "fork", "outer") + m.chain("fork", "t", "undo")
    s.deploy(m.model(m.process("p", m.start(), *parts, flows)))
    s.create("p")
    complete_all(s, "t")
    assert happened(s) == ["a CREATED"]
    complete_all(s, "wait")
    assert happened(s) == ["a CREATED", "outer CREATED", "a DELETED", "outer DELETED"]
    s.everything().has("undo COMPLETED", "outer COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_was_done_in_a_sub_process_that_is_interrupted_is_forgotten(scenario: MakeScenario) -> None:
    s = scenario()
    outer = sub("outer", sub("inner", step("a"), names=("a",)), m.job("wait"), names=("inner", "wait"))
    parts = (outer, m.boundary("failed", "outer"), m.throw("undo", m.compensation()))
    s.deploy(m.model(m.process("p", m.start(), *parts, m.chain("start", "outer") + m.chain("failed", "undo"))))
    s.create("p")
    throw(s, activate(s)[0], "A").has("wait TERMINATED", f"{FAMILY} DELETED", "outer TERMINATED", "undo COMPLETED")
    assert happened(s) == ["a CREATED", "inner CREATED", "a DELETED", "inner DELETED"]
    assert s.is_empty()


def test_a_terminate_end_event_completes_a_sub_process_that_can_be_undone(scenario: MakeScenario) -> None:
    s = scenario()
    inside = step("a") + m.parallel("fork") + m.job("wait") + m.terminate("stop")
    flows = m.chain("outer_start", "a", "fork", "wait") + m.chain("fork", "stop")
    outer = m.sub_process("outer", m.start("outer_start"), inside, flows)
    s.deploy(undoing(outer, names=("outer",)))
    s.create("p")
    complete_all(s, "undo_a")
    s.everything().has("wait TERMINATED", "outer COMPLETED", "undo_a COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("activity", ["", "a", "b"])
def test_an_event_sub_process_undoes_what_was_done_around_it_and_in_it(scenario: MakeScenario, activity: str) -> None:
    s = scenario()
    begun = m.start_event("begun", m.error("error-a"))
    handler = m.handler(
        "h", begun, step("b"), m.end_event("undo", m.compensation(activity)), m.chain("begun", "b", "undo")
    )
    s.deploy(m.model(m.process("p", m.start(), step("a"), m.job("t"), handler, m.chain("start", "a", "t"))))
    s.create("p")
    throw(s, activate(s)[0], "A").has("t TERMINATED", "undo ACTIVATED")
    expected = [activity] if activity else ["b", "a"]
    assert [line for line in happened(s) if line.endswith("TRIGGERED")] == [f"{name} TRIGGERED" for name in expected]
    for name in expected:
        assert instance_of(s, f"undo_{name}").value.flow_scope_key == instance_of(s, "h").key
        complete_all(s, f"undo_{name}")
    s.everything().has("undo COMPLETED", "h COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_event_sub_process_beside_undoes_and_the_rest_goes_on(scenario: MakeScenario) -> None:
    s = scenario()
    begun = m.start_event("begun", m.message(), isInterrupting="false")
    handler = m.handler("h", begun, m.throw("undo", m.compensation()), m.chain("begun", "undo"))
    s.deploy(m.model(m.process("p", m.start(), step("a"), m.job("t"), handler, m.chain("start", "a", "t"))))
    s.create("p", '{"key": "k"}')
    publish(s).has("undo ACTIVATED", "undo_a ACTIVATED")
    complete_all(s)
    assert "p COMPLETING" not in s.everything().flow()
    complete_all(s, "undo_a")
    s.everything().has("t COMPLETED", "undo_a COMPLETED", "undo COMPLETED", "h COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_an_event_sub_process_did_is_forgotten_when_it_completes(scenario: MakeScenario) -> None:
    s = scenario()
    begun = m.start_event("begun", m.message(), isInterrupting="false")
    handler = m.handler("h", begun, step("b"), m.chain("begun", "b"))
    parts = (m.job("t"), handler, m.throw("undo", m.compensation()))
    s.deploy(m.model(m.process("p", m.start(), *parts, m.chain("start", "t", "undo"))))
    s.create("p", '{"key": "k"}')
    publish(s).has("b COMPLETED", "h COMPLETING", f"{FAMILY} DELETED", "h COMPLETED")
    complete_all(s)
    s.everything().has("undo COMPLETED", "p COMPLETED").none(FAMILY, "TRIGGERED")
    assert s.is_empty()


def test_an_event_deeper_in_an_event_sub_process_undoes_its_own_scope(scenario: MakeScenario) -> None:
    s = scenario()
    inside = sub("inner", step("b"), m.throw("undo", m.compensation()), names=("b", "undo"))
    handler = m.handler("h", m.start_event("begun", m.error()), inside, m.chain("begun", "inner"))
    s.deploy(m.model(m.process("p", m.start(), step("a"), m.job("t"), handler, m.chain("start", "a", "t"))))
    s.create("p")
    throw(s, activate(s)[0], "A")
    complete_all(s, "undo_b")
    s.everything().has("undo COMPLETED", "h COMPLETED", "p COMPLETED")
    assert [line for line in happened(s) if line.startswith("a")] == ["a CREATED", "a DELETED"]
    assert s.is_empty()


def test_what_undoes_is_not_undone_itself(scenario: MakeScenario) -> None:
    s = scenario()
    undo = sub("undo_a", step("b"), names=("b",)).replace('id="undo_a"', 'id="undo_a" isForCompensation="true"')
    parts = (m.task("a"), undo, m.undoes("undo_a", "a"), m.throw("again", m.compensation()))
    s.deploy(undoing(*parts, m.chain("undo", "again"), names=("a",)))
    s.create("p")
    assert happened(s) == ["a CREATED", "a TRIGGERED", "b CREATED", "b DELETED", "a COMPLETED"]
    s.everything().has("undo_a COMPLETED", "undo COMPLETED", "again COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_undoes_may_undo_what_it_did(scenario: MakeScenario) -> None:
    s = scenario()
    inside = step("b") + m.throw("back", m.compensation())
    undo = sub("undo_a", inside, names=("b", "back")).replace('id="undo_a"', 'id="undo_a" isForCompensation="true"')
    s.deploy(undoing(step("c"), m.task("a"), undo, m.undoes("undo_a", "a"), names=("a", "c"), activity="a"))
    s.create("p")
    complete_all(s, "undo_b")
    s.everything().has("back COMPLETED", "undo_a COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert "c TRIGGERED" not in happened(s)
    assert s.is_empty()


def test_an_error_of_what_undoes_is_caught_around_the_event(scenario: MakeScenario) -> None:
    s = scenario()
    outer = sub("outer", step("a"), step("b"), m.throw("undo", m.compensation()), names=("a", "b", "undo"))
    parts = (outer, m.boundary("failed", "outer", "error-a"), m.end("saved"), m.chain("failed", "saved"))
    s.deploy(m.model(m.process("p", m.start(), *parts, m.chain("start", "outer"))))
    s.create("p")
    moment = throw(s, activate(s, "undo_a")[0], "A")
    moment.has("undo TERMINATED", "undo_a TERMINATED", "undo_b TERMINATED", "outer TERMINATED", "saved COMPLETED")
    assert happened(s)[-2:] == ["a DELETED", "b DELETED"]
    assert s.is_empty(), s.rows()


def test_what_was_begun_to_be_undone_is_not_undone_again_by_who_takes_over(scenario: MakeScenario) -> None:
    s = scenario()
    begun = m.start_event("begun", m.error("error-a"))
    handler = m.handler("h", begun, m.throw("second", m.compensation()), m.chain("begun", "second"))
    parts = (step("a"), step("b"), m.throw("first", m.compensation("a")), handler)
    s.deploy(m.model(m.process("p", m.start(), *parts, m.chain("start", "a", "b", "first"))))
    s.create("p")
    moment = throw(s, activate(s, "undo_a")[0], "A")
    moment.has(f"{FAMILY} DELETED", "first TERMINATED", "undo_a TERMINATED", "second ACTIVATED")
    complete_all(s, "undo_b")
    s.everything().has("second COMPLETED", "h COMPLETED", "p COMPLETED")
    assert happened(s) == ["a CREATED", "b CREATED", "a TRIGGERED", "a DELETED", "b TRIGGERED", "b COMPLETED"]
    assert s.is_empty()


def test_an_interrupting_event_of_the_scope_ends_it(scenario: MakeScenario) -> None:
    s = scenario()
    outer = sub(
        "outer", sub("inner", step("a"), names=("a",)), m.throw("undo", m.compensation()), names=("inner", "undo")
    )
    late = m.boundary_event("late", "outer", m.message()) + m.end("saved") + m.chain("late", "saved")
    s.deploy(m.model(m.process("p", m.start(), outer, late, m.chain("start", "outer"))))
    s.create("p", '{"key": "k"}')
    publish(s).has("undo TERMINATED", "undo_a TERMINATED", "outer TERMINATED", "saved COMPLETED", "p COMPLETED")
    assert happened(s)[-1] == "a DELETED"
    assert s.is_empty(), s.rows()


def test_an_escalation_of_what_undoes_lets_it_go_on(scenario: MakeScenario) -> None:
    s = scenario()
    up = m.throw("up", m.escalation("escalation-a"))
    undo = sub("undo_a", up, m.job("t"), names=("up", "t")).replace(
        'id="undo_a"', 'id="undo_a" isForCompensation="true"'
    )
    begun = m.start_event("begun", m.escalation("escalation-a"), isInterrupting="false")
    s.deploy(undoing(m.task("a"), undo, m.undoes("undo_a", "a"), m.handler("h", begun), names=("a",)))
    s.create("p")
    s.everything().has("ESCALATION ESCALATED", "h COMPLETED")
    complete_all(s)
    s.everything().has("undo_a COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_called_process_that_undoes_is_canceled_with_its_instance(scenario: MakeScenario) -> None:
    s = scenario()
    called = m.call("undo_a", "one").replace('id="undo_a"', 'id="undo_a" isForCompensation="true"')
    s.deploy(m.one_task())
    s.deploy(undoing(m.task("a"), called, m.undoes("undo_a", "a"), names=("a",)))
    key = s.create("p")
    s.cancel(key).has("undo TERMINATED", "one TERMINATED", "undo_a TERMINATED", "p TERMINATED")
    assert s.is_empty(), s.rows()


def test_a_join_after_the_event_waits_for_what_undoes(scenario: MakeScenario) -> None:
    s = scenario()
    parts = [step("a"), m.parallel("fork"), m.parallel("join"), m.throw("undo", m.compensation()), m.job("t"), m.end()]
    flows = m.chain("start", "a", "fork", "undo", "join", "end") + m.chain("fork", "t", "join")
    s.deploy(m.model(m.process("p", m.start(), *parts, flows)))
    s.create("p")
    complete_all(s)
    assert "join ACTIVATING" not in s.everything().flow()
    (job,) = activate(s, "undo_a")
    complete(s, job, '{"x": 1}').has("undo COMPLETED", "join COMPLETED", "p COMPLETED")
    assert s.everything().variables() == {"x": "1"}
    assert s.is_empty()
