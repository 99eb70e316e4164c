"""Deleted history in SQLite: every row of what was deleted goes, no other, and counts are as if it had never been."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.search.store import Within
from tests.unit.exporters.stories import DEFINITION, Story, World
from tests.unit.exporters.test_sqlite_exporter import dump, run


def rows(folder: Path) -> list[str]:
    """All rows but the positions."""
    return [line for line in dump(folder) if line.startswith("INSERT") and '"positions"' not in line]


@pytest.mark.parametrize("at_once", [True, False], ids=["in one transaction", "in one each"])
def test_nothing_is_left_of_a_deleted_instance_and_nothing_else_goes(tmp_path: Path, at_once: bool) -> None:
    story = Story()
    story.define()
    decision = story.define_decision()
    story.whole_life(decision)
    before: list[str] = []

    async def scenario(world: World) -> None:
        await world.export(story)
        before.extend(rows(tmp_path))
        key = story.whole_life(decision)
        if not at_once:
            await world.export(story)
            assert str(key) in "".join(rows(tmp_path))
        story.delete(key)
        await world.export(story)
        assert rows(tmp_path) == before
        story.delete(key)
        await world.export(story)
        assert rows(tmp_path) == before

    run(tmp_path, scenario)


def test_nothing_is_left_of_a_deleted_evaluation(tmp_path: Path) -> None:
    story = Story()
    story.define()
    decision = story.define_decision()
    kept = story.evaluate(*decision)
    deleted = story.evaluate(*decision, failure="no")

    async def scenario(world: World) -> None:
        await world.export(story)
        story.delete(deleted, "DECISION_INSTANCE")
        await world.export(story)
        assert await world.found("DECISION_INSTANCE", "decisionEvaluationKey") == [str(kept), str(kept)]

    run(tmp_path, scenario)


def test_names_of_variables_go_with_the_last_variable(tmp_path: Path) -> None:
    story = Story()
    story.define()
    instances = [story.start() for _ in range(2)]
    for name in ("both", "first"):
        story.variable(instances[0][0], name, 1)
    story.variable(instances[1][0], "both", 1)

    async def scenario(world: World) -> None:
        async def names() -> list[str]:
            page = await world.search.search("VARIABLE_NAME", {}, Within("PROCESS_DEFINITION", DEFINITION))
            return [item["name"] for item in page.items]

        await world.export(story)
        assert await names() == ["both", "first"]
        story.end(*instances[0])
        story.delete(instances[0][0])
        await world.export(story)
        assert await names() == ["both"]
        story.end(*instances[1])
        story.delete(instances[1][0])
        await world.export(story)
        assert await names() == []

    run(tmp_path, scenario)


def test_items_of_batch_operations_stay(tmp_path: Path) -> None:
    story = Story()
    story.define()
    instance = story.start()
    batch = story.key()
    story.create_batch(batch)
    story.find_items(batch, [instance[0]])
    story.end(*instance)
    story.finish_item(batch, instance[0])
    story.delete(instance[0])

    async def scenario(world: World) -> None:
        await world.export(story)
        assert await world.found("BATCH_OPERATION_ITEM", "processInstanceKey") == [str(instance[0])]
        assert await world.found("PROCESS_INSTANCE", "processInstanceKey") == []

    run(tmp_path, scenario)


def test_a_projection_made_again_is_the_same(tmp_path: Path) -> None:
    story = Story()
    story.define()
    decision = story.define_decision()
    keys = [story.whole_life(decision) for _ in range(3)]
    first, again = tmp_path / "first", tmp_path / "again"

    async def in_parts(world: World) -> None:
        await world.export(story)
        for key in keys[:2]:
            story.delete(key)
            await world.export(story)

    run(first, in_parts)
    run(again, lambda world: world.export(story))
    assert rows(first) == rows(again)
