"""The life of a batch operation as a whole: every command in every state, what is left when it has ended, its retry."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.batch.life import CANCELING, ENDED, HELD, STATES, SUSPENDED, TRANSITIONS, UNKNOWN
from engine.batch.tables import ENDED_BATCHES
from engine.core.record import Record
from engine.records import BatchOperationCreation, BatchOperationLifecycleManagement
from engine.records.batch_options import BatchOptions
from tests.support.actions import manage
from tests.support.batches import FINAL, ITEM, MANAGEMENT, counts, failing, final, is_over, populate, start
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

DAY = 24 * 3_600_000


# the table of its life


def bring_to(s: Scenario, state: str) -> int:
    """A batch operation in this state; gives its key."""
    populate(s, 3)
    if state == UNKNOWN:
        return s.machine().last_key + 1_000
    key = start(s, start_at=s.now + 1_000)
    if state == HELD:
        s.when(manage("SUSPEND", key, "EXECUTION"))
    elif state == SUSPENDED:
        s.when(manage("SUSPEND", key))
    elif state == CANCELING:
        s.send(manage("CANCEL", key))
        s.step(1)
    elif state == ENDED:
        s.advance(1_000)
        assert is_over(s)
    return key


def command_of(intent: str, key: int) -> Record:
    wishes = {"UPDATE": {"rate": 5.0}, "RESOLVE_INCIDENTS": {"resolution": "RETRY"}}
    value = BatchOperationLifecycleManagement(**wishes.get(intent, {}))  # type: ignore[arg-type]
    return make(MANAGEMENT, intent, value, key)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("intent", TRANSITIONS)
def test_every_command_in_every_state(scenario: MakeScenario, intent: str, state: str) -> None:
    s = scenario(settings={"step_effects_max": 1})  # canceling takes a while
    key = bring_to(s, state)
    s.send(command_of(intent, key))
    s.step(1) if state != CANCELING else s.one()
    while s.records()[-1].value_type != MANAGEMENT and s.one():
        pass
    answer = next(record for record in reversed(s.records()) if record.value_type == MANAGEMENT)
    s.drain()
    event = TRANSITIONS[intent].get(state)
    told = s.everything().all(MANAGEMENT)
    if event is not None:
        assert event in [record.intent for record in told]
    else:
        refused = [record for record in s.records() if record.rejection_code and record.value_type == MANAGEMENT]
        assert [record.rejection_code for record in refused] == ["NOT_FOUND" if state == UNKNOWN else "INVALID_STATE"]
    assert answer.key == key


def test_the_documentation_shows_the_table() -> None:
    text = (Path(__file__).parents[3] / "docs" / "batch-operations.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    head = next(row for row in rows if row[1:] == list(STATES))
    shown = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows if row[0] in TRANSITIONS}
    assert shown == {
        intent: {state: allowed.get(state, "404" if state == UNKNOWN else "409") for state in STATES}
        for intent, allowed in TRANSITIONS.items()
    }


# what is left of it


def test_what_has_ended_is_forgotten_after_its_retention(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"retention_ms": DAY})
    populate(s, 2)
    key = start(s)
    assert final(s).value.removal_time == s.now + DAY
    s.when(manage("CANCEL", key)).rejected("INVALID_STATE", "got ENDED")
    s.advance(DAY - 1)
    s.everything().none(MANAGEMENT, "DELETED")
    s.advance(1)
    assert [r.step.partition_id for r in s.everything().all(MANAGEMENT, "DELETED")] == [1, 2]
    s.when(manage("CANCEL", key)).rejected("NOT_FOUND")
    assert s.due_count() == 0


def test_a_type_has_a_retention_of_its_own(scenario: MakeScenario) -> None:
    kept = {"CANCEL_PROCESS_INSTANCE": 0}
    s = scenario(settings={"retention_by_type_ms": kept})
    populate(s, 1)
    start(s)
    assert (final(s).value.removal_time, s.due_count()) == (0, 0)


def test_what_has_ended_is_deleted(scenario: MakeScenario) -> None:
    s = scenario(2)
    populate(s, 2)
    key = start(s, start_at=s.now + 1)
    s.when(manage("DELETE", key)).rejected("INVALID_STATE", "in state ENDED to delete, got ACTIVE")
    s.advance(1)
    s.when(manage("DELETE", key))
    assert len(s.everything().all(MANAGEMENT, "DELETED")) == 2
    assert s.machine().get(ENDED_BATCHES, key) is None
    assert s.due_count() == 0
    s.when(manage("DELETE", key)).rejected("NOT_FOUND")


def retry(key: int, **options: object) -> Record:
    value = BatchOperationCreation(options=BatchOptions(parent_key=key, **options))  # type: ignore[arg-type]
    return make("BATCH_OPERATION_CREATION", "CREATE", value, request="gateway/8")


def test_exactly_what_failed_is_retried(scenario: MakeScenario) -> None:
    s = scenario(2)
    key = failing(s, 4, good=3)
    failed = sorted(record.key for record in s.everything().all(ITEM, "FAILED"))
    marks = s.marks()
    s.when(retry(key), 1)
    child, *_ = s.since(marks).all("BATCH_OPERATION_CREATION", "CREATED")
    assert (child.value.batch_operation_type, child.value.options.parent_key) == ("CANCEL_PROCESS_INSTANCE", key)
    assert sorted(record.key for record in s.since(marks).all(ITEM, "FAILED")) == failed
    (end,) = [record for record in s.since(marks).all(MANAGEMENT) if record.intent in FINAL]
    assert (end.intent, *counts(end)) == ("FAILED", 4, 0, 4, 0, 0)


def test_what_has_not_ended_cannot_be_retried(scenario: MakeScenario) -> None:
    s = scenario()
    populate(s, 1)
    key = start(s, start_at=s.now + 1)
    s.when(retry(key), 1).rejected("INVALID_STATE", "in state ENDED to retry, got ACTIVE")
    s.advance(1)
    s.when(retry(s.machine().last_key + 9), 1).rejected("NOT_FOUND")
    wish = retry(key)
    with_keys = msgspec.structs.replace(wish, value=msgspec.structs.replace(wish.value, item_keys=(1,)))
    s.when(with_keys, 1).rejected("INVALID_ARGUMENT", "neither a filter nor keys")


def test_what_is_retried_is_kept_until_that_has_ended(scenario: MakeScenario) -> None:
    s = scenario(settings={"retention_ms": 10_000})
    key = failing(s, 2)
    s.when(retry(key, start_at=s.now + DAY), 1)
    child = s.everything().all("BATCH_OPERATION_CREATION", "CREATED")[-1].key
    s.when(manage("DELETE", key)).rejected("INVALID_STATE", f"got {child}, which retries, undoes or commits it")
    s.advance(20_000)
    s.everything().none(MANAGEMENT, "DELETED")
    s.advance(DAY)
    assert {r.key for r in s.everything().all(MANAGEMENT, "DELETED")} == {key}
    s.advance(10_000)
    assert {r.key for r in s.everything().all(MANAGEMENT, "DELETED")} == {key, child}
    assert (s.due_count(), s.is_empty()) == (0, True)


# when it is deleted


def schedule(key: int, removal_time: int) -> Record:
    return make(MANAGEMENT, "SCHEDULE", BatchOperationLifecycleManagement(removal_time=removal_time), key)


def test_another_removal_time_takes_the_place_of_the_retention(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"retention_ms": DAY})
    populate(s, 2)
    key = start(s)
    assert s.when(schedule(key, s.now + 3 * DAY)).one(MANAGEMENT, "SCHEDULED").value.removal_time == s.now + 3 * DAY
    assert not s.advance(DAY).all(MANAGEMENT)
    assert s.advance(2 * DAY).all(MANAGEMENT, "DELETED")


def test_a_removal_time_is_cleared_and_calculated_again(scenario: MakeScenario) -> None:
    s = scenario(settings={"retention_ms": DAY})
    populate(s, 1)
    key, end = start(s), s.now
    s.when(schedule(key, 0)).one(MANAGEMENT, "SCHEDULED")
    assert not s.advance(5 * DAY).all(MANAGEMENT)
    assert s.when(schedule(key, -1)).one(MANAGEMENT, "SCHEDULED").value.removal_time == end + DAY
    assert s.advance(0).one(MANAGEMENT, "DELETED").key == key


def test_while_it_is_retried_a_removal_time_waits(scenario: MakeScenario) -> None:
    s = scenario(settings={"retention_ms": 0})
    key = failing(s, 1)
    s.when(
        make(
            "BATCH_OPERATION_CREATION",
            "CREATE",
            BatchOperationCreation(options=BatchOptions(parent_key=key, start_at=s.now + DAY)),
        ),
        1,
    )
    s.when(schedule(key, s.now + 1))
    assert not s.advance(DAY - 1).all(MANAGEMENT)
    assert [record.key for record in s.advance(1).all(MANAGEMENT, "DELETED")] == [key]


@pytest.mark.parametrize("removal_time", [-2, 1 << 60])
def test_a_senseless_removal_time_is_refused(scenario: MakeScenario, removal_time: int) -> None:
    s = scenario()
    populate(s, 1)
    s.when(schedule(start(s), removal_time)).rejected("INVALID_ARGUMENT", "removalTime: expected at most")
