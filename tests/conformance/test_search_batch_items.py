"""Items of batch operations: what a retry or an undoing finds, those with incidents, and that deleted ones are gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import structs

from engine.core.ports import SelectionQuery
from engine.core.record import first_key, last_key
from tests.conformance.conftest import OpenStore
from tests.conformance.test_search_batches import BATCH, MANAGEMENT, batch, run
from tests.unit.exporters.stories import Asked, Story

#: Of process instances on partition 1 that failed, up to more than there are.
FAILED = SelectionQuery(
    entity="PROCESS_INSTANCE", partition=1, filter="", key_max=last_key(1), limit=10, items_of=BATCH
)


async def selected(world: Asked, **changes: Any) -> list[int]:
    """Keys of the items that a query finds."""
    return [item.item_key for item in await world.search.select(structs.replace(FAILED, **changes))]


def test_issue_35023_items_of_a_deleted_batch_are_gone_and_no_others(open_store: OpenStore, tmp_path: Path) -> None:
    """More than are replaced at a time, with and without an outcome, in the export that deletes them and before."""

    async def scenario(world: Asked) -> None:
        story = Story()
        keys = [story.key() for _ in range(2_003)]
        story.create_batch(BATCH + 1)
        story.find_items(BATCH + 1, keys[:1])
        story.create_batch(BATCH)
        story.find_items(BATCH, keys)
        await world.export(story)
        story.finish_item(BATCH, keys[0])
        story.step((MANAGEMENT, "DELETED", BATCH, {}))
        await world.export(story)
        left = await world.search.search("BATCH_OPERATION_ITEM", {})
        assert [item["batchOperationKey"] for item in left.items] == [str(BATCH + 1)]

    run(open_store, tmp_path, scenario)


def test_what_failed_in_a_batch_is_selected(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        lead, other = Story(1), Story(2)
        keys = [lead.key() for _ in range(4)]
        for story, items in ((lead, keys), (other, [other.key()])):
            story.create_batch(BATCH)
            story.find_items(BATCH, items)
            story.finish_item(BATCH, items[0], "FAILED", error_code="NOT_FOUND")
        lead.finish_item(BATCH, keys[1])
        for batch_key, item in ((BATCH, keys[2]), (BATCH + 1, keys[3])):
            lead.finish_item(batch_key, item, "FAILED", error_code="NOT_FOUND")
        await world.export(lead, other)

        async def failed(after: int, limit: int) -> list[int]:
            return await selected(world, entity="JOB", after=after, limit=limit)

        assert await failed(-1, 10) == [keys[0], keys[2]]
        assert await failed(-1, 1) == [keys[0]]
        assert await failed(keys[0], 1) == [keys[2]]

    run(open_store, tmp_path, scenario)


def test_of_what_failed_only_what_may_be_read_is_selected(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.define("order")
        other = story.define("offer", key=first_key(1) + 900_000)
        order, _, _ = story.start()
        offer, _, _ = story.start(other, bpmn_process_id="offer")
        gone = story.key()
        story.create_batch(BATCH)
        story.find_items(BATCH, [order, offer, gone])
        for item in (order, offer, gone):
            story.finish_item(BATCH, item, "FAILED", error_code="NOT_FOUND")
        await world.export(story)

        async def failed(readable: tuple[str, ...] | None) -> list[int]:
            return await selected(world, process_ids=readable)

        assert await failed(None) == [order, offer, gone]
        assert await failed(("order",)) == [order]
        assert await failed(("offer", "order")) == [order, offer]
        assert await failed(()) == []

    run(open_store, tmp_path, scenario)


def test_what_failed_with_the_key_of_nothing_is_selected_where_it_was_found(
    open_store: OpenStore, tmp_path: Path
) -> None:
    async def scenario(world: Asked) -> None:
        lead, other = Story(1), Story(2)
        strange, large = 5, 1 << 60
        nobody = {"process_instance_key": -1, "root_process_instance_key": -1, "error_code": "NOT_FOUND"}
        for story, items in ((lead, [strange, large]), (other, [first_key(2) + 900_000])):
            story.create_batch(BATCH)
            for item in items:
                story.finish_item(BATCH, item, "FAILED", **nobody)
        await world.export(lead, other)

        async def failed(partition: int, after: int = -1, readable: tuple[str, ...] | None = None) -> list[int]:
            key_max = first_key(partition) + 1
            return await selected(world, partition=partition, after=after, key_max=key_max, process_ids=readable)

        assert await failed(1) == [strange, large]
        assert await failed(1, strange) == [large]
        assert await failed(2) == [first_key(2) + 900_000]
        assert await failed(1, readable=("order",)) == [strange, large]

    run(open_store, tmp_path, scenario)


def test_what_was_changed_is_selected(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        changed, same, failed = (story.key() for _ in range(3))
        story.create_batch(BATCH)
        story.find_items(BATCH, [changed, same, failed])
        story.finish_item(BATCH, changed)
        story.finish_item(BATCH, same, unchanged=True)
        story.finish_item(BATCH, failed, "FAILED", error_code="NOT_FOUND", error_message="gone")
        await world.export(story)
        assert await selected(world) == [failed]
        assert await selected(world, undoes=True) == [changed]

    run(open_store, tmp_path, scenario)


def test_items_with_incidents(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        item, incident = story.key(), story.key()
        about = {"batch_operation_key": BATCH, "item_key": item, "process_instance_key": item}
        story.create_batch(BATCH)
        story.find_items(BATCH, [item])
        story.step(("BATCH_OPERATION_INCIDENT", "CREATED", incident, {**about, "error_code": "NOT_FOUND"}))
        await world.export(story)
        assert (await batch(world))["incidentsCount"] == 1
        wanted = {"filter": {"incidentKey": {"$exists": True}}}
        (found,) = (await world.search.search("BATCH_OPERATION_ITEM", wanted)).items
        assert (found["itemKey"], found["incidentKey"], found["state"]) == (str(item), str(incident), "ACTIVE")
        assert found["errorMessage"].startswith("NOT_FOUND")
        story.step(("BATCH_OPERATION_INCIDENT", "RESOLVED", incident, {**about, "resolution": "RETRY"}))
        await world.export(story)
        assert (await batch(world))["incidentsCount"] == 0
        assert not (await world.search.search("BATCH_OPERATION_ITEM", wanted)).items
        assert (await world.search.report("BATCH_OPERATION_PARTS", BATCH))[0]["incidents"] == 0

    run(open_store, tmp_path, scenario)
