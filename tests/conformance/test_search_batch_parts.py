"""What one partition's part of a batch operation tells that is not about all of it."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.conftest import OpenStore
from tests.conformance.test_search_batches import BATCH, MANAGEMENT, batch, run
from tests.unit.exporters.stories import Asked, Story


def test_which_partitions_are_slower_for_clients(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        stories = Story(1), Story(2)
        for story in stories:
            story.create_batch(BATCH)
            story.step(("BATCH_OPERATION_EXECUTION", "YIELDING", BATCH, {"yield_pause": 10, "latency": 200}))
        stories[1].step(("BATCH_OPERATION_EXECUTION", "YIELDING", BATCH, {"yield_pause": 20, "latency": 300}))
        await world.export(*stories)

        async def shown() -> list[tuple[str | None, int]]:
            parts = await world.search.report("BATCH_OPERATION_PARTS", BATCH)
            return [(part["yieldingSince"], part["yieldPause"]) for part in parts]

        since = (await batch(world))["yieldingSince"]
        assert since is not None
        assert await shown() == [(since, 10), (since, 20)]
        stories[0].step(("BATCH_OPERATION_EXECUTION", "YIELDING_ENDED", BATCH, {}))
        await world.export(stories[0])
        assert await shown() == [(None, 0), (since, 20)]
        told = (await world.search.report("BATCH_OPERATION_PARTS", BATCH))[0]["log"]
        assert [entry["event"] for entry in told] == ["CREATED", "YIELDING", "YIELDING_ENDED"]
        assert (await batch(world))["yieldingSince"] == since
        stories[1].step((MANAGEMENT, "CANCELING", BATCH, {}))
        await world.export(stories[1])
        assert (await batch(world))["yieldingSince"] is None

    run(open_store, tmp_path, scenario)
