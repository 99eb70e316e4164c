"""Steps are bounded in bytes as well as in records: large values make an instance pause, or are refused (law 11)."""

from __future__ import annotations

from itertools import groupby

import pytest

from engine.core import draft
from engine.core.ports import VALUE_SIZE_MAX
from engine.core.record import Record
from engine.records import BatchOperationChunk, Deployment
from engine.records.batch_operation_chunk import BatchItem
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import RESOLVE, activation, batch, set_variables
from tests.support.batches import counts, final, key_of, populate
from tests.support.fixture import MakeScenario
from tests.support.scenario import Scenario, make

MEGABYTE = 1_000_000


def largest_step(s: Scenario) -> int:
    """Bytes."""
    sizes = []
    for partition in s.partitions.values():
        pairs = zip(partition.records, partition.events, strict=True)
        for _, group in groupby(pairs, key=lambda pair: (pair[0].step.source_input, pair[0].step.source_ordinal)):
            sizes.append(sum(len(value) for _, value in group))
    return max(sizes)


def text(size: int) -> str:
    return f'"{"x" * size}"'


def test_an_instance_that_makes_many_large_variables_pauses(scenario: MakeScenario) -> None:
    s = scenario()
    names = [f"t{index}" for index in range(30)]
    s.deploy(m.straight("p", *(m.script(name, "=a + name", name) for name in names), names=names))
    s.create("p", f'{{"a": {text(MEGABYTE)}, "name": "x"}}')
    s.everything().accepted().has("t29 COMPLETED", "p COMPLETED").none("INCIDENT")
    assert len(s.everything().all("VARIABLE", "CREATED")) == 32
    assert largest_step(s) < 6 * MEGABYTE


def test_mappings_that_make_too_much_together_are_an_incident(scenario: MakeScenario) -> None:
    s = scenario()
    outputs = [("=a", f"b{index}") for index in range(40)]
    s.deploy(m.straight("p", m.job("t", "work", m.mapping(outputs)), names=["t"]))
    s.create("p", f'{{"a": {text(MEGABYTE)}}}')
    s.everything().accepted().one("INCIDENT", "CREATED", error_type="IO_MAPPING_ERROR")
    assert largest_step(s) < 6 * MEGABYTE


def test_a_step_that_grows_too_large_is_refused_and_leaves_nothing(scenario: MakeScenario) -> None:
    """A file with many processes is in the record of each of them."""
    s = scenario()
    padding = f"<!-- {'x' * 2 * MEGABYTE} -->".encode()
    processes = m.model(*(m.process(f"p{index}", m.start(f"s{index}")) for index in range(40)))
    resource = Resource(resource_name="large.bpmn", resource=processes + padding)
    s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))).rejected("EXCEEDED_LIMIT", "at once")
    assert s.rows().keys() == {"HEAD", "SOURCES"}


def test_an_item_whose_records_are_too_large_fails_alone(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("t", "=type"), names=["t"]))
    large, small = s.create("p"), s.create("p")
    set_variables(s, large, f'{{"type": {text(200)}}}').accepted()
    set_variables(s, small, '{"type": "work"}').accepted()
    # as if 4 MiB were hardly more than what a job takes
    monkeypatch.setattr(draft, "VALUE_SIZE_MAX", draft.HEADROOM + draft.METADATA_SIZE_MAX + 350)
    moment = s.when(batch(RESOLVE))
    assert counts(final(s)) == (2, 1, 1, 0, 0)
    assert moment.one("BATCH_OPERATION_ITEM", "FAILED").value.error_code == "EXCEEDED_LIMIT"


def test_names_that_records_repeat_are_bounded(scenario: MakeScenario) -> None:
    s = scenario()
    s.deploy(m.straight("p", m.job("t", "=type"), names=["t"]))
    s.create("p", f'{{"type": {text(257)}}}')
    s.everything().accepted().one("INCIDENT", "CREATED", error_type="EXTRACT_VALUE_ERROR")
    record = activation()
    large = make("JOB_BATCH", "ACTIVATE", type(record.value)(type="work", worker="x" * 1025, timeout=1, jobs_max=1))
    s.when(large, 1).rejected("INVALID_ARGUMENT", "1024")


def test_a_page_that_fills_a_record_becomes_chunks_that_do_not(scenario: MakeScenario) -> None:
    s = scenario(settings={"chunk_size": 1_000_000, "query_page_size": 1_000_000})
    populate(s, 1)
    s.send(batch())
    s.step(1)
    size = (VALUE_SIZE_MAX - 100) // ITEM_SIZE
    s.send_internal(page(key_of(s), size))
    assert 0 <= VALUE_SIZE_MAX - len(s.partitions[1].inputs["internal"][-1].value) < 100
    s.step(1)
    chunks = s.everything().accepted().all("BATCH_OPERATION_CHUNK", "CREATED")
    assert sum(len(record.value.items) for record in chunks) == size


ITEM_SIZE = 24


def page(key: int, size: int) -> Record:
    item = BatchItem(item_key=1 << 51, process_instance_key=1 << 51, root_process_instance_key=1 << 51)
    value = BatchOperationChunk(batch_operation_key=key, items=(item,) * size, cursor=-1, next_cursor=1 << 51)
    return make("BATCH_OPERATION_CHUNK", "CREATE", value, key)
