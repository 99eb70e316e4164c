"""Jobs: activation, completion, failure, back-off, time-out, update."""

from __future__ import annotations

import pytest

from engine.core.record import first_key
from engine.records import Clock, Job
from tests.support import models as m
from tests.support.actions import activate, activation, complete, complete_all, fail, resolve, throw, update
from tests.support.fixture import MakeScenario
from tests.support.scenario import BEGIN, make

LARGEST = 2**63 - 1


def test_an_activation_gives_each_job_once_and_answers_last(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    for _ in range(3):
        s.create("one")
    marks = s.marks()
    s.send(activation("work", 2))
    s.drain()
    moment = s.since(marks)
    assert [r.intent for r in moment.records] == ["ACTIVATED"] * 3
    assert moment.records[-1].value.job_keys == tuple(r.key for r in moment.records[:2])
    assert moment.records[0].value.deadline == BEGIN + 60_000
    headers = s.partitions[1].headers[marks[1] :]
    assert headers == [{"request": "gateway/1"}] * 2 + [{"request": "gateway/1", "final": "1"}]
    assert len(activate(s)) == 1
    assert activate(s) == []
    assert activate(s, "wor") == []


@pytest.mark.parametrize("bad", [("", 1, 1), ("work", 0, 1), ("work", 1, 0), ("work", -1, 1)])
def test_a_senseless_activation_is_refused(scenario: MakeScenario, bad: tuple[str, int, int]) -> None:
    s = scenario()
    s.when(activation(*bad)).rejected("INVALID_ARGUMENT")


def test_limits_of_an_activation(scenario: MakeScenario) -> None:
    s = scenario(settings={"jobs_per_activation_max": 2, "activation_size_max": 1000})
    s.deploy(m.one_task())
    for _ in range(3):
        s.create("one")
    assert len(activate(s)) == 2
    complete_all(s)
    for _ in range(2):
        s.create("one", f'{{"a": "{"x" * 600}"}}')
    moment = s.when(activation("work"))
    assert len(moment.all("JOB", "ACTIVATED")) == 1
    assert moment.one("JOB_BATCH", "ACTIVATED").value.truncated


def test_a_time_out_gives_the_job_to_others(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    (key,) = activate(s, timeout=1000)
    s.advance(999).none("JOB")
    s.advance(1).one("JOB", "TIMED_OUT")
    assert s.due_count() == 0
    assert activate(s) == [key]
    complete(s, key).has("one COMPLETED")
    s.advance(100_000).none("JOB")
    assert s.is_empty()


def test_many_time_outs_fire_some_at_a_time(scenario: MakeScenario) -> None:
    s = scenario(settings={"due_per_tick_max": 3})
    s.deploy(m.one_task())
    for _ in range(7):
        s.create("one")
    assert len(activate(s, timeout=10)) == 7
    timed_out = s.advance(10).all("JOB", "TIMED_OUT")
    assert [r.step.step_count for r in timed_out] == [3, 3, 3, 3, 3, 3, 1]
    assert len(activate(s)) == 7


def test_a_stale_tick_is_refused(scenario: MakeScenario) -> None:
    scenario().when_internal(make("CLOCK", "TICK", Clock())).rejected("INVALID_STATE", "stale")


def test_a_failure_with_retries_comes_back_at_once_or_after_its_back_off(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    (key,) = activate(s)
    assert fail(s, key, 2).one("JOB", "FAILED").value.retries == 2
    assert activate(s) == [key]
    assert fail(s, key, 1, backoff=500).one("JOB", "FAILED").value.deadline == s.now + 500
    assert activate(s) == []
    s.advance(500).one("JOB", "RECURRED_AFTER_BACKOFF")
    assert activate(s) == [key]
    assert s.due_count() == 1
    complete(s, key)
    assert s.is_empty()


def test_a_job_in_back_off_ends_with_its_instance(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    instance = s.create("one")
    fail(s, activate(s)[0], 1, backoff=500)
    s.cancel(instance).one("JOB", "CANCELED")
    assert s.is_empty()


def test_no_retries_left_is_an_incident_that_needs_retries_to_be_resolved(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    (key,) = activate(s)
    incident = fail(s, key, 0, message="boom").one("INCIDENT", "CREATED", error_type="JOB_NO_RETRIES", job_key=key)
    assert incident.value.error_message == "boom"
    assert activate(s) == []
    for moment in (complete(s, key), fail(s, key, 1), throw(s, key, "A")):
        moment.rejected("INVALID_STATE", "resolve its incident")
    resolve(s, incident.key).rejected("INVALID_STATE", "retries")
    update(s, key, retries=2).one("JOB", "UPDATED")
    assert activate(s) == []
    resolve(s, incident.key).one("INCIDENT", "RESOLVED")
    assert s.partitions[1].headers[-1] == {"job-type": "work"}
    resolve(s, incident.key).rejected("NOT_FOUND")
    complete_all(s)
    assert s.is_empty()


def test_updates(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    key = s.everything().one("JOB", "CREATED").key
    update(s, key).rejected("INVALID_ARGUMENT", "nothing")
    s.when(make("JOB", "UPDATE", Job(changed_attributes=("worker",)), key)).rejected("INVALID_ARGUMENT", "worker")
    update(s, key, retries=0).rejected("INVALID_ARGUMENT", "retries > 0")
    update(s, key, timeout=1).rejected("INVALID_STATE", "time-out")
    activate(s, timeout=100)
    update(s, key, timeout=1000, retries=7).one("JOB", "UPDATED", retries=7)
    s.advance(100).none("JOB")
    s.advance(900).one("JOB", "TIMED_OUT", retries=7)
    update(s, first_key(1) + 999, retries=1).rejected("NOT_FOUND")


def test_numbers_that_do_not_fit_are_refused(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task(), m.one_task("many", retries="=1000000000000000000000"))
    s.create("one")
    moment = s.when(activation("work", 1, LARGEST))
    moment.rejection()
    (key,) = activate(s)
    fail(s, key, 1, backoff=LARGEST).rejection()
    update(s, key, timeout=LARGEST).rejection()
    s.create("many")
    s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    complete(s, key).has("one COMPLETED")


@pytest.mark.parametrize("key", [-1, 0, -(2**62), 1, first_key(1) + 5000, 2**62])
@pytest.mark.parametrize("intent", ["COMPLETE", "FAIL", "THROW_ERROR", "UPDATE"])
def test_unknown_jobs(scenario: MakeScenario, intent: str, key: int) -> None:
    s = scenario()
    s.when(make("JOB", intent, Job(error_code="A", changed_attributes=("retries",), retries=1), key), 1).rejected(
        "NOT_FOUND"
    )


def test_the_type_of_a_job_is_an_expression(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task(job_type="=kind", retries="=n"))
    s.create("one", '{"kind": "special", "n": "4"}')
    assert s.everything().one("JOB", "CREATED").value.retries == 4
    complete_all(s, "special")
    s.create("one", '{"kind": 3}')
    s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
