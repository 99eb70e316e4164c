"""SUSPEND_PROCESS_INSTANCE and RESUME_PROCESS_INSTANCE: process instances stand still and go on."""

from __future__ import annotations

from tests.support.actions import RESUME, SUSPEND, activate, batch, complete_all, resume, suspend
from tests.support.batches import ITEM, counts, final, populate
from tests.support.fixture import MakeScenario

WHICH = '{"processDefinitionId": "one"}'


def test_instances_are_suspended_and_resumed(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 6)
    s.when(batch(SUSPEND, WHICH)).accepted()
    assert counts(final(s)) == (6, 6, 0, 0, 0)
    assert {r.value.process_instance_key for r in s.everything().all("PROCESS_INSTANCE", "SUSPENDED")} == set(keys)
    assert activate(s) == activate(s, partition=2) == []
    s.when(batch(RESUME, WHICH)).accepted().one(
        "BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "COMPLETED", total=6, completed=6
    )
    complete_all(s)
    complete_all(s, partition=2)
    assert s.is_empty()


def test_an_instance_that_is_so_already_is_completed_without_a_record_of_its_own(scenario: MakeScenario) -> None:
    s = scenario()
    first, second = populate(s, 2)
    suspend(s, first)
    s.when(batch(SUSPEND, "", item_keys=(first, second))).accepted()
    assert {r.key for r in s.everything().all(ITEM, "COMPLETED")} == {first, second}
    assert len(s.everything().all("PROCESS_INSTANCE", "SUSPENDED")) == 2
    resume(s, first)
    s.when(batch(RESUME, "", item_keys=(first, second))).accepted()
    assert len(s.everything().all(ITEM, "COMPLETED")) == 4
    assert len(s.everything().all("PROCESS_INSTANCE", "RESUMED")) == 2


def test_an_instance_that_is_gone_is_not_found(scenario: MakeScenario) -> None:
    s = scenario()
    (key,) = populate(s, 1)
    s.send(batch(SUSPEND, WHICH))
    while not s.everything().all("BATCH_OPERATION_CHUNK", "CREATED"):
        s.one()
    s.cancel(key)
    assert s.everything().one(ITEM, "FAILED").value.error_code == "NOT_FOUND"
