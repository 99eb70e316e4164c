"""Suspended process instances: nothing in them goes on until they are resumed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.core.faults import INVALID_STATE, NOT_FOUND
from engine.process.held import RELEASED_PER_WORK
from tests.support import models as m
from tests.support.actions import (
    activate,
    activation,
    assign,
    begin_inside,
    claim,
    complete,
    complete_all,
    complete_user_task,
    correlate,
    creation,
    fail,
    publish,
    resolve,
    resume,
    set_variables,
    suspend,
    throw,
    update,
    update_user_task,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario
from tests.unit.process.test_signals import SIGNAL_A, broadcast

HOUR = 3_600_000


def begin(
    scenario: MakeScenario, *parts: str, variables: str = '{"key": "k"}', partitions: int = 1
) -> tuple[Scenario, int]:
    s = scenario(partitions)
    s.deploy(m.model(m.process("p", *parts)))
    return s, s.create("p", variables)


def one_job() -> tuple[str, ...]:
    return (m.start(), m.job("task"), m.end(), m.chain("start", "task", "end"))


def waiting(definition: str) -> tuple[str, ...]:
    return (m.start(), m.catch("wait", definition), m.end(), m.chain("start", "wait", "end"))


def test_a_job_is_given_to_nobody_until_the_resumption(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *one_job())
    other = s.create("p")
    suspend(s, key).accepted().has("PROCESS_INSTANCE SUSPENDED")
    (job,) = activate(s)
    assert complete(s, job).one("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p").key == other
    assert activate(s) == []
    moment = resume(s, key).accepted().has("PROCESS_INSTANCE RESUMED", "JOB RESUMED")
    assert moment.one("JOB", "RESUMED").value.process_instance_key == key
    complete_all(s)
    assert s.is_empty()


def test_what_a_worker_has_is_not_taken_from_it_until_the_resumption(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *one_job())
    (job,) = activate(s)
    suspend(s, key)
    for refused in (complete(s, job), fail(s, job), throw(s, job, "oops")):
        refused.rejected(INVALID_STATE, f"process instance {key} is suspended; resume it first")
    update(s, job, retries=5, timeout=10_000).accepted()
    resume(s, key).none("JOB")
    complete(s, job).accepted().has("p COMPLETED")


def test_a_job_that_times_out_or_backs_off_meanwhile_waits(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *one_job())
    (job,) = activate(s, timeout=1_000)
    suspend(s, key)
    s.advance(2_000).has("JOB TIMED_OUT")
    assert activate(s) == []
    resume(s, key)
    (job,) = activate(s)
    fail(s, job, retries=2, backoff=1_000).accepted()
    suspend(s, key)
    s.advance(2_000).has("JOB RECURRED_AFTER_BACKOFF")
    assert activate(s) == []
    resume(s, key).has("JOB RESUMED")
    complete_all(s)
    assert s.is_empty()


def test_very_many_held_jobs_are_taken_out_and_released_in_bounded_steps(scenario: MakeScenario) -> None:
    count = 2 * RELEASED_PER_WORK + 50
    s = scenario(settings={"step_effects_max": 60})
    s.deploy(m.one_task())
    many = [s.create("one") for _ in range(count)]
    for key in many:
        suspend(s, key)
    last = s.create("one")
    moment = s.when(activation(limit=100))
    assert len(moment.all("JOB", "SUSPENDED")) == 100
    assert moment.one("JOB_BATCH", "ACTIVATED").value.truncated
    assert s.when(activation(limit=100)).one("JOB_BATCH", "ACTIVATED").value.truncated
    job = s.when(activation(limit=100)).one("JOB", "ACTIVATED")
    assert job.value.process_instance_key == last
    complete(s, job.key)
    for key in many:
        resume(s, key).one("JOB", "RESUMED")
    complete_all(s)
    assert s.is_empty()


def test_a_large_instance_releases_over_several_steps(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 50})
    items = ", ".join(map(str, range(2 * RELEASED_PER_WORK)))
    s.deploy(m.model(m.process("p", m.start(), m.multi(m.job("task")), m.end(), m.chain("start", "task", "end"))))
    key = s.create("p", f'{{"items": [{items}]}}')
    suspend(s, key)
    assert activate(s) == []
    resume(s, key).accepted()
    assert len(s.everything().all("JOB", "RESUMED")) == 2 * RELEASED_PER_WORK
    assert max(r.step.step_count for r in s.everything().all("JOB", "RESUMED")) < 200
    s.cancel(key)
    assert s.is_empty()


def test_a_timer_that_is_due_meanwhile_fires_at_the_resumption(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *waiting(m.timer("PT10S")))
    suspend(s, key)
    s.advance(HOUR).has("TIMER SUSPENDED").none("TIMER", "TRIGGERED")
    s.advance(HOUR).none("TIMER")
    resume(s, key).has("TIMER RESUMED")
    s.advance(1).has("TIMER TRIGGERED", "p COMPLETED")
    assert s.is_empty()


def test_a_timer_that_is_not_due_yet_is_not_touched(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *waiting(m.timer("PT10S")))
    suspend(s, key)
    resume(s, key).none("TIMER")
    s.advance(10_000).has("TIMER TRIGGERED", "p COMPLETED")


def test_a_message_with_time_comes_after_the_resumption(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *waiting(m.message()), partitions=3)
    suspend(s, key)
    publish(s, variables='{"x": 1}', time_to_live=HOUR).accepted().has("PROCESS_MESSAGE_SUBSCRIPTION REJECTED")
    publish(s, variables='{"x": 2}', time_to_live=HOUR).accepted()
    moment = resume(s, key).has("PROCESS_MESSAGE_SUBSCRIPTION DELETED", "PROCESS_MESSAGE_SUBSCRIPTION CREATED")
    moment.has("p COMPLETED")
    assert moment.variables() == {"x": "1"}
    s.advance(HOUR)
    assert s.is_empty()


def test_a_message_without_time_is_missed(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *waiting(m.message()))
    suspend(s, key)
    publish(s).accepted()
    correlate(s).rejected(NOT_FOUND)
    resume(s, key).none("PROCESS_INSTANCE", "ELEMENT_COMPLETED")
    publish(s).accepted().has("p COMPLETED")
    assert s.is_empty()


def test_another_instance_gets_the_message_meanwhile(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *waiting(m.message()))
    other = s.create("p", '{"key": "k"}')
    suspend(s, key)
    assert publish(s).one("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p").key == other


def test_a_signal_is_missed(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *waiting(SIGNAL_A))
    suspend(s, key)
    broadcast(s).accepted().none("PROCESS_INSTANCE")
    resume(s, key).none("PROCESS_INSTANCE", "ELEMENT_COMPLETED")
    broadcast(s).has("p COMPLETED")


def test_a_user_task_stands_still(scenario: MakeScenario) -> None:
    ask = m.element("userTask", "ask", extensions=("<zeebe:userTask />",))
    s, key = begin(scenario, m.start(), ask, m.end(), m.chain("start", "ask", "end"))
    task = s.everything().one("USER_TASK", "CREATED").key
    suspend(s, key)
    for refused in (assign(s, task, "ann"), claim(s, task, "ann"), update_user_task(s, task, "priority", priority=1)):
        refused.rejected(INVALID_STATE, "resume it first")
    complete_user_task(s, task).rejected(INVALID_STATE, "resume it first")
    resume(s, key)
    complete_user_task(s, task).has("p COMPLETED")


def test_nothing_begins_in_an_ad_hoc_sub_process(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.start(), m.ad_hoc("sub", m.job("task")), m.end(), m.chain("start", "sub", "end"))
    sub = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="sub").key
    suspend(s, key)
    begin_inside(s, sub, "task").rejected(INVALID_STATE, "resume it first")
    resume(s, key)
    begin_inside(s, sub, "task").accepted()


def test_a_called_instance_goes_on_and_its_caller_follows_at_the_resumption(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(
        m.one_task("called"),
        m.model(m.process("p", m.start(), m.call("call", "called"), m.end(), m.chain("start", "call", "end"))),
    )
    key = s.create("p")
    suspend(s, key)
    complete_all(s)
    moment = s.everything().has("called COMPLETED")
    moment.none("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p")
    resume(s, key).has("call COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_called_instance_alone_is_suspended(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(
        m.one_task("called"),
        m.model(m.process("p", m.start(), m.call("call", "called"), m.end(), m.chain("start", "call", "end"))),
    )
    key = s.create("p")
    called = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="called").key
    suspend(s, called).accepted()
    assert activate(s) == []
    s.cancel(key).has("called TERMINATED", "p TERMINATED")
    assert s.is_empty()


def test_an_incident_can_be_resolved_and_what_follows_waits(scenario: MakeScenario) -> None:
    fork = (m.exclusive("fork"), m.flow("fork", "end", "=a = 1"))
    s, key = begin(scenario, m.start(), *fork, m.end(), m.chain("start", "fork"))
    incident = s.everything().one("INCIDENT", "CREATED").key
    suspend(s, key)
    set_variables(s, key, '{"a": 1}').accepted()
    resolve(s, incident).accepted().none("PROCESS_INSTANCE", "ELEMENT_COMPLETED")
    resume(s, key).has("fork COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("held", ["job", "timer", "message", "nothing"])
def test_a_suspended_instance_can_be_canceled(scenario: MakeScenario, held: str) -> None:
    parts = {"job": one_job(), "timer": waiting(m.timer("PT10S")), "message": waiting(m.message())}
    s, key = begin(scenario, *parts.get(held, one_job()), partitions=2)
    suspend(s, key)
    meet: dict[str, Callable[[], object]] = {
        "job": lambda: activate(s),
        "timer": lambda: s.advance(HOUR),
        "message": lambda: publish(s),
    }
    meet.get(held, lambda: None)()
    s.cancel(key).accepted().has("p TERMINATED")
    assert s.is_empty()


def test_an_instance_in_the_middle_of_its_work_stands_still_there(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 20})
    names = [f"t{index}" for index in range(30)]
    s.deploy(m.straight("p", *map(m.task, names), names=names))
    s.send(creation("p"))
    while not s.everything().all("PROCESS_INSTANCE_CONTINUATION", "PAUSED"):
        s.one()
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    suspend(s, key).none("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="p")
    s.advance(HOUR).none("PROCESS_INSTANCE")
    resume(s, key).has("t29 COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_cannot_be_suspended_or_resumed_is_refused(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *one_job())
    resume(s, key).rejected(INVALID_STATE, "is not suspended")
    suspend(s, key).accepted()
    suspend(s, key).rejected(INVALID_STATE, "is suspended already")
    resume(s, key + 1_000).rejected(NOT_FOUND, "expected a running process instance")
    suspend(s, key + 1_000).rejected(NOT_FOUND, "expected a running process instance")


def test_suspended_again_before_all_is_released(scenario: MakeScenario) -> None:
    s, key = begin(scenario, *waiting(m.timer("PT10S")))
    suspend(s, key)
    s.advance(HOUR)
    resume(s, key).has("TIMER RESUMED")
    suspend(s, key)
    s.advance(1).has("TIMER SUSPENDED")
    resume(s, key)
    s.advance(1).has("p COMPLETED")
    assert s.is_empty()
