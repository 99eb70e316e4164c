"""Rules of Camunda 7's batches that hold here, under the numbers of the checklist of its edge rules.

Of the 20 rules 1, 2, 9 to 16, 18 and 19 hold; the others describe its jobs, which items replace.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.bpmn.migration import Plan
from engine.bpmn.model import Process
from engine.bpmn.parse import parse
from engine.core.record import first_key
from engine.operations.correlate_message import Parameters as Correlation
from engine.operations.migrate_process_instance import Parameters as MigrationPlan
from engine.operations.modify_process_instance import Activate, Body, Move, Terminate, read
from engine.operations.update_job import Parameters as JobChange
from engine.records.process_instance_migration import MappingInstruction
from tests.support import models as m
from tests.support.actions import (
    CANCEL,
    CORRELATE,
    DELETE_INSTANCES,
    MIGRATE,
    MODIFY,
    UPDATE_JOBS,
    activate,
    batch,
    complete,
    manage,
    migrate,
)
from tests.support.batches import FINAL, ITEM, MANAGEMENT, counts, final, is_over, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.identities import by, grant
from tests.support.scenario import Scenario
from tests.unit.batch.test_batch_life import retry
from tests.unit.batch.test_batch_rights import populated
from tests.unit.exporters.stories import Story, World, date

BATCH = first_key(1) + 7
ENDED_TOO = '{"state": {"$exists": true}}'


def items(s: Scenario, intent: str) -> list[int]:
    return [record.key for record in s.everything().all(ITEM, intent)]


def test_rule_01_ids_and_query_are_united_without_duplicates_and_frozen(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 4)
    s.deploy(m.one_task("other"))
    others = [s.create("other", partition=1), s.create("other", partition=2)]
    found = (keys[0], keys[1], others[0], others[0])
    s.send(batch(CANCEL, '{"processDefinitionId": "one"}', item_keys=found))
    s.step(1)  # created; whatever is born from now on is none of its items
    late = s.create("one", partition=1)
    s.drain()
    assert sorted(items(s, "COMPLETED")) == sorted([*keys, others[0]])
    assert counts(final(s)) == (5, 5, 0, 0, 0)
    s.cancel(late).accepted()
    s.cancel(others[1]).accepted()


@pytest.mark.parametrize("text", ["", "{}"])
def test_rule_02_nothing_given_is_refused(scenario: MakeScenario, text: str) -> None:
    s = scenario()
    populate(s, 1)
    s.when(batch(CANCEL, text)).rejected("INVALID_ARGUMENT", "expected a filter that is not empty, or keys")
    assert s.rows()["JOBS"] == 1


def test_rule_02_a_query_and_a_retry_cannot_be_combined(scenario: MakeScenario) -> None:
    """Two ways of saying which are not combined in silence: what failed, and a filter."""
    s = scenario()
    populate(s, 1)
    s.when(batch())
    wish = retry(key_of(s))
    both = replace(wish, value=replace(wish.value, filter='{"a": 1}'))
    s.when(both, 1).rejected("INVALID_ARGUMENT", "neither a filter nor keys")


MOVE = read(Body(move_instructions=(Move(source_element_id="task", target_element_id="task"),)))
TO_ANYTHING = MappingInstruction(source_element_id="task", target_element_id="task")


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (DELETE_INSTANCES, "SKIPPED"),
        (CORRELATE, "SKIPPED"),
        (MIGRATE, "FAILED"),
        (MODIFY, "FAILED"),
        (UPDATE_JOBS, "FAILED"),
    ],
)
def test_rule_09_what_is_missing_is_passed_over_or_fails_by_its_type(
    scenario: MakeScenario, kind: str, outcome: str
) -> None:
    s = scenario()
    target = s.deploy(m.one_task("one")).one("PROCESS", "CREATED").key
    s.create("one")
    # the key of a definition, but of nothing that the type is about
    parameters = {
        MIGRATE: MigrationPlan(target_process_definition_key=target, mapping_instructions=(TO_ANYTHING,)),
        MODIFY: MOVE,
        UPDATE_JOBS: JobChange(changed_attributes=("retries",), retries=1),
    }
    s.when(batch(kind, "", parameters.get(kind), item_keys=(target,)))
    record = s.everything().one(ITEM, outcome)
    assert (record.key, record.value.error_code) == (target, "NOT_FOUND")
    assert sum(counts(final(s))[1:]) == counts(final(s))[0] == 1


def test_rule_10_what_still_runs_is_not_deleted_from_history(scenario: MakeScenario) -> None:
    s = scenario()
    ended, running = populate(s, 2)
    s.cancel(ended)
    s.when(batch(DELETE_INSTANCES, ENDED_TOO))
    assert (items(s, "COMPLETED"), items(s, "FAILED")) == ([ended], [running])
    assert s.everything().one(ITEM, "FAILED").value.error_code == "INVALID_STATE"


@pytest.mark.parametrize("kind", [MIGRATE, MODIFY])
def test_rule_10_an_instance_of_another_version_fails(scenario: MakeScenario, kind: str) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("a"), names=("a",)))
    old = s.create("p")
    target = s.deploy(m.straight("p", m.job("b"), names=("b",))).one("PROCESS", "CREATED").key
    new = s.create("p")
    parameters = {
        MIGRATE: MigrationPlan(
            target_process_definition_key=target,
            mapping_instructions=(MappingInstruction(source_element_id="b", target_element_id="b"),),
        ),
        MODIFY: read(Body(move_instructions=(Move(source_element_id="b", target_element_id="b"),))),
    }
    s.when(batch(kind, parameters=parameters[kind]))
    assert (items(s, "FAILED"), items(s, "COMPLETED")) == ([old], [new])
    assert "'b'" in s.everything().one(ITEM, "FAILED").value.error_message


def test_rule_11_what_is_found_while_suspended_waits_and_what_is_under_way_ends(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1, "step_effects_max": 100})
    s.deploy(m.fan("big", 300))
    large = s.create("big")
    small = populate(s, 2)
    s.send(batch())
    while not s.everything().all("PROCESS_INSTANCE", "ELEMENT_TERMINATING"):
        s.one()
    s.when(manage("SUSPEND", key_of(s)))
    assert items(s, "COMPLETED") == [large]  # it was locked, as Camunda 7 calls it
    s.when(manage("RESUME", key_of(s)))
    assert set(items(s, "COMPLETED")) == {large, *small}
    suspended = batch()
    s.deploy(m.one_task())
    late = s.create("one")
    s.send(suspended)
    s.step(1)
    second = s.everything().all("BATCH_OPERATION_CREATION", "CREATED")[-1].key
    s.when(manage("SUSPEND", second))
    assert late not in items(s, "COMPLETED")
    s.when(manage("RESUME", second))
    assert late in items(s, "COMPLETED")


def test_rule_12_what_was_done_stays_when_it_is_canceled_and_deleted(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1})
    keys = populate(s, 3)
    s.send(batch())
    while not items(s, "COMPLETED"):
        s.one()
    key = key_of(s)
    s.when(manage("CANCEL", key))
    assert (final(s).intent, counts(final(s))[1]) == ("CANCELED", len(items(s, "COMPLETED")))
    left = [instance for instance in keys if instance not in items(s, "COMPLETED")]
    assert left
    s.when(manage("DELETE", key))
    s.when(manage("DELETE", key)).rejected("NOT_FOUND")
    for instance in left:
        s.cancel(instance).accepted()
    assert s.is_empty()


def shown(story: Story, folder: Path, **filters: object) -> list[str]:
    """The batch operations that a search finds."""

    async def ask() -> list[str]:
        async with World(folder) as world:
            await world.export(story)
            return await world.found("BATCH_OPERATION", "batchOperationKey", filter=filters)

    return asyncio.run(ask())


def told(*failed: int) -> Story:
    """Batch operations of ada, bob, ada …, with so many failures each; the last of them still runs."""
    story = Story()
    for number in range(len(failed)):
        story.create_batch(BATCH + number, actor_type="USER", actor_id="ada" if number % 2 == 0 else "bob")
    for number, count in enumerate(failed):
        key = BATCH + number
        found = [story.key() for _ in range(2)]
        story.find_items(key, found)
        for index, item in enumerate(found):
            story.finish_item(key, item, "FAILED" if index < count else "COMPLETED")
        if number < len(failed) - 1:
            story.finish_batch(key, "COMPLETED", total=2, failed=count, completed=2 - count)
    return story


def test_rule_13_it_is_shown_from_its_creation_and_found_by_its_end(tmp_path: Path) -> None:
    story = Story()
    story.create_batch(BATCH)
    assert shown(story, tmp_path / "a", batchOperationKey=str(BATCH)) == [str(BATCH)]
    story = told(0, 0)
    assert shown(story, tmp_path / "b", endDate={"$exists": True}) == [str(BATCH)]
    assert shown(story, tmp_path / "b", endDate={"$exists": False}) == [str(BATCH + 1)]


def test_rule_14_with_failures_created_by_and_started_between_are_inclusive(tmp_path: Path) -> None:
    story = told(0, 1, 2)
    with_failures = [str(BATCH + 1), str(BATCH + 2)]
    assert shown(story, tmp_path, operationsFailedCount={"$gte": 1}) == with_failures
    assert shown(story, tmp_path, operationsFailedCount=0) == [str(BATCH)]
    assert shown(story, tmp_path, actorId="ada") == [str(BATCH), str(BATCH + 2)]
    began = date(4)  # of the first: creations of three, items found
    assert shown(story, tmp_path, startDate={"$lte": began}) == [str(BATCH)]
    assert shown(story, tmp_path, startDate={"$gte": began}) == [str(BATCH), *with_failures]


def test_rule_15_no_match_is_success_and_no_name_is_any_message(scenario: MakeScenario) -> None:
    s = scenario()
    waits = m.process("p", m.start(), m.catch("c", m.message("message-a")), m.end(), m.chain("start", "c", "end"))
    s.deploy(m.model(waits))
    waiting = s.create("p", '{"key": "k"}')
    (indifferent,) = populate(s, 1)
    s.when(batch(CORRELATE, parameters=Correlation(message_name="nobody waits for it")))
    assert set(items(s, "COMPLETED")) == {waiting, indifferent}
    s.when(batch(CORRELATE, parameters=Correlation())).has("p COMPLETED")
    s.everything().none(ITEM, "FAILED")


def test_rule_16_ending_what_there_is_not_is_nothing_and_behind_needs_one_flow(scenario: MakeScenario) -> None:
    def model(*flows: str) -> bytes:
        parts = (m.start(), m.parallel("fork"), m.job("a"), m.job("b"), m.end())
        return m.model(m.process("p", *parts, m.chain("start", "fork", "a", "end"), *flows))

    s = scenario()
    s.deploy(model(m.chain("fork", "b", "end")))
    s.create("p")
    end = Terminate(element_id="there is none")
    s.when(batch(MODIFY, parameters=read(Body(terminate_instructions=(end,)))))
    assert counts(final(s)) == (1, 1, 0, 0, 0)
    assert s.rows()["JOBS"] == 2
    marks = s.marks()
    s.when(batch(MODIFY, parameters=read(Body(activate_instructions=(Activate(after_element_id="fork"),)))))
    failed = s.since(marks).one(ITEM, "FAILED")
    assert failed.value.error_code == "INVALID_ARGUMENT"
    assert "fork" in failed.value.error_message
    s.when(batch(MODIFY, parameters=read(Body(activate_instructions=(Activate(after_element_id="start"),)))))
    assert s.rows()["JOBS"] == 4


def graph(*parts: str) -> Process:
    (found,) = parse(m.model(m.process("p", *parts)), "p.bpmn")
    return found


def chain(part: str, name: str, *more: str) -> Process:
    return graph(m.start(), part, m.end(), m.chain("start", name, "end"), *more)


INNER = (m.start("begin"), m.job("b"), m.end("done"), m.chain("begin", "b", "done"))
JOB, SUB = chain(m.job("a"), "a"), chain(m.sub_process("s", *INNER), "s")
TIMED = chain(m.job("a"), "a", m.boundary_event("late", "a", m.timer("PT1S")))
TOLD = chain(m.job("a"), "a", m.boundary_event("late", "a", m.message("message-a")))
REPEATED = chain(m.multi(m.job("a")), "a")


def joining(*names: str) -> Process:
    flows = [m.chain("fork", name, "join") for name in names]
    parts = (m.start(), m.parallel("fork"), m.parallel("join"), m.end(), *(m.job(name) for name in names))
    return graph(*parts, m.chain("start", "fork"), m.chain("join", "end"), *flows)


@pytest.mark.parametrize(
    ("source", "target", "mapping", "expected"),
    [
        (JOB, JOB, [("x", "a")], "expected an element of the source process 'p', got 'x'"),  # 1
        (JOB, JOB, [("a", "x")], "expected an element of the target process 'p', got 'x'"),  # 1
        (JOB, chain(m.script("a", "=1", "r"), "a"), [("a", "a")], "expected 'a' to be of type"),  # 2
        (TIMED, TOLD, [("a", "a"), ("late", "late")], "of event type Timer, as 'late' is, got Message"),  # 3
        (JOB, JOB, [("a", "a"), ("a", "a")], "expected 'a' to be mapped once, got it again"),  # 4
        (JOB, REPEATED, [("a", "a")], "repeated never, as 'a' is"),  # 5, 6
        (REPEATED, JOB, [("a", "a")], "repeated all at once, as 'a' is, got never"),  # 7
        (joining("a", "b"), joining("a"), [("join", "join")], "incoming"),  # 8
        (TIMED, TIMED, [("late", "late")], "expected 'a'"),  # 9
        (JOB, SUB, [("a", "b")], "expected 'b' to be in 'p', which 'p' is mapped to, got it in 's'"),  # 11
    ],
    ids=["1 source", "1 target", "2", "3", "4", "5 and 6", "7", "8", "9", "11"],
)
def test_rule_18_a_bad_plan_is_told(
    source: Process, target: Process, mapping: list[tuple[str, str]], expected: str
) -> None:
    """The number is that in the list of plan validations. 10, 12 and 13 have nothing to apply to."""
    problems = [f"{problem}" for problem in Plan(source, target, mapping).problems]
    assert any(expected in problem for problem in problems), problems


def test_rule_18_what_an_instance_needs_is_checked_for_each(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("a", "a"), m.job("b", "b"), names=("a", "b")))
    first, second = s.create("p"), s.create("p")
    (job, _) = activate(s, "a")
    complete(s, job)
    target = s.deploy(m.straight("q", m.job("a", "a"), m.job("b", "b"), names=("a", "b"))).one("PROCESS", "CREATED").key
    only_b = (MappingInstruction(source_element_id="b", target_element_id="b"),)
    s.when(batch(MIGRATE, parameters=MigrationPlan(target_process_definition_key=target, mapping_instructions=only_b)))
    assert (items(s, "COMPLETED"), items(s, "FAILED")) == ([first], [second])
    assert "'a', which is active, to be mapped" in s.everything().one(ITEM, "FAILED").value.error_message
    migrate(s, second, target, "a").accepted()


def test_rule_19_its_creator_has_no_rights_by_being_that(scenario: MakeScenario) -> None:
    s, _ = populated(scenario, 1)
    grant(s, "user:ada", "BATCH", "CREATE_BATCH_OPERATION_CANCEL_PROCESS_INSTANCE")
    s.when(by(batch(), "user:ada")).accepted()
    key = key_of(s)
    assert is_over(s)
    assert counts(final(s))[1] == 0  # nothing that he may see or cancel
    for intent in ("SUSPEND", "CANCEL", "DELETE"):
        s.when(by(manage(intent, key), "user:ada")).rejected("FORBIDDEN", "UPDATE on BATCH")
    assert [record.intent for record in s.everything().all(MANAGEMENT) if record.intent in FINAL] == ["COMPLETED"]
