"""Deleting history: what still runs is refused, and who waits hears of it only when the data is gone."""

from __future__ import annotations

import pytest

from engine.core.record import KEY_BITS, NONE, Record
from engine.operations.delete_decision_instance import Parameters as DecisionParameters
from engine.process.history import DELETIONS, REASON_SIZE_MAX, Confirmations
from engine.records import DecisionEvaluation, Deployment, HistoryDeletion
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import DELETE_DECISIONS, DELETE_INSTANCES, batch, complete_all, manage
from tests.support.batches import ITEM, MANAGEMENT, counts, final, key_of, populate
from tests.support.decisions import decision, literal, model
from tests.support.fixture import MakeScenario
from tests.support.scenario import Moment, Scenario, make

FAMILY = "HISTORY_DELETION"
ALL = '{"processDefinitionId": "one", "state": {"$exists": true}}'


def deletion(key: int, resource_type: str = "PROCESS_INSTANCE", reason: str = "") -> Record:
    value = HistoryDeletion(resource_key=key, resource_type=resource_type, reason=reason)
    return make(FAMILY, "DELETE", value, key, request="gateway/1")


def ended(s: Scenario, count: int) -> list[int]:
    """Instances that have ended."""
    keys = populate(s, count)
    for partition in s.partitions:
        complete_all(s, partition=partition)
    return keys


def delete_all(s: Scenario) -> Moment:
    return s.when(batch(DELETE_INSTANCES, ALL))


@pytest.fixture
def one(scenario: MakeScenario) -> Scenario:
    s = scenario()
    s.deploy(m.one_task())
    return s


def test_an_instance_that_has_ended_is_deleted_by_an_event_that_says_why(one: Scenario) -> None:
    key = one.create("one")
    complete_all(one)
    moment = one.when(deletion(key, reason="the customer asked for it")).accepted()
    told = moment.one(FAMILY, "DELETED")
    assert (told.key, told.value.resource_key, told.value.resource_type) == (key, key, "PROCESS_INSTANCE")
    assert told.value.reason == "the customer asked for it"
    assert told.step.request == "gateway/1"
    assert one.is_empty(), "expected nothing to be kept when nobody waits"


def test_an_instance_that_runs_is_not_deleted(one: Scenario) -> None:
    key = one.create("one")
    one.when(deletion(key)).rejected("INVALID_STATE", f"got {key}, which runs; cancel it")
    one.cancel(key)
    one.when(deletion(key)).accepted().one(FAMILY, "DELETED")


@pytest.mark.parametrize("key", [1 << KEY_BITS | 1_000, 2 << KEY_BITS | 1, NONE])
def test_what_never_was_here_is_not_found(one: Scenario, key: int) -> None:
    one.when(deletion(key), 1).rejected("NOT_FOUND", f"got {key}; check it")


def test_a_senseless_deletion_is_refused(one: Scenario) -> None:
    moment = one.when(deletion(1 << KEY_BITS | 1, "PAINTING", "x" * (REASON_SIZE_MAX + 1)))
    moment.rejected("INVALID_ARGUMENT", "got 'PAINTING'")
    moment.rejected("INVALID_ARGUMENT", f"at most {REASON_SIZE_MAX} characters, got {REASON_SIZE_MAX + 1}")


def test_a_client_gives_no_work_to_do(one: Scenario) -> None:
    key = one.create("one")
    complete_all(one)
    value = HistoryDeletion(resource_key=key, resource_type="PROCESS_INSTANCE", work=b"\x91\x94", exported_position=9)
    told = one.when(make(FAMILY, "DELETE", value, key)).accepted().one(FAMILY, "DELETED").value
    assert (told.work, told.exported_position) == (b"", NONE)


def test_items_end_when_the_data_is_gone_and_not_before(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = ended(s, 5)
    s.search.exports = False
    delete_all(s).accepted()
    assert sorted(r.key for r in s.everything().all(FAMILY, "DELETED")) == sorted(keys)
    s.everything().none(ITEM)
    assert s.rows()["DELETIONS"] == 5
    s.search.exports = True
    s.drain()
    assert counts(final(s)) == (5, 5, 0, 0, 0)
    outcomes = s.everything().all(ITEM, "COMPLETED")
    assert {(r.key, r.value.process_instance_key, r.value.root_process_instance_key) for r in outcomes} == {
        (key, key, key) for key in keys
    }
    assert s.is_empty()


def test_what_is_exported_so_far_ends_first(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1})
    ended(s, 3)
    s.search.exports = False
    delete_all(s)
    first, second, third = (r.position for r in s.everything().all(FAMILY, "DELETED"))
    confirmation = Confirmations().confirmation
    assert Confirmations().awaited(s.machine()) == first
    moment = s.when_internal(confirmation(second))
    assert [r.value.exported_position for r in moment.all(FAMILY, "CONFIRMED")] == [second]
    assert len(moment.all(ITEM, "COMPLETED")) == 2
    assert Confirmations().awaited(s.machine()) == third
    for stale in (first, second, third - 1):
        s.when_internal(confirmation(stale)).rejected("INVALID_STATE", "got a stale one")
    s.when_internal(confirmation(third + 100)).accepted()
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    assert Confirmations().awaited(s.machine()) is None


