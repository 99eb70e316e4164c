"""Ad-hoc sub-processes that a list begins: what begins, what ends them, what may come in between."""

from __future__ import annotations

import pytest

from engine.process.ad_hoc import ACTIVATIONS_MAX
from tests.support import models as m
from tests.support.actions import (
    RESOLVE,
    activate,
    batch,
    complete,
    complete_all,
    creation,
    fail,
    publish,
    resolve,
    set_variables,
    throw,
)
from tests.support.fixture import MakeScenario
from tests.support.moment import Moment
from tests.support.scenario import Scenario

#: How many records a step may take: everything in one, or a pause after nearly every piece of work.
EFFORTS = [{}, {"step_effects_max": 20}, {"step_effects_max": 1}]
TASKS = (m.job("a", "a"), m.job("b", "b"), m.job("c", "c"))


def deploy(s: Scenario, *parts: str, condition: str = "", around: tuple[str, ...] = (), **fields: object) -> None:
    """start, the ad-hoc sub-process `pool` with the jobs `a`, `b` and `c`, the job `after`, end."""
    inside = (*TASKS, *parts)
    pool = m.ad_hoc("pool", *inside, active="=list", condition=condition, **fields)  # type: ignore[arg-type]
    s.deploy(m.straight("p", pool, m.job("after", "after"), *around, names=["pool", "after"]))


def done(s: Scenario, job_type: str, variables: str = "") -> Moment:
    key, *_ = activate(s, job_type, limit=1)
    return complete(s, key, variables).accepted()


def begin(s: Scenario, names: str, variables: str = "") -> int:
    listed = ", ".join(f'"{name}"' for name in names)
    return s.create("p", f'{{"list": [{listed}]{variables}}}')


def pool_key(s: Scenario) -> int:
    return s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool").key


@pytest.mark.parametrize("settings", EFFORTS)
def test_the_listed_elements_begin_and_it_completes_after_the_last(
    scenario: MakeScenario, settings: dict[str, object]
) -> None:
    s = scenario(settings=settings)
    deploy(s)
    begin(s, "ab")
    inner = "pool#innerInstance"
    s.everything().has("pool ACTIVATED", f"{inner} ACTIVATED", "a ACTIVATED", f"{inner} ACTIVATED", "b ACTIVATED")
    s.everything().none("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="c")
    done(s, "b").has("b COMPLETED", f"{inner} COMPLETED").none("PROCESS_INSTANCE", element_id="pool")
    done(s, "a").has("a COMPLETED", f"{inner} COMPLETED", "pool COMPLETED", "after ACTIVATED")
    done(s, "after").has("p COMPLETED")
    assert s.is_empty()


def test_the_records_say_what_is_inside_what(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s)
    begin(s, "a")
    inner = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool#innerInstance")
    task = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="a")
    assert inner.value.element_type == "AD_HOC_SUB_PROCESS_INNER_INSTANCE"
    assert (inner.value.flow_scope_key, task.value.flow_scope_key) == (pool_key(s), inner.key)
    described = s.everything().one("VARIABLE", "CREATED", name="adHocSubProcessElements")
    assert described.value.scope_key == pool_key(s)
    assert described.value.value == '[{"elementId":"a"},{"elementId":"b"},{"elementId":"c"}]'


def test_one_element_several_times(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s)
    begin(s, "aaa")
    assert len(activate(s, "a")) == 3


