"""Secondary storage in a simulation: the real exporter and the real searches over a file, slow, failing, and killed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from engine.core.faults import Unavailable
from engine.core.ports import Clock, SelectedItem, SelectionQuery
from engine.core.record import Record
from engine.records.batch_operation_chunk import ItemFacts
from exporters.contract import ExportedPosition
from exporters.search.store import Document, SearchResult, Within
from exporters.sqlite import SqliteExporter, SqliteSearch
from exporters.sqlite.database import open_writer
from tests.simulation.loop import Killed, Node
from tests.simulation.world import World

#: Seconds that a slow query or export takes, at most.
SLOW_SECONDS_MAX = 5.0


class SimulatedConnection:
    """A writer's connection whose process may die, or whose disk may fail, at every statement."""

    def __init__(self, world: World, node: Node, connection: sqlite3.Connection) -> None:
        self._world = world
        self._node = node
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self._called()
        return self._connection.execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        self._called()
        return self._connection.executemany(*arguments)

    def _called(self) -> None:
        node = self._node
        node.check()
        node.calls_left -= 1
        if not node.calls_left:
            self._world.note(f"{node.name} dies at a statement")
            node.kill()
            raise Killed
        if self._world.strikes("statement fails"):
            fault = sqlite3.OperationalError("disk I/O error")
            fault.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise fault


class SimulatedExporter:
    """The Exporter port of one process."""

    def __init__(self, world: World, node: Node, folder: Path, *, export_items_on_creation: bool) -> None:
        def connect(folder: Path) -> sqlite3.Connection:
            connection = open_writer(folder)
            # what was not committed is gone; not within the call in which it dies
            node.at_death.append(lambda: world.node.call_soon(connection.close))
            return cast(sqlite3.Connection, SimulatedConnection(world, node, connection))

        self._world = world
        self._exporter = SqliteExporter(folder, export_items_on_creation=export_items_on_creation, connect=connect)

    async def open(self) -> None:
        """As `Exporter.open`."""
        await self._trouble()
        await self._exporter.open()

    def positions(self) -> Mapping[int, ExportedPosition]:
        """As `Exporter.positions`."""
        return self._exporter.positions()

    def set_aside(self) -> Mapping[int, int]:
        """As `Exporter.set_aside`."""
        return self._exporter.set_aside()

    async def export(self, partition: int, records: Sequence[Record], next_offset: int) -> None:
        """As `Exporter.export`; the answer takes its time."""
        await self._trouble()
        await self._exporter.export(partition, records, next_offset)
        await asyncio.sleep(self._world.latency())

    async def close(self) -> None:
        """As `Exporter.close`."""
        await self._exporter.close()

    async def _trouble(self) -> None:
        if self._world.strikes("export slow"):
            await asyncio.sleep(self._world.uniform(0, SLOW_SECONDS_MAX))
        if "exporter down" in self._world.conditions or self._world.strikes("export fails"):
            raise Unavailable("secondary storage is away")


class SimulatedSearch:
    """The SearchStore port of one process."""

    def __init__(self, world: World, node: Node, folder: Path, clock: Clock) -> None:
        self._world = world
        self._search = SqliteSearch(folder, clock)
        node.at_death.append(self._release)

    async def search(
        self,
        entity: str,
        request: Mapping[str, object],
        within: Within | None = None,
        readable: Collection[str] | None = None,
    ) -> SearchResult:
        """As `SearchStore.search`."""
        await self._trouble()
        return await self._search.search(entity, request, within, readable)

    async def report(self, name: str, key: int) -> list[Document]:
        """As `SearchStore.report`."""
        await self._trouble()
        return await self._search.report(name, key)

    async def element_statistics(self, definition_key: int, given: Mapping[str, object]) -> list[Document]:
        """As `SearchStore.element_statistics`."""
        await self._trouble()
        return await self._search.element_statistics(definition_key, given)

    async def get(self, entity: str, key: int) -> Document | None:
        """As `SearchStore.get`."""
        await self._trouble()
        return await self._search.get(entity, key)

    async def watermark(self, partition: int) -> int:
        """As `Search.watermark`."""
        await self._trouble()
        return await self._search.watermark(partition)

    async def select(self, query: SelectionQuery) -> Sequence[SelectedItem]:
        """As `Search.select`."""
        await self._trouble()
        found = await self._search.select(query)
        await self._trouble()  # what was found may be old, or lost on its way
        return found

    async def facts(
        self, entity: str, keys: Sequence[int], variables: str, size_max: int, items_of: int = -1
    ) -> Sequence[ItemFacts]:
        """As `Search.facts`."""
        await self._trouble()
        return await self._search.facts(entity, keys, variables, size_max, items_of)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._search, name)

    async def _trouble(self) -> None:
        if self._world.strikes("query slow"):
            await asyncio.sleep(self._world.uniform(0, SLOW_SECONDS_MAX))
        if "search down" in self._world.conditions or self._world.strikes("query fails"):
            raise Unavailable("secondary storage does not answer")

    def _release(self) -> None:
        for connection in self._search._open:
            connection.close()
