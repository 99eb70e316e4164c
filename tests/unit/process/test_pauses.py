"""Bounded steps: what does not fit is paused and goes on later, with others in between (design law 11)."""

from __future__ import annotations

import pytest

from engine.core.record import Record
from engine.records import Job, ProcessInstance, ProcessInstanceCreation
from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, resolve, set_variables
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

SMALL = {"step_effects_max": 20}


def largest_step(s: Scenario) -> int:
    return max(r.step.step_count for r in s.everything().records)


def test_a_long_process_spans_steps(scenario: MakeScenario) -> None:
    s = scenario(settings=SMALL)
    names = [f"t{index}" for index in range(30)]
    s.deploy(m.straight("p", *map(m.task, names), names=names))
    s.create("p")
    s.everything().has(*(f"{name} COMPLETED" for name in names), "p COMPLETED").accepted()
    assert len(s.everything().all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")) > 5
    s.everything().none("INCIDENT")
    assert s.is_empty()


def creation(process_id: str, variables: str = "") -> Record:
    wish = ProcessInstanceCreation(bpmn_process_id=process_id, variables=variables)
    return make("PROCESS_INSTANCE_CREATION", "CREATE", wish)


LOOPS = [
    # a token more with every turn
    ((m.flow("turn", "merge", name="twice"),), ()),
    ((), ()),
    ((m.script("s", "=if n = null then 1 else n + 1", "n"),), ("s",)),
    ((m.task("a"), m.task("b")), ("a", "b")),
    ((m.parallel("f"), m.task("a")), ("f", "a")),
    ((m.sub_process("sub", m.start("s1"), m.end("e1"), m.chain("s1", "e1")),), ("sub",)),
]


@pytest.mark.parametrize("limit", [20, 21, 22, 23, 24])
@pytest.mark.parametrize("loop", range(len(LOOPS)))
def test_a_loop_without_wait_state_ends_in_an_incident_and_can_go_on_or_be_canceled(
    scenario: MakeScenario, loop: int, limit: int
) -> None:
    s = scenario(settings={"step_effects_max": limit, "continuation_rounds_max": 5})
    parts, names = LOOPS[loop]
    s.deploy(m.endless("p", *parts, names=names))
    key = s.create("p")
    first = s.everything().one("INCIDENT", "CREATED", error_type="UNKNOWN")
    assert "wait state" in first.value.error_message
    assert largest_step(s) < limit + 15
    second = resolve(s, first.key).one("INCIDENT", "CREATED", error_type="UNKNOWN")
    s.cancel(key).has("p TERMINATED").one("INCIDENT", "RESOLVED")
    resolve(s, second.key).rejected("NOT_FOUND")
    assert s.is_empty()


def test_others_run_while_a_process_loops(scenario: MakeScenario) -> None:
    s = scenario(settings={**SMALL, "continuation_rounds_max": 50})
    s.deploy(m.endless("p"), m.one_task())
    s.send(creation("p"), 1)
    s.send(creation("one"), 1)
    for _ in range(4):
        s.step(1)
    assert "task ACTIVATED" in s.everything().flow()
    s.everything().none("INCIDENT")
    s.drain()


def test_cancel_while_paused(scenario: MakeScenario) -> None:
    s = scenario(settings={**SMALL, "continuation_rounds_max": 50})
    s.deploy(m.endless("p"))
    s.send(creation("p"), 1)
    s.step(1)
    s.step(1)
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    moment = s.cancel(key)
    moment.has("p TERMINATED")
    moment.rejected("INVALID_STATE", "pause")
    moment.none("INCIDENT")
    assert s.is_empty()


def test_variables_can_be_set_while_paused_and_a_gateway_still_decides_once(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 7, "continuation_rounds_max": 1000})
    parts = m.start() + m.exclusive("merge") + m.exclusive("g") + m.end()
    parts += m.chain("start", "merge", "g") + m.flow("g", "merge", "=go") + m.flow("g", "end", "=go = false")
    s.deploy(m.model(m.process("p", parts)))
    s.send(creation("p", '{"go": true}'), 1)
    for _ in range(20):
        s.step(1)
    key = s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key
    moment = set_variables(s, key, '{"go": false}')
    moment.has("end COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_a_job_completed_while_paused_goes_on_with_the_rest(scenario: MakeScenario) -> None:
    s = scenario(settings={**SMALL, "continuation_rounds_max": 50})
    names = [f"t{index}" for index in range(40)]
    parts = m.start() + m.parallel("f") + m.job("j") + m.task("after") + m.end() + "".join(map(m.task, names))
    parts += m.chain("start", "f", "j", "after", "end") + m.chain("f", *names, "end")
    s.deploy(m.model(m.process("p", parts)))
    s.send(creation("p"), 1)
    s.step(1)

    job = s.everything().one("JOB", "CREATED").key
    s.send(make("JOB", "COMPLETE", Job(variables='{"x": 1}'), job))
    s.drain()
    s.everything().accepted().has("after COMPLETED", "p COMPLETED")
    assert s.everything().variables() == {"x": "1"}
    assert s.is_empty()


def test_an_instance_with_5000_elements_is_created_completed_and_canceled_in_steps(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.fan("p", 5000))
    first, second = s.create("p"), s.create("p")
    assert s.rows()["JOBS"] == 10_000
    moment = s.cancel(first)
    moment.has("p TERMINATING", "task0 TERMINATED", "task4999 TERMINATED", "p TERMINATED")
    assert len(moment.all("JOB", "CANCELED")) == 5000
    assert len({r.step.source_ordinal for r in moment.records}) > 10
    s.cancel(second)
    assert largest_step(s) < 7000
    s.everything().none("INCIDENT")
    assert s.is_empty()


def test_a_join_of_many_branches(scenario: MakeScenario) -> None:
    s = scenario(group_size=50)
    names = [f"t{index}" for index in range(2000)]
    parts = [
        m.start(),
        m.parallel("fork"),
        m.parallel("join"),
        m.end(),
        m.chain("start", "fork"),
        m.chain("join", "end"),
    ]
    parts += [m.task(name) + m.chain("fork", name, "join") for name in names]
    s.deploy(m.model(m.process("p", *parts)))
    s.create("p")
    s.everything().one("PROCESS_INSTANCE", "ELEMENT_COMPLETED", element_id="join")
    assert s.is_empty()


def test_a_second_cancel_while_the_first_goes_on(scenario: MakeScenario) -> None:

    s = scenario(settings=SMALL)
    s.deploy(m.fan("p", 30))
    key = s.create("p")
    jobs = activate(s, timeout=5)
    cancel = make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key)
    s.send(cancel)
    s.step(1)
    marks = s.marks()
    s.send(cancel)
    s.send(make("JOB", "COMPLETE", Job(), jobs[-1]))
    s.send(make("JOB", "THROW_ERROR", Job(error_code="A"), jobs[-2]))
    s.send(make("JOB", "FAIL", Job(), jobs[-3]))
    s.now += 5
    s.tick(1)
    s.drain()
    moment = s.since(marks)
    moment.rejected("INVALID_STATE", "being canceled")
    assert moment.flow()[-1] == "p TERMINATED"
    assert s.is_empty()


