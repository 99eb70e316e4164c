"""What one partition's part of a batch operation tells that is not about all of it."""

from __future__ import annotations

from pathlib import Path

from engine.records.batch_error import BatchError
from tests.conformance.conftest import OpenStore
from tests.conformance.test_search_batches import BATCH, MANAGEMENT, batch, run
from tests.unit.exporters.stories import Asked, Story, date

LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"


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


def test_which_partitions_do_not_answer(open_store: OpenStore, tmp_path: Path) -> None:
    """Told by the lead partition, for those that do not answer tell nothing."""

    async def scenario(world: Asked) -> None:
        lead = Story(1)
        lead.create_batch(BATCH)

        async def shown(intent: str, source: int, since: int = 0) -> tuple[object, object]:
            value = {"source_partition_id": source, "silent_since": since, "errors": (BatchError(message="gone"),)}
            lead.step((LIFECYCLE, intent, BATCH, value))
            await world.export(lead)
            (part,) = await world.search.report("BATCH_OPERATION_PARTS", BATCH)
            return (await batch(world))["silentSince"], part["silent"]

        at = 1_767_225_600_000
        two, three = {"partitionId": 2, "since": at + 1_000}, {"partitionId": 3, "since": at}
        assert await shown("PARTITION_CHECKED", 2, at + 1_000) == (date(1), [two])
        assert await shown("PARTITION_CHECKED", 3, at) == (date(0), [two, three])
        assert await shown("PARTITION_GIVEN_UP", 3, at) == (date(0), [two, three])
        assert await shown("PARTITION_ANSWERED", 2) == (date(0), [three])
        assert await shown("PARTITION_CHECKED", 2, at + 2_000) == (date(0), [three, two | {"since": at + 2_000}])
        assert await shown("PARTITION_FAILED", 3) == (date(2), [two | {"since": at + 2_000}])
        (part,) = await world.search.report("BATCH_OPERATION_PARTS", BATCH)
        assert [entry["event"] for entry in part["log"]] == ["CREATED", "PARTITION_GIVEN_UP"]
        lead.finish_batch(BATCH, "PARTIALLY_COMPLETED")
        await world.export(lead)
        assert (await batch(world))["silentSince"] is None

    run(open_store, tmp_path, scenario)
