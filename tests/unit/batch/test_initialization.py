"""Batch operations: pages become chunks, stale answers are refused, failed queries are asked again."""

from __future__ import annotations

import pytest

from engine.records import (
    BatchOperationChunk,
    BatchOperationExecution,
    BatchOperationInitialization,
)
from tests.support.actions import batch, manage
from tests.support.batches import INITIALIZATION, counts, final, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import make


def test_pages_chunks_and_rows(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 7, "chunk_size": 3, "db_chunk_size": 2, "slice_size": 2})
    populate(s, 17)
    s.when(batch())
    chunks = s.everything().all("BATCH_OPERATION_CHUNK", "CREATED")
    assert [len(r.value.items) for r in chunks] == [3, 3, 1, 3, 3, 1, 3]
    assert len(s.everything().all(INITIALIZATION, "INITIALIZING")) == 2
    assert s.everything().one(INITIALIZATION, "INITIALIZED").value.total == 17
    slices = [r.value.item_count for r in s.everything().all("BATCH_OPERATION_EXECUTION", "EXECUTED")]
    assert slices == [2] * 8 + [1]
    assert counts(final(s)) == (17, 17, 0, 0, 0)
    assert s.is_empty()


def test_a_page_that_is_exactly_full_is_not_the_last(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 5})
    populate(s, 5)
    s.when(batch())
    assert counts(final(s)) == (5, 5, 0, 0, 0)


def test_stale_answers_are_refused(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 2})
    populate(s, 3)
    s.send(batch())
    s.step(1)
    key = key_of(s)
    s.initialize(1)
    answer = s.partitions[1].inputs["internal"][-1].value
    s.step(1)
    for value in (answer, answer):
        s.send_bytes(value, 1, "internal")
        s.step(1)
        assert s.records()[-1].rejection_code == "INVALID_STATE"
    stale = BatchOperationInitialization(batch_operation_key=key, cursor=-1, page_size=1)
    for intent in ("INITIALIZE", "FAIL"):
        s.send_internal(make(INITIALIZATION, intent, stale, key))
        s.step(1)
        assert s.records()[-1].rejection_code == "INVALID_STATE"
    s.drain()
    s.when_internal(make(INITIALIZATION, "FAIL", stale, key)).rejected("NOT_FOUND")
    s.when_internal(make("BATCH_OPERATION_EXECUTION", "EXECUTE", BatchOperationExecution(), key)).rejected("NOT_FOUND")
    chunk = BatchOperationChunk(batch_operation_key=key)
    s.when_internal(make("BATCH_OPERATION_CHUNK", "CREATE", chunk, key)).rejected("NOT_FOUND")
    assert counts(final(s)) == (3, 3, 0, 0, 0)


def test_a_page_that_does_not_fit_is_halved_until_it_does(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 10})
    populate(s, 5)
    s.search.limit = 2
    s.when(batch())
    sizes = [r.value.page_size for r in s.everything().all(INITIALIZATION, "INITIALIZING")]
    assert sizes == [5, 2, 2, 2]
    assert counts(final(s)) == (5, 5, 0, 0, 0)


def test_one_item_that_does_not_fit_fails_the_partition(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 4})
    populate(s, 2)
    s.search.limit = 0
    s.when(batch())
    assert final(s).intent == "FAILED"
    assert final(s).value.errors[0].type == "RESULT_BUFFER_SIZE_EXCEEDED"


def test_a_failed_query_is_asked_again_after_a_back_off_that_survives_a_crash(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_retry_max": 2, "query_retry_initial_delay_ms": 100})
    populate(s, 2)
    s.search.failures = ["later", "later"]
    s.when(batch())
    assert s.query(1) is None
    s.crash(1)
    assert s.partitions[1].initializer.next_retry(s.machine()) == s.now + 100
    s.now += 99
    assert not s.one()
    s.now += 1
    s.drain()
    retrying = s.everything().all(INITIALIZATION, "RETRYING")
    assert [(r.value.attempts, r.value.retry_at - r.step.timestamp) for r in retrying] == [(1, 100), (2, 200)]
    s.now += 200
    s.drain()
    assert counts(final(s)) == (2, 2, 0, 0, 0)


def test_retries_run_out(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"query_retry_max": 1, "query_retry_initial_delay_ms": 0})
    populate(s, 2)
    s.search.failures = ["later"] * 4
    s.when(batch())
    assert final(s).intent == "FAILED"
    assert [e.partition_id for e in final(s).value.errors] == [1, 2]
    assert s.is_empty() is False


@pytest.mark.parametrize("interrupt", ["", "SUSPEND"])
def test_a_partition_that_fails_gives_up_what_it_found(scenario: MakeScenario, interrupt: str) -> None:
    s = scenario(2, settings={"query_page_size": 4, "step_effects_max": 2})
    populate(s, 20)
    s.search.failures = ["", "", "never"]
    s.send(batch())
    while not s.everything().all(INITIALIZATION, "FAILED"):
        s.one()
    if interrupt:
        s.one()
        s.when(manage("SUSPEND", key_of(s)))
        s.when(manage("RESUME", key_of(s)))
    s.drain()
    assert final(s).intent == "PARTIALLY_COMPLETED"
    assert final(s).value.errors[0].type == "QUERY_FAILED"
    total, completed, _, _, canceled = counts(final(s))
    assert (total, completed, canceled) in ((14, 10, 4), (18, 10, 8))
    assert {"BATCHES", "PROGRESS", "CHUNKS", "REPORTS", "INITIALIZING"}.isdisjoint(s.rows())