def test_many_that_are_gone_at_once_are_told_in_bounded_steps(scenario: MakeScenario) -> None:
    s = scenario(settings={"step_effects_max": 4, "slice_size": 3})
    ended(s, 10)
    s.search.exports = False
    delete_all(s)
    s.search.exports = True
    s.drain()
    assert counts(final(s)) == (10, 10, 0, 0, 0)
    steps = [r.step.source_ordinal for r in s.everything().all(ITEM, "COMPLETED")]
    assert [steps.count(step) for step in sorted(set(steps))] == [4, 4, 2]


def test_what_still_runs_fails_item_by_item(scenario: MakeScenario) -> None:
    s = scenario()
    old = ended(s, 2)
    (running,) = populate(s, 1)
    delete_all(s)
    assert counts(final(s)) == (3, 2, 1, 0, 0)
    failed = s.everything().one(ITEM, "FAILED")
    assert (failed.key, failed.value.error_code) == (running, "INVALID_STATE")
    assert {r.key for r in s.everything().all(FAMILY, "DELETED")} == set(old)


def test_keys_given_by_hand_that_never_were_are_skipped(one: Scenario) -> None:
    (key,) = ended(one, 1)
    one.when(batch(DELETE_INSTANCES, ALL, item_keys=(key, key + 1, key + 2)))
    assert counts(final(one)) == (3, 1, 0, 2, 0)
    assert {r.value.error_code for r in one.everything().all(ITEM, "SKIPPED")} == {"NOT_FOUND"}


def test_a_batch_operation_that_is_canceled_meanwhile_waits_for_what_is_deleted_already(scenario: MakeScenario) -> None:
    s = scenario(settings={"slice_size": 1})
    ended(s, 3)
    s.search.exports = False
    s.send(batch(DELETE_INSTANCES, ALL))
    while not s.everything().all(FAMILY, "DELETED"):
        s.one()
    s.when(manage("CANCEL", key_of(s)))
    deleted = len(s.everything().all(FAMILY, "DELETED"))
    assert 1 <= deleted < 3
    assert not [r for r in s.everything().all(MANAGEMENT) if r.intent == "CANCELED"]
    s.search.exports = True
    s.drain()
    assert counts(final(s)) == (3, deleted, 0, 0, 3 - deleted)
    assert s.is_empty()


def test_a_batch_operation_that_is_suspended_ends_when_it_is_resumed(scenario: MakeScenario) -> None:
    s = scenario()
    ended(s, 3)
    s.search.exports = False
    delete_all(s)
    key = key_of(s)
    s.when(manage("SUSPEND", key)).accepted()
    s.search.exports = True
    s.drain()
    assert len(s.everything().all(ITEM, "COMPLETED")) == 3
    s.when(manage("RESUME", key)).accepted()
    assert counts(final(s)) == (3, 3, 0, 0, 0)


def test_what_another_batch_operation_has_deleted_meanwhile_is_deleted_once_more(scenario: MakeScenario) -> None:
    s = scenario()
    ended(s, 1)
    s.send(batch(DELETE_INSTANCES, ALL))
    while not s.everything().all("BATCH_OPERATION_CHUNK", "CREATED"):
        s.one()
    s.when(manage("SUSPEND", key_of(s)))
    delete_all(s).accepted().one(ITEM, "COMPLETED")
    s.when(manage("RESUME", key_of(s))).accepted().one(ITEM, "COMPLETED")
    assert s.is_empty()


def test_a_crash_at_any_step_changes_nothing(scenario: MakeScenario) -> None:
    s = scenario()
    ended(s, 3)
    s.send(batch(DELETE_INSTANCES, ALL))
    while s.one():
        s.crash(1)
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    assert len(s.partitions[1].state.scan(DELETIONS)) == 0


def test_evaluations_of_decisions_are_deleted(scenario: MakeScenario) -> None:
    s = scenario()
    file = Resource(resource_name="d.dmn", resource=model(decision("d", literal("1"))))
    s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=(file,)))).accepted()
    keys = []
    for _ in range(3):
        moment = s.when(make("DECISION_EVALUATION", "EVALUATE", DecisionEvaluation(decision_id="d"), request="g/1"))
        keys.append(moment.one("DECISION_EVALUATION", "EVALUATED").key)
    s.when(batch(DELETE_DECISIONS, '{"state": "EVALUATED"}', DecisionParameters())).accepted()
    assert counts(final(s)) == (3, 3, 0, 0, 0)
    deleted = s.everything().all(FAMILY, "DELETED")
    assert {(r.key, r.value.resource_type) for r in deleted} == {(key, "DECISION_INSTANCE") for key in keys}
    assert {r.value.process_instance_key for r in s.everything().all(ITEM, "COMPLETED")} == {NONE}
