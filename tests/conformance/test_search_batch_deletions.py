"""Batch operations that are deleted: hidden when the first part says so, gone when all do, in whatever order."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.conftest import OpenStore
from tests.conformance.test_search_batches import BATCH, MANAGEMENT, run
from tests.unit.exporters.stories import Asked, Story


def test_a_deleted_batch_is_gone_when_the_first_part_of_it_is(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        stories = (Story(1), Story(2))
        for story in stories:
            story.create_batch(BATCH, partition_ids=(1, 2))
            key = story.key()
            story.find_items(BATCH, [key])
            story.finish_item(BATCH, key)
        stories[0].finish_batch(BATCH, "COMPLETED", total=2, completed=2)
        await world.export(*stories)
        for story in stories:
            story.step((MANAGEMENT, "DELETED", BATCH, {}))
            await world.export(story)
            assert await world.search.get("BATCH_OPERATION", BATCH) is None
            left = await world.search.search("BATCH_OPERATION_ITEM", {})
            assert len(left.items) == (1 if story is stories[0] else 0)
        assert await world.search.report("BATCH_OPERATION_PARTS", BATCH) == []

    run(open_store, tmp_path, scenario)


def test_a_deleted_batch_does_not_come_back_when_a_partition_is_exported_late(
    open_store: OpenStore, tmp_path: Path
) -> None:
    """As when all is exported anew: one partition is far ahead of the other."""

    async def scenario(world: Asked) -> None:
        for story in (Story(1), Story(2)):
            story.create_batch(BATCH, partition_ids=(1, 2))
            await world.export(story)
            assert (await world.search.get("BATCH_OPERATION", BATCH) is None) is (story.partition == 2)
            story.finish_batch(BATCH, "COMPLETED")
            story.step((MANAGEMENT, "DELETED", BATCH, {}))
            await world.export(story)
            assert await world.search.get("BATCH_OPERATION", BATCH) is None
        assert await world.search.report("BATCH_OPERATION_PARTS", BATCH) == []

    run(open_store, tmp_path, scenario)
