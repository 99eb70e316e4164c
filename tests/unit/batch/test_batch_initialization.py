"""Creation and initialization: validation, pages, chunks, stale answers, retries, failed partitions."""

from __future__ import annotations

import pytest

from engine.assembly import Assembly
from engine.batch.tables import CHUNKS, PROGRESS, unpack_items
from engine.core.ports import Entry
from engine.core.record import partition_of
from engine.records import (
    BatchOperationChunk,
    BatchOperationCreation,
    BatchOperationInitialization,
    BatchOperationLifecycleManagement,
)
from tests.support import models as m
from tests.support.actions import CANCEL, RESOLVE, activate, batch, fail, manage
from tests.support.fixture import MakeScenario
from tests.support.scenario import ASSEMBLY, Scenario, make

MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
INITIALIZATION = "BATCH_OPERATION_INITIALIZATION"
CHUNK = "BATCH_OPERATION_CHUNK"
PARTITION = "BATCH_OPERATION_PARTITION_LIFECYCLE"


def instances(s: Scenario, count: int, partition: int = 1) -> list[int]:
    return [s.create("one", partition=partition) for _ in range(count)]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (batch("PAINT_PROCESS_INSTANCE"), "expected a batch operation type of CANCEL_PROCESS_INSTANCE, "),
        (batch(filter_text=""), "a filter that is not empty"),
        (batch(filter_text="{}"), "a filter that is not empty"),
        (batch(filter_text="[1]"), "a filter that is not empty"),
        (batch(filter_text="{"), "a filter that is not empty"),
        (make("BATCH_OPERATION_CREATION", "CREATE", BatchOperationCreation()), "a batch operation type"),
    ],
)
def test_a_senseless_creation_is_refused(scenario: MakeScenario, record: object, text: str) -> None:
    s = scenario(2)
    moment = s.when(record, 1)  # type: ignore[arg-type]
    moment.rejected("INVALID_ARGUMENT", text)
    assert s.is_empty()


def test_parameters_of_another_schema_are_refused(scenario: MakeScenario) -> None:
    s = scenario()
    wish = BatchOperationCreation(batch_operation_type=CANCEL, filter='{"a": 1}', parameters=b"\xc3\x01no schema")
    s.when(make("BATCH_OPERATION_CREATION", "CREATE", wish)).rejected("INVALID_ARGUMENT", "parameters")


def test_no_match_ends_the_batch_at_once_and_visibly(scenario: MakeScenario) -> None:
    s = scenario(3)
    moment = s.when(batch(), 2)
    end = moment.one(MANAGEMENT, "COMPLETED")
    assert (end.value.total, partition_of(end.key)) == (0, 2)
    assert len(moment.all(PARTITION, "PARTITION_COMPLETED")) == 3 + 2, "three parts end, two are told to the lead"
    assert s.is_empty()


