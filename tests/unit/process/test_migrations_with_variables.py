"""Variables of a migration plan: set at the process instance in the step in which it migrates."""

from __future__ import annotations

import pytest

from engine.process.tables import VARIABLES
from engine.process.variables import VARIABLE_SIZE_MAX
from tests.support import models as m
from tests.support.actions import activate, complete, migrate, suspend
from tests.support.fixture import MakeScenario
from tests.support.scenario import Moment
from tests.unit.process.test_migrations_of_waits import begin, deploy, with_boundary, without_boundary

BEFORE = without_boundary("p", "a")


def told(moment: Moment) -> dict[str, tuple[str, str]]:
    found = [record for record in moment.all("VARIABLE") if record.intent != "MIGRATED"]
    return {record.value.name: (record.intent, record.value.value) for record in found}


def test_they_are_set_in_the_same_step_as_those_of_the_target(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, BEFORE, without_boundary("p", "b"), '{"old": 1, "same": 2, "other": 3}')
    moment = migrate(s, key, target, ("a", "b"), variables='{"old": 9, "same": 2, "new": {"x": [1, 2]}}').accepted()
    assert told(moment) == {"old": ("UPDATED", "9"), "new": ("CREATED", '{"x":[1,2]}')}
    assert len({record.step.source_ordinal for record in moment.records}) == 1
    for record in moment.all("VARIABLE"):
        assert (record.value.process_definition_key, record.value.scope_key) == (target, key)
        assert not record.value.initial
    rows = {row.name: row.value for _, row in s.partitions[1].state.scan(VARIABLES, key)}
    assert rows == {"old": "9", "same": "2", "other": "3", "new": '{"x":[1,2]}'}
    (job,) = activate(s)
    complete(s, job).has("p COMPLETED")


def test_what_the_target_waits_for_in_addition_sees_them(scenario: MakeScenario) -> None:
    """A correlation key that the instance did not have is what a plan has variables for."""
    after = with_boundary("p", "a", "asked", m.message())
    s, key, target = begin(scenario, BEFORE, after, "{}")
    migrate(s, key, target, "a").rejected("INVALID_STATE")
    migrate(s, key, target, "a", variables='{"key": "k"}').accepted()
    (opened,) = s.everything().all("PROCESS_MESSAGE_SUBSCRIPTION")
    assert opened.value.correlation_key == "k"


def test_they_are_set_at_the_instance_whatever_its_scopes_declare(scenario: MakeScenario) -> None:
    inside = m.start("begun") + m.job("a", "work") + m.chain("begun", "a")
    body = m.sub_process("s", inside, extensions=[m.mapping([("=1", "x")])])
    model = m.model(m.process("p", m.start(), body, m.chain("start", "s")))
    s = scenario()
    deploy(s, model)
    key = s.create("p")
    target = deploy(s, model.replace(b"work", b"toil"))
    moment = migrate(s, key, target, "s", "a", variables='{"x": 2}').accepted()
    created = moment.one("VARIABLE", "CREATED").value
    assert (created.scope_key, created.value) == (key, "2")


def test_a_suspended_instance_gets_them(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, BEFORE, without_boundary("p", "b"))
    suspend(s, key).accepted()
    assert told(migrate(s, key, target, ("a", "b"), variables='{"n": 1}').accepted()) == {"n": ("CREATED", "1")}


def test_what_is_refused_sets_nothing(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, BEFORE, without_boundary("p", "b"))
    migrate(s, key, target, ("start", "start"), variables='{"n": 1}').rejected("INVALID_STATE")
    assert told(s.everything()).keys() == {"key"}


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ("[1]", "variables: expected the variables to be a JSON object"),
        ('{"n": ', "variables: expected the variables to be a JSON object"),
        ('{"n": "' + "x" * VARIABLE_SIZE_MAX + '"}', f"variables: expected at most {VARIABLE_SIZE_MAX} bytes"),
    ],
)
def test_what_are_no_variables_is_refused(scenario: MakeScenario, variables: str, text: str) -> None:
    s, key, target = begin(scenario, BEFORE, without_boundary("p", "b"))
    migrate(s, key, target, ("a", "b"), variables=variables).rejected("INVALID_ARGUMENT", text)


def test_they_count_among_what_a_step_has_room_for(scenario: MakeScenario) -> None:
    s = scenario(settings={"migration_effects_max": 20})
    deploy(s, BEFORE)
    key = s.create("p")
    target = deploy(s, without_boundary("p", "b"))
    many = "{" + ", ".join(f'"n{number}": 1' for number in range(30)) + "}"
    migrate(s, key, target, ("a", "b"), variables=many).rejected("EXCEEDED_LIMIT", "in one step of 20 records")
