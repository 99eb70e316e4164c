"""Multi-instance activities (BPMN 2.0.2, 13.3.7; Camunda 8 "Multi-instance"): what the body and its instances do."""

from __future__ import annotations

import json

import pytest

from engine.records import Job
from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, creation, fail, resolve, set_variables, update
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario, make

COLLECTS = {"inputElement": "item", "outputCollection": "outs", "outputElement": "=result"}
TEN_SECONDS = m.timer("PT10S")


def begin(
    scenario: MakeScenario, activity: str, *parts: str, variables: str = '{"items": [1, 2, 3]}', **settings: object
) -> tuple[Scenario, int]:
    """start, the activity `each`, end."""
    s = scenario(settings=settings)
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"), *parts)))
    return s, s.create("p", variables)


def jobs_by_item(s: Scenario, job_type: str = "work") -> dict[object, int]:
    """The jobs that are activated now, by the item that they see."""
    activate(s, job_type)
    found = s.everything().all("JOB", "ACTIVATED", type=job_type)
    return {json.loads(job.value.variables)["item"]: job.key for job in found}


def variable(s: Scenario, name: str, scope_key: int) -> object:
    found = s.everything().all("VARIABLE", name=name, scope_key=scope_key)
    return json.loads(found[-1].value.value) if found else None


def scopes(moment: Moment, element_id: str = "each") -> list[tuple[str, int]]:
    """Types and scopes of the instances of an element in the order in which they began."""
    found = moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id=element_id)
    return [(r.value.element_type, r.value.flow_scope_key) for r in found]


# parallel


