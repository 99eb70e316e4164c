"""MIGRATE_PROCESS_INSTANCE: instances that a filter selects go on with another definition."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.record import Record
from engine.operations.migrate_process_instance import Body, Parameters, check, read
from engine.process.migration_plans import INSTRUCTIONS_MAX
from engine.process.variables import VARIABLE_SIZE_MAX
from engine.records.batch_options import BatchOptions
from engine.records.process_instance_migration import MappingInstruction
from tests.support import models as m
from tests.support.actions import MIGRATE, activate, batch, complete, manage
from tests.support.batches import ITEM, counts, final, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

CREATION = "BATCH_OPERATION_CREATION"


def deploy_target(s: Scenario, name: str = "other") -> int:
    deployed = s.deploy(m.straight("one", m.job(name, "work"), names=[name]))
    return deployed.all("PROCESS", "CREATED")[0].key


def plan(target: int, *mapping: tuple[str, str]) -> Parameters:
    instructions = tuple(MappingInstruction(source_element_id=a, target_element_id=b) for a, b in mapping)
    return Parameters(target_process_definition_key=target, mapping_instructions=instructions)


def migrate(target: int, *mapping: tuple[str, str]) -> Record:
    return batch(MIGRATE, '{"processDefinitionId": "one"}', plan(target, *mapping))


def test_instances_on_all_partitions_go_on_with_the_target(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 5)
    target = deploy_target(s)
    s.when(migrate(target, ("task", "other"))).accepted()
    assert counts(final(s)) == (5, 5, 0, 0, 0)
    done = s.everything().all("PROCESS_INSTANCE_MIGRATION", "MIGRATED")
    assert {(r.key, r.value.target_process_definition_key, r.value.mapping_instructions) for r in done} == {
        (key, target, ()) for key in keys
    }
    assert {r.step.batch_operation_reference for r in done} == {key_of(s)}
    for partition in s.partitions:
        for job in activate(s, partition=partition):
            complete(s, job).has("other COMPLETED", "one COMPLETED")


def test_an_item_that_cannot_migrate_fails_alone_and_says_why(scenario: MakeScenario) -> None:
    """https://forum.camunda.io/t/60937: what is in the way is named."""
    s = scenario()
    stuck, *_ = populate(s, 3)
    target = deploy_target(s)
    parts = (m.start(), m.job("first", "first"), m.job("task"), m.end(), m.chain("start", "first", "task", "end"))
    s.deploy(m.model(m.process("one", *parts)))
    other = s.create("one")
    s.when(migrate(target, ("task", "other"))).accepted()
    assert counts(final(s)) == (4, 3, 1, 0, 0)
    failed = s.everything().one(ITEM, "FAILED")
    assert (failed.key, failed.value.error_code) == (other, "INVALID_STATE")
    assert "expected 'first', which is active, to be mapped" in failed.value.error_message
    s.cancel(stuck).accepted()


def test_an_instance_that_is_gone_is_not_found(scenario: MakeScenario) -> None:
    """Rule 9 of the parity list: a missing instance fails."""
    s = scenario()
    (key,) = populate(s, 1)
    target = deploy_target(s)
    s.send(migrate(target, ("task", "other")))
    while not s.everything().all("BATCH_OPERATION_CHUNK", "CREATED"):
        s.one()
    s.cancel(key)
    assert s.everything().one(ITEM, "FAILED").value.error_code == "NOT_FOUND"


def test_an_instance_of_a_definition_that_the_plan_is_not_for_fails(scenario: MakeScenario) -> None:
    """Rule 10 of the parity list."""
    s = scenario()
    populate(s, 1)
    target = deploy_target(s)
    s.when(migrate(target, ("task", "other"))).accepted()
    again = s.when(migrate(target, ("task", "other"))).accepted().one(ITEM, "FAILED").value
    assert again.error_code == "INVALID_ARGUMENT"
    assert "expected an element of the source process 'one', got 'task'" in again.error_message


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ((), "migrationPlan.mappingInstructions: expected at least one, got none"),
        ((("task", ""),), "migrationPlan.mappingInstructions[0].targetElementId: expected the id of an element"),
        ((("task", "gone"),), "migrationPlan.mappingInstructions: expected an element of process 'one', got 'gone'"),
    ],
)
def test_a_bad_plan_is_refused_at_creation(
    scenario: MakeScenario, mapping: tuple[tuple[str, str], ...], text: str
) -> None:
    s = scenario(2)
    populate(s, 1)
    s.when(migrate(deploy_target(s), *mapping)).rejected("INVALID_ARGUMENT", text)
    s.everything().none(CREATION)


