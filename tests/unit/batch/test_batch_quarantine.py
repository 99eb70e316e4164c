"""A batch operation whose own commands make the engine fail ends, visibly, and its numbers add up (law 12)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.batch import execution, initialization, pacing, part
from engine.core.draft import REJECTION_REASON_LENGTH_MAX
from engine.core.effects import Effects
from engine.core.faults import INVALID_STATE, Reject
from engine.core.record import Record
from engine.core.state import View
from engine.operations import OPERATIONS, cancel_process_instance
from engine.process import lifecycle
from engine.records import BatchOperationCreation
from engine.records.batch_options import BatchOptions
from tests.support.actions import batch, manage
from tests.support.batches import FINAL, ITEM, MANAGEMENT, counts, final, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario

EXECUTION = "BATCH_OPERATION_EXECUTION"
CANCEL = cancel_process_instance.OPERATION.name


def begin(s: Scenario, slices: int) -> None:
    """Create a batch operation and execute so many slices of it, on all partitions together."""
    s.send(batch())
    while len(s.everything().all(EXECUTION, "EXECUTED")) < slices:
        assert s.one()


def test_an_operation_that_is_gone_fails_the_batch_operation(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario(settings={"slice_size": 2})
    keys = populate(s, 5)
    begin(s, 1)
    monkeypatch.delitem(OPERATIONS, CANCEL)
    s.drain()
    assert (final(s).intent, *counts(final(s))) == ("FAILED", 5, 2, 0, 0, 3)
    (error,) = final(s).value.errors
    assert (error.partition_id, error.type) == (1, "UNKNOWN")
    assert error.message.startswith(f"{EXECUTION} EXECUTE failed: the engine failed with KeyError")
    assert [r.key for r in s.everything().all(ITEM, "CANCELED")] == keys[2:]
    monkeypatch.undo()
    for key in keys[2:]:
        s.cancel(key).has("one TERMINATED")
    assert s.is_empty()


def test_one_partition_that_fails_leaves_the_others_alone(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either the one that leads, or one that follows."""
    executes = execution._execute_group
    for broken in (1, 2):

        def execute(*arguments: Any, broken: int = broken) -> Effects:
            if arguments[-1].partition == broken:
                raise RuntimeError
            yield from executes(*arguments)

        s = scenario(2)
        populate(s, 6)
        with monkeypatch.context() as patch:
            patch.setattr(execution, "_execute_group", execute)
            s.when(batch())
        assert (final(s).intent, *counts(final(s))) == ("PARTIALLY_COMPLETED", 6, 3, 0, 0, 3)
        assert [error.partition_id for error in final(s).value.errors] == [broken]


def test_a_page_that_makes_the_engine_fail(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found before it is given up, whether or not it is suspended meanwhile."""
    for suspended in (False, True):
        s = scenario(settings={"query_page_size": 2})
        populate(s, 5)
        s.send(batch())
        s.step(1)
        s.initialize(1)
        s.step(1)
        if suspended:
            s.when(manage("SUSPEND", key_of(s)))
        with monkeypatch.context() as patch:
            patch.setattr(initialization, "CHUNK_ITEMS_MAX", 0)
            if suspended:
                s.send(manage("RESUME", key_of(s)))
            s.drain()
        assert (final(s).intent, *counts(final(s))) == ("FAILED", 2, 0, 0, 0, 2)
        assert "BATCH_OPERATION_CHUNK CREATE failed" in final(s).value.errors[0].message


def test_a_smaller_page_that_makes_the_engine_fail(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    s = scenario()
    populate(s, 1)
    s.send(batch())
    s.step(1)
    initializer = s.partitions[1].initializer
    query = initializer.wanted(s.machine(), s.now)
    assert query is not None
    answer = initializer.too_large(query)

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(initialization, "find_progress", broken)
    s.when_internal(answer)
    assert (final(s).intent, *counts(final(s))) == ("FAILED", 0, 0, 0, 0, 0)


def test_a_partition_that_cannot_take_it_up_reports_so(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    creates = part.create

    def create(command: Record, wish: BatchOperationCreation, view: View) -> Effects:
        if view.partition == 2:
            raise RuntimeError
        yield from creates(command, wish, view)

    monkeypatch.setattr(part, "create", create)
    s = scenario(2)
    populate(s, 4)
    s.when(batch())
    assert (final(s).intent, *counts(final(s))) == ("PARTIALLY_COMPLETED", 2, 2, 0, 0, 0)
    assert "BATCH_OPERATION_CREATION CREATE failed" in final(s).value.errors[0].message


def test_a_part_that_cannot_be_woken_fails(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError

    s = scenario()
    populate(s, 2)
    s.when(batch(options=BatchOptions(start_at=s.now + 5)))
    monkeypatch.setattr(pacing, "BatchOperationExecution", fail)
    s.advance(5)
    assert (final(s).intent, *counts(final(s))) == ("FAILED", 2, 0, 0, 0, 2)
    assert "BATCH_OPERATION_WAKE failed" in final(s).value.errors[0].message


def test_it_ends_even_if_it_is_canceled_meanwhile(scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    s = scenario(settings={"slice_size": 2})
    populate(s, 5)
    begin(s, 1)
    monkeypatch.delitem(OPERATIONS, CANCEL)
    s.when(manage("CANCEL", key_of(s)))
    assert [r.intent for r in s.everything().all(MANAGEMENT) if r.intent in FINAL] == ["CANCELED"]
    assert counts(final(s)) == (5, 2, 0, 0, 3)


def test_an_item_with_an_endless_reason_is_failed_with_its_beginning(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    populate(s, 2)

    def refuse(*_: object) -> Effects:
        raise Reject(INVALID_STATE, "x" * 5_000_000)
        yield

    monkeypatch.setitem(lifecycle._PERFORM, "TERMINATE", refuse)
    s.when(batch()).accepted()
    assert (final(s).intent, *counts(final(s))) == ("FAILED", 2, 0, 2, 0, 0)
    assert {len(r.value.error_message) for r in s.everything().all(ITEM, "FAILED")} == {REJECTION_REASON_LENGTH_MAX}
