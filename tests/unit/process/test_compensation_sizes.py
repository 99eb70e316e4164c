"""Compensation of much: every step is bounded, whatever else happens between two of them (design law 11)."""

from __future__ import annotations

import pytest

from engine.core.record import Record
from engine.records import Job, ProcessInstanceCreation
from tests.support import models as m
from tests.support.actions import CANCEL, RESOLVE, activate, batch, fail
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

FAMILY = "COMPENSATION_SUBSCRIPTION"
COUNT = 60
SMALL = {"step_effects_max": 20, "continuation_rounds_max": 10_000}


#: Where the activity `a` that is undone is: in the process, in a sub-process, in one that is undone itself too.
PLACES = ["process", "sub-process", "undone sub-process"]


def many(*after: str, undo: str = "", flows: str, place: str = "process") -> bytes:
    """`a` completes `n` times, each time in another sub-process if in one, then what `flows` says from `done` on."""
    name, turn = "a", m.task("a") + (undo or m.undo_job("undo_a", "a"))
    if place != "process":
        name, turn = "sub", m.sub_process("sub", m.start("s"), turn, m.chain("s", "a"))
    if place == "undone sub-process":
        turn += m.element("task", "undo_sub", isForCompensation="true") + m.undoes("undo_sub", "sub")
    parts = [m.start(), m.exclusive("merge"), m.script("count", "=n - 1", "n"), turn, m.exclusive("more", "more_done")]
    loop = m.chain("start", "merge", "count", name, "more", "done") + m.flow("more", "merge", "=n > 0")
    return m.model(m.process("p", *parts, m.task("done"), *after, loop, flows))


def creation(count: int = COUNT) -> Record:
    wish = ProcessInstanceCreation(bpmn_process_id="p", variables=f'{{"n": {count}, "key": "k"}}')
    return make("PROCESS_INSTANCE_CREATION", "CREATE", wish)


def largest_step(s: Scenario) -> int:
    return max(record.step.step_count for record in s.everything().records)


def counts(s: Scenario) -> dict[str, int]:
    intents = ("CREATED", "TRIGGERED", "COMPLETED", "DELETED")
    return {intent: len(s.everything().all(FAMILY, intent)) for intent in intents}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("limit", [1, 20, 23])
