"""Deleted history in OpenSearch: nothing but tombstones is left, whatever fails, and nobody brings anything back."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from engine.core.faults import Unavailable
from engine.core.record import Record
from engine.shell.manual_clock import ManualClock
from exporters.opensearch.documents import RejectedDocument
from exporters.opensearch.exporter import OpensearchExporter
from exporters.opensearch.indices import Shape
from exporters.opensearch.mappings import INSTANCES, REJECTED, SCHEMA_VERSION
from exporters.opensearch.node import REJECTED as IS_REJECTED
from exporters.opensearch.node import Outcome, Write
from exporters.sqlite import SqliteExporter
from tests.simulation.opensearch import CalmNode, OpensearchData
from tests.support.projections import assert_same, expected_documents, export_records, stored_documents
from tests.unit.exporters.stories import Story

PREFIX = "x"
SECRET = "x" * 10_000


class TroubledNode(CalmNode):
    """Keeps what is written; calls of `write` fail in the middle while there are `failures`."""

    def __init__(self) -> None:
        self.data = OpensearchData()
        super().__init__(self.data)
        self.failures = 0
        self.refuses_variables = False

    async def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        if self.failures:
            self.failures -= 1
            await super().write(writes[::2])
            raise Unavailable("not now")
        return [
            Outcome(IS_REJECTED, "too bad")
            if self.refuses_variables and INSTANCES in write.address.index and b'"variable"' in write.source
            else (await super(TroubledNode, self).write([write]))[0]
            for write in writes
        ]

    async def exporter(self, name: str = "one") -> OpensearchExporter:
        """One that remembers nothing."""
        exporter = OpensearchExporter(self, Shape(prefix=PREFIX), ManualClock(), name=name)
        await exporter.open()
        return exporter

    def texts(self) -> str:
        """Everything that is stored."""
        return "".join(d.source.decode() for index in self.data.indices.values() for d in index.documents.values())


def a_story() -> tuple[Story, list[int]]:
    """Two instances with one of everything, an evaluation, and a batch operation over them; gives what may go."""
    story = Story()
    story.define()
    decision = story.define_decision()
    instances = [story.whole_life(decision) for _ in range(2)]
    evaluation = story.evaluate(*decision)
    batch = story.key()
    story.create_batch(batch)
    story.find_items(batch, instances)
    for instance in instances:
        story.finish_item(batch, instance)
    return story, [*instances, evaluation]


def records_of(story: Story) -> list[Record]:
    return [record for step in story.steps for record in step]


async def rows_of(folder: Path, story: Story) -> None:
    rows = SqliteExporter(folder)
    await rows.open()
    await export_records(rows, records_of(story))
    await rows.close()


@pytest.mark.parametrize("page_size", [1, 7, 1_000_000])
def test_what_is_left_is_what_the_rows_of_sqlite_say(tmp_path: Path, page_size: int) -> None:
    story, (first, _, evaluation) = a_story()
    story.delete(first)
    story.delete(evaluation, "DECISION_INSTANCE")
    story.delete(first)

    async def run() -> None:
        node = TroubledNode()
        await export_records(await node.exporter(), records_of(story), page_size)
        await rows_of(tmp_path, story)
        assert_same(await stored_documents(node, PREFIX), expected_documents(tmp_path))

    asyncio.run(run())


def test_tombstones_say_nothing(tmp_path: Path) -> None:
    story, (first, second, evaluation) = a_story()

    async def run() -> None:
        node = TroubledNode()
        exporter = await node.exporter()
        await export_records(exporter, records_of(story))
        assert SECRET in node.texts()
        for key in (first, second):
            story.delete(key)
        story.delete(evaluation, "DECISION_INSTANCE")
        await export_records(exporter, records_of(story))
        for text in (SECRET, "b-7", '"ann"', '"red"', "roast", "pay"):
            assert text not in node.texts().replace("Pay it", ""), text
        kinds = {str(document.get("kind")) for document in (await stored_documents(node, PREFIX)).values()}
        assert {"process_instance", "variable"}.isdisjoint(kinds)

    asyncio.run(run())


def test_made_again_every_document_is_the_same_to_the_byte() -> None:
    story, (first, second, evaluation) = a_story()
    for key in (first, second):
        story.delete(key)
    story.delete(evaluation, "DECISION_INSTANCE")

    async def run() -> None:
        parts, whole = TroubledNode(), TroubledNode()
        await export_records(await parts.exporter(), records_of(story), 1)
        await export_records(await whole.exporter(), records_of(story))
        assert sorted(parts.texts()) == sorted(whole.texts())
        for name, index in whole.data.indices.items():
            stored = {key: document.source for key, document in index.documents.items()}
            assert stored == {key: one.source for key, one in parts.data.indices[name].documents.items()}, name

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(10))
def test_whatever_fails_the_same_is_left(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    story, (first, second, evaluation) = a_story()
    story.delete(second)
    story.delete(evaluation, "DECISION_INSTANCE")
    story.delete(first)

    async def run() -> None:
        node, done = TroubledNode(), list[Record]()
        exporter = await node.exporter()
        for step in story.steps:
            done += step
            if chosen.random() < 0.6 and step is not story.steps[-1]:
                continue
            for _ in range(chosen.choice([0, 0, 1, 2])):
                node.failures = 1
                with contextlib.suppress(Unavailable):  # nothing fails where there is nothing to write
                    await export_records(exporter, done)
                node.failures = 0
                if chosen.random() < 0.5:
                    exporter = await node.exporter()
            await export_records(exporter, done)
        await rows_of(tmp_path, story)
        assert_same(await stored_documents(node, PREFIX), expected_documents(tmp_path))
        assert str(first) not in "".join(
            str(one) for one in await stored_documents(node, PREFIX) if one[0] != INSTANCES
        )

    asyncio.run(run())


def test_an_exporter_that_was_taken_for_dead_brings_nothing_back() -> None:
    """The node has forgotten versions of deleted documents by then; those of tombstones it has."""
    story, (first, *_) = a_story()

    async def run() -> None:
        node = TroubledNode()
        dead, late = await node.exporter("dead"), list[Write]()

        class Held(CalmNode):
            async def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
                late.extend(writes)
                raise Unavailable("it sleeps here")

        dead._node = Held(node.data)
        with pytest.raises(Unavailable):
            await export_records(dead, records_of(story))
        story.delete(first)
        await export_records(await node.exporter("another"), records_of(story))
        before = await stored_documents(node, PREFIX)
        await CalmNode(node.data).write(late)
        assert_same(await stored_documents(node, PREFIX), before)

    asyncio.run(run())


def test_what_the_index_did_not_take_goes_too() -> None:
    story, (first, *_) = a_story()

    async def run() -> None:
        node = TroubledNode()
        exporter = await node.exporter()
        node.refuses_variables = True
        await export_records(exporter, records_of(story))
        node.refuses_variables = False
        story.delete(first)
        await export_records(await node.exporter(), records_of(story))
        sources = await node.all_of(f"{PREFIX}-{REJECTED}-v{SCHEMA_VERSION}-000001")
        aside = [msgspec.json.decode(source, type=RejectedDocument) for source in sources]
        assert {(SECRET in one.document, one.taken_position > 0) for one in aside if first in one.owners} == {
            (False, True)
        }
        assert {(SECRET in one.document, one.taken_position) for one in aside if first not in one.owners} == {(True, 0)}

    asyncio.run(run())
