"""Batch operations that are items of another one: those that have ended, on the partitions that lead them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.core.ports import SearchRefused, SelectionQuery
from engine.core.record import first_key
from engine.records.batch_operation_chunk import BatchItem
from tests.conformance.conftest import OpenStore
from tests.conformance.test_search_batches import BATCH, run
from tests.unit.exporters.stories import Asked, Story

FINAL = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")


async def selected(world: Asked, filters: dict[str, Any] | None = None, **given: Any) -> list[int]:
    text = msgspec.json.encode(filters).decode() if filters else ""
    wanted = {"partition": 1, "key_max": 1 << 62, "limit": 10, "states": FINAL, **given}
    query = SelectionQuery(entity="BATCH_OPERATION", filter=text, **wanted)
    items = await world.search.select(query)
    assert {(item.process_instance_key, item.root_process_instance_key) for item in items} <= {(-1, -1)}
    groups = await world.search.summarize(query)
    assert sum(group.count for group in groups) == len(items) or query.limit <= len(items) or query.after >= 0
    return [item.item_key - BATCH for item in items]


def test_batch_operations_that_have_ended_are_items_of_one(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        lead, other = Story(1), Story(2)
        for number, kind in enumerate(("CANCEL_PROCESS_INSTANCE", "SET_VARIABLES", "SET_VARIABLES", "UPDATE_JOB")):
            lead.create_batch(BATCH + number, batch_operation_type=kind)
            other.create_batch(BATCH + number, batch_operation_type=kind)
        elsewhere = first_key(2) + 7
        other.create_batch(elsewhere)
        other.finish_batch(elsewhere, "COMPLETED")
        for number, state in ((0, "COMPLETED"), (1, "FAILED"), (2, "CANCELED")):
            lead.finish_batch(BATCH + number, state)
        await world.export(lead, other)
        everything = {"batchOperationKey": {"$exists": True}}
        assert await selected(world, everything) == [0, 1, 2]
        assert await selected(world, everything, partition=2) == [elsewhere - BATCH]
        assert await selected(world, {"operationType": "SET_VARIABLES"}) == [1, 2]
        assert await selected(world, {"operationType": "SET_VARIABLES", "state": "FAILED"}) == [1]
        assert await selected(world, everything, after=BATCH, limit=1) == [1]
        assert await selected(world, everything, key_max=BATCH + 1, excluded=[BATCH]) == [1]
        # one that is named, in whatever state; what is nothing is none
        assert await selected(world, {"state": "FAILED"}, item_keys=[BATCH + 3, BATCH + 9]) == [1, 3]
        assert await selected(world, item_keys=[BATCH + 3, BATCH + 2], excluded=[BATCH + 2]) == [3]
        assert await selected(world, everything, process_ids=()) == []
        with pytest.raises(SearchRefused):
            await selected(world, {"nothing": 1})
        lead.finish_batch(BATCH, "DELETED")
        await world.export(lead)
        assert await selected(world, everything, item_keys=[BATCH]) == [1, 2]

    run(open_store, tmp_path, scenario)


def test_what_failed_of_such_items_is_found_again(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        lead = Story(1)
        lead.create_batch(BATCH, batch_operation_type="SET_BATCH_REMOVAL_TIME")
        items = [BATCH + number for number in range(1, 4)]
        nobody = {"process_instance_key": -1, "root_process_instance_key": -1}
        found = tuple(BatchItem(item_key=item, **nobody) for item in items)
        lead.step(("BATCH_OPERATION_CHUNK", "CREATED", BATCH, {"items": found}))
        lead.step(("BATCH_OPERATION_INITIALIZATION", "INITIALIZED", BATCH, {"total": len(items)}))
        for item, outcome in zip(items, ("FAILED", "COMPLETED", "FAILED"), strict=True):
            lead.finish_item(BATCH, item, outcome, error_code="INVALID_STATE" * (outcome == "FAILED"), **nobody)
        await world.export(lead)
        again: dict[str, Any] = {"partition": 1, "filter": "", "key_max": 1 << 62, "limit": 10, "items_of": BATCH}
        query = SelectionQuery(entity="BATCH_OPERATION", **again)
        assert [item.item_key - BATCH for item in await world.search.select(query)] == [1, 3]

    run(open_store, tmp_path, scenario)
