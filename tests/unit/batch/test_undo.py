"""A batch operation that puts back what another one changed."""

from __future__ import annotations

from engine.records.batch_options import BatchOptions
from tests.support.actions import CANCEL, RESUME, SUSPEND, batch, suspend
from tests.support.batches import CREATION, FINAL, MANAGEMENT, counts, key_of, populate, undo
from tests.support.fixture import MakeScenario


def test_exactly_what_was_changed_is_put_back(scenario: MakeScenario) -> None:
    s = scenario(2)
    keys = populate(s, 5)
    suspend(s, keys[0])  # by somebody else, before
    s.when(batch(SUSPEND))
    ended = s.everything().all("BATCH_OPERATION_ITEM", "COMPLETED")
    assert [record.value.unchanged for record in sorted(ended, key=lambda r: keys.index(r.key))] == [True] + [False] * 4
    undo(s, key_of(s), name="back")
    created = s.everything().all(CREATION, "CREATED")[-1].value
    assert (created.batch_operation_type, created.options.parent_key) == (RESUME, key_of(s))
    last = [r for r in s.everything().all(MANAGEMENT) if r.intent in FINAL][-1]
    assert (last.intent, *counts(last)) == ("COMPLETED", 4, 4, 0, 0, 0)
    resumed = s.everything().all("PROCESS_INSTANCE", "RESUMED")
    assert {record.key for record in resumed} == set(keys[1:])


def test_an_undone_one_is_done_again(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 2)
    s.when(batch(SUSPEND))
    undo(s, key_of(s))
    second = s.everything().all(CREATION, "CREATED")[-1].key
    undo(s, second)
    assert s.everything().all(CREATION, "CREATED")[-1].value.batch_operation_type == SUSPEND
    assert len(s.everything().all("PROCESS_INSTANCE", "SUSPENDED")) == 4


def test_what_cannot_be_proved_is_refused_with_the_reason(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    s.when(batch(CANCEL))
    undo(s, key_of(s)).rejected(
        "INVALID_STATE", "RESUME_PROCESS_INSTANCE, SET_VARIABLES, SUSPEND_PROCESS_INSTANCE), got CANCEL_"
    )


def test_only_what_has_ended_can_be_undone(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    s.when(batch(SUSPEND, options=BatchOptions(start_suspended=True)))
    undo(s, key_of(s)).rejected("INVALID_STATE", "to undo, got SUSPENDED")
    undo(s, 5).rejected("NOT_FOUND", "to undo")
