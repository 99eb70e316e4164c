"""The SQLite projection: one transaction for the steps it is given, with their position in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.core.faults import BrokenInvariant, Unavailable
from engine.core.record import EVENT, Record
from exporters.contract import ExportedPosition, ProjectionLost

from .batches import Batches
from .database import file_identity, is_unavailable, open_writer
from .decisions import Decisions
from .deletions import Deletions
from .identities import Identities
from .messages import Messages
from .projection import Projection
from .user_tasks import UserTasks


class SqliteExporter:
    """The Exporter of `folder/search.db`; the only writer of that file.

    `export_items_on_creation`: false writes no row for an item until it has an outcome; counts are exact in both modes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        export_items_on_creation: bool = True,
        connect: Callable[[Path], sqlite3.Connection] = open_writer,
    ) -> None:
        self._folder = folder
        self._connect = connect
        self._export_items_on_creation = export_items_on_creation
        self._connection: sqlite3.Connection | None = None
        self._positions: dict[int, ExportedPosition] = {}

    async def open(self) -> None:
        """As `Exporter.open`."""
        connection = self._connect(self._folder)
        self._file = file_identity(self._folder)
        try:
            self._begin(connection)
        except sqlite3.OperationalError as fault:
            connection.close()
            raise Unavailable(f"expected to read {self._folder}: {fault}") from fault
        self._connection = connection

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Take the positions from the file, and begin with nothing pending."""
        rows = connection.execute("SELECT partition_id, position, next_offset FROM positions")
        self._positions = {
            partition: ExportedPosition(position=position, offset=at) for partition, position, at in rows
        }
        self._projection = Projection(connection)
        self._batches = Batches(connection, self._export_items_on_creation)
        self._user_tasks = UserTasks(connection)
        self._decisions = Decisions(connection)
        self._messages = Messages(connection)
        self._deletions = Deletions(connection)
        self._identities = Identities(connection)
        self._handlers = {
            **self._projection.handlers(),
            **self._user_tasks.handlers(),
            **self._batches.handlers(),
            **self._decisions.handlers(),
            **self._messages.handlers(),
            **self._deletions.handlers(),
            **self._identities.handlers(),
        }

    def positions(self) -> Mapping[int, ExportedPosition]:
        """As `Exporter.positions`."""
        return self._positions

    def set_aside(self) -> Mapping[int, int]:
        """As `Exporter.set_aside`: a row is always taken."""
        return {}

    async def export(self, partition: int, records: Sequence[Record], next_offset: int) -> None:
        """As `Exporter.export`. Raises BrokenInvariant if the first new record is not the next one.

        That the file was deleted shows with the next records: a look at its name costs microseconds.
        """
        connection = self._connection
        if connection is None:
            raise Unavailable("expected an open exporter, got a closed one; open it")
        if file_identity(self._folder) != self._file:
            raise ProjectionLost(f"expected the file in {self._folder} that was written so far, got another or none")
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
            self._user_tasks.clear()
            self._batches.clear(failed=failed)
            self._decisions.clear()
            self._messages.clear()
            self._deletions.clear()
            self._identities.clear()
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
        connection.execute("BEGIN IMMEDIATE")
        self._check_stored(connection, partition)
        for record in records:
            # a refused command may have the name of an event: it says what somebody wished, not what happened
            handler = handlers.get((record.value_type, record.intent)) if record.record_type == EVENT else None
            if handler is not None:
                handler(record, record.value)
        self._projection.write(partition)
        self._user_tasks.write(partition)
        self._batches.write()
        self._decisions.write()
        self._messages.write()
        self._deletions.write(partition)
        self._identities.write()
        place = (partition, exported.position, exported.offset, records[-1].step.timestamp)
        connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", place)
        connection.execute("COMMIT")

    def _check_stored(self, connection: sqlite3.Connection, partition: int) -> None:
        """An exporter that was taken for dead, and woke up, must not write again what the one after it has written.

        Raises Unavailable after a look at the position: what is to be exported then begins there.
        """
        row = connection.execute("SELECT position, next_offset FROM positions WHERE partition_id = ?", [partition])
        position, offset = row.fetchone() or (0, 0)
        known = self._positions.get(partition, ExportedPosition())
        if position != known.position:
            self._positions[partition] = ExportedPosition(position=position, offset=offset)
            expected = f"expected partition {partition} at position {known.position}, got {position}"
            raise Unavailable(f"{expected}: another exporter writes {self._folder}; end one of them")
