"""Ad-hoc sub-processes whose worker decides: a job at the beginning, and one after all that ends inside."""

from __future__ import annotations

import pytest

from engine.records import Job
from tests.support import models as m
from tests.support.actions import (
    activate,
    begin_inside,
    complete,
    complete_all,
    decide,
    fail,
    publish,
    resolve,
    throw,
    update,
)
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario, make

#: How many records a step may take: everything in one, or a pause after nearly every piece of work.
EFFORTS = [{}, {"step_effects_max": 20}, {"step_effects_max": 1}]


def begin(s: Scenario, *parts: str, retries: str = "", **fields: object) -> int:
    inside = (m.job("a", "a"), m.job("b", "b"), *parts)
    pool = m.ad_hoc("pool", *inside, extensions=(m.definition("agent", retries),), **fields)  # type: ignore[arg-type]
    s.deploy(m.straight("p", pool, m.job("after", "after"), names=["pool", "after"]))
    return s.create("p", '{"key": "k"}')


def asked(s: Scenario) -> int:
    """The job of the worker; there is one at a time."""
    (key,) = activate(s, "agent")
    return key


@pytest.mark.parametrize("settings", EFFORTS)
def test_the_worker_begins_elements_until_it_is_enough(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    begin(s)
    first = asked(s)
    assert {r.value.kind for r in s.everything().all("JOB")} == {"AD_HOC_SUB_PROCESS"}
    decide(s, first, "a", "b")
    s.everything().has("pool ACTIVATED", "a ACTIVATED", "b ACTIVATED")
    assert not activate(s, "agent")
    complete_all(s, "a")
    second = asked(s)
    decide(s, second)
    complete_all(s, "b")
    third = asked(s)
    decide(s, third, isCompletionConditionFulfilled=True)
    s.everything().has("pool COMPLETED", "after ACTIVATED")
    complete_all(s, "after")
    s.everything().has("p COMPLETED").none("INCIDENT")
    assert s.is_empty()


def test_a_job_that_is_out_of_date_is_canceled(scenario: MakeScenario) -> None:
    s = scenario()
    begin(s)
    decide(s, asked(s), "a", "b")
    complete_all(s, "a")
    old = asked(s)
    complete_all(s, "b")
    assert [r.key for r in s.everything().all("JOB", "CANCELED")] == [old]
    decide(s, old, isCompletionConditionFulfilled=True).rejected("NOT_FOUND")
    decide(s, asked(s), isCompletionConditionFulfilled=True).has("pool COMPLETED")


@pytest.mark.parametrize("settings", EFFORTS)
@pytest.mark.parametrize("cancel", [True, False])
def test_enough_while_something_is_active(scenario: MakeScenario, settings: dict[str, object], cancel: bool) -> None:
    s = scenario(settings=settings)
    begin(s)
    decide(s, asked(s), "a", "b")
    complete_all(s, "a")
    decide(s, asked(s), isCompletionConditionFulfilled=True, isCancelRemainingInstances=cancel)
    if cancel:
        s.everything().has("b TERMINATED", "pool COMPLETING", "pool COMPLETED", "after ACTIVATED")
    else:
        pool = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool").key
        begin_inside(s, pool, "a").rejected("INVALID_STATE")
        complete_all(s, "b")
        s.everything().has("b COMPLETED", "pool COMPLETED", "after ACTIVATED")
    assert not activate(s, "agent")
    complete_all(s, "after")
    assert s.is_empty()


def test_others_instead_of_what_is_active(scenario: MakeScenario) -> None:
    s = scenario()
    begin(s)
    decide(s, asked(s), "a", "b")
    complete_all(s, "a")
    decide(s, asked(s), "a", isCancelRemainingInstances=True).has("b TERMINATED", "a ACTIVATED")


def test_one_tool_twice_with_variables_of_its_own(scenario: MakeScenario) -> None:
    s = scenario()
    begin(s, collects=("results", "={id: call, content: result}"))
    calls = ", ".join(f'{{"elementId": "a", "variables": {{"call": {number}}}}}' for number in (1, 2))
    decided = Job(result=f'{{"activateElements": [{calls}]}}', variables='{"memory": "m"}')
    s.when(make("JOB", "COMPLETE", decided, asked(s))).accepted()
    jobs = activate(s, "a")
    complete(s, jobs[1], '{"result": "two"}')
    complete(s, jobs[0], '{"result": "one"}')
    decide(s, asked(s), isCompletionConditionFulfilled=True)
    assert s.everything().variables()["results"] == '[{"id":2,"content":"two"},{"id":1,"content":"one"}]'
    pool = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool").key
    assert s.everything().one("VARIABLE", name="memory").value.scope_key == pool


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("[]", "expected the result of an ad-hoc sub-process"),
        ('{"activate": 1}', "unknown field `activate`"),
        ('{"type": "userTask"}', "expected a result of type adHocSubProcess, got 'userTask'"),
        ('{"activateElements": [{"elementId": "ghost"}]}', "got 'ghost'; correct it"),
        (
            '{"activateElements": [{"elementId": "a"}], "isCompletionConditionFulfilled": true}',
            "either elements to activate or a fulfilled completion condition, got both",
        ),
    ],
)
def test_a_wrong_result_is_refused_and_the_job_is_kept(scenario: MakeScenario, result: str, text: str) -> None:
    s = scenario()
    begin(s)
    job = asked(s)
    s.when(make("JOB", "COMPLETE", Job(result=result), job)).rejected("INVALID_ARGUMENT", text)
    decide(s, job, "a").has("a ACTIVATED")


