"""Secondary storage next to the log: projected again into a temporary file, then compared row by row.

Rule: the exporter itself projects, up to the position that is stored, so both hold the same steps. Owns the reading of
the SQLite file; writes only the temporary one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from engine.core.faults import BrokenInvariant, RetoldError
from engine.core.ports import EVENTS
from engine.shell.codec import Codec, Reader, Undecodable
from exporters.contract import ExportedPosition, Exporter
from exporters.pump import Steps
from exporters.sqlite import SqliteExporter
from exporters.sqlite.database import FILE_NAME, open_reader

from .ports import READ_SIZE_MAX, LogReading, Progress
from .report import FAILURES_MAX, PROJECTION, Check, shown
from .rows import differences
from .sources import LogSource

#: Records in one transaction of the temporary file.
RECORDS_MAX = 2_000

#: Items without an outcome have no row when the exporter was told so: all of a batch operation's or none.
DROP_UNEXPORTED_ITEMS = """
DELETE FROM batch_items WHERE state = 'ACTIVE' AND batch_operation_key = ?
"""
PENDING_BATCHES = "SELECT DISTINCT batch_operation_key FROM batch_items WHERE state = 'ACTIVE'"

Row = tuple[object, ...]

#: Where the exporter reads next: before or behind markers in the log, both of which are right.
NEXT_OFFSET = "next_offset"


class Projection(Protocol):
    """Secondary storage, as it is named to the process that audits it (it is pickled)."""

    async def audit(
        self, temporary: Path, source: LogSource, codec: Codec, progress: Progress, *, is_running: bool
    ) -> tuple[Check, Mapping[int, int]]:
        """Check it as of the positions that are stored now, which it also gives. `temporary`: a new folder.

        `is_running`: exporters may go on meanwhile.
        """


class SqliteProjection(Struct, frozen=True):
    """`search.db` of a data directory."""

    data_directory: Path

    async def audit(
        self, temporary: Path, source: LogSource, codec: Codec, progress: Progress, *, is_running: bool
    ) -> tuple[Check, Mapping[int, int]]:
        """As `Projection.audit`; of an engine that runs, a copy as of one moment."""
        folder = self.data_directory
        temporary.mkdir(parents=True)
        if is_running and (folder / FILE_NAME).exists():
            folder = _copy(folder, temporary / "copy")
        async with source.open() as log:
            return await audit_projection(folder, temporary / "rebuilt", log, codec, progress)


def _copy(folder: Path, target: Path) -> Path:
    target.mkdir()
    stored = open_reader(folder)
    try:
        stored.execute("VACUUM INTO ?", [str(target / FILE_NAME)])
    finally:
        stored.close()
    return target


async def audit_projection(
    folder: Path, temporary: Path, log: LogReading, codec: Codec, progress: Progress
) -> tuple[Check, Mapping[int, int]]:
    """Check `folder/search.db`; also gives the position that is stored of each partition. `temporary`: a new folder."""
    check = Check(PROJECTION)
    if not (folder / FILE_NAME).exists():
        check.skip("there is no secondary storage; the exporter builds it from the log")
        return check, {}
    positions: dict[int, int] = {}
    try:
        stored = open_reader(folder)
        try:
            positions = dict(stored.execute("SELECT partition_id, position FROM positions"))
            await _rebuild(temporary, positions, log, codec, progress)
            rebuilt = open_reader(temporary)
            try:
                _compare(check, temporary, rebuilt, stored)
            finally:
                rebuilt.close()
        finally:
            stored.close()
    except RetoldError as error:
        check.fail(error.message)
    except sqlite3.Error as error:
        check.fail(f"expected to read {folder / FILE_NAME}, got: {error}; delete it, the exporter builds it again")
    return check, positions


async def _rebuild(
    folder: Path, positions: Mapping[int, int], log: LogReading, codec: Codec, progress: Progress
) -> None:
    exporter = SqliteExporter(folder)
    await exporter.open()
    try:
        for partition, position in sorted(positions.items()):
            await export(exporter, partition, position, log, codec, progress)
    finally:
        await exporter.close()


async def export(
    exporter: Exporter, partition: int, position: int, log: LogReading, codec: Codec, progress: Progress
) -> None:
    """Export a partition up to the position that is stored. Raises BrokenInvariant if the log does not reach there."""
    if not 1 <= partition <= log.partition_count:
        raise BrokenInvariant(f"expected partitions up to {log.partition_count}, got {partition} in the projection")
    steps = Steps(partition, ExportedPosition())
    reader = Reader(codec)
    offset = 0
    while steps.position < position:
        page = await log.read(EVENTS, partition, offset, size_max=READ_SIZE_MAX)
        if not page.entries:
            raise BrokenInvariant(f"the projection of partition {partition} is at {position}, beyond the log's end")
        offset = page.next_offset
        for entry in page.entries:
            try:
                steps.add(reader.decode(entry.value), entry.offset)
            except Undecodable as error:
                place = f"offset {entry.offset} of events of partition {partition}"
                raise BrokenInvariant(f"not compared beyond {place}, which does not decode: {error}") from error
            if len(steps.whole) >= RECORDS_MAX or steps.position >= position:
                await exporter.export(partition, steps.whole, steps.offset)
                steps.exported()
            if steps.position >= position:
                break
        progress(len(page.entries))
    if steps.position != position:
        raise BrokenInvariant(f"expected a step to end at position {position} of partition {partition}, got none")


def _compare(check: Check, folder: Path, rebuilt: sqlite3.Connection, stored: sqlite3.Connection) -> None:
    _forgive_unexported_items(check, folder, rebuilt, stored)
    for (table,) in rebuilt.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall():
        info = rebuilt.execute(f"PRAGMA table_info({table})").fetchall()
        columns = [column[1] for column in info if column[1] != NEXT_OFFSET]
        keys = [column[1] for column in sorted(info, key=lambda column: int(column[5])) if column[5]]
        found = differences(_rows(rebuilt, table, columns, keys), _rows(stored, table, columns, keys))
        same = True
        for key, expected, got in islice(found, FAILURES_MAX):
            same = False
            check.fail(f"table {table}, key {'/'.join(map(str, key))}: {_difference(columns, expected, got)}")
        if same:
            check.count("tables")
        check.count("rows", rebuilt.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _forgive_unexported_items(
    check: Check, folder: Path, rebuilt: sqlite3.Connection, stored: sqlite3.Connection
) -> None:
    missing = set(rebuilt.execute(PENDING_BATCHES)) - set(stored.execute(PENDING_BATCHES))
    if not missing:
        return
    writer = sqlite3.connect(folder / FILE_NAME)
    with writer:
        count = sum(writer.execute(DROP_UNEXPORTED_ITEMS, batch).rowcount for batch in sorted(missing))
    writer.close()
    check.note = f"{count} pending items of {len(missing)} batch operations have no row (exportItemsOnCreation: false)"


def _rows(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], keys: Sequence[str]
) -> Iterator[tuple[Row, Row]]:
    """Key and row of all rows in the order of the key."""
    chosen = f"SELECT {', '.join([*keys, *columns])} FROM {table} ORDER BY {', '.join(keys)}"
    for row in connection.execute(chosen):
        yield row[: len(keys)], row[len(keys) :]


def _difference(columns: Sequence[str], expected: Row | None, got: Row | None) -> str:
    if expected is None:
        return f"expected no row, got {shown(got)}"
    if got is None:
        return f"expected {shown(expected)}, got no row"
    return "; ".join(
        f"expected {column} {shown(left)}, got {shown(right)}"
        for column, left, right in zip(columns, expected, got, strict=True)
        if left != right
    )