def test_what_follows_an_element_belongs_to_its_activation(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(
        s, m.job("a2", "a2"), m.parallel("fork"), m.job("a3", "a3"), m.chain("a", "fork", "a2"), m.chain("fork", "a3")
    )
    begin(s, "a")
    done(s, "a").has("a2 ACTIVATED", "a3 ACTIVATED")
    done(s, "a2").none("PROCESS_INSTANCE", element_id="pool#innerInstance")
    done(s, "a3").has("pool#innerInstance COMPLETED", "pool COMPLETED")


@pytest.mark.parametrize("condition", ["", "=false"])
def test_without_elements_it_stays(scenario: MakeScenario, condition: str) -> None:
    s = scenario()
    deploy(s, condition=condition)
    key = begin(s, "")
    assert s.everything().flow()[-1] == "pool ACTIVATED"
    s.cancel(key).has("pool TERMINATED", "p TERMINATED")
    assert s.is_empty()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"a"', "to be a list of strings"),
        ("[1]", "to be a list of strings"),
        ("null", "to be a list of strings"),
        ('["a", "ghost", "pool"]', "'ghost', 'pool'; correct them"),
        ("[" + ", ".join(['"a"'] * (ACTIVATIONS_MAX + 1)) + "]", f"at most {ACTIVATIONS_MAX} elements"),
    ],
)
def test_a_wrong_list_is_an_incident_until_it_is_put_right(scenario: MakeScenario, value: str, text: str) -> None:
    s = scenario()
    deploy(s)
    key = s.create("p", f'{{"list": {value}}}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR", element_id="pool")
    assert text in incident.value.error_message
    s.everything().none("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="pool")
    set_variables(s, key, '{"list": ["a"]}')
    resolve(s, incident.key).has("pool ACTIVATED", "a ACTIVATED")
    done(s, "a").has("pool COMPLETED")


@pytest.mark.parametrize("settings", EFFORTS)
def test_the_condition_ends_what_remains(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    deploy(s, condition="=enough")
    begin(s, "abc", ', "enough": false')
    done(s, "a").none("PROCESS_INSTANCE", element_id="pool")
    done(s, "b", '{"enough": true}').has("c TERMINATED", "pool COMPLETING", "pool COMPLETED", "after ACTIVATED")
    assert not activate(s, "c")
    done(s, "after").has("p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("settings", EFFORTS)
def test_the_condition_lets_what_remains_end(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    deploy(s, condition="=enough", cancelRemainingInstances="false")
    begin(s, "ab", ', "enough": true')
    done(s, "a").none("PROCESS_INSTANCE", element_id="pool")
    done(s, "b").has("pool COMPLETED", "after ACTIVATED")


def test_a_condition_that_is_false_keeps_it_open_with_nothing_in_it(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, condition="=enough")
    key = begin(s, "a", ', "enough": false')
    done(s, "a").none("PROCESS_INSTANCE", element_id="pool")
    s.cancel(key)
    assert s.is_empty()


def test_a_condition_that_fails_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, condition="=enough")
    key = begin(s, "a", ', "enough": "no"')
    done(s, "a")
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR", element_id="pool")
    assert "to be true or false" in incident.value.error_message
    resolve(s, incident.key)
    again = s.everything().all("INCIDENT", "CREATED")[-1]
    set_variables(s, key, '{"enough": true}')
    resolve(s, again.key).has("pool COMPLETED", "after ACTIVATED")


@pytest.mark.parametrize("settings", EFFORTS)
def test_outputs_are_collected_in_the_order_of_completion(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    deploy(s, collects=("results", "=result"))
    key = begin(s, "ab")
    done(s, "b", '{"result": 2}')
    done(s, "a", '{"result": 1}')
    values = [r.value for r in s.everything().all("VARIABLE", name="results")]
    assert [(v.value, v.scope_key == pool_key(s)) for v in values] == [
        ("[]", True),
        ("[2]", True),
        ("[2,1]", True),
        ("[2,1]", False),
    ]
    assert values[-1].scope_key == key
    # what two activations set at the same time is not mixed up
    assert all(r.value.scope_key not in (key, pool_key(s)) for r in s.everything().all("VARIABLE", name="result"))


def test_what_the_output_is_made_of_is_local_unless_it_is_declared(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, collects=("results", "={id: shared, content: own}"))
    key = begin(s, "a", ', "shared": 0')
    done(s, "a", '{"shared": 7, "own": 8}')
    assert s.everything().variables()["results"] == '[{"id":7,"content":8}]'
    scopes = {r.value.name: r.value.scope_key for r in s.everything().all("VARIABLE")}
    assert scopes["shared"] == key
    assert scopes["own"] != key


def test_a_collection_that_is_no_list_is_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, collects=("results", "=result"))
    begin(s, "a")
    set_variables(s, pool_key(s), '{"results": 1}', local=True)
    done(s, "a", '{"result": 1}')
    inner = "pool#innerInstance"
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR", element_id=inner)
    set_variables(s, pool_key(s), '{"results": [0]}', local=True)
    resolve(s, incident.key).has(f"{inner} COMPLETED", "pool COMPLETED")
    assert s.everything().variables()["results"] == "[0,1]"


def test_output_mappings_see_the_collection(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, collects=("results", "=result"), extensions=(m.mapping(outputs=[("=sum(results)", "total")]),))
    begin(s, "aa")
    done(s, "a", '{"result": 3}')
    done(s, "a", '{"result": 4}')
    assert s.everything().variables()["total"] == "7"


@pytest.mark.parametrize("settings", EFFORTS)
def test_cancel_with_much_inside(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    deploy(s)
    key = begin(s, "abc" * 10)
    s.cancel(key).has("pool TERMINATING", "pool TERMINATED", "p TERMINATED")
    assert s.is_empty()


@pytest.mark.parametrize("settings", EFFORTS)
def test_an_interrupting_boundary_event(scenario: MakeScenario, settings: dict[str, object]) -> None:
    s = scenario(settings=settings)
    event = m.boundary_event("soon", "pool", m.timer("PT1S"))
    deploy(s, around=(event, m.job("late", "late"), m.chain("soon", "late")))
    begin(s, "ab")
    s.advance(2_000).has("a TERMINATED", "b TERMINATED", "pool TERMINATED", "soon COMPLETED", "late ACTIVATED")
    done(s, "late").has("p COMPLETED")
    assert s.is_empty()


def test_an_error_inside_is_caught_on_it(scenario: MakeScenario) -> None:
    s = scenario()
    event = m.boundary("failed", "pool", "error-a")
    deploy(s, around=(event,))
    begin(s, "ab")
    (key,) = activate(s, "a")
    throw(s, key, "A").has("b TERMINATED", "pool TERMINATED", "failed COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_escalation_inside_is_caught_on_it(scenario: MakeScenario) -> None:
    s = scenario()
    event = m.boundary_event("told", "pool", m.escalation(), cancelActivity="false")
    deploy(s, m.throw("tell", m.escalation("escalation-a")), around=(event, m.job("h", "h"), m.chain("told", "h")))
    s.create("p", '{"list": ["tell", "a"]}')
    s.everything().has("told COMPLETED", "h ACTIVATED", "tell COMPLETED", "a ACTIVATED")
    done(s, "h")
    done(s, "a").has("pool COMPLETED")


@pytest.mark.parametrize("condition", ["", "=false"])
@pytest.mark.parametrize("settings", EFFORTS)
def test_an_event_sub_process_that_interrupts_is_its_end(
    scenario: MakeScenario, settings: dict[str, object], condition: str
) -> None:
    s = scenario(settings=settings)
    caught = m.handler("handle", m.start_event("told", m.message()), m.job("h", "h"), m.chain("told", "h"))
    deploy(s, caught, condition=condition)
    begin(s, "ab", ', "key": "k"')
    publish(s).has("a TERMINATED", "b TERMINATED", "handle ACTIVATED", "h ACTIVATED")
    done(s, "h").has("handle COMPLETED", "pool COMPLETED", "after ACTIVATED")
    done(s, "after").has("p COMPLETED")
    assert s.is_empty()


def test_an_event_sub_process_beside_is_waited_for(scenario: MakeScenario) -> None:
    s = scenario()
    told = m.start_event("told", m.message(), isInterrupting="false")
    deploy(s, m.handler("handle", told, m.job("h", "h"), m.chain("told", "h")))
    begin(s, "a", ', "key": "k"')
    publish(s).has("handle ACTIVATED")
    done(s, "a").none("PROCESS_INSTANCE", element_id="pool")
    done(s, "h").has("handle COMPLETED", "pool COMPLETED")


def test_an_incident_inside_ends_with_it(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s, condition="=enough")
    begin(s, "ab", ', "enough": true')
    (key,) = activate(s, "b")
    fail(s, key)
    s.everything().one("INCIDENT", "CREATED", error_type="JOB_NO_RETRIES")
    done(s, "a").one("INCIDENT", "RESOLVED")
    done(s, "after")
    assert s.is_empty()


def test_elements_of_all_kinds_begin_inside(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("called", m.job("x", "x"), names=["x"]))
    wait = m.catch("wait", m.timer("PT1S"))
    sub = m.sub_process("sub", m.start("s1"), m.job("y", "y"), m.chain("s1", "y"))
    deeper = m.ad_hoc("deeper", m.job("z", "z"), active='=["z"]')
    deploy(s, wait, sub, m.call("call", "called"), m.script("s", "=1", "made"), deeper, m.parallel("g"))
    s.create("p", '{"list": ["wait", "sub", "call", "s", "deeper", "g"]}')
    for job_type in "xyz":
        done(s, job_type)
    s.advance(2_000).has("wait COMPLETED", "pool COMPLETED", "after ACTIVATED")
    done(s, "after")
    assert s.is_empty()


def test_a_terminate_end_event_inside_a_sub_process_inside_ends_only_that(scenario: MakeScenario) -> None:
    s = scenario()
    sub = m.sub_process("sub", m.start("s1"), m.job("y", "y"), m.terminate("t"), m.chain("s1", "y", "t"))
    deploy(s, sub)
    s.create("p", '{"list": ["sub", "a"]}')
    done(s, "y").has("sub COMPLETED", "pool#innerInstance COMPLETED")
    done(s, "a").has("pool COMPLETED")


def test_a_called_instance_inside_that_remains_ends_first(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("called", m.job("x", "x"), names=["x"]))
    deploy(s, m.call("call", "called"), condition="=true")
    s.create("p", '{"list": ["call", "a"]}')
    done(s, "a").has("called TERMINATED", "call TERMINATED", "pool COMPLETED", "after ACTIVATED")
    done(s, "after")
    assert s.is_empty()


def test_an_instance_may_begin_at_it_but_not_inside(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s)
    s.when(creation("p", '{"list": ["a"]}', start=("a",))).rejected("INVALID_ARGUMENT", "ad-hoc")
    s.when(creation("p", '{"list": ["a"]}', start=("pool",))).has("pool ACTIVATED", "a ACTIVATED")
    complete_all(s, "a")
    complete_all(s, "after")
    assert s.is_empty()


def test_batch_operations_reach_inside(scenario: MakeScenario) -> None:
    s = scenario()
    deploy(s)
    key = begin(s, "aab")
    for job in activate(s, "a"):
        fail(s, job)
    incidents = [r.key for r in s.everything().all("INCIDENT", "CREATED")]
    s.when(batch(RESOLVE, filter_text="", item_keys=tuple(incidents)), 1).accepted()
    assert len(activate(s, "a")) == 2
    moment = s.when(batch(filter_text="", item_keys=(key,)), 1).accepted()
    moment.has("pool TERMINATED", "p TERMINATED").one("BATCH_OPERATION_ITEM", "COMPLETED")


def test_an_inclusive_gateway_inside_joins_for_its_activation(scenario: MakeScenario) -> None:
    s = scenario()
    fork, join = m.parallel("fork"), m.inclusive("join")
    flows = m.chain("fork", "x", "join") + m.chain("fork", "y", "join")
    deploy(s, fork, join, m.job("x", "x"), m.job("y", "y"), flows)
    s.create("p", '{"list": ["fork", "fork"]}')
    first, second = activate(s, "x")
    assert "join COMPLETED" not in complete(s, first).flow()
    complete_all(s, "y")
    assert s.everything().flow().count("join COMPLETED") == 1
    complete(s, second).has("join COMPLETED", "pool COMPLETED")


def test_compensation_inside(scenario: MakeScenario) -> None:
    """An activity of an activation is undone by a later event of the same activation."""
    s = scenario()
    event = m.boundary_event("undone", "a", "<bpmn:compensateEventDefinition />")
    undo = m.element("serviceTask", "undo", extensions=(m.definition("undo"),), isForCompensation="true")
    link = '<bpmn:association id="undoing" sourceRef="undone" targetRef="undo" />'
    throw_it = m.throw("back", "<bpmn:compensateEventDefinition />")
    deploy(s, event, undo, link, throw_it, m.chain("a", "back"))
    begin(s, "a")
    done(s, "a").has("undo ACTIVATED")
    done(s, "undo").has("undo COMPLETED", "back COMPLETED", "pool COMPLETED")
