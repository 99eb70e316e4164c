"""Items of batch operations that failed too often and wait for somebody, as in Camunda 7."""

from __future__ import annotations

import pytest

from engine.batch.tables import INCIDENTS, PROGRESS
from engine.core.record import Record
from engine.operations.modify_process_instance import Body, Move, read
from engine.records import BatchOperationIncident, BatchOperationLifecycleManagement
from engine.records.batch_options import BatchOptions
from tests.support import models as m
from tests.support.actions import MODIFY, batch, complete_all, manage
from tests.support.batches import ITEM, MANAGEMENT, counts, failing, final, is_over, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

FAMILY = "BATCH_OPERATION_INCIDENT"


def resolve_all(key: int, resolution: str = "RETRY") -> Record:
    value = BatchOperationLifecycleManagement(resolution=resolution)
    return make(MANAGEMENT, "RESOLVE_INCIDENTS", value, key)


def resolve(key: int, incident_key: int, resolution: str = "RETRY") -> Record:
    value = BatchOperationIncident(batch_operation_key=key, resolution=resolution)
    return make(FAMILY, "RESOLVE", value, incident_key)


def waiting(s: Scenario, count: int, good: int = 0, **options: object) -> int:
    """A batch operation of which so many items have incidents; gives its key."""
    key = failing(s, count, good, raises_incidents=True, **options)
    assert len(s.everything().all(FAMILY, "CREATED")) == count
    return key


def test_it_stays_open(scenario: MakeScenario) -> None:
    s = scenario(2)
    key = waiting(s, 3, good=4)
    assert not is_over(s)
    assert not s.everything().all(ITEM, "FAILED")
    created = s.everything().all(FAMILY, "CREATED")
    assert {r.value.error_code for r in created} == {"NOT_FOUND"}
    s.when(resolve_all(key, "FAIL"))
    assert (final(s).intent, *counts(final(s))) == ("COMPLETED", 7, 4, 3, 0, 0)
    failed = s.everything().all(ITEM, "FAILED")
    assert {(r.value.error_code, r.value.error_message) for r in failed} == {
        (r.value.error_code, r.value.error_message) for r in created
    }


def test_retries_come_first(scenario: MakeScenario) -> None:
    s = scenario()
    key = failing(s, 2, item_retries=2, retry_backoff=1_000, raises_incidents=True)
    s.advance(1_000)
    assert not s.everything().all(FAMILY, "CREATED")
    s.advance(1_000)
    assert len(s.everything().all(FAMILY, "CREATED")) == 2
    s.when(resolve_all(key))  # with all its retries again
    assert len(s.everything().all(ITEM, "RETRYING")) == 6
    s.advance(1_000)
    s.advance(1_000)
    assert len(s.everything().all(FAMILY, "CREATED")) == 4
    s.when(manage("CANCEL", key))
    assert counts(final(s)) == (2, 0, 0, 0, 2)


def test_what_is_resolved_can_succeed(scenario: MakeScenario) -> None:
    """What is not at the second task cannot be moved from there; when it has come to it, it can."""
    s = scenario(2)
    tasks = (m.job("first", "work"), m.job("second", "other"))
    s.deploy(m.model(m.process("two", m.start(), *tasks, m.end(), m.chain("start", "first", "second", "end"))))
    for number in range(4):
        s.create("two", partition=1 + number % 2)
    back = read(Body(move_instructions=(Move(source_element_id="second", target_element_id="first"),)))
    s.when(batch(MODIFY, parameters=back, options=BatchOptions(raises_incidents=True)))
    assert len(s.everything().all(FAMILY, "CREATED")) == 4
    for partition in s.partitions:
        complete_all(s, partition=partition)
    s.when(resolve_all(key_of(s)))
    assert counts(final(s)) == (4, 4, 0, 0, 0)


def test_one_alone(scenario: MakeScenario) -> None:
    s = scenario(2)
    key = waiting(s, 2)
    first, second = (record.key for record in s.everything().all(FAMILY, "CREATED"))
    s.when(resolve(key, first, "FAIL")).one(ITEM, "FAILED")
    s.when(resolve(key, first, "FAIL")).rejected("NOT_FOUND", "resolved already")
    s.when(resolve(key, second, "MAYBE")).rejected("INVALID_ARGUMENT", "expected RETRY or FAIL")
    assert not is_over(s)
    s.when(resolve(key, second, "FAIL"))
    assert (final(s).intent, *counts(final(s))) == ("FAILED", 2, 0, 2, 0, 0)


def test_many_are_resolved_in_steps_and_new_ones_are_left(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 50})
    key = waiting(s, 230)
    s.when(resolve_all(key))
    assert len(s.everything().all(FAMILY, "RESOLVED")) == 230  # they failed once more, and are not taken again
    steps = [r.position - r.index for r in s.everything().all(FAMILY, "RESOLVED")]
    assert len(set(steps)) == 3
    s.when(manage("CANCEL", key))
    assert counts(final(s)) == (230, 0, 0, 0, 230)
    assert not s.partitions[1].state.scan(INCIDENTS)


def test_failures_of_incidents_count_towards_the_limit(scenario: MakeScenario) -> None:
    s = scenario()
    key = waiting(s, 3, failures_max=2)
    assert not s.everything().all(MANAGEMENT, "SUSPENDED")
    s.when(resolve_all(key, "FAIL"))
    assert final(s).intent == "FAILED"


@pytest.mark.parametrize("steps", range(1, 30, 2))
@pytest.mark.parametrize("intents", [("SUSPEND", "RESUME"), ("CANCEL",)])
def test_interrupted_while_they_are_resolved(scenario: MakeScenario, steps: int, intents: tuple[str, ...]) -> None:
    s = scenario(2, group_size=1 + steps % 3)
    key = waiting(s, 6, good=4, slice_size=1, rate=50.0) if steps > 15 else waiting(s, 6, slice_size=1)
    s.send(resolve_all(key))
    for _ in range(steps):
        s.one() or s.advance(60)
    for intent in intents:
        s.when(manage(intent, key))
    s.advance(1_000)
    if not is_over(s):
        s.when(resolve_all(key, "FAIL"))
    for _ in range(20):
        s.advance(100)
    assert sum(counts(final(s))[1:]) == counts(final(s))[0]
    assert not any(p.state.scan(PROGRESS) for p in s.partitions.values())


def test_of_one_that_is_over_or_none(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    s.when(batch())
    s.when(resolve_all(key_of(s))).rejected("INVALID_STATE", "to resolve incidents, got ENDED")
    s.when(resolve(key_of(s), 5)).rejected("NOT_FOUND", "expected an incident")
