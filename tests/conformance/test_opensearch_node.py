"""Every `Node`: the one of the simulation, without its troubles, behaves as the real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from engine.core.faults import Unavailable
from exporters.opensearch.client import OpensearchClient, OpensearchConnection
from exporters.opensearch.mappings import INSTANCES, POSITIONS, index_body
from exporters.opensearch.node import ALREADY, REJECTED, WRITTEN, Address, IndexMissing, Node, Write
from exporters.opensearch.opensearch_node import OpensearchNode
from tests.simulation.opensearch import CalmNode, OpensearchData

Test = Callable[[Node, str], Awaitable[None]]


@pytest.fixture(params=["simulated", "real"])
def run(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    """Runs a test with a node and an index for instances that is there."""
    real = request.param == "real"
    address = request.getfixturevalue("opensearch") if real else ""
    prefix = request.getfixturevalue("index_prefix") if real else "simulated"

    def run(test: Test) -> None:
        async def body() -> None:
            connection = OpensearchConnection(urls=(address,), index_prefix=prefix)
            node: Node = OpensearchNode(OpensearchClient(connection)) if real else CalmNode(OpensearchData())
            try:
                await node.create(f"{prefix}-x", index_body(INSTANCES, shards=2, replicas=0))
                await test(node, prefix)
            finally:
                await node.close()

        asyncio.run(body())

    return run


def write(index: str, key: int, version: int, state: str = "ACTIVE") -> Write:
    document = {"kind": {"name": "job", "parent": "7"}, "key": key, "state": state, "process_instance_key": 7}
    return Write(Address(index, str(key), "7"), version, json.dumps(document).encode())


def state_of(source: bytes | None) -> str:
    assert source is not None
    return str(json.loads(source)["state"])


def test_only_later_versions_are_stored(run: Callable[[Test], None]) -> None:
    async def test(node: Node, prefix: str) -> None:
        index = f"{prefix}-x"
        one = await node.write([write(index, 1, 5), write(index, 2, 5), write(index, 3, 0)])
        assert [outcome.kind for outcome in one] == [WRITTEN] * 3
        again = [write(index, 1, 5, "A"), write(index, 1, 4, "B"), write(index, 2, 6, "C"), write(index, 3, 0, "D")]
        assert [outcome.kind for outcome in await node.write(again)] == [ALREADY, ALREADY, WRITTEN, ALREADY]
        sources = await node.read([one.address for one in (write(index, 1, 0), write(index, 2, 0), write(index, 3, 0))])
        assert [state_of(source) for source in sources] == ["ACTIVE", "C", "ACTIVE"]
        assert list(await node.read([Address(index, "9", "7")])) == [None]

    run(test)


def test_what_is_written_is_found_after_a_refresh(run: Callable[[Test], None]) -> None:
    async def test(node: Node, prefix: str) -> None:
        index = f"{prefix}-x"
        await node.write([write(index, key, 1) for key in (3, 1, 2)])
        wanted: dict[str, list[int | str]] = {"kind": ["job"], "key": [3, 2, 9]}
        assert list(await node.find(index, wanted)) == []
        assert all(await node.read([write(index, key, 1).address for key in (1, 2, 3)]))
        await node.refresh([index])
        assert [json.loads(source)["key"] for source in await node.find(index, wanted)] == [2, 3]
        assert [json.loads(source)["key"] for source in await node.find(index, wanted, limit=1)] == [2]
        assert list(await node.find(index, {"kind": ["variable"]})) == []

    run(test)


def test_positions_are_compared_and_set(run: Callable[[Test], None]) -> None:
    async def test(node: Node, prefix: str) -> None:
        index = f"{prefix}-p"
        await node.create(index, index_body(POSITIONS, shards=1, replicas=0))
        place = Address(index, "1")
        assert await node.read_one(place) is None
        first = await node.replace(place, b'{"position":1}', "")
        assert first
        assert await node.replace(place, b'{"position":2}', "") is None
        second = await node.replace(place, b'{"position":2}', first)
        assert second
        assert await node.replace(place, b'{"position":3}', first) is None
        stored = await node.read_one(place)
        assert stored is not None
        assert (json.loads(stored.source), stored.token) == ({"position": 2}, second)
        assert [json.loads(source) for source in await node.all_of(index)] == [{"position": 2}]

    run(test)


def test_what_is_gone_is_missing_and_not_made_by_writing(run: Callable[[Test], None]) -> None:
    async def test(node: Node, prefix: str) -> None:
        index, place = f"{prefix}-x", Address(f"{prefix}-x", "1", "7")
        await node.delete([index, f"{prefix}-never"])
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: node.write([write(index, 1, 1)]),
            lambda: node.read([place]),
            lambda: node.read_one(Address(index, "1")),
            lambda: node.replace(Address(index, "1"), b"{}", ""),
            lambda: node.find(index, {"key": [1]}),
            lambda: node.refresh([index]),
            lambda: node.all_of(index),
            lambda: node.block(index, blocked=True),
            lambda: node.move_aliases({f"{prefix}-alias": index}),
        ]
        for call in calls:
            with pytest.raises(IndexMissing):
                await call()
        assert await node.indices(prefix) == {}

    run(test)


def test_aliases_move_all_at_once(run: Callable[[Test], None]) -> None:
    async def test(node: Node, prefix: str) -> None:
        for name in ("y", "z"):
            await node.create(f"{prefix}-{name}", index_body(INSTANCES, shards=1, replicas=0))
        await node.move_aliases({f"{prefix}-a": f"{prefix}-x", f"{prefix}-b": f"{prefix}-y"})
        assert await node.indices(prefix) == {
            f"{prefix}-x": [f"{prefix}-a"],
            f"{prefix}-y": [f"{prefix}-b"],
            f"{prefix}-z": [],
        }
        await node.write([write(f"{prefix}-x", 1, 1)])
        await node.move_aliases({f"{prefix}-a": f"{prefix}-z", f"{prefix}-b": f"{prefix}-z"})
        assert sorted((await node.indices(prefix))[f"{prefix}-z"]) == [f"{prefix}-a", f"{prefix}-b"]
        assert (await node.indices(prefix))[f"{prefix}-x"] == []
        await node.create(f"{prefix}-x", index_body(INSTANCES, shards=1, replicas=0))
        assert len(await node.all_of(f"{prefix}-x")) == 1

    run(test)


def test_a_blocked_index_takes_nothing_for_now(run: Callable[[Test], None]) -> None:
    async def test(node: Node, prefix: str) -> None:
        index, other = f"{prefix}-x", f"{prefix}-p"
        await node.create(other, index_body(POSITIONS, shards=1, replicas=0))
        for name in (index, other):
            await node.block(name, blocked=True)
        with pytest.raises(Unavailable):
            await node.write([write(index, 1, 1)])
        with pytest.raises(Unavailable):
            await node.replace(Address(other, "1"), b"{}", "")
        for name in (index, other):
            await node.block(name, blocked=False)
        assert [outcome.kind for outcome in await node.write([write(index, 1, 1)])] == [WRITTEN]
        assert await node.replace(Address(other, "1"), b"{}", "")

    run(test)


def test_what_a_real_index_does_not_take_is_rejected(opensearch: str, index_prefix: str) -> None:
    async def test() -> None:
        node = OpensearchNode(OpensearchClient(OpensearchConnection(urls=(opensearch,), index_prefix=index_prefix)))
        index = f"{index_prefix}-x"
        await node.create(index, index_body(INSTANCES, shards=1, replicas=0))
        unknown = Write(Address(index, "2", "7"), 1, b'{"kind":"process_instance","no_such_field":1}')
        outcomes = await node.write([write(index, 1, 1), unknown, write(index, 3, 1)])
        await node.close()
        assert [outcome.kind for outcome in outcomes] == [WRITTEN, REJECTED, WRITTEN]
        assert "no_such_field" in outcomes[1].reason

    asyncio.run(test())
