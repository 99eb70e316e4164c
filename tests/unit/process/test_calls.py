"""Call activities: which process is called, what goes in and comes back, and what ends with what."""

from __future__ import annotations

from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, resolve, set_variables, throw
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

TEN_SECONDS = m.timer("PT10S")


def calling(process_id: str, call: str, *parts: str) -> str:
    """start, the call activity `call`, end; and other parts."""
    return m.process(process_id, m.start(), call, m.end(), m.chain("start", "call", "end"), *parts)


def begin(scenario: MakeScenario, call: str, *parts: str, variables: str = "") -> tuple[Scenario, int]:
    """An instance of `p`, which calls `one`, which waits for a job; gives its key."""
    s = scenario()
    s.deploy(m.model(calling("p", call, *parts)), m.one_task())
    return s, s.create("p", variables)


def child_of(s: Scenario, process_id: str = "one") -> int:
    return s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id=process_id).key


def test_a_call_activity_starts_an_instance_and_completes_with_it(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.call("call", "one"))
    moment = s.everything().has(
        "call ACTIVATING", "call ACTIVATED", "one ACTIVATING", "one ACTIVATED", "task ACTIVATED"
    )
    call = moment.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATED", element_id="call")
    child = moment.one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="one").value
    assert (child.parent_process_instance_key, child.parent_element_instance_key) == (key, call.key)
    assert child.root_process_instance_key == key
    (job,) = activate(s)
    complete(s, job).accepted().has(
        "one COMPLETING", "one COMPLETED", "call COMPLETING", "call COMPLETED", "p COMPLETED"
    )
    assert s.is_empty(), s.rows()


def test_variables_go_in_and_come_back(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.call("call", "one", m.mapping([("=a + 1", "b")])), variables='{"a": 1}')
    child = child_of(s)
    inside = {r.value.name: r.value.value for r in s.everything().all("VARIABLE", scope_key=child)}
    assert inside == {"a": "1", "b": "2"}
    (job,) = activate(s)
    moment = complete(s, job, '{"a": 5, "c": 6}')
    back = {r.value.name: r.value.value for r in moment.all("VARIABLE", scope_key=key)}
    assert back == {"a": "5", "c": "6"}  # "b" is the call activity's own
    assert s.is_empty(), s.rows()


def test_only_mapped_variables_go_in_and_come_back_if_the_model_says_so(scenario: MakeScenario) -> None:
    call = m.call(
        "call",
        "one",
        m.mapping([("=a + 1", "b")], [("=c", "got")]),
        propagateAllParentVariables="false",
        propagateAllChildVariables="false",
    )
    s, key = begin(scenario, call, variables='{"a": 1}')
    child = child_of(s)
    assert {r.value.name for r in s.everything().all("VARIABLE", scope_key=child)} == {"b"}
    (job,) = activate(s)
    moment = complete(s, job, '{"c": 6}')
    assert {r.value.name: r.value.value for r in moment.all("VARIABLE", scope_key=key)} == {"got": "6"}


def test_nothing_comes_back_without_mappings_if_the_model_says_so(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.call("call", "one", propagateAllChildVariables="false"))
    (job,) = activate(s)
    complete(s, job, '{"c": 6}').has("p COMPLETED").none("VARIABLE", scope_key=key)


def test_an_output_mapping_that_fails_is_tried_again_with_the_variables_of_the_called_instance(
    scenario: MakeScenario,
) -> None:
    s, key = begin(scenario, m.call("call", "one", m.mapping(outputs=[("=assert(c, ok = 1)", "got")])))
    (job,) = activate(s)
    incident = complete(s, job, '{"c": 6}').has("one COMPLETED").one("INCIDENT", "CREATED")
    assert incident.value.error_type == "IO_MAPPING_ERROR"
    set_variables(s, key, '{"ok": 1}')
    resolve(s, incident.key).has("call COMPLETED", "p COMPLETED")
    assert s.everything().variables()["got"] == "6"
    assert s.is_empty(), s.rows()


def test_what_is_not_deployed_is_an_incident_until_it_is(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.model(calling("p", m.call("call", "=who"))))
    key = s.create("p")
    first = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    set_variables(s, key, '{"who": "one"}')
    second = resolve(s, first.key).one("INCIDENT", "CREATED", error_type="CALLED_ELEMENT_ERROR")
    assert "'one'" in second.value.error_message
    s.deploy(m.model(m.process("one", m.start_event("start", m.message()))))
    third = resolve(s, second.key).one("INCIDENT", "CREATED", error_type="CALLED_ELEMENT_ERROR")
    assert "none start event" in third.value.error_message
    s.deploy(m.one_task())
    resolve(s, third.key).accepted().has("call ACTIVATED", "one ACTIVATED", "task ACTIVATED")
    complete_all(s)
    assert "START_SUBSCRIPTIONS" not in s.rows()
    assert s.is_empty(), s.rows()


