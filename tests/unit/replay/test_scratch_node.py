"""The node in a temporary file behaves as the exporter's port asks, as far as an audit needs it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from exporters.opensearch.indices import Shape, look, prepare
from exporters.opensearch.node import ALREADY, WRITTEN, Address, Write
from replay.scratch_node import ScratchNode

INDEX = "x"


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[ScratchNode], Awaitable[None]]], None]:
    def run(test: Callable[[ScratchNode], Awaitable[None]]) -> None:
        node = ScratchNode(tmp_path / "documents.db")
        asyncio.run(test(node))  # type: ignore[arg-type]
        node.release()

    return run


Run = Callable[[Callable[[ScratchNode], Awaitable[None]]], None]


def write(key: int, version: int, **fields: object) -> Write:
    source = {"kind": {"name": "user_task", "parent": "7"}, "key": key, "process_instance_key": 7, **fields}
    return Write(Address(INDEX, str(key), "7"), version, json.dumps(source).encode())


def test_only_later_versions_are_stored(run: Run) -> None:
    async def test(node: ScratchNode) -> None:
        first = await node.write([write(1, 5), write(2, 5), write(3, 0)])
        assert [outcome.kind for outcome in first] == [WRITTEN] * 3
        again = await node.write([write(1, 5, n=1), write(1, 4, n=1), write(2, 6, n=1), write(3, 0, n=1)])
        assert [outcome.kind for outcome in again] == [ALREADY, ALREADY, WRITTEN, ALREADY]
        found = await node.read([write(key, 0).address for key in (1, 2, 3, 4)])
        assert [None if source is None else json.loads(source).get("n") for source in found] == [None, 1, None, None]
        assert found[3] is None

    run(test)


def test_documents_are_found_by_word_and_by_the_name_of_their_kind(run: Run) -> None:
    async def test(node: ScratchNode) -> None:
        await node.write([write(1, 1), write(2, 1, process_instance_key=8), write(3, 1, kind="process_instance")])
        wanted = {"kind": ["user_task"], "process_instance_key": [7, 9]}
        assert [json.loads(source)["key"] for source in await node.find(INDEX, wanted)] == [1]
        assert [json.loads(source)["key"] for source in await node.find(INDEX, {"kind": ["process_instance"]})] == [3]
        assert list(await node.find("another", wanted)) == []
        assert len(await node.find(INDEX, {"key": [1, 2, 3]}, limit=2)) == 2

    run(test)


def test_a_document_is_replaced_only_over_the_one_that_was_read(run: Run) -> None:
    async def test(node: ScratchNode) -> None:
        address = Address(INDEX, "1")
        assert await node.read_one(address) is None
        token = await node.replace(address, b"{}", "")
        assert token is not None
        assert await node.replace(address, b"[]", "") is None
        stored = await node.read_one(address)
        assert stored is not None
        assert (stored.source, stored.token) == (b"{}", token)
        assert await node.replace(address, b"[]", token) not in (None, token)

    run(test)


def test_what_is_taken_is_not_there_any_more(run: Run) -> None:
    async def test(node: ScratchNode) -> None:
        await node.write([write(1, 1), write(2, 1)])
        assert node.take(INDEX, "1") == write(1, 1).source
        assert node.take(INDEX, "1") is None
        assert [name for name, _ in node.sources(INDEX)] == ["2"]

    run(test)


def test_sets_of_indices_are_made_and_serve(run: Run) -> None:
    async def test(node: ScratchNode) -> None:
        chosen, serves = await prepare(node, Shape(prefix="audit"))
        assert serves
        assert (await look(node, "audit")).serving == chosen

    run(test)