def test_many_are_triggered_and_completed_in_bounded_steps(scenario: MakeScenario, limit: int, place: str) -> None:
    s = scenario(settings={**SMALL, "step_effects_max": limit})
    s.deploy(many(m.throw("undo", m.compensation()), flows=m.chain("done", "undo"), place=place))
    s.when(creation(), 1).accepted()
    jobs = activate(s, "undo_a")
    for job in jobs:
        s.send(make("JOB", "COMPLETE", Job(), job))
    s.drain()
    assert len(jobs) == COUNT
    total = COUNT if place == "process" else 2 * COUNT
    assert counts(s) == {"CREATED": total, "TRIGGERED": total, "COMPLETED": total, "DELETED": 0}
    s.everything().accepted().one("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="undo")
    undo_at = s.everything().flow().index("undo COMPLETED")
    assert s.everything().flow()[:undo_at].count("undo_a COMPLETED") == COUNT
    assert largest_step(s) < limit + COUNT + 25  # the answer to one activation of all the jobs is not in pieces
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("place", PLACES)
def test_many_are_forgotten_in_bounded_steps(scenario: MakeScenario, place: str) -> None:
    s = scenario(settings=SMALL)
    s.deploy(many(flows="", place=place))
    s.when(creation(), 1).has("p COMPLETED")
    assert counts(s)["DELETED"] == (COUNT if place == "process" else 2 * COUNT)
    assert largest_step(s) < 20 + 25
    assert s.is_empty(), s.rows()


def test_what_undoes_at_once_is_done_in_bounded_steps(scenario: MakeScenario) -> None:
    s = scenario(settings=SMALL)
    undo = m.element("task", "undo_a", isForCompensation="true") + m.undoes("undo_a", "a")
    s.deploy(many(m.end_event("undo", m.compensation()), undo=undo, flows=m.chain("done", "undo")))
    s.when(creation(), 1).has("undo COMPLETED", "p COMPLETED")
    assert counts(s) == {"CREATED": COUNT, "TRIGGERED": COUNT, "COMPLETED": COUNT, "DELETED": 0}
    assert largest_step(s) < 20 + 25
    assert s.is_empty(), s.rows()


def test_one_activity_among_many_others_is_found(scenario: MakeScenario) -> None:
    s = scenario(settings=SMALL)
    parts = (m.task("b"), m.undo_job("undo_b", "b"), m.throw("undo", m.compensation("b")))
    s.deploy(many(*parts, flows=m.chain("done", "b", "undo")))
    s.when(creation(), 1)
    assert [record.value.compensable_activity_id for record in s.everything().all(FAMILY, "TRIGGERED")] == ["b"]
    (job,) = activate(s, "undo_b")
    s.when(make("JOB", "COMPLETE", Job(), job)).has("undo COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def triggering(scenario: MakeScenario, *after: str, flows: str, triggered: int, place: str = "process") -> Scenario:
    """The event `undo` has triggered so many and is paused."""
    s = scenario(settings=SMALL)
    s.deploy(many(m.throw("undo", m.compensation()), *after, flows=flows, place=place))
    s.send(creation(), 1)
    while counts(s)["TRIGGERED"] < triggered:
        assert s.step(1)
        s.flush(1)
    assert s.rows()["PAUSES"] == 1
    return s


def begun_jobs(s: Scenario) -> list[int]:
    """The jobs that undo, as soon as there is one; the event still triggers others."""
    while not s.everything().all("JOB", "CREATED"):
        assert s.step(1)
        s.flush(1)
    assert s.rows()["PAUSES"] == 1
    return [record.key for record in s.everything().all("JOB", "CREATED")]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("triggered", [1, 2, 3, 4, 7, COUNT - 5])
def test_canceled_while_it_triggers(scenario: MakeScenario, triggered: int, place: str) -> None:
    s = triggering(scenario, flows=m.chain("done", "undo"), triggered=triggered, place=place)
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    s.cancel(key).has("p TERMINATING", "p TERMINATED")
    done = counts(s)
    assert done["DELETED"] + done["COMPLETED"] == done["CREATED"]
    assert largest_step(s) < 20 + 25
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("triggered", [1, 2, 7])
def test_interrupted_while_it_triggers(scenario: MakeScenario, triggered: int, place: str) -> None:
    """Who takes the scope over undoes what was not begun to be undone."""
    begun = m.start_event("begun", m.error("error-a"))
    handler = m.handler("h", begun, m.end_event("again", m.compensation()), m.chain("begun", "again"))
    s = triggering(scenario, handler, flows=m.chain("done", "undo"), triggered=triggered, place=place)
    (job, *_) = begun_jobs(s)
    s.when(make("JOB", "THROW_ERROR", Job(error_code="A"), job)).has("undo TERMINATED", "again ACTIVATED")
    for left in activate(s, "undo_a"):
        s.send(make("JOB", "COMPLETE", Job(), left))
    s.drain()
    s.everything().has("undo TERMINATED", "again COMPLETED", "h COMPLETED", "p COMPLETED")
    done = counts(s)
    assert done["DELETED"] + done["COMPLETED"] == done["CREATED"]
    begun_to_undo = s.everything().flow().count("undo_a ACTIVATING")
    # Of the sub-process that was just being triggered, nothing else is undone.
    assert COUNT - (place != "process") <= begun_to_undo <= COUNT
    assert s.is_empty(), s.rows()


def test_what_completes_while_it_triggers_is_not_undone(scenario: MakeScenario) -> None:
    s = scenario(settings=SMALL)
    beside = m.parallel("fork") + m.job("b") + m.undo_job("undo_b", "b") + m.throw("undo", m.compensation())
    s.deploy(many(beside, flows=m.chain("done", "fork", "b") + m.chain("fork", "undo")))
    s.send(creation(), 1)
    while not counts(s)["TRIGGERED"]:
        assert s.step(1)
        s.flush(1)
    s.send(make("JOB", "COMPLETE", Job(), s.everything().one("JOB", "CREATED", element_id="b").key))
    while "b COMPLETED" not in s.everything().flow():
        assert s.step(1)
        s.flush(1)
    assert counts(s)["TRIGGERED"] < COUNT
    s.drain()
    for job in activate(s, "undo_a"):
        s.send(make("JOB", "COMPLETE", Job(), job))
    s.drain()
    s.everything().has("b COMPLETED", "undo COMPLETED", "p COMPLETED").none("JOB", element_id="undo_b")
    assert counts(s) == {"CREATED": COUNT + 1, "TRIGGERED": COUNT, "COMPLETED": COUNT, "DELETED": 1}
    assert s.is_empty(), s.rows()


def test_the_first_to_complete_does_not_complete_the_event_that_still_triggers(scenario: MakeScenario) -> None:
    s = triggering(scenario, flows=m.chain("done", "undo"), triggered=3)
    jobs = begun_jobs(s)
    for job in jobs:
        s.send(make("JOB", "COMPLETE", Job(), job))
    while counts(s)["COMPLETED"] < len(jobs):
        assert s.step(1)
        s.flush(1)
    assert counts(s)["TRIGGERED"] < COUNT
    assert "undo COMPLETING" not in s.everything().flow()
    s.drain()
    for left in activate(s, "undo_a"):
        s.send(make("JOB", "COMPLETE", Job(), left))
    s.drain()
    s.everything().accepted().has("undo COMPLETED", "p COMPLETED")
    assert counts(s)["COMPLETED"] == COUNT
    assert s.is_empty(), s.rows()


def test_two_events_in_pieces_undo_each_once(scenario: MakeScenario) -> None:
    s = scenario(settings=SMALL)
    parts = [m.parallel("fork"), m.throw("first", m.compensation()), m.throw("second", m.compensation())]
    flows = m.chain("done", "fork", "first") + m.chain("fork", "second")
    s.deploy(many(*parts, flows=flows))
    s.when(creation(), 1)
    for job in activate(s, "undo_a"):
        s.send(make("JOB", "COMPLETE", Job(), job))
    s.drain()
    assert counts(s) == {"CREATED": COUNT, "TRIGGERED": COUNT, "COMPLETED": COUNT, "DELETED": 0}
    s.everything().has("first COMPLETED", "p COMPLETED").has("second COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_a_batch_operation_cancels_instances_that_are_undone(scenario: MakeScenario) -> None:
    s = scenario(settings=SMALL)
    s.deploy(many(m.throw("undo", m.compensation()), flows=m.chain("done", "undo"), place="sub-process"))
    keys = [s.when(creation(), 1).one("PROCESS_INSTANCE_CREATION", "CREATED").key for _ in range(2)]
    moment = s.when(batch(CANCEL, "", item_keys=tuple(keys)), 1)
    assert {record.key for record in moment.all("BATCH_OPERATION_ITEM", "COMPLETED")} == set(keys)
    assert moment.flow().count("p TERMINATED") == 2
    assert counts(s)["DELETED"] == 2 * COUNT
    assert largest_step(s) < 20 + 25
    assert s.is_empty(), s.rows()


def test_a_batch_operation_resolves_incidents_of_what_undoes(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(many(m.throw("undo", m.compensation()), flows=m.chain("done", "undo")))
    s.when(creation(3), 1)
    for job in activate(s, "undo_a"):
        fail(s, job).one("INCIDENT", "CREATED", element_id="undo_a")
    s.when(batch(RESOLVE), 1).accepted()
    for job in activate(s, "undo_a"):
        s.when(make("JOB", "COMPLETE", Job(), job)).accepted()
    s.everything().has("undo COMPLETED", "p COMPLETED")
    assert counts(s)["COMPLETED"] == 3
    assert s.is_empty(), s.rows()
