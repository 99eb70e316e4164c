"""Script tasks and user tasks."""

from __future__ import annotations

import pytest

from tests.support import models as m
from tests.support.actions import activate, complete, complete_user_task, resolve, set_variables
from tests.support.fixture import MakeScenario


def test_a_script_gives_a_variable(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.script("t", "=a + 1", "b"), m.job("w"), names=["t", "w"]))
    key = s.create("p", '{"a": 1}')
    assert s.everything().one("VARIABLE", "CREATED", name="b").value.value == "2"
    assert s.everything().one("VARIABLE", "CREATED", name="b").value.scope_key == key


def test_the_result_of_a_script_goes_through_its_output_mappings(scenario: MakeScenario) -> None:
    s = scenario()
    script = m.script("t", "=a * 2", "local", m.mapping([("=base", "a")], [("=local", "out")]))
    s.deploy(m.straight("p", script, m.job("w"), names=["t", "w"]))
    key = s.create("p", '{"base": 4}')
    assert s.everything().variables() == {"base": "4", "a": "4", "local": "8", "out": "8"}
    assert [r.value.name for r in s.everything().all("VARIABLE", scope_key=key)] == ["base", "out"]


@pytest.mark.parametrize("expression", ["=10 ** 400", '="x" + 1', "=for i in 1..1000 return for j in 1..1000 return i"])
def test_a_script_never_makes_the_engine_fail(scenario: MakeScenario, expression: str) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.script("t", expression, "b"), m.job("w"), names=["t", "w"]))
    s.create("p")
    assert "PROCESSING_ERROR" not in str(s.everything())


def user_task(name: str, *extensions: str) -> str:
    return m.element("userTask", name, extensions=("<zeebe:userTask />", *extensions))


def test_a_native_user_task(scenario: MakeScenario) -> None:
    s = scenario()
    assigned = '<zeebe:assignmentDefinition assignee="=who" candidateGroups="a, b" />'
    s.deploy(m.straight("p", user_task("t", assigned), names=["t"]))
    s.create("p", '{"who": "ada"}')
    created = s.everything().one("USER_TASK", "CREATED")
    assert (created.value.assignee, created.value.candidate_groups, created.value.priority) == ("ada", ("a", "b"), 50)
    moment = complete_user_task(s, created.key, '{"ok": true}')
    assert moment.one("USER_TASK", "COMPLETED").value.action == "complete"
    moment.has("t COMPLETED", "p COMPLETED")
    assert moment.variables() == {"ok": "true"}
    complete_user_task(s, created.key).rejected("NOT_FOUND")
    assert s.is_empty()


def test_a_user_task_ends_with_its_instance(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", user_task("t"), names=["t"]))
    key = s.create("p")
    s.cancel(key).one("USER_TASK", "CANCELED")
    assert s.is_empty()


def test_a_user_task_whose_attributes_fail(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", user_task("t", '<zeebe:assignmentDefinition assignee="=who" />'), names=["t"]))
    key = s.create("p", '{"who": 7}')
    incident = s.everything().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    set_variables(s, key, '{"who": "bob"}')
    moment = resolve(s, incident.key)
    complete_user_task(s, moment.one("USER_TASK", "CREATED").key).has("p COMPLETED")
    assert s.is_empty()


def test_a_user_task_of_the_old_kind_is_a_job(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.element("userTask", "t"), names=["t"]))
    s.create("p")
    (key,) = activate(s, "io.camunda.zeebe:userTask")
    complete(s, key).has("p COMPLETED")
    complete_user_task(s, key).rejected("NOT_FOUND")
    assert s.is_empty()
