"""Batch operations: one document out of every partition's part, in whatever order the parts arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.record import first_key
from engine.records.batch_error import BatchError
from engine.records.batch_operation_lifecycle_management import PHASES
from engine.records.batch_options import BatchOptions
from tests.conformance.conftest import OpenStore
from tests.unit.exporters.stories import BATCH_EXTRAS, Asked, Story, date

BATCH = first_key(1) + 7
MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"


def run(open_store: OpenStore, folder: Path, scenario: Callable[[Asked], Awaitable[None]], **settings: Any) -> None:
    async def play() -> None:
        async with open_store(folder, **settings) as (exporter, search):
            await scenario(Asked(exporter, search))

    asyncio.run(play())


def counts(document: dict[str, Any]) -> tuple[int, ...]:
    names = ("Total", "Completed", "Failed", "Skipped", "Canceled")
    return tuple(document[f"operations{name}Count"] for name in names)


async def batch(world: Asked) -> dict[str, Any]:
    return await world.document("BATCH_OPERATION", BATCH)


def test_a_batch_from_creation_to_its_end(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        lead, other = Story(1), Story(2)
        lead.create_batch(BATCH)
        await world.export(lead)
        document = await batch(world)
        assert (document["state"], document["startDate"], document["batchOperationType"]) == (
            "CREATED",
            None,
            "CANCEL_PROCESS_INSTANCE",
        )
        assert (document["actorType"], document["actorId"], document["errors"]) == ("ANONYMOUS", None, [])
        other.step(("SETTINGS", "UPDATED", -1, {}))
        other.create_batch(BATCH)
        mine, theirs = [lead.key() for _ in range(3)], [other.key() for _ in range(2)]
        other.find_items(BATCH, theirs)
        lead.find_items(BATCH, mine)
        await world.export(other, lead)
        document = await batch(world)
        # the earlier of both partitions
        assert (document["state"], document["startDate"], counts(document)) == ("ACTIVE", date(2), (5, 0, 0, 0, 0))
        lead.finish_item(BATCH, mine[0])
        lead.finish_item(BATCH, mine[1], "SKIPPED", error_code="NOT_FOUND", error_message="gone")
        lead.finish_item(BATCH, mine[2], "CANCELED")
        other.finish_item(BATCH, theirs[0], "FAILED", error_code="INVALID_STATE", error_message="no")
        await world.export(lead, other)
        # what was skipped counts as completed too
        assert counts(await batch(world)) == (5, 2, 1, 1, 1)
        items = (await world.search.search("BATCH_OPERATION_ITEM", {"filter": {"batchOperationKey": str(BATCH)}})).items
        assert [(item["itemKey"], item["state"], item["errorMessage"]) for item in items] == [
            (str(mine[0]), "COMPLETED", None),
            (str(mine[1]), "SKIPPED", "NOT_FOUND: gone"),
            (str(mine[2]), "CANCELED", None),
            (str(theirs[0]), "FAILED", "INVALID_STATE: no"),
            (str(theirs[1]), "ACTIVE", None),
        ]
        assert items[0] == {
            "batchOperationKey": str(BATCH),
            "operationType": "CANCEL_PROCESS_INSTANCE",
            "itemKey": str(mine[0]),
            "processInstanceKey": str(mine[0]),
            "rootProcessInstanceKey": str(mine[0]),
            "state": "COMPLETED",
            "processedDate": date(3),
            "errorMessage": None,
            "position": 4,
            "prediction": None,
            "incidentKey": None,
        }
        # the last outcome of the other partition is not exported yet: the final event says it already
        lead.finish_batch(BATCH, "COMPLETED", total=5, completed=2, failed=1, skipped=1, canceled=1)
        await world.export(lead)
        document = await batch(world)
        assert (document["state"], document["endDate"], counts(document)) == ("COMPLETED", lead.now(), (5, 3, 1, 1, 1))
        other.finish_item(BATCH, theirs[1])
        await world.export(other)
        assert counts(await batch(world)) == (5, 3, 1, 1, 1)

    run(open_store, tmp_path, scenario)


@pytest.mark.parametrize("on_creation", [True, False])
def test_items_on_creation_or_with_their_outcome(open_store: OpenStore, tmp_path: Path, on_creation: bool) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.create_batch(BATCH)
        keys = [story.key() for _ in range(3)]
        story.find_items(BATCH, keys)
        story.finish_item(BATCH, keys[1])
        await world.export(story)
        assert counts(await batch(world))[:2] == (3, 1)
        states = await world.found("BATCH_OPERATION_ITEM", "state")
        assert states == (["ACTIVE", "COMPLETED", "ACTIVE"] if on_creation else ["COMPLETED"])

    run(open_store, tmp_path, scenario, export_items_on_creation=on_creation)


def test_suspended_until_every_partition_has_resumed(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        stories = (Story(1), Story(2))
        for story in stories:
            story.create_batch(BATCH)
            story.find_items(BATCH, [story.key()])
        for intent, expected in (
            ("SUSPENDED", ["SUSPENDED", "SUSPENDED"]),
            ("RESUMED", ["SUSPENDED", "ACTIVE"]),
            ("SUSPENDED", ["SUSPENDED", "SUSPENDED"]),
            ("CANCELING", ["SUSPENDED", "ACTIVE"]),
        ):
            for story, state in zip(stories, expected, strict=True):
                story.step(("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", intent, BATCH, {"phases": PHASES}))
                await world.export(story)
                assert (await batch(world))["state"] == state
        stories[0].finish_batch(BATCH, "CANCELED", total=2, canceled=2)
        await world.export(*stories)
        document = await batch(world)
        assert (document["state"], counts(document)) == ("CANCELED", (2, 0, 0, 0, 2))

    run(open_store, tmp_path, scenario)


def test_errors_of_partitions_until_the_final_event_lists_them(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        lead, other = Story(1), Story(2)
        lead.create_batch(BATCH)
        other.create_batch(BATCH)
        error = BatchError(partition_id=2, type="UNKNOWN", message="search is down")
        ended = ("BATCH_OPERATION_PARTITION_LIFECYCLE", "PARTITION_FAILED", BATCH)
        other.step((*ended, {"source_partition_id": 2, "errors": (error,)}))
        # told again on the lead partition
        lead.step((*ended, {"source_partition_id": 2, "errors": (error,)}))
        await world.export(lead, other)
        # the API knows no UNKNOWN
        shown = [{"partitionId": 2, "type": "QUERY_FAILED", "message": "search is down"}]
        document = await batch(world)
        assert (document["errors"], document["state"]) == (shown, "CREATED")
        lead.finish_batch(BATCH, "PARTIALLY_COMPLETED", (error,))
        await world.export(lead)
        document = await batch(world)
        assert (document["errors"], document["state"]) == (shown, "PARTIALLY_COMPLETED")

    run(open_store, tmp_path, scenario)


def test_what_its_creator_wished(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        options = BatchOptions(
            name="clean-up",
            labels=("night", "team a"),
            reason="wrong price",
            start_suspended=True,
            start_at=1_767_225_600_000,
            rate=2.5,
            slice_size=5,
            pause_windows=("08:00-18:00",),
            parent_key=BATCH + 1,
            undoes=True,
            undoable=True,
            failure_share_max=0.5,
            item_retries=2,
            retry_backoff=1_000,
            raises_incidents=True,
            webhook="https://hooks.example/done",
            dry_run=True,
            keep_plan=True,
        )
        story.create_batch(BATCH, options=options)
        await world.export(story)
        document = await batch(world)
        assert document["state"] == "SUSPENDED"
        assert {name: document[name] for name in BATCH_EXTRAS} == {
            "creationDate": date(0),
            "name": "clean-up",
            "labels": ["night", "team a"],
            "reason": "wrong price",
            "startAt": date(0),
            "parentBatchOperationKey": str(BATCH + 1),
            "rate": 2.5,
            "sliceSize": 5,
            "undoes": True,
            "maxFailures": {"count": None, "share": 0.5},
            "retryPolicy": {"retries": 2, "backoff": 1_000, "thenIncident": True},
            "webhook": "https://hooks.example/done",
            "keepPlan": True,
            "undoable": True,
            "dryRun": True,
            "planBatchOperationKey": None,
            "approvedBy": None,
            "suspensionReason": None,
            "incidentsCount": 0,
            "pauseWindows": ["08:00-18:00"],
            "pausedUntil": None,
            "yieldingSince": None,
            "silentSince": None,
            "heldPhases": ["INITIALIZATION", "EXECUTION", "COMPLETION"],
            "warning": None,
        }
        story.step((MANAGEMENT, "UPDATED", BATCH, {"rate": 0.0, "slice_size": 7}))
        story.step((MANAGEMENT, "SUSPENDED", BATCH, {"reason": "too many", "phases": PHASES}))
        await world.export(story)
        document = await batch(world)
        assert (document["rate"], document["sliceSize"], document["suspensionReason"]) == (0.0, 7, "too many")
        story.step(("BATCH_OPERATION_EXECUTION", "PAUSED", BATCH, {"paused_until": 1_767_225_600_000}))
        await world.export(story)
        assert (await batch(world))["pausedUntil"] == date(0)
        story.step(("BATCH_OPERATION_EXECUTION", "CONTINUED", BATCH, {}))
        await world.export(story)
        assert (await batch(world))["pausedUntil"] is None
        story.step((MANAGEMENT, "RESUMED", BATCH, {"phases": ("INITIALIZATION", "EXECUTION")}))
        await world.export(story)
        document = await batch(world)
        assert (document["state"], document["heldPhases"]) == ("CREATED", ["COMPLETION"])
        asked: tuple[tuple[dict[str, Any], int], ...] = (
            ({"name": {"$like": "clean*"}}, 1),
            ({"name": "x"}, 0),
            ({"operationsFailedCount": 0}, 1),
            ({"operationsFailedCount": {"$gt": 0}}, 0),
            ({"labels": ["night"]}, 1),
            ({"labels": ["team a", "night"]}, 1),
            ({"labels": ["night", "day"]}, 0),
            ({"labels": ["nigh"]}, 0),
            ({"reason": {"$like": "*price"}}, 1),
            ({"reason": "price"}, 0),
            ({"actorType": "ANONYMOUS", "actorId": {"$exists": False}}, 1),
            ({"actorId": "demo"}, 0),
            ({"creationDate": {"$lte": date(0)}}, 1),
            ({"creationDate": {"$gt": date(0)}}, 0),
            ({"endDate": {"$exists": False}}, 1),
        )
        for wanted, count in asked:
            found = await world.search.search("BATCH_OPERATION", {"filter": wanted})
            assert len(found.items) == count, wanted
        problems = world.search.check_filter("BATCH_OPERATION", {"labels": "night"})
        assert problems == ['filter.labels: expected a list, got "night"']

    run(open_store, tmp_path, scenario)


def test_the_newest_is_the_one_created_last(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        for key in (BATCH + 1, BATCH, BATCH + 2):
            story.create_batch(key, options=BatchOptions(start_suspended=key == BATCH + 2))
        story.find_items(BATCH, [])
        await world.export(story)
        found = await world.search.search("BATCH_OPERATION", {"sort": [{"field": "creationDate", "order": "DESC"}]})
        assert [item["batchOperationKey"] for item in found.items] == [str(BATCH + 2), str(BATCH), str(BATCH + 1)]

    run(open_store, tmp_path, scenario)


def test_nothing_matched_is_said(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.create_batch(BATCH)
        story.find_items(BATCH, [])
        story.finish_batch(BATCH, "COMPLETED")
        await world.export(story)
        assert (await batch(world))["warning"].startswith("nothing matched")

    run(open_store, tmp_path, scenario)


def test_failures_by_kind_and_the_log_of_a_part(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        lead, other = Story(1), Story(2)
        keys = [lead.key() for _ in range(8)]
        lead.create_batch(BATCH)
        other.create_batch(BATCH)
        lead.find_items(BATCH, keys)
        for key in keys[:7]:
            lead.finish_item(BATCH, key, "FAILED", error_code="NOT_FOUND", error_message=f"no instance {key}")
        lead.finish_item(BATCH, keys[7], "FAILED", error_code="INVALID_STATE", error_message="suspended")
        await world.export(lead, other)
        first, second = await world.search.report("BATCH_OPERATION_PARTS", BATCH)
        assert [(part["partitionId"], part["total"], part["failed"]) for part in (first, second)] == [
            (1, 8, 8),
            (2, 0, 0),
        ]
        assert first["failures"] == [
            {
                "errorCode": "NOT_FOUND",
                "kind": "no instance #",
                "count": 7,
                "message": f"no instance {keys[0]}",
                "itemKeys": list(map(str, keys[:5])),
            },
            {
                "errorCode": "INVALID_STATE",
                "kind": "suspended",
                "count": 1,
                "message": "suspended",
                "itemKeys": [str(keys[7])],
            },
        ]
        assert [entry["event"] for entry in first["log"]] == ["CREATED", "INITIALIZED"]
        assert (first["log"][1]["total"], first["log"][1]["position"]) == (8, 3)

    run(open_store, tmp_path, scenario)


def test_an_item_that_is_tried_again_is_active_and_says_why(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.create_batch(BATCH)
        key = story.key()
        story.find_items(BATCH, [key])
        story.finish_item(BATCH, key, "RETRYING", error_code="INVALID_STATE", error_message="not now")
        await world.export(story)
        (item,) = (await world.search.search("BATCH_OPERATION_ITEM", {})).items
        assert (item["state"], item["processedDate"], item["errorMessage"]) == (
            "ACTIVE",
            None,
            "INVALID_STATE: not now",
        )
        assert counts(await batch(world)) == (1, 0, 0, 0, 0)

    run(open_store, tmp_path, scenario)


@given(data=st.data())
@settings(max_examples=3, deadline=None)
def test_parts_may_arrive_in_any_order(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    stories = [Story(partition) for partition in (1, 2, 3)]
    for story in stories:
        story.create_batch(BATCH)
        keys = [story.key() for _ in range(story.partition)]
        story.find_items(BATCH, keys)
        for key in keys:
            story.finish_item(BATCH, key)
    stories[0].finish_batch(BATCH, "COMPLETED", total=6, completed=6)
    order = data.draw(st.permutations([story for story in stories for _ in story.steps]))

    async def scenario(world: Asked) -> None:
        steps = {story.partition: iter(story.steps) for story in stories}
        states = []
        for story in order:
            step = next(steps[story.partition])
            await world.exporter.export(story.partition, step, step[-1].position)
            states.append((await batch(world))["state"])
        document = await batch(world)
        assert counts(document) == (6, 6, 0, 0, 0)
        # never back: a late part of another partition does not touch the final state
        ranks = [("CREATED", "ACTIVE", "COMPLETED").index(state) for state in states]
        assert ranks == sorted(ranks)
        assert states[-1] == "COMPLETED"

    run(open_store, tmp_path_factory.mktemp("batch"), scenario)
