"""What the index does not take: it is set aside, tried again with its next change, and never lost in silence."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from engine.core.record import Record
from engine.shell.manual_clock import ManualClock
from exporters.opensearch.aside import CUT_SIZE
from exporters.opensearch.documents import RejectedDocument
from exporters.opensearch.exporter import OpensearchExporter
from exporters.opensearch.indices import Shape
from exporters.opensearch.mappings import BATCH_OPERATIONS, DEFINITIONS, INSTANCES, REJECTED, SCHEMA_VERSION
from exporters.opensearch.node import REJECTED as IS_REJECTED
from exporters.opensearch.node import Outcome, Write
from tests.simulation.opensearch import CalmNode, OpensearchData
from tests.support.projections import export_records
from tests.unit.exporters.stories import Story

PREFIX = "x"
SET_ASIDE = f"{PREFIX}-{REJECTED}-v{SCHEMA_VERSION}-000001"

Document = dict[str, Any]


class RefusingNode(CalmNode):
    """Takes no document that `refuses` names."""

    def __init__(self, refuses: Callable[[Write], bool] = lambda _: False) -> None:
        self.data = OpensearchData()
        super().__init__(self.data)
        self.refuses = refuses

    async def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        return [
            Outcome(IS_REJECTED, "too bad")
            if self.refuses(write)
            else (await super(RefusingNode, self).write([write]))[0]
            for write in writes
        ]

    async def exporter(self) -> OpensearchExporter:
        """One that remembers nothing."""
        exporter = OpensearchExporter(self, Shape(prefix=PREFIX), ManualClock(), name="one")
        await exporter.open()
        return exporter

    async def aside(self) -> list[RejectedDocument]:
        found = await self.all_of(SET_ASIDE)
        return [msgspec.json.decode(source, type=RejectedDocument) for source in found]

    async def documents(self) -> dict[tuple[str, str], Document]:
        """Those of the index, and over them what waits beside it and is newer."""
        found: dict[tuple[str, str], Document] = {
            (kind, name): msgspec.json.decode(document.source)
            for kind in (INSTANCES, DEFINITIONS, BATCH_OPERATIONS)
            for name, document in self.data.indices[f"{PREFIX}-{kind}-v{SCHEMA_VERSION}-000001"].documents.items()
        }
        for one in await self.aside():
            known = found.get((one.index, one.id), {"position": 0})
            if not one.taken_position and known.get("position", one.position) < one.position:
                assert one.is_whole
                found[one.index, one.id] = msgspec.json.decode(one.document)
        return found


def everything() -> Story:
    """Each kind of document, and several changes of each."""
    story = Story()
    story.define()
    places = [story.start() for _ in range(3)]
    for place in places:
        instance, task, job = place
        key = story.variable(instance, "v", 1)
        story.step(
            ("VARIABLE", "UPDATED", key, {"name": "v", "value": "2", "scope_key": instance, **story.owned(instance)})
        )
        user_task = story.user_task(instance, task)
        story.change_user_task(user_task, "ASSIGNED", assignee="anna")
        owned = {**story.owned(instance), "business_id": f"order {instance}"}
        story.step(("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGNED", instance, owned))
        story.resolve(story.incident(instance, task, job=job))
    story.create_batch(7)
    story.find_items(7, [place[0] for place in places])
    for place in places:
        story.finish_item(7, place[0])
        story.end(*place)
    return story


def records_of(story: Story) -> list[Record]:
    return [record for step in story.steps for record in step]


@pytest.mark.parametrize("seed", range(12))
def test_the_index_and_what_is_beside_it_are_everything(seed: int) -> None:
    """Whatever is refused, whenever exporters are replaced."""
    chosen, story = random.Random(seed), everything()

    async def run() -> None:
        calm, node = RefusingNode(), RefusingNode()
        await export_records(await calm.exporter(), records_of(story))
        exporter, done = await node.exporter(), list[Record]()
        for step in story.steps:
            node.refuses = lambda write: REJECTED not in write.address.index and chosen.random() < 0.3
            done += step
            if chosen.random() < 0.4:
                await export_records(exporter, done)
            if chosen.random() < 0.3:
                exporter = await node.exporter()
        await export_records(exporter, done)
        assert await node.documents() == await calm.documents()
        assert any(one.taken_position for one in await node.aside())

    asyncio.run(run())


def test_what_is_refused_is_counted_and_says_why() -> None:
    async def run() -> None:
        story, node = Story(), RefusingNode()
        node.refuses = lambda write: INSTANCES in write.address.index and b'"job"' in write.source
        story.define()
        place = story.start()
        exporter = await node.exporter()
        await export_records(exporter, records_of(story))
        (job,) = await node.aside()
        assert (job.index, job.id, job.reason, job.lost_changes) == (INSTANCES, str(place[2]), "too bad", 0)
        assert exporter.set_aside() == {1: 1}
        node.refuses = lambda _: False
        story.end(*place)
        await export_records(await node.exporter(), records_of(story))
        (job,) = await node.aside()
        assert 0 < job.position < job.taken_position

    asyncio.run(run())


def test_changes_of_what_was_too_large_to_be_kept_are_counted_once() -> None:
    async def run() -> None:
        story = Story()
        node = RefusingNode(lambda write: len(write.source) > 2 * CUT_SIZE)
        story.define()
        instance = story.start()[0]
        key = story.variable(instance, "v", "x" * 3 * CUT_SIZE)
        await export_records(await node.exporter(), records_of(story))
        (variable,) = await node.aside()
        assert not variable.is_whole
        assert variable.size > 3 * CUT_SIZE
        owned = {"name": "v", "value": "2", "scope_key": instance, **story.owned(instance)}
        for _ in range(2):
            story.step(("VARIABLE", "UPDATED", key, owned))
        for _ in range(2):
            await export_records(await node.exporter(), records_of(story))
        (variable,) = await node.aside()
        assert (variable.lost_changes, variable.taken_position) == (2, 0)
        assert variable.position == story.position

    asyncio.run(run())
