"""Calls and what comes in between: pauses on either side, ends that meet, and large trees."""

from __future__ import annotations

import pytest

from engine.records import Job, ProcessInstance, VariableDocument
from tests.support import models as m
from tests.support.actions import (
    RESOLVE,
    activate,
    batch,
    complete,
    complete_all,
    creation,
    fail,
    resolve,
    set_variables,
)
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

TEN_SECONDS = m.timer("PT10S")


def calling(process_id: str, called: str, *parts: str) -> bytes:
    process = m.process(process_id, m.start(), m.call("call", called), m.end(), m.chain("start", "call", "end"), *parts)
    return m.model(process)


def late_call(scenario: MakeScenario, **settings: object) -> tuple[Scenario, int]:
    """`p` calls `one`, which waits for a job; a timer interrupts the call."""
    s = scenario(settings=settings)
    escalated = (m.boundary_event("late", "call", TEN_SECONDS), m.end("escalated"), m.chain("late", "escalated"))
    s.deploy(calling("p", "one", *escalated), m.one_task())
    return s, s.create("p")


def steps(s: Scenario, count: int) -> None:
    for _ in range(count):
        assert s.step(1)


def cancel(s: Scenario, key: int) -> None:
    s.send(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key))


def test_canceled_before_the_called_instance_has_begun(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(calling("p", "one"), m.one_task())
    s.send(creation("p"), 1)
    steps(s, 1)
    (key,) = [r.key for r in s.everything().all("PROCESS_INSTANCE_CREATION", "CREATED")]
    # the commands of users come first when the last one was internal
    cancel(s, key)
    s.step(1)
    s.drain()
    s.everything().has("p TERMINATED")
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("before", range(8))
def test_the_called_instance_completes_while_its_caller_is_canceled(scenario: MakeScenario, before: int) -> None:
    """The cancellation comes after so many steps since the last job was completed, or just before that."""
    s, key = late_call(scenario, step_effects_max=3, continuation_rounds_max=1000)
    (job,) = activate(s)
    if before == 0:
        cancel(s, key)
    s.send(make("JOB", "COMPLETE", Job(variables='{"x": 1}'), job))
    for _ in range(before):
        s.step(1)
    if before:
        cancel(s, key)
    s.drain()
    flow = s.everything().flow()
    assert flow.count("p TERMINATED") + flow.count("p COMPLETED") == 1
    assert flow.count("one TERMINATED") + flow.count("one COMPLETED") == 1
    assert flow.count("call TERMINATED") + flow.count("call COMPLETED") == 1
    s.everything().none("INCIDENT")
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("before", range(8))
@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_a_timer_interrupts_the_call_while_the_called_instance_completes(
    scenario: MakeScenario, before: int, limit: int
) -> None:
    s, key = late_call(scenario, step_effects_max=limit, continuation_rounds_max=1000)
    (job,) = activate(s)
    s.now += 10_000
    s.send(make("JOB", "COMPLETE", Job(variables='{"x": 1}'), job))
    for _ in range(before):
        s.step(1)
    s.flush(1)
    s.tick(1)
    s.drain()
    flow = s.everything().flow()
    completed = flow.count("call COMPLETED")
    assert completed + flow.count("late COMPLETED") == 1
    assert completed == flow.count("one COMPLETED") == len(s.everything().all("VARIABLE", scope_key=key))
    assert flow[-1] == "p COMPLETED"
    s.everything().none("INCIDENT")
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("limit", [1, 2, 5, 8])
def test_both_sides_pause(scenario: MakeScenario, limit: int) -> None:
    s = scenario(settings={"step_effects_max": limit, "continuation_rounds_max": 1000})
    names = [f"t{index}" for index in range(5)]
    body = (m.start(), m.parallel("fork"), *map(m.task, names), m.call("call", "one"), m.end())
    whole = m.process("p", *body, m.chain("start", "fork", "call", "end"), m.chain("fork", *names, "end"))
    one = m.straight("one", *map(m.task, names), names=names)
    s.deploy(m.model(whole), one)
    s.create("p")
    s.everything().has("one COMPLETED", "call COMPLETED", "p COMPLETED").accepted()
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("limit", [1, 3, 10, 1000])
def test_a_job_beside_is_completed_while_the_call_ends(scenario: MakeScenario, limit: int) -> None:
    """What waits for the end of a called instance does not hold up other tokens of the caller for ever."""
    s = scenario(settings={"step_effects_max": limit, "continuation_rounds_max": 1000})
    late = (m.boundary_event("late", "call", TEN_SECONDS), m.end("escalated"), m.chain("late", "escalated"))
    body = (m.start(), m.parallel("fork"), m.job("beside", "beside"), m.call("call", "one"), m.end(), *late)
    flows = (m.chain("start", "fork", "call", "end"), m.chain("fork", "beside", "end"))
    s.deploy(m.model(m.process("p", *body, *flows)), m.fan("one", 5))
    s.create("p")
    (job,) = activate(s, "beside")
    s.now += 10_000
    s.tick(1)
    steps(s, 1)
    s.send(make("JOB", "COMPLETE", Job(), job))
    s.drain()
    s.everything().has("beside COMPLETED")
    s.everything().has("one TERMINATED", "call TERMINATED", "late COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_an_instance_is_canceled_while_it_waits_for_the_end_of_a_call(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 10, "continuation_rounds_max": 1000})
    escalated = (m.boundary_event("late", "call", TEN_SECONDS), m.end("escalated"), m.chain("late", "escalated"))
    s.deploy(calling("p", "one", *escalated), m.fan("one", 20))
    key = s.create("p")
    s.now += 10_000
    s.tick(1)
    steps(s, 2)
    s.flush(1)
    assert s.rows()["PAUSES"] >= 1
    cancel(s, key)
    s.drain()
    flow = s.everything().accepted().flow()
    assert flow[-3:] == ["one TERMINATED", "call TERMINATED", "p TERMINATED"]
    assert "late ACTIVATING" not in flow
    assert s.is_empty(), s.rows()


def test_variables_change_while_the_call_begins(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(calling("p", "one"), m.one_task())
    s.send(creation("p", '{"a": 1}'), 1)
    steps(s, 1)
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    s.send(make("VARIABLE_DOCUMENT", "UPDATE", VariableDocument(scope_key=key, variables='{"a": 2}'), key))
    s.drain()
    (job,) = activate(s)
    complete(s, job).has("p COMPLETED")
    assert s.is_empty()


def deploy_tree(s: Scenario, width: int) -> None:
    """`root` calls `middle` `width` times, which calls `leaf`, which waits for a job."""
    names = [f"call{index}" for index in range(width)]
    calls = "".join(m.call(name, "middle") + m.chain("fork", name) for name in names)
    root = m.process("root", m.start(), m.parallel("fork"), m.chain("start", "fork"), calls)
    s.deploy(m.model(root), calling("middle", "leaf"), m.one_task("leaf"))


@pytest.mark.parametrize("width", [1, 3, 100, 250])
def test_a_wide_tree_is_canceled_to_its_leaves_in_bounded_steps(scenario: MakeScenario, width: int) -> None:
    s = scenario(settings={"step_effects_max": 200})
    deploy_tree(s, width)
    key = s.create("root")
    assert s.rows()["JOBS"] == width
    moment = s.cancel(key).accepted()
    assert moment.flow()[-1] == "root TERMINATED"
    assert len(moment.all("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="leaf")) == width
    assert max(r.step.step_count for r in moment.records) < 220
    assert len(moment.all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")) < 4 + 3 * width
    assert s.is_empty(), s.rows()


def test_a_batch_cancels_trees_and_an_item_is_done_when_its_whole_tree_is_gone(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 50})
    deploy_tree(s, 5)
    roots = [s.create("root") for _ in range(3)]
    moment = s.when(batch(filter_text="", item_keys=tuple(roots)), 1).accepted()
    for root in roots:
        places = [
            r.position for r in moment.all("PROCESS_INSTANCE", "ELEMENT_TERMINATED", root_process_instance_key=root)
        ]
        done = moment.one("BATCH_OPERATION_ITEM", "COMPLETED", process_instance_key=root)
        assert len(places) == 5 * 5 + 1
        assert done.position > max(places)
    assert s.is_empty(), s.rows()


def test_a_tree_as_deep_as_is_allowed_ends_bottom_up(scenario: MakeScenario) -> None:
    s = scenario(group_size=50)
    s.deploy(calling("p", "p"))
    key = s.create("p")
    assert len(s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="p")) == 1000
    moment = s.cancel(key).accepted()
    ended = [r.key for r in moment.all("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="p")]
    assert ended == sorted(ended, reverse=True)
    assert len(ended) == 1000
    assert s.is_empty(), s.rows()


def test_a_tree_that_branches_for_ever_can_be_canceled(scenario: MakeScenario) -> None:
    s = scenario()
    parts = (m.start(), m.call("one", "p"), m.call("two", "p"), m.chain("start", "one"), m.chain("start", "two"))
    s.deploy(m.model(m.process("p", *parts)))
    s.send(creation("p"), 1)
    steps(s, 100)
    s.flush(1)
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    before = s.rows()["ELEMENT_INSTANCES"]
    cancel(s, key)
    s.drain()
    begun = s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING")
    assert before > 100
    assert len(begun) < 4 * before
    assert s.is_empty(), s.rows()


# what does not fit

#: Together they are more than a step can hold.
LARGE = [f'{{"v{number}": "{"x" * 4_000_000}"}}' for number in range(9)]


def make_smaller(s: Scenario, scope: int) -> None:
    for number in range(len(LARGE)):
        set_variables(s, scope, f'{{"v{number}": 0}}').accepted()


def test_variables_that_do_not_fit_into_a_call_set_it_aside(scenario: MakeScenario) -> None:
    s = scenario()
    parts = (m.start(), m.job("first", "first"), m.call("call", "one"), m.chain("start", "first", "call"))
    s.deploy(m.model(m.process("p", *parts)), m.one_task())
    key = s.create("p")
    for large in LARGE:
        set_variables(s, key, large).accepted()
    (first,) = s.everything().all("JOB", "CREATED")
    moment = complete(s, first.key)
    moment.rejected("EXCEEDED_LIMIT")
    incident = moment.one("INCIDENT", "CREATED", error_type="UNKNOWN", element_id="call")
    make_smaller(s, key)
    resolve(s, incident.key).accepted().has("call ACTIVATED", "one ACTIVATED")
    complete_all(s)
    assert s.is_empty(), s.rows()


def test_variables_that_do_not_fit_on_the_way_back_set_the_called_instance_aside(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(calling("p", "one"), m.one_task())
    s.create("p")
    child = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="one").key
    for large in LARGE:
        set_variables(s, child, large).accepted()
    (job,) = s.everything().all("JOB", "CREATED")
    moment = complete(s, job.key)
    moment.rejected("EXCEEDED_LIMIT")
    incident = moment.one("INCIDENT", "CREATED", error_type="UNKNOWN", process_instance_key=child)
    make_smaller(s, child)
    resolve(s, incident.key).accepted().has("one COMPLETED", "call COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_a_batch_resolves_the_incidents_of_called_instances(scenario: MakeScenario) -> None:
    s = scenario()
    deploy_tree(s, 4)
    s.create("root")
    for job in activate(s):
        fail(s, job).accepted()
    incidents = [r.key for r in s.everything().all("INCIDENT", "CREATED")]
    moment = s.when(batch(RESOLVE, filter_text="", item_keys=tuple(incidents)), 1).accepted()
    assert len(moment.all("BATCH_OPERATION_ITEM", "COMPLETED")) == 4
    complete_all(s)
    assert s.is_empty(), s.rows()