def test_the_created_record_answers_and_says_what_was_asked(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.deploy(m.one_task())
    instances(s, 1, partition=2)
    moment = s.when(batch(), 1)
    created = moment.all("BATCH_OPERATION_CREATION", "CREATED")
    assert [r.value.partition_ids for r in created] == [(1, 2), (1, 2)]
    assert {r.value.lead_partition for r in created} == {1}
    answers = [h for h in s.partitions[1].headers if h.get("request") == "gateway/7"]
    assert answers == [{"request": "gateway/7", "final": "1"}]
    assert not [h for h in s.partitions[2].headers if "request" in h]


def test_nothing_born_later_is_selected(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    older = instances(s, 3)
    s.send(batch())
    s.step(1)
    s.flush(1)
    younger = instances_without_answering(s, 2)
    s.drain()
    items = s.everything().all("BATCH_OPERATION_ITEM", "COMPLETED")
    assert [r.key for r in items] == older
    assert not set(younger) & {r.key for r in items}


def instances_without_answering(s: Scenario, count: int) -> list[int]:
    """New instances while a query is still open."""
    marks = s.marks()
    for _ in range(count):
        wish = m_creation()
        s.send(wish, 1)
    s.drain(initialize=False)
    return [r.key for r in s.since(marks).all("PROCESS_INSTANCE_CREATION", "CREATED")]


def m_creation() -> object:
    from engine.records import ProcessInstanceCreation

    return make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one"))


def test_pages_become_chunks_and_rows_of_bounded_size(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 7, "chunk_size": 3, "db_chunk_size": 4, "slice_size": 1})
    s.deploy(m.one_task())
    keys = instances(s, 16)
    s.send(batch())
    marks = s.marks()
    while not s.since(marks).all(INITIALIZATION, "INITIALIZED"):
        s.one()
    moment = s.since(marks)
    assert [len(r.value.items) for r in moment.all(CHUNK, "CREATED")] == [3, 3, 1, 3, 3, 1, 2]
    assert [r.value.cursor for r in moment.all(INITIALIZATION, "INITIALIZING")] == [keys[6], keys[13]]
    assert moment.one(INITIALIZATION, "INITIALIZED").value.total == 16
    rows = [unpack_items(data) for _, data in s.machine().scan(CHUNKS)]
    assert [len(row) for row in rows] == [4, 4, 4, 4]
    assert [item[0] for row in rows for item in row] == keys
    s.drain()
    assert s.everything().one(MANAGEMENT, "COMPLETED").value.completed == 16


def test_a_page_comes_in_parts_and_clients_in_between(scenario: MakeScenario) -> None:
    s = in_parts_of_two(scenario, query_page_size=5)
    keys = instances(s, 6)
    s.send(batch())
    s.drain(initialize=False)
    marks = s.marks()
    s.initialize(1)
    parts = list(s.partitions[1].inputs["internal"])[-3:]
    asked = [(len(part.items), part.cursor, part.more) for part in map(chunk_of, parts)]
    assert asked == [(2, -1, True), (2, keys[1], True), (1, keys[3], False)]
    key = s.everything().one("BATCH_OPERATION_CREATION", "CREATED").key
    s.send(make(MANAGEMENT, "UPDATE", BatchOperationLifecycleManagement(batch_operation_key=key, rate=1.0), key))
    s.drain(initialize=False)
    intents = [r.intent for r in s.since(marks).records if r.value_type in (CHUNK, INITIALIZATION, MANAGEMENT)]
    assert intents == ["CREATED", "UPDATED", "CREATED", "CREATED", "INITIALIZING"]
    assert (s.query(1).after, s.query(1).limit) == (keys[4], 5)  # type: ignore[union-attr]


@pytest.mark.parametrize("late_first", [False, True])
def test_of_two_pages_from_one_place_one_is_stale(scenario: MakeScenario, late_first: bool) -> None:
    """A process that was taken for dead still sends the rest of its page, while another one asks again."""
    s = in_parts_of_two(scenario, query_page_size=4)
    keys = instances(s, 5)
    s.send(batch())
    s.drain(initialize=False)
    s.initialize(1)
    late = s.partitions[1].inputs["internal"].pop().value
    s.drain(initialize=False)
    assert s.query(1).after == keys[1]  # type: ignore[union-attr]
    s.initialize(1)
    second, first = (s.partitions[1].inputs["internal"].pop().value for _ in range(2))
    for part in (late, first, second) if late_first else (first, late, second):
        s.send_bytes(part, 1, "internal")
    s.drain()
    rejected = s.everything().rejection()
    assert (rejected.value_type, rejected.rejection_code) == (CHUNK, "INVALID_STATE")
    found = [item.item_key for chunk in s.everything().all(CHUNK, "CREATED") for item in chunk.value.items]
    assert found == keys
    assert s.everything().one(MANAGEMENT, "COMPLETED").value.completed == 5


def in_parts_of_two(scenario: MakeScenario, **settings: int) -> Scenario:
    s = scenario(settings={"chunk_size": 2, **settings})
    s.partitions[1].initializer = Assembly(part_items=2).initializer()
    s.deploy(m.one_task())
    return s


def test_a_part_begins_the_count_of_failures_again(scenario: MakeScenario) -> None:
    s = in_parts_of_two(scenario, query_retry_max=1, query_retry_initial_delay_ms=1, query_page_size=4)
    instances(s, 4)
    s.send(batch())
    s.drain(initialize=False)
    s.search.failures = ["later"]
    s.initialize(1)
    s.drain(initialize=False)
    s.now += 1
    assert s.initialize(1)
    s.partitions[1].inputs["internal"].pop()
    s.drain(initialize=False)
    s.search.failures = ["later"]
    s.drain()
    s.now += 1
    s.drain()
    assert [r.value.attempts for r in s.everything().all(INITIALIZATION, "RETRYING")] == [1, 1]
    assert s.everything().one(MANAGEMENT, "COMPLETED").value.completed == 4


@pytest.mark.parametrize("end", ["SUSPEND", "CANCEL"])
def test_the_rest_of_a_page_is_not_wanted_any_more(scenario: MakeScenario, end: str) -> None:
    s = in_parts_of_two(scenario, query_page_size=4)
    instances(s, 4)
    s.send(batch())
    s.drain(initialize=False)
    partition = s.partitions[1]
    query = partition.initializer.wanted(partition.machine, s.now)
    assert query is not None
    items = s.search.select(query, s.records(1))
    first, second = partition.initializer.found(query, items)
    assert partition.initializer.is_open(partition.machine, first.query)
    assert not partition.initializer.is_open(partition.machine, second.query)
    s.send_internal(first.command, 1)
    s.drain(initialize=False)
    assert partition.initializer.is_open(partition.machine, second.query)
    s.send(manage(end, query.key))
    s.drain(initialize=False)
    assert not partition.initializer.is_open(partition.machine, second.query)


def chunk_of(entry: Entry) -> BatchOperationChunk:
    value = ASSEMBLY.codec.decode(entry.value).value
    assert isinstance(value, BatchOperationChunk)
    return value


def test_an_answer_from_another_cursor_is_stale(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 2})
    s.deploy(m.one_task())
    instances(s, 3)
    s.send(batch())
    s.drain(initialize=False)
    key = s.everything().one("BATCH_OPERATION_CREATION", "CREATED").key
    s.initialize(1)
    answer = s.partitions[1].inputs["internal"][-1].value
    s.send_bytes(answer, 1, "internal")
    s.drain()
    rejected = s.everything().rejection()
    assert (rejected.value_type, rejected.rejection_code) == (CHUNK, "INVALID_STATE")
    assert s.everything().one(MANAGEMENT, "COMPLETED").value.total == 3
    late = BatchOperationChunk(batch_operation_key=key, last=True)
    s.when_internal(make(CHUNK, "CREATE", late, key)).rejected("NOT_FOUND")


