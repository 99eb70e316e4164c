"""The OpenSearch exporter against a real node: the same as SQLite, again and again, whatever fails in between."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.core.faults import Unavailable
from engine.core.record import Record
from exporters.contract import ProjectionLost
from exporters.opensearch.indices import IndexSet, Shape, begin_again, make
from exporters.opensearch.mappings import (
    DECISION_DEFINITIONS,
    DECISION_REQUIREMENTS,
    DEFINITIONS,
    INSTANCES,
    POSITIONS,
    REJECTED,
    SCHEMA_VERSION,
    alias_of,
    index_body,
)
from services import OpensearchNode as NodeService
from tests.golden.story import tell
from tests.integration.answering_proxy import AnsweringProxy
from tests.integration.opensearch_place import Place, Told, in_place, insist, positions
from tests.property.test_machine import Engine
from tests.service_fixtures import running
from tests.support.actions import complete_all
from tests.support.models import chain, end, job, model, process, start
from tests.support.projections import (
    assert_same,
    export_records,
    is_served,
    stored_documents,
)
from tests.support.scenario import Scenario


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tell(), tmp_path_factory.mktemp("rows"))


@pytest.mark.parametrize("page_size", [7, 1_000_000])
def test_documents_are_the_rows_of_sqlite(opensearch: str, index_prefix: str, told: Told, page_size: int) -> None:
    async def test(place: Place) -> None:
        exporter = await place.open()
        await told.export(exporter, page_size)
        assert_same(await stored_documents(place.node, place.prefix), told.expected)
        assert positions(exporter) == told.ends()
        assert not exporter.set_aside()

    in_place(opensearch, index_prefix, test)


def test_documents_are_the_rows_of_sqlite_whatever_the_story(
    opensearch: str, index_prefix: str, tmp_path: Path
) -> None:
    runs = iter(range(1_000))

    class Projected(Engine):
        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "s"):
                run = next(runs)
                told = Told(self.s, tmp_path / str(run))

                async def test(place: Place) -> None:
                    await told.export(await place.open(), 1 + run * 7)
                    assert_same(await stored_documents(place.node, place.prefix), told.expected)

                in_place(opensearch, f"{index_prefix}-{run}", test)

    run_state_machine_as_test(
        Projected,
        settings=settings(
            max_examples=6,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("page_size", [1_000_000, 41])
def test_what_is_exported_again_changes_nothing(opensearch: str, index_prefix: str, told: Told, page_size: int) -> None:
    """Also not a version or a sequence number: the node refuses what it has."""

    async def test(place: Place) -> None:
        await told.export(await place.open(), 53)
        before = await place.stored()
        for number in told.records:
            await place.ask("DELETE", f"{POSITIONS}/_doc/{number}")
        again = await place.open("again")
        assert positions(again) == {}
        await told.export(again, page_size)
        assert await place.stored() == before
        assert positions(again) == told.ends()

    in_place(opensearch, index_prefix, test)


def test_an_exporter_that_died_before_its_position_is_continued(opensearch: str, index_prefix: str, told: Told) -> None:
    async def test(place: Place) -> None:
        async with AnsweringProxy(opensearch).serving() as proxy:
            first = await place.open(address=proxy.address)
            await told.export(first, 29, part=0.4)
            stored = positions(first)
            proxy.judge = lambda path, _: 503 if f"{POSITIONS}-v" in path and "_doc" in path else None
            with pytest.raises(Unavailable):
                await told.export(first, 29)
        second = await place.open("two")
        assert positions(second) == stored
        await told.export(second, 31)
        assert_same(await stored_documents(place.node, place.prefix), told.expected)

    in_place(opensearch, index_prefix, test)


def test_an_overloaded_node_is_asked_again_in_order(opensearch: str, index_prefix: str, told: Told) -> None:
    async def test(place: Place) -> None:
        numbers = iter(range(1_000_000))
        async with AnsweringProxy(opensearch).serving() as proxy:
            exporter = await place.open(address=proxy.address)
            proxy.judge = lambda _, __: {0: 429, 11: 503, 23: 502}.get(next(numbers) % 37)
            refused = await insist(lambda: told.export(exporter, 200), 1_000)
            assert refused
            assert set(proxy.answered) == {429, 502, 503}
        assert_same(await stored_documents(place.node, place.prefix), told.expected)
        assert positions(exporter) == told.ends()

    in_place(opensearch, index_prefix, test)


def is_deletion(record: Record) -> bool:
    """Whether a part of a batch operation is deleted."""
    return (record.value_type, record.intent) == ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "DELETED")


def test_bulks_are_halved_until_they_fit(opensearch: str, index_prefix: str, told: Told) -> None:
    """What does not fit alone is set aside: here every definition, for the resource in it, and what decisions made."""

    async def test(place: Place) -> None:
        size_max = 1_000
        async with AnsweringProxy(opensearch).serving() as proxy:
            exporter = await place.open(address=proxy.address)
            proxy.judge = lambda path, body: (
                413 if path.endswith("_bulk") and REJECTED not in path and len(body) > size_max else None
            )
            await told.export(exporter)
        stored = await stored_documents(place.node, place.prefix)
        aside = {place for place in told.expected if place not in stored}
        assert {place for place in told.expected if place[0] == DEFINITIONS} <= aside
        assert all(len(json.dumps(told.expected[place])) > size_max / 2 for place in aside)
        assert_same(stored, {place: one for place, one in told.expected.items() if place not in aside})
        everywhere = (DEFINITIONS, DECISION_REQUIREMENTS, DECISION_DEFINITIONS)
        counts = [len(told.records) if index in everywhere else 1 for index, _ in aside]
        # the parts of batch operations that the story deletes are too large, and are no rows of SQLite
        deleted = [record for records in told.records.values() for record in records if is_deletion(record)]
        assert sum(exporter.set_aside().values()) == sum(counts) + len(deleted)

    in_place(opensearch, index_prefix, test)


def test_a_document_that_the_index_does_not_take_is_set_aside(opensearch: str, index_prefix: str, told: Told) -> None:
    async def test(place: Place) -> None:
        body = index_body(INSTANCES, shards=1, replicas=0)
        body["mappings"]["properties"]["job_kind"] = {"type": "ip"}
        shape = Shape(prefix=place.prefix)
        chosen = IndexSet(1, SCHEMA_VERSION, place.prefix)
        await place.node.create(chosen.name(INSTANCES), body)
        await make(place.node, shape, chosen)
        exporter = await place.open()
        await told.export(exporter)
        jobs = {one for one, document in told.expected.items() if "job_kind" in document}
        rest = {one: document for one, document in told.expected.items() if one not in jobs}
        assert_same(await stored_documents(place.node, place.prefix), rest)
        rejected = [json.loads(source) for source in await place.node.all_of(alias_of(place.prefix, REJECTED))]
        assert {(one["index"], one["id"]) for one in rejected} == jobs
        assert all("job_kind" in one["reason"] and one["position"] > 0 for one in rejected)
        assert sum(exporter.set_aside().values()) == len(jobs)
        assert positions(exporter) == told.ends()

    in_place(opensearch, index_prefix, test)


def test_what_was_set_aside_is_taken_with_its_next_change(opensearch: str, index_prefix: str, told: Told) -> None:
    """By another exporter, when the cause is gone."""

    async def test(place: Place) -> None:
        async with AnsweringProxy(opensearch).serving() as proxy:
            first = await place.open(address=proxy.address)
            proxy.judge = lambda path, body: (
                413 if path.endswith("_bulk") and REJECTED not in path and b'"kind":{"name":"job"' in body else None
            )
            await told.export(first, part=0.5)
            assert sum(first.set_aside().values())
        await told.export(await place.open("second"))
        beside = [json.loads(source) for source in await place.node.all_of(alias_of(place.prefix, REJECTED))]
        waiting = {(one["index"], one["id"]) for one in beside if not one["taken_position"]}
        assert len(waiting) < len(beside), "expected that some have changed later"
        rest = {one: document for one, document in told.expected.items() if one not in waiting}
        assert_same(await stored_documents(place.node, place.prefix), rest)

    in_place(opensearch, index_prefix, test)


def test_a_read_only_block_is_waited_for(opensearch: str, index_prefix: str, told: Told) -> None:
    """What a full disk makes of the indices."""

    async def test(place: Place) -> None:
        exporter = await place.open()
        await told.export(exporter, part=0.3)
        before = positions(exporter)
        await place.ask("PUT", "*/_settings", {"index.blocks.read_only_allow_delete": True})
        for _ in range(3):
            with pytest.raises(Unavailable, match=r"cluster_block_exception.*free disk space"):
                await told.export(exporter)
        assert positions(exporter) == before
        await place.ask("PUT", "*/_settings", {"index.blocks.read_only_allow_delete": None})
        await told.export(exporter)
        assert_same(await stored_documents(place.node, place.prefix), told.expected)

    in_place(opensearch, index_prefix, test)


def test_a_node_that_was_away_is_gone_on_with(told: Told, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    with running(NodeService(tmp_path), pytestconfig) as service:

        async def test(place: Place) -> None:
            exporter = await place.open()
            await told.export(exporter, 100, part=0.5)
            before = positions(exporter)
            service.kill()
            for _ in range(2):
                with pytest.raises(Unavailable, match="is the node running"):
                    await told.export(exporter)
            assert positions(exporter) == before
            service.start()
            await insist(lambda: told.export(exporter, 100), 10_000)
            assert_same(await stored_documents(place.node, place.prefix), told.expected)

        in_place(service.address, "away", test)


def test_two_exporters_of_one_partition_do_no_harm(opensearch: str, index_prefix: str, told: Told) -> None:
    async def test(place: Place) -> None:
        sleeper = await place.open("sleeper")
        await told.export(sleeper, part=0.5)
        heir = await place.open("heir")
        await told.export(heir, 50)
        before = await place.stored()
        with pytest.raises(Unavailable, match="exporter heir writes"):
            await told.export(sleeper, 60)
        await insist(lambda: told.export(sleeper, 60))
        assert positions(sleeper) == told.ends()
        assert await place.stored() == before
        assert_same(await stored_documents(place.node, place.prefix), told.expected)

    in_place(opensearch, index_prefix, test)


def test_an_exporter_that_slept_goes_on_from_what_the_other_has_stored(
    opensearch: str, index_prefix: str, tmp_path: Path
) -> None:
    scenario = Scenario()
    scenario.deploy(model(process("two", start(), job("a"), job("b"), end(), chain("start", "a", "b", "end"))))
    scenario.create("two")
    slept = len(scenario.records())
    scenario.create("two")
    complete_all(scenario)
    inherited = len(scenario.records())
    complete_all(scenario)
    told = Told(scenario, tmp_path)
    records = told.records[1]

    async def test(place: Place) -> None:
        sleeper, heir = await place.open("sleeper"), await place.open("heir")
        await export_records(sleeper, records[:slept])
        await heir.open()
        await export_records(heir, records[:inherited])
        await insist(lambda: export_records(sleeper, records, 1))
        assert_same(await stored_documents(place.node, place.prefix), told.expected)

    in_place(opensearch, index_prefix, test)


def test_exporters_share_out_the_partitions(opensearch: str, index_prefix: str, told: Told) -> None:
    async def test(place: Place) -> None:
        exporters = [place.exporter(f"number {number}") for number in told.records]
        await asyncio.gather(*(exporter.open() for exporter in exporters))
        await asyncio.gather(
            *(
                export_records(exporter, records, 40)
                for exporter, records in zip(exporters, told.records.values(), strict=True)
            )
        )
        assert_same(await stored_documents(place.node, place.prefix), told.expected)
        assert positions(await place.open("reader")) == told.ends()

    in_place(opensearch, index_prefix, test)


def test_deleted_indices_are_made_again_and_filled(opensearch: str, index_prefix: str, told: Told) -> None:
    async def test(place: Place) -> None:
        exporter = await place.open()
        await told.export(exporter, part=0.5)
        await place.ask("DELETE", "*")
        with pytest.raises(ProjectionLost):
            await told.export(exporter)
        assert await place.node.indices(place.prefix) == {}, "nothing is made by writing to what is gone"
        await exporter.open()
        assert positions(exporter) == {}
        await told.export(exporter)
        assert_same(await stored_documents(place.node, place.prefix), told.expected)

    in_place(opensearch, index_prefix, test)


def test_another_version_is_filled_while_the_old_one_serves(opensearch: str, index_prefix: str, told: Told) -> None:
    """Two exporters of the new version, a partition each, and one of the old version that goes on meanwhile."""

    async def test(place: Place) -> None:
        old = await place.open("old")
        await told.export(old, 90, part=0.6)
        served = await stored_documents(place.node, place.prefix)
        new = {number: await place.open(f"new {number}", version=SCHEMA_VERSION + 1) for number in told.records}
        first, *others = told.records
        await export_records(new[first], told.records[first], 45)
        assert await stored_documents(place.node, place.prefix) == served
        await told.export(old, 90, part=0.8)
        for number in others:
            await export_records(new[number], told.records[number], 45)
        assert await is_served(place.node, place.prefix, 2)
        assert_same(await stored_documents(place.node, place.prefix), told.expected)
        with pytest.raises(ProjectionLost):
            await told.export(old)
        with pytest.raises(Unavailable, match="older one"):
            await old.open()

    in_place(opensearch, index_prefix, test)


def test_everything_is_exported_again_when_somebody_asks(opensearch: str, index_prefix: str, told: Told) -> None:
    async def test(place: Place) -> None:
        exporter = await place.open()
        await told.export(exporter)
        await begin_again(place.node, Shape(prefix=place.prefix))
        assert await is_served(place.node, place.prefix, 1) is False
        await exporter.open()
        assert positions(exporter) == {}
        await told.export(exporter, 70, part=0.5)
        assert_same(await stored_documents(place.node, place.prefix), told.expected)
        await told.export(exporter, 70)
        assert await is_served(place.node, place.prefix, 2)
        assert_same(await stored_documents(place.node, place.prefix), told.expected)

    in_place(opensearch, index_prefix, test)