def test_the_binding_tells_the_version(scenario: MakeScenario) -> None:
    s = scenario()
    tag = '<bpmn:extensionElements><zeebe:versionTag value="{}" /></bpmn:extensionElements>'

    def version(number: int) -> bytes:
        name = f"t{number}"
        return m.model(m.process("one", tag.format(f"v{number}"), m.start(), m.task(name), m.chain("start", name)))

    names = {"latest": "", "deployment": "", "versionTag": "v2"}
    calls = [
        m.model(calling(f"p-{kind}", m.call("call", "one", bindingType=kind, versionTag=wanted)))
        for kind, wanted in names.items()
    ]
    s.deploy(*calls, version(1))
    s.deploy(version(2))
    s.deploy(version(3))
    for kind, wanted in (("latest", 3), ("deployment", 1), ("versionTag", 2)):
        marks = s.marks()
        s.create(f"p-{kind}")
        s.since(marks).accepted().has(f"t{wanted} COMPLETED", f"p-{kind} COMPLETED")


def test_a_called_instance_has_the_business_id_of_its_caller_and_no_result(scenario: MakeScenario) -> None:
    s = scenario(settings={"business_id_uniqueness": True})
    s.deploy(m.model(calling("p", m.call("call", "one"))), m.one_task())
    s.create("p", business_id="order-1")
    assert s.everything().one("JOB", "CREATED").value.business_id == "order-1"
    root = s.create("one", business_id="order-1")
    assert root, "expected the called instance not to count among those with unique ids"
    complete_all(s)
    s.everything().none("PROCESS_INSTANCE_RESULT")
    assert s.is_empty(), s.rows()


def test_a_called_instance_may_have_a_business_id_of_its_own(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.call("call", "one", businessId="=id"))
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    set_variables(s, key, '{"id": "part-1"}')
    assert resolve(s, incident.key).one("JOB", "CREATED").value.business_id == "part-1"


def test_processes_that_call_each_other_for_ever_end_in_an_incident(scenario: MakeScenario) -> None:
    s = scenario(settings={"call_depth_max": 5})
    s.deploy(m.model(calling("p", m.call("call", "p"))))
    key = s.create("p")
    assert len(s.everything().all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="p")) == 5
    incident = s.everything().one("INCIDENT", "CREATED", error_type="CALLED_ELEMENT_ERROR")
    assert "5 process instances" in incident.value.error_message
    moment = s.cancel(key).accepted()
    assert moment.flow()[-1] == "p TERMINATED"
    assert len(moment.all("PROCESS_INSTANCE", "ELEMENT_TERMINATED", element_id="p")) == 5
    assert s.is_empty(), s.rows()


