"""What searches of Camunda 8 showed or selected wrongly of batch operations, under the numbers of camunda/camunda.

OpenSearch is held to the same by `tests/conformance/test_search_batches.py` and `test_search_selections.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.core.ports import SelectionQuery
from engine.core.record import first_key, last_key
from tests.unit.exporters.stories import DEFINITION, Story, World, export

BATCH = first_key(1) + 7


def run(folder: Path, scenario: Callable[[World], Awaitable[None]], **settings: Any) -> None:
    async def play() -> None:
        async with World(folder, **settings) as world:
            await scenario(world)

    asyncio.run(play())


async def shown(world: World) -> dict[str, Any]:
    return await world.document("BATCH_OPERATION", BATCH)


def counts(document: dict[str, Any]) -> tuple[int, ...]:
    return tuple(document[f"operations{name}Count"] for name in ("Total", "Completed", "Failed"))


def on_two_partitions(failed: int = 0) -> tuple[Story, Story]:
    """The part that leads, with the end of the whole, and the part of another partition: two items each."""
    parts = Story(1), Story(2)
    for part in parts:
        part.create_batch(BATCH)
        items = [part.key(), part.key()]
        part.find_items(BATCH, items)
        for index, item in enumerate(items):
            intent = "FAILED" if part.partition == 1 and index < failed else "COMPLETED"
            part.finish_item(BATCH, item, intent, error_code="NOT_FOUND" if intent == "FAILED" else "")
    parts[0].finish_batch(BATCH, "COMPLETED", total=4, completed=4 - failed, failed=failed)
    return parts


def selected(folder: Path, story: Story, filters: Any, **fields: Any) -> list[int]:
    """The items that a batch operation with this filter finds."""
    found: list[int] = []
    given = {"entity": "PROCESS_INSTANCE", "states": ("ACTIVE", "SUSPENDED"), "limit": 1000, **fields}

    async def ask(world: World) -> None:
        await world.export(story)
        query = SelectionQuery(filter=msgspec.json.encode(filters).decode(), partition=1, key_max=last_key(1), **given)
        found.extend(item.item_key for item in await world.search.select(query))

    run(folder, ask)
    return found


def instances(count: int, **variables: object) -> tuple[Story, list[int]]:
    """Instances of one process; the first has the variables."""
    story = Story()
    story.define()
    keys = [story.start()[0] for _ in range(count)]
    for name, value in variables.items():
        story.variable(keys[0], name, value)
    return story, keys


@pytest.mark.parametrize("late", range(5))
def test_issues_44841_46466_46691_a_late_part_takes_nothing_back(tmp_path: Path, late: int) -> None:
    """CREATED (46466), INITIALIZED (46691) and outcomes of another partition come after the end was shown."""

    async def scenario(world: World) -> None:
        lead, other = on_two_partitions()
        for step in other.steps[:late]:
            await world.exporter.export(2, step, step[-1].position)
        await world.export(lead)
        before = await shown(world)
        assert (before["state"], counts(before)) == ("COMPLETED", (4, 4, 0))
        await export(world.exporter, other)
        assert await shown(world) == before

    run(tmp_path, scenario)


def test_issues_54858_and_32635_what_is_exported_behind_the_end_changes_no_counts(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        lead, other = on_two_partitions(failed=1)
        await world.export(lead)
        assert counts(await shown(world)) == (4, 3, 1)
        await world.export(other)
        document = await shown(world)
        assert (counts(document), document["endDate"]) == ((4, 3, 1), lead.now())
        assert sorted(await world.found("BATCH_OPERATION_ITEM", "state")) == ["COMPLETED"] * 3 + ["FAILED"]

    run(tmp_path, scenario)


def test_issues_24084_24906_and_30893_what_is_exported_twice_counts_once(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        lead, other = on_two_partitions(failed=2)
        for _ in range(2):
            await world.export(other, lead)
        assert counts(await shown(world)) == (4, 2, 2)

    run(tmp_path, scenario)


def test_issues_47403_and_60874_zero_items_end_with_a_warning(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        story = Story()
        story.create_batch(BATCH)
        story.find_items(BATCH, [])
        story.finish_batch(BATCH, "COMPLETED")
        await world.export(story)
        document = await shown(world)
        assert (document["state"], document["endDate"]) == ("COMPLETED", story.now())
        assert document["warning"]

    run(tmp_path, scenario)


def test_issues_45169_and_61727_failures_of_items_are_told_by_kind(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        lead, other = on_two_partitions(failed=2)
        await world.export(lead, other)
        assert (await shown(world))["operationsFailedCount"] == 2
        first, _ = await world.search.report("BATCH_OPERATION_PARTS", BATCH)
        assert [(kind["errorCode"], kind["count"]) for kind in first["failures"]] == [("NOT_FOUND", 2)]

    run(tmp_path, scenario)


def test_issue_33936_counts_are_exact_without_items_at_creation(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        story = Story()
        story.create_batch(BATCH)
        keys = [story.key() for _ in range(3)]
        story.find_items(BATCH, keys)
        await world.export(story)
        assert (counts(await shown(world)), await world.found("BATCH_OPERATION_ITEM", "state")) == ((3, 0, 0), [])
        story.finish_item(BATCH, keys[0])
        await world.export(story)
        assert (counts(await shown(world)), await world.found("BATCH_OPERATION_ITEM", "state")) == (
            (3, 1, 0),
            ["COMPLETED"],
        )

    run(tmp_path, scenario, export_items_on_creation=False)


def test_issue_42721_a_filter_of_variables_is_obeyed(tmp_path: Path) -> None:
    story, keys = instances(3, region="south")
    wanted = {"variables": [{"name": "region", "value": '"south"'}]}
    assert selected(tmp_path, story, wanted) == keys[:1]
    nobody = {"variables": [{"name": "region", "value": '"north"'}]}
    assert selected(tmp_path, story, nobody) == []


def test_issue_43728_alternatives_select_nothing_beside_them(tmp_path: Path) -> None:
    """What is said beside `$or` holds for each of the alternatives, and so do exclusions and forced states."""
    story, keys = instances(4, region="south")
    chosen = [{"processInstanceKey": str(keys[1])}, {"variables": [{"name": "region", "value": '"south"'}]}]
    assert selected(tmp_path, story, {"$or": chosen}) == keys[:2]
    assert selected(tmp_path, story, {"$or": chosen, "processInstanceKey": str(keys[0])}) == keys[:1]
    assert selected(tmp_path, story, {"$or": chosen}, excluded=(keys[0],)) == keys[1:2]
    assert selected(tmp_path, story, {"$or": chosen}, states=("COMPLETED",)) == []


def test_issue_42448_instances_are_selected_by_the_batch_operation_that_had_them(tmp_path: Path) -> None:
    story, keys = instances(3)
    story.create_batch(BATCH)
    story.find_items(BATCH, keys[:2])
    for key in keys[:2]:
        story.finish_item(BATCH, key, "FAILED", error_code="INVALID_STATE")
    for name in ("batchOperationKey", "batchOperationId"):
        assert selected(tmp_path, story, {name: str(BATCH)}) == keys[:2]


def test_issue_40822_resolved_incidents_are_not_selected(tmp_path: Path) -> None:
    story = Story()
    story.define()
    instance, task, job = story.start()
    old, new = story.incident(instance, task, job=job), story.incident(instance, task, job=job)
    story.resolve(old)
    chosen = {"processInstanceKey": str(instance)}
    assert selected(tmp_path, story, chosen, entity="INCIDENT", states=("ACTIVE",)) == [new]


def test_issue_60684_conditions_on_state_and_parents_are_applied_with_those_of_the_type(tmp_path: Path) -> None:
    story = Story()
    story.define()
    parent, _, _ = story.start()
    child, _, _ = story.start(parent_process_instance_key=parent, root_process_instance_key=parent)
    ended, ended_task, ended_job = story.start()
    story.end(ended, ended_task, ended_job)
    anything = {"processDefinitionKey": str(DEFINITION)}
    assert selected(tmp_path, story, anything, roots_only=True) == [parent]
    assert selected(tmp_path, story, anything) == [parent, child]
    assert selected(tmp_path, story, {"parentProcessInstanceKey": str(parent)}) == [child]
    assert selected(tmp_path, story, {"state": "TERMINATED"}, states=()) == [ended]
