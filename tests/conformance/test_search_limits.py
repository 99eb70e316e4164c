"""What every search store does at its limits: long texts, hard patterns, many conditions, strange numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.core.faults import BadRequest
from exporters.search.filters import ALTERNATIVES_MAX
from exporters.search.instances import VALUE_SHOWN_MAX
from tests.conformance.conftest import OpenStore
from tests.unit.exporters.stories import Asked, Story

#: Where a text is longer than what is shown and indexed of it; the last is of characters of four bytes.
LENGTHS = (VALUE_SHOWN_MAX - 1, VALUE_SHOWN_MAX, VALUE_SHOWN_MAX + 1, 9_000)


def run(open_store: OpenStore, folder: Path, scenario: Callable[[Asked, Story], Awaitable[None]]) -> None:
    async def play() -> None:
        async with open_store(folder) as (exporter, search):
            story = Story()
            story.define()
            await scenario(Asked(exporter, search), story)

    asyncio.run(play())


def test_long_values_are_found_whole_and_shown_cut(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, _, _ = story.start()
        long = "x" * 9_000
        key = story.variable(instance, "long", long)
        other = story.variable(instance, "long", long + "y")
        await world.export(story)
        request = {"filter": {"value": f'"{long}"'}}
        found = (await world.search.search("VARIABLE", request)).items
        assert [(item["variableKey"], item["isTruncated"], len(item["value"])) for item in found] == [
            (str(key), True, VALUE_SHOWN_MAX)
        ]
        whole = (await world.search.search("VARIABLE", {**request, "truncateValues": False})).items
        assert [(item["isTruncated"], len(item["value"])) for item in whole] == [(False, 9_002)]
        assert len((await world.document("VARIABLE", other))["value"]) == 9_003
        assert await world.found("VARIABLE", "variableKey", filter={"isTruncated": False}) == []

    run(open_store, tmp_path, scenario)


@pytest.mark.parametrize("character", ["x", "ä", "😀"])
def test_texts_of_every_length_are_compared_whole(open_store: OpenStore, tmp_path: Path, character: str) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, _, _ = story.start()
        # with its quotes a value is as long as said
        values = [f'"{character * (length - 3)}{end}"' for length in LENGTHS for end in ("a", "b")]
        for value in values:
            story.variable(instance, "v", value[1:-1])
        await world.export(story)

        async def found(condition: Any) -> set[str]:
            request = {"filter": {"value": condition}, "truncateValues": False}
            return {item["value"] for item in (await world.search.search("VARIABLE", request)).items}

        for value in values:
            assert await found(value) == {value}
            assert await found({"$neq": value}) == set(values) - {value}
        assert await found({"$in": values[1::2]}) == set(values[1::2])
        assert await found({"$notIn": values[:3]}) == set(values[3:])
        assert await found({"$like": '*b"'}) == set(values[1::2])
        assert await found({"$like": f'"{character}*?{character}a"'}) == set(values[::2])
        assert await found({"$exists": True}) == set(values)

    run(open_store, tmp_path, scenario)


@pytest.mark.parametrize("pattern", ["*a" * 50, "?" * 199 + "*", "*a" + "?" * 60 + "b", "*a" * 5_000])
def test_hard_patterns_are_answered_or_refused(open_store: OpenStore, tmp_path: Path, pattern: str) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, _, _ = story.start(business_id="a" * 200)
        await world.export(story)
        like = {"filter": {"businessId": {"$like": pattern}}}
        expected = [str(instance)] if pattern in ("*a" * 50, "?" * 199 + "*") else []
        try:
            assert await world.found("PROCESS_INSTANCE", "processInstanceKey", **like) == expected
        except BadRequest as refused:
            assert "expected a filter that" in refused.message  # noqa: PT017 - a store may answer as well
            assert expected == []

    run(open_store, tmp_path, scenario)


def test_as_many_conditions_as_a_filter_may_have(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, _, _ = story.start(business_id="o")
        await world.export(story)
        hit = {"businessId": {"$eq": "o", "$like": "o*", "$in": ["o"], "$neq": "p", "$notIn": ["p"], "$exists": True}}
        miss = {"businessId": {"$eq": "p", "$like": "p*", "$in": ["p"], "$neq": "o", "$notIn": ["o"], "$exists": True}}
        related = {"elementId": "task", "elementInstanceState": "ACTIVE", "hasRetriesLeft": False}
        alternatives = [{**miss, **related}] * (ALTERNATIVES_MAX - 1) + [{**hit, **related}]
        found = await world.found("PROCESS_INSTANCE", "processInstanceKey", filter={"$or": alternatives})
        assert found == [str(instance)]

    run(open_store, tmp_path, scenario)


@pytest.mark.parametrize("number", [-(1 << 63) + 1, -(1 << 31) - 1, (1 << 31), (1 << 63) - 1])
def test_numbers_of_64_bits(open_store: OpenStore, tmp_path: Path, number: int) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        story.start()
        await world.export(story)
        for operator in ("$eq", "$lt", "$lte", "$gt", "$gte"):
            found = await world.found("JOB", "retries", filter={"retries": {operator: number}})
            holds = {"$lt": number > 0, "$lte": number > 0, "$gt": number < 0, "$gte": number < 0}.get(operator, False)
            assert found == ([3] if holds else [])

    run(open_store, tmp_path, scenario)