def test_a_terminate_event_ends_the_called_instance_only(scenario: MakeScenario) -> None:
    s = scenario()
    parts = (m.start(), m.parallel("fork"), m.job("task"), m.terminate("now"), m.chain("start", "fork", "task"))
    one = m.process("one", *parts, m.chain("fork", "now"))
    s.deploy(m.model(calling("p", m.call("call", "one"))), m.model(one))
    s.create("p")
    s.everything().accepted().has("task TERMINATED", "one COMPLETED", "call COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_a_call_ends_with_the_instance(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.call("call", "one"))
    s.cancel(child_of(s)).rejected("INVALID_STATE", "root")
    s.cancel(key).accepted().has(
        "p TERMINATING",
        "call TERMINATING",
        "one TERMINATING",
        "JOB CANCELED",
        "task TERMINATED",
        "one TERMINATED",
        "call TERMINATED",
        "p TERMINATED",
    )
    assert s.is_empty(), s.rows()


def test_an_interrupting_boundary_event_waits_for_the_end_of_the_called_instance(scenario: MakeScenario) -> None:
    parts = (m.boundary_event("late", "call", TEN_SECONDS), m.end("escalated"), m.chain("late", "escalated"))
    s, _ = begin(scenario, m.call("call", "one"), *parts)
    s.advance(10_000).accepted().has(
        "TIMER TRIGGERED", "call TERMINATING", "one TERMINATED", "call TERMINATED", "late ACTIVATING", "p COMPLETED"
    )
    assert s.is_empty(), s.rows()


def test_a_boundary_event_that_does_not_interrupt_leaves_the_called_instance_alone(scenario: MakeScenario) -> None:
    late = m.boundary_event("late", "call", TEN_SECONDS, cancelActivity="false")
    s, _ = begin(scenario, m.call("call", "one"), late, m.end("escalated"), m.chain("late", "escalated"))
    s.advance(10_000).accepted().has("escalated COMPLETED")
    complete_all(s)
    s.everything().has("one COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_a_terminate_event_beside_a_call_waits_for_the_end_of_the_called_instance(scenario: MakeScenario) -> None:
    inside = (m.start("s"), m.parallel("fork"), m.call("call", "one"), m.job("stop", "stop"), m.terminate("now"))
    flows = (m.chain("s", "fork", "call"), m.chain("fork", "stop", "now"))
    s = scenario()
    whole = m.process(
        "p", m.start(), m.sub_process("sub", *inside, *flows), m.task("after"), m.chain("start", "sub", "after")
    )
    s.deploy(m.model(whole), m.one_task())
    s.create("p")
    (job,) = activate(s, "stop")
    complete(s, job).accepted().has(
        "now COMPLETED", "call TERMINATING", "one TERMINATED", "call TERMINATED", "sub COMPLETED", "after COMPLETED"
    )
    assert s.is_empty(), s.rows()


def test_an_interrupting_event_sub_process_waits_for_the_end_of_the_called_instance(scenario: MakeScenario) -> None:
    handler = m.handler("handler", m.start_event("begun", TEN_SECONDS), m.task("clean"), m.chain("begun", "clean"))
    s, _ = begin(scenario, m.call("call", "one"), handler)
    s.advance(10_000).accepted().has("one TERMINATED", "call TERMINATED", "handler ACTIVATING", "p COMPLETED")
    assert s.is_empty(), s.rows()


def test_an_event_sub_process_of_the_called_instance_is_not_triggered_when_it_has_returned(
    scenario: MakeScenario,
) -> None:
    handler = m.handler("handler", m.start_event("begun", TEN_SECONDS), m.task("clean"), m.chain("begun", "clean"))
    s = scenario()
    one = m.process("one", m.start(), m.job("task"), m.chain("start", "task"), handler)
    s.deploy(m.model(calling("p", m.call("call", "one"))), m.model(one))
    s.create("p")
    complete_all(s)
    s.everything().has("TIMER CANCELED", "one COMPLETED", "p COMPLETED")
    assert s.is_empty(), s.rows()


# errors


def test_an_error_goes_up_the_tree_to_who_catches_it(scenario: MakeScenario) -> None:
    s = scenario()
    caught = (m.boundary("oops", "call", "error-a"), m.end("saved"), m.chain("oops", "saved"))
    outer, middle = calling("p", m.call("call", "middle"), *caught), calling("middle", m.call("call", "one"))
    s.deploy(m.model(outer), m.model(middle), m.one_task())
    s.create("p")
    (job,) = activate(s)
    moment = throw(s, job, "A", '{"why": "x"}').accepted()
    moment.has("JOB ERROR_THROWN", "task TERMINATED", "one TERMINATED", "middle TERMINATED", "oops COMPLETED")
    assert moment.variables() == {"why": '"x"'}
    moment.has("saved COMPLETED", "p COMPLETED").none("INCIDENT")
    assert s.is_empty(), s.rows()


def test_an_error_end_event_of_a_called_instance_is_caught_by_an_event_sub_process(scenario: MakeScenario) -> None:
    start = m.start_event("begun", '<bpmn:errorEventDefinition errorRef="error-a" />')
    handler = m.handler("handler", start, m.task("clean"), m.chain("begun", "clean"))
    one = m.process("one", m.start(), m.error_end("failed", "error-a"), m.chain("start", "failed"))
    s = scenario()
    s.deploy(m.model(calling("p", m.call("call", "one"), handler)), m.model(one))
    s.create("p")
    s.everything().accepted().has(
        "failed ACTIVATED", "one TERMINATED", "call TERMINATED", "handler ACTIVATED", "p COMPLETED"
    )
    assert s.is_empty(), s.rows()


def test_an_error_that_nobody_catches_is_an_incident_where_it_was_thrown(scenario: MakeScenario) -> None:
    s, key = begin(scenario, m.call("call", "one"), m.boundary("oops", "call", "error-b"))
    (job,) = activate(s)
    incident = throw(s, job, "A").one("INCIDENT", "CREATED", error_type="UNHANDLED_ERROR_EVENT")
    assert incident.value.process_instance_key == child_of(s)
    assert incident.value.root_process_instance_key == key
    resolve(s, incident.key).accepted()
    complete_all(s)
    assert s.is_empty(), s.rows()
