"""Deleted history, in every store: searches, counts and selections answer as if it had never been."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.core.ports import SelectionQuery
from engine.core.record import NONE
from exporters.search.entities import ENTITIES
from exporters.search.store import TOTAL_MAX, Within
from tests.conformance.conftest import OpenStore
from tests.unit.exporters.stories import DEFINITION, Asked, Story

#: What is the same whatever is deleted, or is asked for one at a time.
LOOKED_AT = sorted(ENTITIES.keys() - {"RESOURCE", "PROCESS_DEFINITION", "FORM"})


def run(open_store: OpenStore, folder: Path, scenario: Callable[[Asked], Awaitable[None]]) -> None:
    async def play() -> None:
        async with open_store(folder) as (exporter, search):
            await scenario(Asked(exporter, search))

    asyncio.run(play())


async def answers(world: Asked) -> dict[str, Any]:
    """What everything that can be asked is answered with."""
    found: dict[str, Any] = {name: list((await world.search.search(name, {})).items) for name in LOOKED_AT}
    names = await world.search.search("VARIABLE_NAME", {}, Within("PROCESS_DEFINITION", DEFINITION))
    found["names"] = list(names.items)
    found["elements"] = await world.search.report("ELEMENTS_OF_DEFINITION", DEFINITION)
    found["counts"] = (await world.search.status())["counts"]
    return found


async def selected(world: Asked, filters: dict[str, Any], **given: Any) -> list[tuple[int, int, int]]:
    text = msgspec.json.encode(filters).decode() if filters else ""
    wanted = {"partition": 1, "key_max": 1 << 62, "limit": 10, **given}
    query = SelectionQuery(entity="DECISION_INSTANCE", filter=text, **wanted)
    items = await world.search.select(query)
    return [(item.item_key, item.process_instance_key, item.root_process_instance_key) for item in items]


def test_an_instance_that_was_deleted_has_never_been(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.define()
        decision = story.define_decision()
        caller = story.whole_life(decision)
        await world.export(story)
        before = await answers(world)
        keys = [story.whole_life(decision) for _ in range(3)]
        evaluation = story.evaluate(*decision)
        await world.export(story)
        assert await answers(world) != before
        for key in keys:
            story.delete(key)
        story.delete(evaluation, "DECISION_INSTANCE")
        await world.export(story)
        after = await answers(world)
        for name, expected in before.items():
            assert after[name] == expected, name
        for key in (*keys, evaluation):
            assert await world.search.get("PROCESS_INSTANCE", key) is None
        assert await world.search.get("PROCESS_INSTANCE", caller) is not None

    run(open_store, tmp_path, scenario)


def test_issue_47680_more_than_a_search_counts_is_deleted(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.define()
        instance, task, job = story.start()
        other, _, _ = story.start()
        for number in range(0, TOTAL_MAX + 50, 50):
            values = {"name": f"v{number}", "value": "1", "scope_key": instance, **story.owned(instance)}
            story.step(*(("VARIABLE", "CREATED", story.key(), values) for _ in range(50)))
        story.variable(other, "kept", 1)
        story.end(instance, task, job)
        await world.export(story)
        found = await world.search.search("VARIABLE", {"page": {"limit": 0}})
        assert found.has_more_total
        story.delete(instance)
        await world.export(story)
        assert await world.found("VARIABLE", "name") == ["kept"]
        assert await world.found("PROCESS_INSTANCE", "processInstanceKey") == [str(other)]

    run(open_store, tmp_path, scenario)


def test_what_a_deleted_instance_had_called_is_there_without_it(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.define()
        decision = story.define_decision()
        caller = story.whole_life(decision)
        called = story.whole_life(decision, parent=caller)
        await world.export(story)
        assert len(await world.search.report("CALL_HIERARCHY", called)) == 2
        story.delete(caller)
        await world.export(story)
        assert (await world.document("PROCESS_INSTANCE", called))["parentProcessInstanceKey"] == str(caller)
        assert [one["processInstanceKey"] for one in await world.search.report("CALL_HIERARCHY", called)] == [
            str(called)
        ]

    run(open_store, tmp_path, scenario)


def test_items_of_batch_operations_stay(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.define()
        instance = story.start()
        batch = story.key()
        story.create_batch(batch)
        story.find_items(batch, [instance[0]])
        story.end(*instance)
        story.delete(instance[0])
        story.finish_item(batch, instance[0])
        await world.export(story)
        items = (await world.search.search("BATCH_OPERATION_ITEM", {})).items
        assert [(item["processInstanceKey"], item["state"]) for item in items] == [(str(instance[0]), "COMPLETED")]
        assert await world.found("PROCESS_INSTANCE", "processInstanceKey") == []

    run(open_store, tmp_path, scenario)


def test_evaluations_are_selected_once_each_in_the_order_of_their_keys(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked) -> None:
        story = Story()
        story.define()
        decision = story.define_decision()
        instance = story.start()
        owner = {"process_instance_key": instance[0], "root_process_instance_key": instance[0]}
        alone = [story.evaluate(*decision) for _ in range(3)]
        failed = story.evaluate(*decision, failure="no")
        inside = story.evaluate(*decision, **owner)
        await world.export(story)

        def rows(keys: Sequence[int]) -> list[tuple[int, int, int]]:
            return [(key, *((instance[0],) * 2 if key == inside else (NONE, NONE))) for key in keys]

        everything = {"decisionDefinitionId": "dish"}
        assert await selected(world, everything) == rows([*alone, failed, inside])
        assert await selected(world, everything, limit=2) == rows(alone[:2])
        assert await selected(world, everything, limit=2, after=alone[1]) == rows([alone[2], failed])
        assert await selected(world, everything, key_max=failed) == rows([*alone, failed])
        assert await selected(world, everything, partition=2) == []
        assert await selected(world, {"state": "FAILED"}) == rows([failed])
        assert await selected(world, {"processInstanceKey": str(instance[0])}) == rows([inside])
        assert await selected(world, {}, item_keys=[alone[0], inside, 17]) == rows([alone[0], inside])
        assert await selected(world, {"state": "FAILED"}, item_keys=[alone[0]]) == rows([alone[0], failed])
        assert await selected(world, everything, excluded=alone) == rows([failed, inside])
        story.delete(alone[0], "DECISION_INSTANCE")
        await world.export(story)
        assert await selected(world, everything) == rows([*alone[1:], failed, inside])

    run(open_store, tmp_path, scenario)
