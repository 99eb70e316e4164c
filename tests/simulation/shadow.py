"""Searches over the simulated OpenSearch without its query language: a file shows the log up to the same positions.

What the documents say is compared in the end with an export from the first record (`audit_documents`);
that the queries mean what they should is judged by the conformance suite of the searches, on a real node.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.ports import EVENTS, Clock, Entry
from engine.core.record import Record
from engine.shell.codec import Codec, Reader
from engine.shell.manual_clock import ManualClock
from exporters.opensearch import OpensearchExporter
from exporters.opensearch.indices import KINDS, Shape, read_positions
from exporters.opensearch.mappings import POSITIONS, alias_of
from exporters.sqlite import SqliteExporter
from exporters.sqlite.database import FILE_NAME
from tests.simulation.loop import Node
from tests.simulation.opensearch import CalmNode, OpensearchData
from tests.simulation.storage import SimulatedSearch
from tests.simulation.world import World

if TYPE_CHECKING:
    from tests.simulation.log import LogData

PREFIX = "simulation"


def stored_positions(data: OpensearchData) -> Mapping[int, int]:
    """How far everything is searchable."""
    index = data.behind(alias_of(PREFIX, POSITIONS))
    if index is None:
        return {}
    found = read_positions([document.source for document in index.documents.values()])
    return {partition: document.position for partition, document in found.items()}


class Shadow:
    """The file in a folder of its own; always at the positions of the indices when it is asked."""

    def __init__(self, log: LogData, data: OpensearchData, folder: Path, codec: Codec, *, items: bool) -> None:
        folder.mkdir()
        self.folder = folder
        self._log = log
        self._data = data
        self._codec = codec
        self._items = items
        self._positions: dict[int, int] = {}
        self._exporter: SqliteExporter | None = None

    def catch_up(self) -> None:
        """Show what the indices show now."""
        wanted = stored_positions(self._data)
        if any(position > wanted.get(partition, 0) for partition, position in self._positions.items()):
            self._begin_again()
        if self._exporter is None and wanted:
            self._exporter = SqliteExporter(self.folder, export_items_on_creation=self._items)
            now(self._exporter.open())
        for partition, position in sorted(wanted.items()):
            done = self._positions.get(partition, 0)
            if position > done and self._exporter is not None:
                entries = self._log.entries((EVENTS, partition))[done:position]
                now(self._exporter.export(partition, records_of(entries, self._codec), entries[-1].offset + 1))
                self._positions[partition] = position

    def _begin_again(self) -> None:
        """The indices were deleted."""
        if self._exporter is not None:
            now(self._exporter.close())
        self._exporter = None
        self._positions.clear()
        for path in self.folder.glob(f"{FILE_NAME}*"):
            path.unlink()


class ShadowSearch(SimulatedSearch):
    """The SearchStore port of one process."""

    def __init__(self, world: World, node: Node, shadow: Shadow, clock: Clock) -> None:
        super().__init__(world, node, shadow.folder, clock)
        self._shadow = shadow

    async def _trouble(self) -> None:
        await super()._trouble()
        self._shadow.catch_up()


def audit_documents(log: LogData, data: OpensearchData, codec: Codec, *, items: bool) -> list[str]:
    """What the indices say otherwise than those of an export from the first record up to the same positions."""
    fresh = OpensearchData()
    exporter = OpensearchExporter(
        CalmNode(fresh), Shape(prefix=PREFIX), ManualClock(), name="audit", export_items_on_creation=items
    )
    now(exporter.open())
    for partition, position in sorted(stored_positions(data).items()):
        entries = log.entries((EVENTS, partition))[:position]
        now(exporter.export(partition, records_of(entries, codec), entries[-1].offset + 1))
    found = []
    for kind in KINDS:
        index, expected = data.behind(alias_of(PREFIX, kind)), fresh.behind(alias_of(PREFIX, kind))
        if kind == POSITIONS or index is None or expected is None:
            continue
        for id in sorted({*index.documents, *expected.documents}):  # noqa: A001 - as OpenSearch calls it
            got, wanted = index.documents.get(id), expected.documents.get(id)
            if got is None or wanted is None or got.source != wanted.source:
                found.append(f"document {kind}/{id}: expected {wanted and wanted.source!r}, got {got and got.source!r}")
    return found


def records_of(entries: Sequence[Entry], codec: Codec) -> list[Record]:
    reader = Reader(codec)
    return [reader.decode(entry.value) for entry in entries]


def now(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run what never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("expected a coroutine that never waits")
