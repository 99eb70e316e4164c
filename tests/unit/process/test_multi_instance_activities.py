"""Multi-instance markers on every kind of activity, and what ends or interrupts them."""

from __future__ import annotations

import json

import pytest

from tests.support import models as m
from tests.support.actions import (
    CANCEL,
    RESOLVE,
    activate,
    batch,
    complete,
    complete_all,
    complete_user_task,
    creation,
    end_after,
    fail,
    publish,
    resolve,
    set_variables,
    throw,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

COLLECTS = {"inputElement": "item", "outputCollection": "outs", "outputElement": "=result"}
TEN_SECONDS = m.timer("PT10S")
THREE = '{"items": ["a", "b", "c"]}'


def begin(
    scenario: MakeScenario, activity: str, *parts: str, variables: str = THREE, **settings: object
) -> tuple[Scenario, int]:
    """start, the activity `each`, end."""
    s = scenario(settings=settings)
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"), *parts)))
    return s, s.create("p", variables)


def variable(s: Scenario, name: str, scope_key: int) -> object:
    found = s.everything().all("VARIABLE", name=name, scope_key=scope_key)
    return json.loads(found[-1].value.value) if found else None


def count(s: Scenario, line: str) -> int:
    return s.everything().flow().count(line)


def in_sub_process(*parts: str) -> str:
    """A sub-process `each` for every item, with a job `work` in it."""
    return m.multi(
        m.sub_process("each", m.start("s"), m.job("work"), m.end("e"), m.chain("s", "work", "e"), *parts), **COLLECTS
    )


# kinds of activities


@pytest.mark.parametrize("sequential", [False, True])
def test_tasks_that_are_passed_at_once(scenario: MakeScenario, sequential: bool) -> None:
    for activity in (m.task("each"), m.element("manualTask", "each"), m.script("each", "=item", "result")):
        s, _ = begin(scenario, m.multi(activity, inputElement="item", sequential=sequential))
        assert count(s, "each COMPLETED") == 4
        assert count(s, "p COMPLETED") == 1
        assert s.is_empty(), s.rows()


def test_a_user_task_for_each_item(scenario: MakeScenario) -> None:
    assigned = '<zeebe:userTask /><zeebe:assignmentDefinition assignee="=item" />'
    s, key = begin(scenario, m.multi(m.element("userTask", "each", extensions=(assigned,)), **COLLECTS))
    tasks = s.everything().all("USER_TASK", "CREATED")
    assert [task.value.assignee for task in tasks] == ["a", "b", "c"]
    for task in tasks:
        complete_user_task(s, task.key, json.dumps({"result": task.value.assignee * 2})).accepted()
    assert variable(s, "outs", key) == ["aa", "bb", "cc"]
    assert s.is_empty(), s.rows()


def test_a_receive_task_for_each_item_waits_for_its_own_message(scenario: MakeScenario) -> None:
    # the correlation key of the message is the variable `key`
    loop = {"inputElement": "key", "outputCollection": "outs", "outputElement": "=result"}
    s, key = begin(scenario, m.multi(m.receive("each"), **loop))
    for item in ("c", "a", "b"):
        publish(s, "a", item, json.dumps({"result": f"for {item}"})).accepted()
    assert variable(s, "outs", key) == ["for a", "for b", "for c"]
    assert s.is_empty(), s.rows()


def test_a_call_activity_for_each_item(scenario: MakeScenario) -> None:
    s = scenario()
    activity = m.multi(m.call("each", "one"), **COLLECTS)
    caller = m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))
    s.deploy(m.model(caller), m.one_task())
    key = s.create("p", THREE)
    jobs = activate(s)
    seen = [json.loads(job.value.variables)["item"] for job in s.everything().all("JOB", "ACTIVATED")]
    assert sorted(seen) == ["a", "b", "c"]
    for job, item in zip(jobs, seen, strict=True):
        complete(s, job, json.dumps({"result": item * 3})).accepted()
    assert variable(s, "outs", key) == ["aaa", "bbb", "ccc"]
    assert s.is_empty(), s.rows()


def test_what_is_called_for_each_item_is_canceled_with_the_tree(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 5, "continuation_rounds_max": 100})
    activity = m.multi(m.call("each", "one"), inputElement="item")
    s.deploy(
        m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))),
        m.one_task(),
    )
    key = s.create("p", json.dumps({"items": list(range(30))}))
    assert len(activate(s)) == 30
    s.cancel(key).has("p TERMINATED")
    assert count(s, "one TERMINATED") == 30
    assert s.is_empty(), s.rows()