def test_a_page_that_does_not_fit_is_halved_and_stays_so(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 12})
    s.search.limit = 3
    s.deploy(m.one_task())
    instances(s, 5)
    moment = s.when(batch())
    sizes = [r.value.page_size for r in moment.all(INITIALIZATION, "INITIALIZING")]
    assert sizes == [6, 3, 3]
    assert moment.one(MANAGEMENT, "COMPLETED").value.completed == 5


def test_one_item_that_does_not_fit_fails_the_partition(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_page_size": 2})
    s.search.limit = 0
    s.deploy(m.one_task())
    instances(s, 1)
    end = s.when(batch()).one(MANAGEMENT, "FAILED")
    assert [e.type for e in end.value.errors] == ["RESULT_BUFFER_SIZE_EXCEEDED"]
    assert s.rows().get("INITIALIZING") is None


def test_retries_back_off_and_are_counted_on_the_log(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_retry_max": 3, "query_retry_initial_delay_ms": 100, "query_retry_max_delay_ms": 300})
    s.deploy(m.one_task())
    instances(s, 2)
    s.search.failures = ["later"] * 3
    marks = s.marks()
    s.send(batch())
    delays = []
    for _ in range(3):
        s.drain()
        retrying = s.since(marks).all(INITIALIZATION, "RETRYING")[-1]
        delays.append(retrying.value.retry_at - s.now)
        s.crash(1)
        s.now = retrying.value.retry_at
    s.drain()
    assert delays == [100, 200, 300]
    assert s.since(marks).one(MANAGEMENT, "COMPLETED").value.completed == 2


def test_success_between_failures_begins_the_count_again(scenario: MakeScenario) -> None:
    s = scenario(settings={"query_retry_max": 1, "query_retry_initial_delay_ms": 1, "query_page_size": 1})
    s.deploy(m.one_task())
    instances(s, 2)
    marks = s.marks()
    s.send(batch())
    for _ in range(3):
        s.search.failures = ["later"]
        s.drain()
        s.now += 1
        s.one()
    s.search.failures = []
    s.drain()
    assert {r.value.attempts for r in s.since(marks).all(INITIALIZATION, "RETRYING")} == {1}
    s.since(marks).one(MANAGEMENT, "COMPLETED")


def test_when_retries_are_used_up_found_items_are_canceled_and_the_partition_fails(scenario: MakeScenario) -> None:
    s = scenario(2, settings={"query_retry_max": 0, "query_page_size": 2})
    s.deploy(m.one_task())
    instances(s, 3, partition=1)
    instances(s, 1, partition=2)
    s.send(batch(), 2)
    s.drain(initialize=False)
    s.initialize(1)
    s.drain(initialize=False)
    s.search.failures = ["later"]
    s.initialize(1)
    s.drain()
    end = s.everything().one(MANAGEMENT, "PARTIALLY_COMPLETED")
    assert (end.value.total, end.value.completed, end.value.canceled) == (3, 1, 2)
    assert [(e.partition_id, e.type) for e in end.value.errors] == [(1, "QUERY_FAILED")]
    assert len(s.everything().all("BATCH_OPERATION_ITEM", "CANCELED")) == 2


def test_what_cannot_succeed_is_not_retried(scenario: MakeScenario) -> None:
    s = scenario(2)
    s.search.failures = ["never", "never"]
    moment = s.when(batch(), 1)
    moment.none(INITIALIZATION, "RETRYING")
    end = moment.one(MANAGEMENT, "FAILED")
    assert sorted(e.partition_id for e in end.value.errors) == [1, 2]


def test_a_suspended_batch_gives_up_its_turn(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    instances(s, 2)
    s.send(batch())
    s.drain(initialize=False)
    first = s.everything().one("BATCH_OPERATION_CREATION", "CREATED").key
    s.send(manage("SUSPEND", first))
    s.drain()
    second = s.when(batch(RESOLVE)).one(MANAGEMENT, "COMPLETED")
    assert second.key != first
    s.when(manage("RESUME", first)).one(MANAGEMENT, "COMPLETED")


def test_page_size_changes_only_downwards(scenario: MakeScenario) -> None:
    s = scenario()
    s.send(batch())
    s.drain(initialize=False)
    key = s.everything().one("BATCH_OPERATION_CREATION", "CREATED").key
    for size in (0, 10_000, 20_000):
        wish = BatchOperationInitialization(batch_operation_key=key, page_size=size)
        marks = s.marks()
        s.send_internal(make(INITIALIZATION, "INITIALIZE", wish, key))
        s.drain(initialize=False)
        s.since(marks).rejected("INVALID_STATE")
    progress = s.machine().get(PROGRESS, key)
    assert progress is not None
    assert progress.page_size == 10_000
    s.drain()


def test_incidents_of_the_filter_are_the_items(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.one_task())
    instances(s, 3)
    for job in activate(s)[:2]:
        fail(s, job)
    moment = s.when(batch(RESOLVE))
    end = moment.one(MANAGEMENT, "COMPLETED")
    assert (end.value.total, end.value.completed) == (2, 2)
    raised = moment.all("JOB", "UPDATED")
    assert [r.value.retries for r in raised] == [1, 1]
    steps = {r.step.source_ordinal for r in moment.all("JOB", "UPDATED") + moment.all("BATCH_OPERATION_ITEM")}
    assert len(steps) == 1, "retries, resolution and outcome are in one step"
    assert len(activate(s)) == 2
