"""The OpenSearch exporter over a node in memory: the same as SQLite, and what it asks of the node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from engine.core.faults import BrokenInvariant, Unavailable
from engine.core.record import Record
from engine.shell.manual_clock import ManualClock
from exporters.contract import ExportedPosition, ProjectionLost
from exporters.opensearch import exporter as module
from exporters.opensearch.cache import DocumentCache
from exporters.opensearch.documents import Member, VariableDocument
from exporters.opensearch.exporter import OpensearchExporter
from exporters.opensearch.indices import Shape, begin_again, look
from exporters.opensearch.mappings import INSTANCES, POSITIONS, SCHEMA_VERSION, WORD_SIZE_MAX
from exporters.opensearch.node import Address, Outcome, Write
from exporters.opensearch.refresher import Refresher
from exporters.sqlite import SqliteExporter
from tests.golden.story import tell
from tests.simulation.opensearch import CalmNode, OpensearchData
from tests.support.projections import assert_same, expected_documents, export_records, is_served, stored_documents
from tests.unit.exporters.stories import Story

PREFIX = "x"


class CountingNode(CalmNode):
    """Counts requests; each write fails as often as told, after a part of it was stored."""

    def __init__(self, data: OpensearchData) -> None:
        super().__init__(data)
        self.written: list[int] = []
        self.read_count = 0
        self.failures = 0

    async def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        self.written.append(len(writes))
        if self.failures:
            self.failures -= 1
            await super().write(writes[: len(writes) // 2])
            raise Unavailable("not now")
        return await super().write(writes)

    async def read(self, addresses: Sequence[Address]) -> Sequence[bytes | None]:
        self.read_count += len(addresses)
        return await super().read(addresses)


class Bench:
    """One node in memory, and exporters of it."""

    def __init__(self) -> None:
        self.node = CountingNode(OpensearchData())
        self.clock = ManualClock()

    async def open(self, name: str = "one", version: int = SCHEMA_VERSION, **settings: bool) -> OpensearchExporter:
        shape = Shape(prefix=PREFIX, version=version)
        exporter = OpensearchExporter(self.node, shape, self.clock, name=name, **settings)
        await exporter.open()
        return exporter

    async def documents(self, kind: str) -> list[dict[str, object]]:
        found = await stored_documents(self.node, PREFIX)
        return [one for (index, _), one in found.items() if index == INSTANCES and kind in str(one["kind"])]


def records_of(story: Story) -> list[Record]:
    return [record for step in story.steps for record in step]


def positions(exporter: OpensearchExporter) -> Mapping[int, int]:
    return {partition: exported.position for partition, exported in exporter.positions().items()}


@pytest.mark.parametrize("page_size", [1, 17, 1_000_000])
def test_documents_are_the_rows_of_sqlite(tmp_path: Path, page_size: int) -> None:
    story = tell()

    async def run() -> None:
        bench = Bench()
        rows, exporter = SqliteExporter(tmp_path), await bench.open()
        await rows.open()
        for number in story.partitions:
            await export_records(rows, story.records(number))
            await export_records(exporter, story.records(number), page_size)
        await rows.close()
        assert_same(await stored_documents(bench.node, PREFIX), expected_documents(tmp_path))

    asyncio.run(run())


def test_without_items_on_creation_only_outcomes_are_items() -> None:
    async def run() -> None:
        story, bench = Story(), Bench()
        story.define()
        instances = [story.start()[0] for _ in range(3)]
        batch = story.key()
        story.create_batch(batch)
        story.find_items(batch, instances)
        story.finish_item(batch, instances[0])
        await export_records(await bench.open(export_items_on_creation=False), records_of(story))
        items = await bench.documents("batch_item")
        assert [(item["key"], item["state"]) for item in items] == [(instances[0], "COMPLETED")]

    asyncio.run(run())


def test_a_document_is_written_once_an_export_and_read_once() -> None:
    async def run() -> None:
        story, bench = Story(), Bench()
        story.define()
        places = [story.start() for _ in range(10)]
        begun = len(records_of(story))
        exporter = await bench.open()
        await export_records(exporter, records_of(story))
        # the definition, and of each instance itself, its task and its job
        assert bench.node.written == [31]
        for place in places:
            story.end(*place)
        later = records_of(story)[begun:]
        await export_records(exporter, later)
        assert bench.node.written == [31, 30]
        assert bench.node.read_count == 2, "only the definition, and whether it was set aside: all else was kept"
        await bench.node.replace(Address(f"{PREFIX}-{POSITIONS}-v{SCHEMA_VERSION}-000001", "1"), b"{}", "")
        cold = await bench.open("cold")
        story.end(*places[0])
        await export_records(cold, records_of(story)[len(later) + begun :])
        assert bench.node.read_count == 8

    asyncio.run(run())


def test_what_failed_is_forgotten_and_done_again() -> None:
    async def run() -> None:
        story, bench = Story(), Bench()
        story.define()
        place = story.start()
        story.variable(place[0], "v", 1)
        exporter = await bench.open()
        await export_records(exporter, records_of(story))
        story.create_batch(7)
        story.find_items(7, [place[0]])
        story.finish_item(7, place[0])
        story.end(*place)
        bench.node.failures = 2
        for _ in range(2):
            with pytest.raises(Unavailable):
                await export_records(exporter, records_of(story))
        await export_records(exporter, records_of(story))
        assert positions(exporter) == {1: story.position}
        (part,) = await bench.node.all_of(f"{PREFIX}-batch-operations-v{SCHEMA_VERSION}-000001")
        assert json.loads(part)["completed"] == 1
        assert [one["state"] for one in await bench.documents("job")] == ["CANCELED"]

    asyncio.run(run())


def test_a_gap_stops_and_nothing_is_written() -> None:
    async def run() -> None:
        story, bench = Story(), Bench()
        story.define()
        story.start()
        exporter = await bench.open()
        with pytest.raises(BrokenInvariant, match="expected position 1, got 2"):
            await exporter.export(1, records_of(story)[1:], 5)
        assert bench.node.written == []

    asyncio.run(run())


def test_a_damaged_set_is_made_again_and_an_older_program_refused() -> None:
    async def run() -> None:
        story, bench = Story(), Bench()
        story.define()
        exporter = await bench.open()
        await export_records(exporter, records_of(story))
        await bench.node.delete([f"{PREFIX}-{INSTANCES}-v{SCHEMA_VERSION}-000001"])
        story.start()
        with pytest.raises(ProjectionLost):
            await export_records(exporter, records_of(story))
        await exporter.open()
        assert positions(exporter) == {}
        await export_records(exporter, records_of(story))
        assert await is_served(bench.node, PREFIX, 2)
        assert not [name for name in await bench.node.indices(PREFIX) if name.endswith("000001")]
        with pytest.raises(Unavailable, match="older"):
            await bench.open(version=SCHEMA_VERSION - 1)

    asyncio.run(run())


def test_a_running_exporter_finds_a_set_that_is_to_be_filled() -> None:
    async def run() -> None:
        story, bench = Story(), Bench()
        story.define()
        exporter = await bench.open()
        await export_records(exporter, records_of(story))
        await begin_again(bench.node, Shape(prefix=PREFIX))
        bench.clock.advance(module.LOOK_SECONDS)
        story.start()
        with pytest.raises(ProjectionLost, match="to be filled"):
            await export_records(exporter, records_of(story))
        await exporter.open()
        await export_records(exporter, records_of(story))
        assert await is_served(bench.node, PREFIX, 2)

    asyncio.run(run())


def test_a_set_that_has_caught_up_serves_when_it_is_opened() -> None:
    """Whoever filled it may have died before it moved the aliases."""

    async def run() -> None:
        story, bench = Story(), Bench()
        story.define()
        await export_records(await bench.open(), records_of(story))
        new = await begin_again(bench.node, Shape(prefix=PREFIX))
        (old,) = await bench.node.all_of(f"{PREFIX}-{POSITIONS}-v{SCHEMA_VERSION}-000001")
        await bench.node.replace(Address(new.name(POSITIONS), "1"), old, "")
        exporter = await bench.open("another")
        assert (await look(bench.node, PREFIX)).serving == new
        assert exporter.positions() == {1: ExportedPosition(position=1, offset=1)}

    asyncio.run(run())


def variable(key: int, size: int) -> VariableDocument:
    return VariableDocument(
        kind=Member("variable", "1"), key=key, partition_id=1, position=1, definition_key=1, name="v", scope_key=1,
        of_instance=True, value="x" * size, value_start="", initial=False,
    )  # fmt: skip


def test_the_cache_is_bounded_in_bytes() -> None:
    cache = DocumentCache(100)
    for key in range(10):
        cache.put(variable(key, 1), 30)
    assert [key for key in range(10) if cache.take(key)] == [7, 8, 9]
    cache.put(variable(1, 1), 101)
    assert cache.take(1) is None
    cache.put(variable(1, 1), 60)
    cache.put(variable(1, 2), 100)
    entry = cache.take(1)
    assert entry is not None
    assert entry[1] == 100


def short(document: VariableDocument) -> tuple[str, str | None, str | None]:
    return document.value_start, document.value_hash, document.value_long


def test_long_texts_have_a_start_and_a_hash() -> None:
    one = variable(1, 0)
    one.set_value("ä" * WORD_SIZE_MAX)
    assert short(one) == (one.value, None, None)
    one.set_value("ä" * (WORD_SIZE_MAX + 1))
    assert one.value_start == "ä" * WORD_SIZE_MAX
    assert one.value_long == one.value
    assert one.value_hash is not None
    one.set_value("short")
    assert short(one) == ("short", None, None)


class SlowRefresh(CalmNode):
    """Every refresh takes a second."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(OpensearchData())
        self.times: list[float] = []
        self._clock = clock

    async def refresh(self, indices: Sequence[str]) -> None:
        self.times.append(self._clock.monotonic())
        await self._clock.sleep(1)


def test_one_refresh_serves_all_that_wait_and_the_next_one_pauses() -> None:
    async def run() -> None:
        clock = ManualClock()
        node = SlowRefresh(clock)
        refresher = Refresher(node, clock, 0.5)
        began = clock.monotonic()
        tasks = [asyncio.create_task(refresher.refresh(["x"])) for _ in range(5)]
        for _ in range(20):
            await asyncio.sleep(0)
            clock.advance(0.25)
        await asyncio.gather(*tasks)
        assert len(node.times) == 2, "what was asked for before it began is covered by it"
        assert node.times[0] == began
        assert node.times[1] >= began + 1.5

    asyncio.run(run())
