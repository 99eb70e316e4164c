"""OpenSearch in a simulation: what its indices hold, and the Node of each exporter, slow, failing, and killed within.

A document is there at once and searchable after a refresh, as in the real one. A call that fails was served in part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from engine.core.faults import Unavailable
from exporters.opensearch.node import ALREADY, WRITTEN, Address, IndexMissing, Outcome, Stored, Write
from tests.simulation.loop import Killed, Node
from tests.simulation.world import World

#: Seconds that a slow call takes, at most.
SLOW_SECONDS_MAX = 5.0

Result = TypeVar("Result")


class Document(Struct):
    """What is stored under an id. `sequence`: of the write that stored it."""

    version: int
    sequence: int
    source: bytes


class Index(Struct):
    """One index; `searchable` is what its last refresh saw."""

    documents: dict[str, Document] = msgspec.field(default_factory=dict)
    searchable: list[bytes] = msgspec.field(default_factory=list)
    aliases: set[str] = msgspec.field(default_factory=set)
    blocked: bool = False


class OpensearchData:
    """What the node keeps; it outlives every process. Each method is one request, served at one instant."""

    def __init__(self) -> None:
        self.indices: dict[str, Index] = {}
        self._sequence = 0

    def index(self, name: str) -> Index:
        found = self.indices.get(name)
        if found is None:
            raise IndexMissing(f"expected the index {name}, got none")
        return found

    def behind(self, alias: str) -> Index | None:
        """The index that an alias names."""
        return next((index for index in self.indices.values() if alias in index.aliases), None)

    def write(self, write: Write) -> Outcome:
        """As `Node.write`, of one document."""
        index = self._writable(write.address.index)
        found = index.documents.get(write.address.id)
        if found is not None and write.version <= found.version:
            return Outcome(ALREADY)
        self._store(index, write.address.id, write.version, write.source)
        return Outcome(WRITTEN)

    def replace(self, address: Address, source: bytes, token: str) -> str | None:
        """As `Node.replace`."""
        index = self._writable(address.index)
        found = index.documents.get(address.id)
        if token != ("" if found is None else str(found.sequence)):
            return None
        return str(self._store(index, address.id, 0, source))

    def read(self, address: Address) -> Stored | None:
        """As `Node.read_one`."""
        found = self.index(address.index).documents.get(address.id)
        return None if found is None else Stored(found.source, str(found.sequence))

    def find(self, name: str, fields: Mapping[str, Sequence[int | str]], order: Sequence[str]) -> list[bytes]:
        """As `Node.find`."""
        found = []
        for source in self.index(name).searchable:
            document = msgspec.json.decode(source)
            if all(_is_one_of(document.get(field), values) for field, values in fields.items()):
                found.append(([document[name] for name in order], source))
        return [source for _, source in sorted(found)]

    def refresh(self, name: str) -> None:
        """As `Node.refresh`, of one index."""
        index = self.index(name)
        index.searchable = [document.source for document in index.documents.values()]

    def move_aliases(self, aliases: Mapping[str, str]) -> None:
        """As `Node.move_aliases`."""
        targets = {alias: self.index(name) for alias, name in aliases.items()}
        for alias, target in targets.items():
            for index in self.indices.values():
                index.aliases.discard(alias)
            target.aliases.add(alias)

    def _writable(self, name: str) -> Index:
        index = self.index(name)
        if index.blocked:
            raise Unavailable(f"expected to write {name}, got a block")
        return index

    def _store(self, index: Index, id: str, version: int, source: bytes) -> int:  # noqa: A002 - as OpenSearch calls it
        self._sequence += 1
        index.documents[id] = Document(version, self._sequence, source)
        return self._sequence


def _is_one_of(value: Any, values: Sequence[int | str]) -> bool:
    if isinstance(value, dict):  # a join field: what it is called, and whose it is
        value = value["name"]
    return any(one in values for one in value) if isinstance(value, list) else value in values


class CalmNode:
    """As `exporters.opensearch.node.Node`, without any trouble."""

    def __init__(self, data: OpensearchData) -> None:
        self._data = data

    async def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """As `Node.write`."""
        return [await self._ask(self._data.write, write) for write in writes]

    async def read(self, addresses: Sequence[Address]) -> Sequence[bytes | None]:
        """As `Node.read`."""
        found = [await self._ask(self._data.read, address) for address in addresses]
        return [None if stored is None else stored.source for stored in found]

    async def find(
        self,
        index: str,
        fields: Mapping[str, Sequence[int | str]],
        order: Sequence[str] = ("key",),
        only: Sequence[str] = (),
        limit: int = 0,
    ) -> Sequence[bytes]:
        """As `Node.find`; documents are given whole."""
        found = await self._ask(self._data.find, index, fields, order)
        return found[:limit] if limit else found

    async def refresh(self, indices: Sequence[str]) -> None:
        """As `Node.refresh`."""
        for index in indices:
            await self._ask(self._data.refresh, index)

    async def read_one(self, address: Address) -> Stored | None:
        """As `Node.read_one`."""
        return await self._ask(self._data.read, address)

    async def replace(self, address: Address, source: bytes, token: str) -> str | None:
        """As `Node.replace`."""
        return await self._ask(self._data.replace, address, source, token)

    async def all_of(self, index: str) -> Sequence[bytes]:
        """As `Node.all_of`."""
        found = await self._ask(self._data.index, index)
        return [document.source for document in found.documents.values()]

    async def indices(self, prefix: str) -> Mapping[str, Sequence[str]]:
        """As `Node.indices`."""
        found = await self._ask(lambda: self._data.indices)
        return {name: sorted(index.aliases) for name, index in found.items() if name.startswith(prefix)}

    async def create(self, index: str, body: Mapping[str, Any]) -> None:
        """As `Node.create`."""
        await self._ask(self._data.indices.setdefault, index, Index())

    async def move_aliases(self, aliases: Mapping[str, str]) -> None:
        """As `Node.move_aliases`."""
        await self._ask(self._data.move_aliases, aliases)

    async def block(self, index: str, *, blocked: bool) -> None:
        """As `Node.block`."""
        (await self._ask(self._data.index, index)).blocked = blocked

    async def delete(self, indices: Sequence[str]) -> None:
        """As `Node.delete`."""
        for index in indices:
            await self._ask(self._data.indices.pop, index, None)

    async def close(self) -> None:
        """As `Node.close`."""

    async def _ask(self, serve: Callable[..., Result], *arguments: Any) -> Result:
        return serve(*arguments)


class SimulatedNode(CalmNode):
    """The Node of one process."""

    def __init__(self, world: World, node: Node, data: OpensearchData) -> None:
        super().__init__(data)
        self._world = world
        self._process = node

    async def replace(self, address: Address, source: bytes, token: str) -> str | None:
        """As `Node.replace`, of a position."""
        if self._world.strikes("position not written"):
            raise Unavailable("OpenSearch has stored documents, and not their position")
        return await super().replace(address, source, token)

    async def _ask(self, serve: Callable[..., Result], *arguments: Any) -> Result:
        """A request, or a part of one, that travels, is served, and whose answer may be lost."""
        process, world = self._process, self._world
        await asyncio.sleep(world.latency() / 10)
        if world.strikes("export slow"):
            await asyncio.sleep(world.uniform(0, SLOW_SECONDS_MAX))
        process.check()
        process.calls_left -= 1
        if not process.calls_left:
            world.note(f"{process.name} dies within a request to OpenSearch")
            process.kill()
            raise Killed
        if "exporter down" in world.conditions or world.strikes("export fails"):
            raise Unavailable("OpenSearch does not answer")
        result = serve(*arguments)
        if world.strikes("statement fails"):
            raise Unavailable("OpenSearch has served this, and its answer is lost")
        return result