def test_all_instances_begin_in_a_body_and_it_completes_with_the_last(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.multi(m.job("each"), inputElement="item"))
    body = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_type="MULTI_INSTANCE_BODY")
    assert scopes(s.everything()) == [("MULTI_INSTANCE_BODY", key), *[("SERVICE_TASK", body.key)] * 3]
    jobs = activate(s)
    assert len(jobs) == 3
    for job in jobs[:2]:
        assert complete(s, job).flow()[-1] == "each COMPLETED"
    complete(s, jobs[2]).has("each COMPLETED", "each COMPLETING", "each COMPLETED", "end COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_each_instance_has_its_item_and_its_number(scenario: MakeScenario) -> None:
    s, _ = begin(scenario, m.multi(m.job("each"), inputElement="item"), variables='{"items": ["a", {"b": [null]}]}')
    activate(s)
    jobs = s.everything().all("JOB", "ACTIVATED")
    seen = [json.loads(job.value.variables) for job in jobs]
    assert [(one["item"], one["loopCounter"]) for one in seen] == [("a", 1), ({"b": [None]}, 2)]


def test_outputs_are_collected_in_the_order_of_the_items(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.multi(m.job("each"), **COLLECTS))
    jobs = jobs_by_item(s)
    for item in (3, 1, 2):
        complete(s, jobs[item], json.dumps({"result": f"r{item}"})).accepted()
    assert variable(s, "outs", key) == ["r1", "r2", "r3"]
    assert variable(s, "result", key) is None
    assert s.is_empty(), s.rows()


def test_a_part_of_a_variable_is_its_own_too_and_what_is_no_variable_is_not(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.multi(m.job("each"), outputCollection="outs", outputElement="=result.x"))
    for number, job in enumerate(activate(s)):
        complete(s, job, json.dumps({"result": {"x": number}, "other": number})).accepted()
    assert (variable(s, "outs", key), variable(s, "result", key), variable(s, "other", key)) == ([0, 1, 2], None, 2)

    s, key = begin(scenario, m.multi(m.job("each"), outputCollection="outs", outputElement="=result + 1"))
    for number, job in enumerate(activate(s)):
        complete(s, job, json.dumps({"result": number})).accepted()
    assert (variable(s, "outs", key), variable(s, "result", key)) == ([1, 2, 3], 2)


def test_the_output_collection_goes_to_where_such_a_variable_is(scenario: MakeScenario) -> None:
    inner = m.multi(m.script("each", "=item * 2", "result"), **COLLECTS)
    parts = (m.start("s"), inner, m.end("e"), m.chain("s", "each", "e"))
    inputs = m.mapping([("=null", "outs")], [("=outs[-1]", "last")])
    sub = m.sub_process("sub", *parts, extensions=(inputs,))
    s = scenario()
    s.deploy(m.model(m.process("p", m.start(), sub, m.end(), m.chain("start", "sub", "end"))))
    key = s.create("p", '{"items": [1, 2]}')
    assert (variable(s, "outs", key), variable(s, "last", key)) == (None, 4)
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("sequential", [False, True])
def test_no_items_complete_the_body_at_once(scenario: MakeScenario, sequential: bool) -> None:
    activity = m.multi(m.job("each"), **COLLECTS, sequential=sequential)
    s, key = begin(scenario, activity, variables='{"items": []}')
    s.everything().has("each ACTIVATED", "each COMPLETED", "p COMPLETED").none("JOB")
    assert variable(s, "outs", key) == []
    assert s.is_empty(), s.rows()


def test_mappings_and_variables_belong_to_each_instance(scenario: MakeScenario) -> None:
    task = m.job("each", "work", m.mapping([("=item * 10", "ten")], [("=ten + answer", "answer")]))
    s, key = begin(scenario, m.multi(task, inputElement="item", outputCollection="outs", outputElement="=ten"))
    jobs = jobs_by_item(s)
    complete(s, jobs[1], '{"answer": 1}').accepted()
    assert variable(s, "answer", key) == 11
    for item in (2, 3):
        complete(s, jobs[item], '{"answer": 0}').accepted()
    assert (variable(s, "outs", key), variable(s, "answer", key), variable(s, "ten", key)) == ([10, 20, 30], 30, None)


# sequential


def test_one_instance_after_the_other(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.multi(m.job("each"), **COLLECTS, sequential=True))
    for number in (1, 2, 3):
        (job,) = activate(s)
        moment = complete(s, job, json.dumps({"result": -number}))
        assert len(scopes(moment)) == (number < 3)
    assert variable(s, "outs", key) == [-1, -2, -3]
    s.everything().has("p COMPLETED")
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("limit", [2, 3, 7, 20, 1000])
def test_instances_that_wait_for_nothing_are_all_done_whatever_a_step_holds(
    scenario: MakeScenario, limit: int, sequential: bool
) -> None:
    activity = m.multi(m.script("each", "=item + 1", "result"), **COLLECTS, sequential=sequential)
    variables = json.dumps({"items": list(range(20))})
    settings = {"step_effects_max": limit, "continuation_rounds_max": 15}
    s, key = begin(scenario, activity, variables=variables, **settings)
    s.everything().has("p COMPLETED").none("INCIDENT")
    assert variable(s, "outs", key) == list(range(1, 21))
    assert s.is_empty(), s.rows()


# the completion condition


def test_the_condition_is_true_and_the_others_are_terminated(scenario: MakeScenario) -> None:
    enough = m.completion_condition("=numberOfCompletedInstances >= 2")
    s, key = begin(scenario, m.multi(m.job("each"), "=items", enough, **COLLECTS))
    jobs = jobs_by_item(s)
    assert "each TERMINATED" not in complete(s, jobs[3], '{"result": "c"}').flow()
    moment = complete(s, jobs[1], '{"result": "a"}')
    moment.has("each COMPLETED", "JOB CANCELED", "each TERMINATED", "each COMPLETED", "p COMPLETED")
    assert variable(s, "outs", key) == ["a", None, "c"]
    assert s.is_empty(), s.rows()


def test_the_condition_is_true_and_no_other_one_begins(scenario: MakeScenario) -> None:
    enough = m.completion_condition("=result = item")
    s, key = begin(scenario, m.multi(m.job("each"), "=items", enough, **COLLECTS, sequential=True))
    for result in (0, 2):
        complete(s, *activate(s), json.dumps({"result": result})).accepted()
    s.everything().has("p COMPLETED")
    assert len(s.everything().all("JOB", "CREATED")) == 2
    assert variable(s, "outs", key) == [0, 2, None]
    assert s.is_empty(), s.rows()


def test_what_the_condition_counts(scenario: MakeScenario) -> None:
    numbers = ("Instances", "ActiveInstances", "CompletedInstances", "TerminatedInstances")
    told = ", ".join(f"numberOf{number}" for number in numbers)
    enough = m.completion_condition(f"=[{told}] = wanted")
    s, _ = begin(
        scenario,
        m.multi(m.job("each"), "=items", enough),
        variables='{"items": [1, 2, 3, 4], "wanted": [4, 2, 2, 0], "numberOfInstances": "of the process"}',
    )
    first, second, *_ = activate(s)
    assert "p COMPLETED" not in complete(s, first).flow()
    complete(s, second).has("p COMPLETED")
    assert s.is_empty(), s.rows()


def test_a_condition_that_is_none_is_an_incident_of_the_instance(scenario: MakeScenario) -> None:
    enough = m.completion_condition("=enough")
    s, key = begin(scenario, m.multi(m.job("each"), "=items", enough, **COLLECTS))
    job, *others = activate(s)
    raised = complete(s, job, '{"result": 1}').one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    assert "completion condition" in raised.value.error_message
    resolve(s, raised.key).one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    set_variables(s, key, '{"enough": true}').accepted()
    again = s.everything().all("INCIDENT", "CREATED")[-1]
    resolve(s, again.key).has("each COMPLETED", "each TERMINATED", "p COMPLETED")
    assert variable(s, "outs", key) == [1, None, None]
    assert len(others) == 2
    assert s.is_empty(), s.rows()


@pytest.mark.parametrize("limit", [1, 2, 5, 9])
def test_instances_that_complete_while_the_others_are_terminated(scenario: MakeScenario, limit: int) -> None:
    enough = m.completion_condition("=numberOfCompletedInstances >= 1")
    settings = {"step_effects_max": limit, "continuation_rounds_max": 1000}
    variables = json.dumps({"items": list(range(12))})
    s, key = begin(scenario, m.multi(m.job("each"), "=items", enough, **COLLECTS), variables=variables, **settings)
    jobs = jobs_by_item(s)
    for item in range(12):
        s.send(make("JOB", "COMPLETE", Job(variables=json.dumps({"result": item})), jobs[item]))
    s.drain()
    flow = s.everything().flow()
    assert flow.count("p COMPLETED") == 1
    assert flow.count("each COMPLETED") + flow.count("each TERMINATED") == 13
    collected = s.everything().all("MULTI_INSTANCE", "OUTPUT_COLLECTED")
    outs = variable(s, "outs", key)
    assert outs == [item if item in {r.value.number - 1 for r in collected} else None for item in range(12)]
    assert s.is_empty(), s.rows()


# what cannot be evaluated


@pytest.mark.parametrize("items", ['"no list"', "null", '{"a": 1}'])
def test_an_input_collection_that_is_no_list_is_an_incident_of_the_body(scenario: MakeScenario, items: str) -> None:
    late = m.boundary_event("late", "each", TEN_SECONDS, cancelActivity="false")
    s, key = begin(scenario, m.multi(m.job("each"), **COLLECTS), late, variables=f'{{"items": {items}}}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    assert "input collection 'items' to be a list" in incident.value.error_message
    body = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_type="MULTI_INSTANCE_BODY")
    assert incident.value.element_instance_key == body.key
    set_variables(s, key, '{"items": [1]}').accepted()
    resolve(s, incident.key).has("each ACTIVATED", "JOB CREATED")
    assert s.due_count() == 1
    complete_all(s)
    assert s.is_empty(), s.rows()


def test_the_input_collection_is_evaluated_once(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.multi(m.job("each"), inputElement="item", sequential=True))
    set_variables(s, key, '{"items": []}').accepted()
    for item in (1, 2, 3):
        assert list(jobs_by_item(s))[-1] == item
        complete(s, s.everything().all("JOB", "ACTIVATED")[-1].key).accepted()
    s.everything().has("p COMPLETED")
    assert s.is_empty()


def test_an_output_that_cannot_be_evaluated_is_an_incident_of_the_instance(scenario: MakeScenario) -> None:
    wanted = '=assert(result, result != null, "no result")'
    s, key = begin(scenario, m.multi(m.job("each"), outputCollection="outs", outputElement=wanted))
    jobs = activate(s)
    incident = complete(s, jobs[0]).one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    for job in jobs[1:]:
        complete(s, job, '{"result": 2}').accepted()
    resolve(s, incident.key).has("each COMPLETED", "p COMPLETED")
    assert variable(s, "outs", key) == [2, 2, 2]
    assert s.is_empty(), s.rows()


def test_outputs_are_mapped_once_though_the_output_element_failed(scenario: MakeScenario) -> None:
    task = m.job("each", "work", m.mapping(outputs=[("=n + 1", "n")]))
    wanted = '=assert(good, good != null, "no")'
    loop = {"outputCollection": "outs", "outputElement": wanted}
    s, key = begin(scenario, m.multi(task, **loop), variables='{"items": [1], "n": 0}')
    incident = complete(s, *activate(s)).one("INCIDENT", "CREATED")
    set_variables(s, key, '{"good": 7}').accepted()
    resolve(s, incident.key).has("p COMPLETED")
    assert (variable(s, "n", key), variable(s, "outs", key)) == (1, [7])


def test_an_incident_of_one_instance_does_not_stop_the_others(scenario: MakeScenario) -> None:
    s, _ = begin(scenario, m.multi(m.job("each"), inputElement="item"))
    jobs = jobs_by_item(s)
    incident = fail(s, jobs[2]).one("INCIDENT", "CREATED")
    for item in (1, 3):
        complete(s, jobs[item]).accepted()
    assert "p COMPLETED" not in s.everything().flow()
    update(s, jobs[2], retries=1).accepted()
    resolve(s, incident.key).accepted()
    complete_all(s)
    s.everything().has("p COMPLETED")
    assert s.is_empty(), s.rows()


def test_an_input_mapping_that_fails_is_an_incident_of_the_instance(scenario: MakeScenario) -> None:
    task = m.job("each", "work", m.mapping([('=assert(item, item != 2, "two")', "x")]))
    s, _ = begin(scenario, m.multi(task, inputElement="item"))
    incident = s.everything().one("INCIDENT", "CREATED", error_type="IO_MAPPING_ERROR")
    complete_all(s)
    set_variables(s, incident.value.element_instance_key, '{"item": 4}', local=True).accepted()
    resolve(s, incident.key).has("JOB CREATED")
    complete_all(s)
    s.everything().has("p COMPLETED")
    assert s.is_empty(), s.rows()


def test_outputs_that_are_too_large_together_are_an_incident_of_the_body(scenario: MakeScenario) -> None:
    large = '=string join(for i in 1..700 return "' + "x" * 1000 + '")'
    activity = m.multi(m.script("each", large, "result"), **COLLECTS)
    s, key = begin(scenario, activity, variables='{"items": [1, 2, 3, 4, 5, 6]}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="MESSAGE_SIZE_EXCEEDED")
    assert "output collection 'outs' to take at most" in incident.value.error_message
    resolve(s, incident.key).one("INCIDENT", "CREATED", error_type="MESSAGE_SIZE_EXCEEDED")
    s.cancel(key).has("each TERMINATED", "p TERMINATED")
    assert s.is_empty(), s.rows()


def test_who_awaits_the_result_gets_the_output_collection(scenario: MakeScenario) -> None:
    s = scenario()
    activity = m.multi(m.job("each"), **COLLECTS)
    s.deploy(m.model(m.process("p", m.start(), activity, m.end(), m.chain("start", "each", "end"))))
    s.when(creation("p", '{"items": [1, 2]}', await_result=True, fetch_variables=("outs",)), 1).accepted()
    for job in activate(s):
        complete(s, job, '{"result": true}').accepted()
    result = s.everything().one("PROCESS_INSTANCE_RESULT", "COMPLETED")
    assert json.loads(result.value.variables) == {"outs": [True, True]}