def test_a_target_that_is_not_deployed_is_refused_at_creation(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    text = "migrationPlan.targetProcessDefinitionKey: expected the key of a process definition, got 7"
    s.when(migrate(7, ("task", "other"))).rejected("INVALID_ARGUMENT", text)
    text = "migrationPlan.targetProcessDefinitionKey: expected the key of a process definition, got none"
    s.when(migrate(-1, ("task", "other"))).rejected("INVALID_ARGUMENT", text)


def test_suspended_and_resumed_each_instance_migrates_once(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1})
    populate(s, 6)
    target = deploy_target(s)
    s.send(migrate(target, ("task", "other")))
    while len(s.everything().all(ITEM)) < 2:
        s.one()
    s.when(manage("SUSPEND", key_of(s)))
    assert len(s.everything().all(ITEM)) < 6
    s.when(manage("RESUME", key_of(s))).accepted()
    assert counts(final(s)) == (6, 6, 0, 0, 0)
    assert len(s.everything().all("PROCESS_INSTANCE_MIGRATION", "MIGRATED")) == 6


def test_an_item_that_goes_on_in_later_steps_completes_in_the_last(scenario: MakeScenario) -> None:
    """A gateway that nothing can reach any more goes on, and what follows does not fit a step."""
    s = scenario(settings={"step_effects_max": 25})

    def model(*flows: str) -> bytes:
        forked = [m.job(f"job{number}", "more") for number in range(20)]
        branches = [m.chain("many", f"job{number}") for number in range(20)]
        parts = (m.start(), m.parallel("fork"), m.job("a", "a"), m.job("b", "b"), m.inclusive("join"), m.end("e"))
        line = m.chain("start", "fork", "a", "join", "many") + m.chain("fork", "b")
        return m.model(m.process("one", *parts, m.parallel("many"), *forked, *branches, line, *flows))

    s.deploy(model(m.chain("b", "join")))
    s.create("one")
    target = s.deploy(model(m.chain("b", "e"), m.flow("start", "join"))).one("PROCESS", "CREATED").key
    (job,) = activate(s, "a")
    complete(s, job).accepted()
    moment = s.when(migrate(target, ("b", "b"), ("join", "join"))).accepted()
    assert moment.all("PROCESS_INSTANCE_CONTINUATION", "PAUSED")
    assert counts(final(s)) == (1, 1, 0, 0, 0)
    assert len(activate(s, "more")) == 20


def test_what_clients_give_becomes_parameters() -> None:
    given = {
        "targetProcessDefinitionKey": "12",
        "mappingInstructions": [{"sourceElementId": "a", "targetElementId": "b"}],
    }
    body = msgspec.convert({"migration_plan": given}, Body)
    assert read(body) == plan(12, ("a", "b"))
    for wrong in ("", "x", "-1", "1" * 20, "9" * 19, "٣"):
        body = msgspec.convert({"migration_plan": {**given, "targetProcessDefinitionKey": wrong}}, Body)
        (problem,) = check(read(body))
        assert problem.startswith("migrationPlan.targetProcessDefinitionKey: expected the key of a process definition")


def test_a_plan_has_a_limit() -> None:
    mapping = [(f"a{number}", "b") for number in range(INSTRUCTIONS_MAX + 1)]
    assert check(plan(1, *mapping[:-1])) == []
    (problem,) = check(plan(1, *mapping))
    assert problem.startswith(f"migrationPlan.mappingInstructions: expected at most {INSTRUCTIONS_MAX}, got")


def test_variables_of_the_plan_are_set_at_each_instance(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 3)
    target = deploy_target(s)
    wish = msgspec.structs.replace(plan(target, ("task", "other")), variables='{"by": "plan"}')
    tried = s.when(batch(MIGRATE, '{"processDefinitionId": "one"}', wish, options=BatchOptions(dry_run=True)))
    assert all("VARIABLE CREATED: 1" in record.value.prediction for record in tried.all(ITEM, "COMPLETED"))
    assert s.everything().all("VARIABLE") == []
    moment = s.when(batch(MIGRATE, '{"processDefinitionId": "one"}', wish)).accepted()
    set_ = {record.value.scope_key: record.value.value for record in moment.all("VARIABLE", "CREATED")}
    assert set_ == dict.fromkeys(keys, '"plan"')


def test_variables_of_the_plan_are_checked_before_anything_is_created(scenario: MakeScenario) -> None:
    given = {
        "targetProcessDefinitionKey": "5",
        "mappingInstructions": [{"sourceElementId": "a", "targetElementId": "b"}],
    }
    body = msgspec.convert({"migration_plan": {**given, "variables": {"n": [1]}}}, Body)
    assert (read(body).variables, check(read(body))) == ('{"n":[1]}', [])
    large = msgspec.structs.replace(read(body), variables='{"n": "' + "x" * VARIABLE_SIZE_MAX + '"}')
    assert [problem.partition(":")[0] for problem in check(large)] == ["migrationPlan.variables"]
    s = scenario()
    populate(s, 1)
    wrong = msgspec.structs.replace(plan(deploy_target(s), ("task", "other")), variables="[]")
    s.when(batch(MIGRATE, '{"processDefinitionId": "one"}', wrong)).rejected(
        "INVALID_ARGUMENT", "migrationPlan.variables"
    )