def test_the_end_of_a_large_scope_by_a_terminate_event(scenario: MakeScenario) -> None:
    s = scenario(settings=SMALL)
    inside = (
        m.start("s") + m.parallel("f") + m.job("stop", "stop") + m.terminate("now") + m.chain("s", "f", "stop", "now")
    )
    inside += "".join(m.job(f"j{i}") + m.chain("f", f"j{i}") for i in range(30))
    parts = m.start() + m.sub_process("sub", inside) + m.job("after", "after") + m.chain("start", "sub", "after")
    s.deploy(m.model(m.process("p", parts)))
    s.create("p")
    (key,) = activate(s, "stop")
    complete(s, key).has("now COMPLETED", "j29 TERMINATED", "sub COMPLETED", "after ACTIVATED")
    assert len(activate(s)) == 0
    complete_all(s, "after")
    assert s.is_empty()


def test_a_sub_process_that_ends_over_several_steps_can_be_canceled_with_its_instance(scenario: MakeScenario) -> None:
    s, instance, jobs = interrupted(scenario)
    s.send(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), instance))
    s.drain()
    assert s.everything().all("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="wide")
    assert s.is_empty(), s.rows()
    assert len(jobs) > 1


def test_a_second_error_out_of_a_sub_process_that_ends_is_not_caught_again(scenario: MakeScenario) -> None:
    s, _, jobs = interrupted(scenario)
    s.send(make("JOB", "THROW_ERROR", Job(error_code="OOPS"), jobs[-1]))
    s.drain()
    assert len(s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="caught")) == 1
    assert s.is_empty(), s.rows()


def interrupted(scenario: MakeScenario) -> tuple[Scenario, int, list[int]]:
    """A sub-process with many jobs, one of which has thrown what a boundary event catches; its end has just begun."""
    count = 12
    names = [f"task{index}" for index in range(count)]
    inside = [m.start("begin"), m.parallel("fork"), m.chain("begin", "fork")]
    inside += [m.job(name) + m.chain("fork", name) for name in names]
    wide = m.sub_process("wide", *inside) + m.boundary("caught", "wide", "oops")
    flows = m.chain("start", "wide", "end") + m.chain("caught", "saved")
    model = m.model(
        m.process("p", m.start(), wide, m.end(), m.end("saved"), flows), '<bpmn:error id="oops" errorCode="OOPS" />'
    )
    s = scenario(settings={"step_effects_max": 10, "continuation_rounds_max": 1000})
    s.deploy(model)
    instance = s.create("p")
    jobs = activate(s)
    s.send(make("JOB", "THROW_ERROR", Job(error_code="OOPS"), jobs[0]))
    s.step(1)
    s.flush(1)
    assert s.rows()["PAUSES"] == 1
    return s, instance, jobs
