"""What multi-instance activities cost: as much for each item, however many there are, and never one huge step."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from engine.core.record import Record
from engine.records import Job, ProcessInstance
from tests.support import models as m
from tests.support.actions import activate, activation, complete, creation, resolve
from tests.support.fixture import MakeScenario
from tests.support.scenario import CODEC, Scenario, make

COLLECTS = {"inputElement": "item", "outputCollection": "outs", "outputElement": "=result"}


def run(scenario: MakeScenario, activity: str, count: int, **settings: object) -> tuple[Scenario, int]:
    s = scenario(settings=settings, group_size=20)
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
    return s, s.create("p", json.dumps({"items": list(range(count))}))


def steps(s: Scenario) -> list[list[Record]]:
    """The records of each step after the first that are about the instance."""
    found: dict[tuple[str, int], list[Record]] = {}
    for record in s.everything().records:
        found.setdefault((record.step.source_input, record.step.source_ordinal), []).append(record)
    return list(found.values())


def records_by_kind(s: Scenario) -> Counter[str]:
    return Counter(f"{r.value_type} {r.intent}" for r in s.everything().records)


@pytest.mark.parametrize("sequential", [False, True])
def test_thousands_of_items_cost_the_same_each_and_no_step_is_large(scenario: MakeScenario, sequential: bool) -> None:
    activity = m.multi(m.script("each", "=item * 2", "result"), **COLLECTS, sequential=sequential)
    counts = {}
    for count in (1000, 3000):
        s, key = run(scenario, activity, count)
        s.everything().has("p COMPLETED").none("INCIDENT")
        assert s.is_empty(), s.rows()
        counts[count] = records_by_kind(s)
        assert max(map(len, steps(s))) < 1_100
        assert max(sum(len(CODEC.encode(r)) for r in step) for step in steps(s)) < 500_000
    assert counts[3000].total() <= 3 * counts[1000].total()
    outputs = s.everything().all("VARIABLE", "CREATED", name="outs", scope_key=key)
    assert json.loads(outputs[0].value.value) == [2 * item for item in range(3000)]


def test_a_pause_is_small_however_many_are_to_begin(scenario: MakeScenario) -> None:
    s, key = run(scenario, m.multi(m.job("each"), **COLLECTS), 3000)
    pauses = s.everything().all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")
    assert len(pauses) > 10
    assert max(len(pause.value.work) for pause in pauses) < 500
    s.cancel(key).has("p TERMINATED")
    assert max(map(len, steps(s))) < 1_100
    assert s.is_empty(), s.rows()


def test_work_that_comes_back_while_others_are_still_to_begin(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 50})
    activity = m.multi(m.job("each"), **COLLECTS)
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
    s.send(creation("p", json.dumps({"items": list(range(400))})), 1)
    done = 0
    while not all(s.partitions[1].next[name] == len(s.partitions[1].inputs[name]) for name in s.partitions[1].inputs):
        s.step(1)
        found = [r.key for r in s.everything().all("JOB", "CREATED")][done:]
        if found:
            s.send(activation(limit=len(found)))
            s.step(1)
            for key in found:
                s.send(completion(key, done))
                done += 1
    s.drain()
    s.everything().has("p COMPLETED")
    pauses = s.everything().all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")
    assert max(len(pause.value.work) for pause in pauses) < 3_000
    assert s.is_empty(), s.rows()


def test_outputs_are_discarded_once_whenever_the_instance_is_canceled(scenario: MakeScenario) -> None:
    activity = m.multi(m.script("each", "=item", "result"), **COLLECTS)
    discarded = []
    for number in range(1, 20):
        s = scenario(settings={"step_effects_max": 5})
        s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
        s.send(creation("p", '{"items": [1, 2]}'), 1)
        for _ in range(number):
            s.step(1)
        key = s.everything().all("PROCESS_INSTANCE_CREATION", "CREATED")[0].key
        before = len(s.everything().all("MULTI_INSTANCE", "OUTPUTS_DISCARDED"))
        s.send(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key), 1)
        s.drain()
        discarded.append((before, len(s.everything().all("MULTI_INSTANCE", "OUTPUTS_DISCARDED"))))
        assert s.is_empty(), s.rows()
    assert {(0, 0), (0, 1), (1, 1)} == set(discarded)


def test_large_items_are_kept_in_small_parts(scenario: MakeScenario) -> None:
    s = scenario()
    activity = m.multi(m.job("each"), inputElement="item", sequential=True)
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
    items = ["x" * 40_000, "y" * 40_000, "z" * 200_000, 1, 2]
    s.create("p", json.dumps({"items": items}))
    added = s.everything().all("MULTI_INSTANCE", "ITEMS_ADDED")
    assert [(r.value.number, len(r.value.items)) for r in added] == [(0, 1), (1, 1), (2, 1), (3, 2)]
    for item in items:
        (job,) = activate(s)
        assert json.loads(s.everything().all("JOB", "ACTIVATED")[-1].value.variables)["item"] == item
        complete(s, job).accepted()
    s.everything().has("p COMPLETED")
    assert s.is_empty(), s.rows()


# endless or not


def test_many_items_that_wait_for_nothing_are_no_endless_loop(scenario: MakeScenario) -> None:
    activity = m.multi(m.task("each"), inputElement="item")
    s, _ = run(scenario, activity, 1000, step_effects_max=50, continuation_rounds_max=5)
    s.everything().has("p COMPLETED").none("INCIDENT")


def test_the_end_of_many_instances_is_no_endless_loop(scenario: MakeScenario) -> None:
    enough = m.completion_condition("=item = 1999")
    activity = m.multi(m.job("each"), "=items", enough, inputElement="item")
    s, _ = run(scenario, activity, 2000, step_effects_max=400, continuation_rounds_max=5)
    s.everything().none("INCIDENT")
    last = s.everything().all("JOB", "CREATED")[-1].key
    s.when(activation(limit=3000)).accepted()
    s.when(completion(last, 0)).has("each TERMINATED", "p COMPLETED").none("INCIDENT")
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("items", [1, 300])
@pytest.mark.parametrize("sequential", [False, True])
def test_a_loop_around_a_multi_instance_activity_is_found(scenario: MakeScenario, items: int, sequential: bool) -> None:
    s = scenario(settings={"step_effects_max": 200, "continuation_rounds_max": 4})
    each = m.multi(m.task("each"), "=for i in 1..n return i", inputElement="item", sequential=sequential)
    s.deploy(m.endless("p", each, names=("each",)))
    key = s.create("p", json.dumps({"n": items}))
    incident = s.everything().one("INCIDENT", "CREATED", error_type="UNKNOWN")
    assert "wait state" in incident.value.error_message
    resolve(s, incident.key).one("INCIDENT", "CREATED", error_type="UNKNOWN")
    s.cancel(key).has("p TERMINATED")
    assert s.is_empty(), s.rows()


def test_a_loop_inside_one_of_many_instances_is_found(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 50, "continuation_rounds_max": 4})
    inside = m.start("s") + m.exclusive("merge") + m.task("turn") + m.chain("s", "merge", "turn", "merge")
    each = m.multi(m.sub_process("each", inside), inputElement="item")
    s.deploy(m.model(m.process("p", m.start(), each, m.end(), m.chain("start", "each", "end"))))
    key = s.create("p", json.dumps({"items": list(range(100))}))
    s.everything().one("INCIDENT", "CREATED", error_type="UNKNOWN")
    s.cancel(key).has("p TERMINATED")
    assert s.is_empty(), s.rows()


def completion(key: int, result: int) -> Record:
    return make("JOB", "COMPLETE", Job(variables=json.dumps({"result": result})), key)
