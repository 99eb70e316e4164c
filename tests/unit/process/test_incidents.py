"""Cancellation, incidents that end with their element, and instances set aside because the engine failed (law 12)."""

from __future__ import annotations

import pytest

from engine.core.record import first_key
from engine.process import lifecycle
from engine.process import work as kinds
from engine.records import Incident, ProcessInstance, ProcessInstanceCreation, VariableDocument
from tests.support import models as m
from tests.support.actions import activate, complete, complete_all, complete_user_task, fail, resolve, set_variables
from tests.support.fixture import MakeScenario
from tests.support.scenario import make


def break_completion(monkeypatch: pytest.MonkeyPatch, element_id: str, error: type[Exception] = RuntimeError) -> None:
    """A behaviour that fails: whatever completes this element."""
    completes = lifecycle._PERFORM[kinds.COMPLETE]

    def broken(execution, work):  # type: ignore[no-untyped-def]
        row = execution.view.get(lifecycle.ELEMENT_INSTANCES, work.key)
        if row is not None and row.element_id == element_id:
            raise error("broken")
        yield from completes(execution, work)

    monkeypatch.setitem(lifecycle._PERFORM, kinds.COMPLETE, broken)


def test_an_instance_whose_job_makes_the_engine_fail_is_set_aside(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    s.deploy(m.one_task(), m.one_task("other", "other"))
    s.create("one")
    s.create("other")
    (key,) = activate(s, timeout=1000)
    break_completion(monkeypatch, "task")
    moment = complete(s, key, '{"a": 1}')
    moment.rejected("PROCESSING_ERROR", "RuntimeError")
    incident = moment.one("INCIDENT", "CREATED", error_type="UNKNOWN", element_id="task")
    assert moment.records[0].record_type == "REJECTION"
    assert moment.records[0].step.step_count == 2
    moment.none("VARIABLE")
    complete(s, key).rejected("INVALID_STATE", "resolve its incident")
    s.advance(1000).none("JOB")
    monkeypatch.undo()
    complete_all(s, "other")
    resolve(s, incident.key).accepted()
    assert activate(s) == [key]
    complete(s, key).has("one COMPLETED")
    assert s.is_empty()


def test_a_creation_that_makes_the_engine_fail_leaves_nothing(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    s.deploy(m.one_task())
    break_completion(monkeypatch, "start")
    moment = s.when(make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one")))
    moment.rejected("PROCESSING_ERROR")
    assert len(moment.records) == 1
    monkeypatch.undo()
    assert s.is_empty()
    s.cancel(s.create("one"))


def test_a_user_task_that_fails_once_leaves_no_incident_behind(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.element("userTask", "t", extensions=["<zeebe:userTask />"]), names=["t"]))
    s.create("p")
    key = s.everything().one("USER_TASK", "CREATED").key
    break_completion(monkeypatch, "t")
    complete_user_task(s, key).one("INCIDENT", "CREATED")
    complete_user_task(s, key).none("INCIDENT")
    monkeypatch.undo()
    complete_user_task(s, key).has("t COMPLETED", "p COMPLETED").one("INCIDENT", "RESOLVED")
    assert s.is_empty()


def test_a_pause_that_makes_the_engine_fail_is_taken_up_when_its_incident_is_resolved(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario(settings={"step_effects_max": 10})
    names = [f"t{index}" for index in range(6)]
    s.deploy(m.straight("p", *map(m.task, names), names=names))
    break_completion(monkeypatch, "t3")
    s.create("p")
    s.everything().rejected("PROCESSING_ERROR")
    incident = s.everything().one("INCIDENT", "CREATED", error_type="UNKNOWN", element_id="p")
    again = resolve(s, incident.key)
    again.rejected("PROCESSING_ERROR")
    second = again.one("INCIDENT", "CREATED")
    monkeypatch.undo()
    resolve(s, second.key).has("t3 COMPLETED", "t5 COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_an_incident_that_fails_again_is_kept(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.script("t", "=count(for i in 1..n return i)", "r"), names=["t"]))
    key = s.create("p", '{"n": 1000000}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    set_variables(s, key, '{"n": 1}')
    break_completion(monkeypatch, "t")
    moment = resolve(s, incident.key)
    moment.rejected("PROCESSING_ERROR")
    moment.none("INCIDENT", "CREATED")
    monkeypatch.undo()
    resolve(s, incident.key).has("t COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_incidents_end_with_their_element(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    key = s.create("one")
    incident = fail(s, activate(s)[0]).one("INCIDENT", "CREATED")
    moment = s.cancel(key)
    assert moment.one("INCIDENT", "RESOLVED").key == incident.key
    resolve(s, incident.key).rejected("NOT_FOUND")
    assert s.is_empty()


@pytest.mark.parametrize("number", [-1, 0, 5, first_key(1) + 99, -(2**63), 2**63 - 1])
def test_unknown_keys(scenario: MakeScenario, number: int) -> None:
    s = scenario()
    s.when(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), number), 1).rejected("NOT_FOUND")
    s.when(make("INCIDENT", "RESOLVE", Incident(), number), 1).rejected("NOT_FOUND")
    document = VariableDocument(scope_key=number, variables="{}")
    s.when(make("VARIABLE_DOCUMENT", "UPDATE", document, number), 1).rejected("NOT_FOUND")
    wish = ProcessInstanceCreation(process_definition_key=number, bpmn_process_id="nowhere")
    s.when(make("PROCESS_INSTANCE_CREATION", "CREATE", wish), 1).rejected("NOT_FOUND")


def test_cancel_needs_the_key_of_a_living_instance(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    key = s.create("one")
    task = s.everything().one("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", element_id="task").key
    job = s.everything().one("JOB", "CREATED").key
    definition = s.everything().one("PROCESS", "CREATED").key
    for other in (task, job, definition):
        s.cancel(other).rejected("NOT_FOUND", "running process instance")
    s.cancel(key).has("one TERMINATED")
    s.cancel(key).rejected("NOT_FOUND")
    assert s.is_empty()


def test_the_answer_to_a_cancel_is_its_first_record(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    key = s.create("one")
    mark = len(s.partitions[1].headers)
    s.when(make("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key, "gateway/3"))
    assert s.partitions[1].headers[mark:] == [{"request": "gateway/3", "final": "1"}, {}, {}, {}, {}]
