"""The SQLite projection: one transaction for the steps it is given, with their position in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.core.faults import BrokenInvariant, Unavailable
from engine.core.record import Record
from exporters.contract import ExportedPosition

from .batches import Batches
from .database import is_unavailable, open_writer
from .projection import Projection


class SqliteExporter:
    """The Exporter of `folder/search.db`; the only writer of that file.

    `export_items_on_creation`: false writes no row for an item until it has an outcome; counts are exact in both modes.
    """

    def __init__(self, folder: Path, *, export_items_on_creation: bool = True) -> None:
        self._folder = folder
        self._export_items_on_creation = export_items_on_creation
        self._connection: sqlite3.Connection | None = None
        self._positions: dict[int, ExportedPosition] = {}

    async def open(self) -> None:
        """As `Exporter.open`."""
        self._connection = connection = open_writer(self._folder)
        rows = connection.execute("SELECT partition_id, position, next_offset FROM positions")
        self._positions = {
            partition: ExportedPosition(position=position, offset=at) for partition, position, at in rows
        }
        self._projection = Projection(connection)
        self._batches = Batches(connection, self._export_items_on_creation)
        self._handlers = {**self._projection.handlers(), **self._batches.handlers()}

    def positions(self) -> Mapping[int, ExportedPosition]:
        """As `Exporter.positions`."""
        return self._positions

    async def export(self, partition: int, records: Sequence[Record], next_offset: int) -> None:
        """As `Exporter.export`. Raises BrokenInvariant if the first new record is not the next one."""
        connection = self._connection
        if connection is None:
            raise Unavailable("expected an open exporter, got a closed one; open it")
        position = self._positions.get(partition, ExportedPosition()).position
        new = [record for record in records if record.position > position]
        if not new:
            return
        if new[0].position != position + 1:
            raise BrokenInvariant(f"partition {partition}: expected position {position + 1}, got {new[0].position}")
        exported = ExportedPosition(position=new[-1].position, offset=next_offset)
        failed = True
        try:
            self._write(connection, partition, new, exported)
            failed = False
        except sqlite3.OperationalError as fault:
            if not is_unavailable(fault):
                raise
            raise Unavailable(f"expected to write {self._folder}: {fault}; nothing of this step is stored") from fault
        finally:
            if failed and connection.in_transaction:
                connection.rollback()
            self._projection.clear()
            self._batches.clear(failed=failed)
        self._positions[partition] = exported

    async def close(self) -> None:
        """As `Exporter.close`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(
        self, connection: sqlite3.Connection, partition: int, records: Sequence[Record], exported: ExportedPosition
    ) -> None:
        handlers = self._handlers
        for record in records:
            handler = handlers.get((record.value_type, record.intent))
            if handler is not None:
                handler(record, record.value)
        connection.execute("BEGIN IMMEDIATE")
        self._projection.write(partition)
        self._batches.write()
        place = (partition, exported.position, exported.offset, records[-1].step.timestamp)
        connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", place)
        connection.execute("COMMIT")