def test_a_result_for_another_job_is_refused(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    s.create("one")
    (job,) = activate(s)
    s.when(make("JOB", "COMPLETE", Job(result="{}"), job)).rejected("INVALID_ARGUMENT", "takes none; leave it out")


def test_without_retries_there_is_an_incident_until_something_else_ends(scenario: MakeScenario) -> None:
    s = scenario()
    begin(s)
    decide(s, asked(s), "a")
    complete_all(s, "a")
    job = asked(s)
    incident = fail(s, job).one("INCIDENT", "CREATED", error_type="AD_HOC_SUB_PROCESS_NO_RETRIES", job_key=job)
    update(s, job, retries=1)
    resolve(s, incident.key)
    again = asked(s)
    assert again == job
    decide(s, again, "a", "b")
    complete_all(s, "a")
    fail(s, asked(s)).one("INCIDENT", "CREATED")
    (other,) = activate(s, "b")
    complete(s, other).has("JOB CANCELED", "INCIDENT RESOLVED", "JOB CREATED")
    decide(s, asked(s), isCompletionConditionFulfilled=True).has("pool COMPLETED")
    complete_all(s, "after")
    assert s.is_empty()


def test_a_job_that_cannot_be_told_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    begin(s, retries="=n")
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR", element_id="pool")
    resolve(s, incident.key).one("INCIDENT", "CREATED")


def test_an_error_of_the_worker(scenario: MakeScenario) -> None:
    s = scenario()
    pool = m.ad_hoc("pool", m.job("a", "a"), extensions=(m.definition("agent"),))
    s.deploy(m.straight("p", pool, m.boundary("failed", "pool", "error-a"), names=["pool"]))
    s.create("p")
    decide(s, asked(s), "a")
    complete_all(s, "a")
    throw(s, asked(s), "A").has("pool TERMINATED", "failed COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("settings", EFFORTS)
def test_an_event_sub_process_that_interrupts_takes_the_decision_away(
    scenario: MakeScenario, settings: dict[str, object]
) -> None:
    s = scenario(settings=settings)
    begin(s, m.handler("handle", m.start_event("told", m.message()), m.job("h", "h"), m.chain("told", "h")))
    decide(s, asked(s), "a", "b")
    complete_all(s, "a")
    job = asked(s)
    publish(s)
    s.everything().has("b TERMINATED", "handle ACTIVATED")
    s.everything().one("JOB", "CANCELED", element_id="pool")
    decide(s, job, "a").rejected("NOT_FOUND")
    complete_all(s, "h")
    s.everything().has("handle COMPLETED", "pool COMPLETED", "after ACTIVATED")
    complete_all(s, "after")
    assert s.is_empty()


def test_an_event_sub_process_beside_asks_the_worker_when_it_ends(scenario: MakeScenario) -> None:
    s = scenario()
    told = m.start_event("told", m.message(), isInterrupting="false")
    begin(s, m.handler("handle", told, m.job("h", "h"), m.chain("told", "h")))
    decide(s, asked(s), "a")
    publish(s)
    complete_all(s, "h")
    decide(s, asked(s), "b").has("b ACTIVATED")


@pytest.mark.parametrize("settings", EFFORTS)
def test_cancel(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    key = begin(s)
    decide(s, asked(s), "a", "b")
    complete_all(s, "a")
    s.cancel(key).has("pool TERMINATED", "p TERMINATED")
    assert not activate(s, "agent")
    assert s.is_empty()


def test_a_person_may_begin_elements_too(scenario: MakeScenario) -> None:
    s = scenario()
    begin(s)
    pool = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool").key
    old = asked(s)
    begin_inside(s, pool, "a").has("a ACTIVATED")
    complete_all(s, "a")
    decide(s, old, "a").rejected("NOT_FOUND")
    moment: Moment = decide(s, asked(s), isCompletionConditionFulfilled=True)
    moment.has("pool COMPLETED")
