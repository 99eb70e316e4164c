"""Migration of process instances that are suspended, or that pause in the middle of work that takes several steps."""

from __future__ import annotations

import pytest

from engine.bpmn.migration import Plan
from engine.bpmn.parse import parse
from engine.process import work as kinds
from engine.process.migrating_work import moved_work, unmapped_work
from engine.process.work import Work
from tests.support import models as m
from tests.support.actions import (
    MIGRATE,
    activate,
    batch,
    complete,
    complete_all,
    creation,
    migrate,
    publish,
    resume,
    suspend,
)
from tests.support.batches import counts, final
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario
from tests.unit.batch.test_migrate_process_instances import plan
from tests.unit.process.test_migrations import begin, chained, deploy

PAUSED = ("PROCESS_INSTANCE_CONTINUATION", "PAUSED")
TASKS = [f"task{number}" for number in range(50)]


def test_a_suspended_instance_stays_so_and_goes_on_with_the_target(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, chained("p", "a"), chained("p", "b"))
    suspend(s, key).accepted()
    migrate(s, key, target, ("a", "b")).accepted()
    assert activate(s, "a") == []
    resume(s, key).accepted()
    (job,) = activate(s, "a")
    complete(s, job).has("b COMPLETED", "p COMPLETED")
    assert s.is_empty()


def test_what_a_suspended_instance_held_comes_where_it_is_mapped_to(scenario: MakeScenario) -> None:
    def model(name: str) -> bytes:
        return m.straight("p", m.catch(name, m.timer("PT10S")), names=(name,))

    s, key, target = begin(scenario, model("wait"), model("pause"))
    suspend(s, key).accepted()
    s.advance(20_000)
    migrate(s, key, target, ("wait", "pause")).accepted()
    s.everything().none("TIMER", "TRIGGERED")
    resume(s, key).accepted()
    s.advance(1).has("pause COMPLETED", "p COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize("mapped", [True, False])
def test_a_message_that_came_meanwhile_is_given_to_the_target(scenario: MakeScenario, *, mapped: bool) -> None:
    def model(name: str) -> bytes:
        parts = (m.job("a", "a"), m.boundary_event(name, "a", m.message("message-a")))
        return m.model(m.process("p", m.start(), *parts, m.end(), m.chain("start", "a", "end"), m.chain(name, "end")))

    s, key, target = begin(scenario, model("told"), model("heard"), '{"key": "k"}')
    suspend(s, key).accepted()
    publish(s, time_to_live=60_000)
    migrate(s, key, target, "a", *([("told", "heard")] if mapped else [])).accepted()
    s.everything().none("PROCESS_MESSAGE_SUBSCRIPTION", "CORRELATED")
    resume(s, key).accepted()
    s.advance(1)
    s.everything().has("heard COMPLETED", "p COMPLETED")
    s.advance(60_000)
    assert s.is_empty()


def test_a_batch_operation_migrates_suspended_instances_too(scenario: MakeScenario) -> None:
    s, key, target = begin(scenario, chained("p", "a"), chained("q", "b"))
    other = s.create("p")
    suspend(s, key)
    s.when(batch(MIGRATE, parameters=plan(target, ("a", "b"))))
    assert counts(final(s)) == (2, 2, 0, 0, 0)
    assert {r.key for r in s.everything().all("PROCESS_INSTANCE_MIGRATION", "MIGRATED")} == {key, other}
    assert len(activate(s, "a")) == 1


def pausing(scenario: MakeScenario) -> tuple[Scenario, int, int]:
    """An instance that has begun some of its tasks, and a definition that it could go on with."""
    s = scenario(settings={"step_effects_max": 100})
    deploy(s, m.fan("p", 50))
    (target,) = deploy(s, m.fan("q", 50))
    s.send(creation("p"), 1)
    while not s.everything().all(*PAUSED):
        s.one()
    return s, s.everything().one("PROCESS_INSTANCE_CREATION", "CREATED").key, target


def test_an_instance_in_the_middle_of_its_work_goes_on_in_the_target(scenario: MakeScenario) -> None:
    s, key, target = pausing(scenario)
    moment = migrate(s, key, target, "fork", *TASKS).accepted()
    since = moment.one("PROCESS_INSTANCE_MIGRATION", "MIGRATED").position
    begun = [r for r in moment.all("PROCESS_INSTANCE", "ELEMENT_ACTIVATING") if r.position > since]
    assert begun
    assert {record.value.process_definition_key for record in begun} == {target}
    complete_all(s)
    s.everything().has("q COMPLETED")
    assert s.is_empty()


def test_what_a_token_is_on_its_way_to_must_be_mapped(scenario: MakeScenario) -> None:
    s, key, target = pausing(scenario)
    migrate(s, key, target, *TASKS[:-1]).rejected(
        "INVALID_STATE", "'task49', to which a token is on its way, to be map"
    )


def test_one_that_is_suspended_in_the_middle_goes_on_when_it_is_resumed(scenario: MakeScenario) -> None:
    s, key, target = pausing(scenario)
    suspend(s, key).one("PROCESS_INSTANCE", "SUSPENDED")
    migrate(s, key, target, "fork", *TASKS).accepted()
    assert activate(s) == []
    resume(s, key).accepted()
    complete_all(s)
    s.everything().has("q COMPLETED")
    assert s.is_empty()


@pytest.mark.parametrize(
    "work",
    [
        Work(kinds.HAPPENED, 1, "a"),
        Work(kinds.THROW, 1, "code"),
        Work(kinds.TERMINATE, 1),
        Work(kinds.START, 1, "a", '{"b":{}}'),
        Work(kinds.RESUME_ACTIVATION, 1, data='{"b":{}}'),
        Work(kinds.COMPENSATE, 1, "a"),
    ],
    ids=lambda work: work.kind,
)
def test_what_has_begun_is_waited_for(work: Work) -> None:
    (graph,) = parse(chained("p", "a"), "p.bpmn")
    same = Plan(graph, graph, [("a", "a")])
    (told,) = unmapped_work(same, [work])
    assert "in the middle of its work; migrate it again in a moment" in told


def test_work_is_about_the_elements_of_the_target() -> None:
    (source,), (target,) = parse(chained("p", "a"), "p.bpmn"), parse(chained("p", "b"), "p.bpmn")
    stack = [Work(kinds.COMPLETE, 5, data="{}"), Work(kinds.ACTIVATE, 3, "a", "{}"), Work(kinds.FOLLOW_UP, 7, "name")]
    mapped = Plan(source, target, [("a", "b")])
    assert unmapped_work(mapped, stack) == []
    assert moved_work(mapped, stack) == [stack[0], Work(kinds.ACTIVATE, 3, "b", "{}"), stack[2]]