def test_a_sub_process_for_each_item_has_variables_of_its_own(scenario: MakeScenario) -> None:
    s, key = begin(scenario, in_sub_process())
    for job in reversed(activate(s)):
        item = next(r for r in s.everything().all("JOB", "ACTIVATED") if r.key == job)
        complete(s, job, json.dumps({"result": json.loads(item.value.variables)["item"] + "!"})).accepted()
    assert variable(s, "outs", key) == ["a!", "b!", "c!"]
    assert variable(s, "result", key) is None
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize(("outer", "inner"), [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("limit", [4, 1000])
def test_bodies_in_bodies(scenario: MakeScenario, outer: bool, inner: bool, limit: int) -> None:
    sums = {"inputElement": "x", "outputCollection": "row", "outputElement": "=result"}
    task = m.multi(m.script("task", "=x + loopCounter", "result"), "=item", **sums, sequential=inner)
    sub = m.sub_process("each", m.start("s"), task, m.end("e"), m.chain("s", "task", "e"))
    loop = {"inputElement": "item", "outputCollection": "outs", "outputElement": "=row"}
    activity = m.multi(sub, **loop, sequential=outer)
    s, key = begin(scenario, activity, variables='{"items": [[1, 2], [], [5]]}', step_effects_max=limit)
    assert variable(s, "outs", key) == [[2, 4], [], [6]]
    assert variable(s, "row", key) is None
    assert s.is_empty(), s.rows()


# what ends them


@pytest.mark.parametrize("limit", [3, 1000])
def test_an_interrupting_boundary_event_ends_the_body_and_all_in_it(scenario: MakeScenario, limit: int) -> None:
    late = m.boundary_event("late", "each", TEN_SECONDS) + m.end("given-up") + m.chain("late", "given-up")
    s, _ = begin(scenario, m.multi(m.job("each"), **COLLECTS), late, step_effects_max=limit)
    assert s.due_count() == 1
    first, *_ = activate(s)
    complete(s, first, '{"result": 1}').accepted()
    s.advance(10_000).has("each TERMINATING", "each TERMINATED", "late COMPLETED", "given-up COMPLETED", "p COMPLETED")
    assert (count(s, "each COMPLETED"), count(s, "each TERMINATED")) == (1, 3)
    assert s.is_empty(), s.rows()


def test_a_boundary_event_that_does_not_interrupt_is_beside_the_body(scenario: MakeScenario) -> None:
    late = m.boundary_event("late", "each", TEN_SECONDS, cancelActivity="false")
    beside = late + m.job("remind", "remind") + m.chain("late", "remind")
    s, _ = begin(scenario, m.multi(m.job("each")), beside)
    s.advance(10_000).has("TIMER TRIGGERED", "remind ACTIVATED")
    complete_all(s)
    assert count(s, "p COMPLETED") == 0
    complete_all(s, "remind")
    assert count(s, "p COMPLETED") == 1
    assert s.is_empty(), s.rows()


def test_a_message_and_a_signal_boundary_event_are_waited_for_once(scenario: MakeScenario) -> None:
    message = m.boundary_event("told", "each", m.message()) + m.end("over") + m.chain("told", "over")
    s, _ = begin(scenario, m.multi(m.job("each")), message, variables='{"items": [1, 2], "key": "k"}')
    assert len(s.everything().all("PROCESS_MESSAGE_SUBSCRIPTION", "CREATED")) == 1
    publish(s).has("each TERMINATED", "told COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_an_error_of_one_instance_is_caught_at_the_border_of_the_body(scenario: MakeScenario) -> None:
    failed = m.boundary("failed", "each", "error-a") + m.end("handled") + m.chain("failed", "handled")
    s, _ = begin(scenario, m.multi(m.job("each")), failed)
    job, *_ = activate(s)
    throw(s, job, "A", '{"why": "x"}').has("each TERMINATED", "failed COMPLETED", "handled COMPLETED", "p COMPLETED")
    assert count(s, "each TERMINATED") == 4
    assert s.is_empty(), s.rows()


def test_an_error_inside_a_sub_process_is_caught_inside_first(scenario: MakeScenario) -> None:
    inside = m.boundary("inside", "work", "error-a") + m.end("mended") + m.chain("inside", "mended")
    outside = m.boundary("outside", "each", "error-b") + m.end("handled") + m.chain("outside", "handled")
    s, _ = begin(scenario, in_sub_process(inside), outside)
    one, two, _ = activate(s)
    assert "outside COMPLETED" not in throw(s, one, "A").has("inside COMPLETED", "mended COMPLETED").flow()
    throw(s, two, "B").has("each TERMINATED", "outside COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_an_escalation_of_each_sub_process_is_caught_at_the_border_of_the_body(scenario: MakeScenario) -> None:
    throws = m.throw("up", m.escalation("escalation-a"))
    each = m.sub_process("each", m.start("s"), throws, m.end("e"), m.chain("s", "up", "e"))
    caught = m.boundary_event("caught", "each", m.escalation("escalation-a"), cancelActivity="false")
    s, _ = begin(scenario, m.multi(each), caught + m.end("noted") + m.chain("caught", "noted"))
    assert (count(s, "noted COMPLETED"), count(s, "each COMPLETED"), count(s, "p COMPLETED")) == (3, 4, 1)
    assert s.is_empty(), s.rows()


def test_an_event_sub_process_inside_is_one_of_each_instance(scenario: MakeScenario) -> None:
    begun = m.start_event("begun", TEN_SECONDS)
    handler = m.handler("handler", begun, m.task("clean"), m.chain("begun", "clean"))
    s, _ = begin(scenario, in_sub_process(handler))
    assert s.due_count() == 3
    first, *_ = activate(s)
    complete(s, first).has("TIMER CANCELED", "each COMPLETED")
    s.advance(10_000).has("work TERMINATED", "handler COMPLETED", "p COMPLETED")
    assert (count(s, "handler COMPLETED"), count(s, "each COMPLETED")) == (2, 4)
    assert s.is_empty(), s.rows()


def test_an_event_sub_process_of_the_process_interrupts_the_body(scenario: MakeScenario) -> None:
    handler = m.handler("handler", m.start_event("begun", TEN_SECONDS), m.task("clean"), m.chain("begun", "clean"))
    s, _ = begin(scenario, m.multi(m.job("each"), **COLLECTS), handler)
    job, *_ = activate(s)
    complete(s, job, '{"result": 1}').accepted()
    s.advance(10_000).has("each TERMINATED", "handler COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_a_terminate_end_event_ends_its_own_instance_only(scenario: MakeScenario) -> None:
    inside = m.start("s") + m.parallel("fork") + m.job("work") + m.job("stop", "stop") + m.terminate("now")
    each = m.sub_process("each", inside, m.chain("s", "fork", "work"), m.chain("fork", "stop", "now"))
    s, _ = begin(scenario, m.multi(each))
    stop, *others = activate(s, "stop")
    complete(s, stop).has("now COMPLETED", "work TERMINATED", "each COMPLETED")
    assert (count(s, "each COMPLETED"), count(s, "p COMPLETED")) == (1, 0)
    for job in others:
        complete(s, job).accepted()
    assert count(s, "p COMPLETED") == 1
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("limit", [3, 20, 1000])
def test_the_instance_is_canceled(scenario: MakeScenario, limit: int) -> None:
    variables = json.dumps({"items": list(range(150))})
    activity = m.multi(m.job("each"), **COLLECTS)
    s, key = begin(scenario, activity, variables=variables, step_effects_max=limit, continuation_rounds_max=1000)
    for job in activate(s, limit=60):
        complete(s, job, '{"result": 1}').accepted()
    s.cancel(key).has("p TERMINATING", "each TERMINATED", "p TERMINATED")
    assert s.is_empty(), s.rows()


def test_the_instance_is_canceled_before_all_have_begun(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 10})
    activity = m.multi(m.job("each"), inputElement="item")
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
    s.send(creation("p", json.dumps({"items": list(range(5000))})), 1)
    s.step(1)
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    s.cancel(key).has("p TERMINATED")
    assert len(s.everything().all("JOB", "CREATED")) < 50
    assert s.is_empty(), s.rows()


def test_the_instance_ends_after_the_activity_not_after_one_of_its_instances(scenario: MakeScenario) -> None:
    s = scenario()
    activity = m.multi(m.job("each"))
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
    s.when(creation("p", THREE, runtime_instructions=end_after("each")), 1).accepted()
    jobs = activate(s)
    for job in jobs[:-1]:
        assert "p TERMINATED" not in complete(s, job).flow()
    assert "end ACTIVATED" not in complete(s, jobs[-1]).has("each COMPLETED", "p TERMINATED").flow()
    assert s.is_empty(), s.rows()


# where they begin


def test_an_instance_started_before_the_activity_begins_its_body(scenario: MakeScenario) -> None:
    s = scenario()
    activity = m.multi(m.job("each"))
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
    s.when(creation("p", THREE, start=("each",)), 1).accepted()
    assert len(activate(s)) == 3
    assert count(s, "start ACTIVATED") == 0


def test_an_instance_cannot_be_started_inside_a_body(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(m.process("p", m.start(), in_sub_process(), m.end(), m.chain("start", "each", "end"))))
    moment = s.when(creation("p", THREE, start=("work",)), 1)
    moment.rejected("INVALID_ARGUMENT", "got 'work' in 'each'; start before that")


# batch operations


def test_batches_resolve_the_incidents_of_instances_and_cancel(scenario: MakeScenario) -> None:
    s, _ = begin(scenario, m.multi(m.job("each")))
    for job in activate(s):
        fail(s, job).one("INCIDENT", "CREATED")
    moment = s.when(batch(RESOLVE), 1)
    assert len(moment.all("INCIDENT", "RESOLVED")) == 3
    complete(s, *activate(s, limit=1)).accepted()
    s.when(batch(CANCEL), 1).has("each TERMINATED", "p TERMINATED")
    assert not s.rows().keys() & {"ELEMENT_INSTANCES", "MULTI_INSTANCES", "MULTI_INSTANCE_OUTPUTS", "JOBS"}


def test_incidents_of_the_body_end_with_it(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.multi(m.job("each")), variables="{}")
    incident = s.everything().one("INCIDENT", "CREATED").key
    s.cancel(key).has("INCIDENT RESOLVED", "p TERMINATED")
    resolve(s, incident).rejected("NOT_FOUND")
    assert s.is_empty(), s.rows()


# beside other elements


def test_a_sub_process_for_each_item_inside_an_ad_hoc_sub_process(scenario: MakeScenario) -> None:
    inner = m.multi(m.job("inner"), inputElement="item")
    s, _ = begin(scenario, m.ad_hoc("each", inner, m.task("other"), active='=["inner"]'))
    jobs = activate(s)
    assert len(jobs) == 3
    for job in jobs:
        complete(s, job).accepted()
    s.everything().has("inner COMPLETED", "each COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_an_inclusive_gateway_waits_until_the_last_instance_is_done(scenario: MakeScenario) -> None:
    each = m.multi(m.job("each"), inputElement="item")
    parts = m.start() + m.inclusive("fork") + each + m.task("short") + m.inclusive("join") + m.end()
    flows = m.chain("start", "fork") + m.chain("each", "join", "end") + m.chain("short", "join")
    flows += m.flow("fork", "each", "=true") + m.flow("fork", "short", "=true")
    s = scenario()
    s.deploy(m.model(m.process("p", parts, flows)))
    s.create("p", THREE)
    jobs = activate(s)
    for job in jobs:
        assert count(s, "join ACTIVATED") == 0
        complete(s, job).accepted()
    assert (count(s, "join ACTIVATED"), count(s, "p COMPLETED")) == (1, 1)
    assert s.is_empty(), s.rows()


def test_a_token_that_comes_again_begins_another_body(scenario: MakeScenario) -> None:
    each = m.multi(m.script("each", "=item", "result"), **COLLECTS)
    turn = m.script("count", "=if n = null then 1 else n + 1", "n")
    flows = m.chain("start", "merge", "each", "count", "again") + m.flow("again", "merge", "=n < 3")
    parts = m.start() + m.exclusive("merge") + each + turn + m.exclusive("again", "again_end") + m.end()
    s = scenario()
    s.deploy(m.model(m.process("p", parts, flows, m.flow("again", "end"))))
    s.create("p", THREE)
    assert (count(s, "each COMPLETED"), count(s, "p COMPLETED")) == (12, 1)
    assert s.is_empty(), s.rows()


def test_incidents_resolved_while_the_rest_is_still_to_begin(scenario: MakeScenario) -> None:
    """An instance of the engine that is paused gets commands about the instances that have begun."""
    s = scenario(settings={"step_effects_max": 6})
    task = m.job("each", "work", m.mapping([('=assert(x, x != null, "x")', "y")]))
    activity = m.multi(task, inputElement="item")
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
    s.send(creation("p", json.dumps({"items": list(range(10))})), 1)
    s.step(1)
    s.step(1)
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    first, *_ = s.everything().all("INCIDENT", "CREATED")
    set_variables(s, key, '{"x": 1}').accepted()
    incidents = s.everything().all("INCIDENT", "CREATED")
    assert first.key == incidents[0].key
    for incident in incidents:
        resolve(s, incident.key).accepted()
    complete_all(s)
    s.everything().has("p COMPLETED")
    assert count(s, "each COMPLETED") == 11
    assert s.is_empty(), s.rows()
