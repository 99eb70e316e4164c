"""Compensation of what is repeated: once for a whole multi-instance activity, and of each of its sub-processes."""

from __future__ import annotations

import pytest

from tests.support import models as m
from tests.support.actions import activate, complete, complete_all
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

FAMILY = "COMPENSATION_SUBSCRIPTION"
ITEMS = '{"items": [1, 2, 3]}'


def undoing(*parts: str) -> bytes:
    """start, the activity `a`, then the event `undo`."""
    event = m.throw("undo", m.compensation())
    return m.model(m.process("p", m.start(), *parts, event, m.chain("start", "a", "undo")))


def happened(s: Scenario) -> list[str]:
    return [f"{record.value.compensable_activity_id} {record.intent}" for record in s.everything().all(FAMILY)]


@pytest.mark.parametrize("sequential", [False, True])
def test_a_repeated_activity_is_undone_once(scenario: MakeScenario, sequential: bool) -> None:
    s = scenario()
    s.deploy(undoing(m.multi(m.job("a"), sequential=sequential), m.undo_job("undo_a", "a")))
    s.create("p", ITEMS)
    for _ in range(3):
        complete(s, activate(s, limit=1)[0])
    assert happened(s) == ["a CREATED", "a TRIGGERED"]
    body = s.everything().one("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_type="MULTI_INSTANCE_BODY")
    assert s.everything().one(FAMILY, "CREATED").value.compensable_activity_instance_key == body.key
    complete_all(s, "undo_a")
    s.everything().has("undo_a COMPLETED", f"{FAMILY} COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_undoes_may_be_repeated(scenario: MakeScenario) -> None:
    s = scenario()
    undo = m.multi(m.undo_job("undo_a", "a").split("<bpmn:boundaryEvent")[0]) + m.undoes("undo_a", "a")
    s.deploy(undoing(m.task("a"), undo))
    s.create("p", ITEMS)
    jobs = activate(s, "undo_a")
    assert len(jobs) == 3
    for job in jobs[1:]:
        complete(s, job)
        assert happened(s) == ["a CREATED", "a TRIGGERED"]
    complete(s, jobs[0])
    s.everything().has("undo_a COMPLETED", f"{FAMILY} COMPLETED", "undo COMPLETED", "p COMPLETED")
    body = s.everything().one("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_type="MULTI_INSTANCE_BODY")
    assert s.everything().one(FAMILY, "COMPLETED").value.compensation_handler_instance_key == body.key
    assert s.is_empty()


@pytest.mark.parametrize("itself", [False, True])
def test_each_repeated_sub_process_is_undone(scenario: MakeScenario, itself: bool) -> None:
    s = scenario()
    inside = m.start("s") + m.task("b") + m.undo_job("undo_b", "b") + m.chain("s", "b")
    parts = m.multi(m.sub_process("a", inside)) + (m.undo_job("undo_a", "a") if itself else "")
    s.deploy(undoing(parts))
    s.create("p", ITEMS)
    assert happened(s)[:7] == [*["b CREATED", "a CREATED"] * 3, "a CREATED"]
    triggered = [line for line in happened(s) if line.endswith("TRIGGERED")]
    assert triggered == ["a TRIGGERED", *["a TRIGGERED", "b TRIGGERED"] * 3]
    complete_all(s, "undo_b")
    assert ("undo COMPLETED" in s.everything().flow()) != itself
    complete_all(s, "undo_a")
    s.everything().has("undo COMPLETED", "p COMPLETED")
    assert len([line for line in happened(s) if line.endswith("COMPLETED")]) == 7
    assert s.is_empty(), s.rows()


def test_repeated_sub_processes_are_undone_only_when_all_are_completed(scenario: MakeScenario) -> None:
    s = scenario()
    inside = m.start("s") + m.task("b") + m.undo_job("undo_b", "b") + m.job("wait") + m.chain("s", "b", "wait")
    parts = (
        m.parallel("fork") + m.multi(m.sub_process("a", inside)) + m.job("t", "t") + m.throw("undo", m.compensation())
    )
    flows = m.chain("start", "fork", "a") + m.chain("fork", "t", "undo")
    s.deploy(m.model(m.process("p", m.start(), parts, flows)))
    key = s.create("p", ITEMS)
    complete(s, activate(s)[0])
    complete_all(s, "t")
    s.everything().has("undo COMPLETED").none(FAMILY, "TRIGGERED")
    s.cancel(key).has("p TERMINATED")
    assert s.is_empty(), s.rows()


def test_what_was_done_in_an_ad_hoc_sub_process_is_undone(scenario: MakeScenario) -> None:
    s = scenario()
    tools = m.task("b") + m.undo_job("undo_b", "b") + m.task("c")
    s.deploy(undoing(m.ad_hoc("a", tools, active="=items")))
    s.create("p", '{"items": ["b", "c", "b"]}')
    assert [line for line in happened(s) if line.startswith("b")] == ["b CREATED"] * 2 + ["b TRIGGERED"] * 2
    complete_all(s, "undo_b")
    s.everything().has("a COMPLETED", "undo_b COMPLETED", "undo COMPLETED", "p COMPLETED")
    assert len([line for line in happened(s) if line.endswith("COMPLETED")]) == 5
    assert s.is_empty(), s.rows()


def test_an_event_in_an_ad_hoc_sub_process_undoes_what_began_with_it(scenario: MakeScenario) -> None:
    s = scenario()
    tools = m.task("b") + m.undo_job("undo_b", "b") + m.throw("back", m.compensation()) + m.chain("b", "back")
    tools += m.task("c") + m.undo_job("undo_c", "c")
    s.deploy(undoing(m.ad_hoc("a", tools, active="=items")))
    s.create("p", '{"items": ["c", "b"]}')
    assert [line for line in happened(s) if line.endswith("TRIGGERED")] == ["b TRIGGERED"]
    complete_all(s, "undo_b")
    s.everything().has("back COMPLETED", "a COMPLETED", "undo ACTIVATED")
    complete_all(s, "undo_c")
    s.everything().has("undo COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()
