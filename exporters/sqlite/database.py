"""Opening the file: the one writer, the readers, and the version that says whether it must be rebuilt."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

from engine.core.faults import Unavailable

FILE_NAME = "search.db"

#: Raised with every change of schema.sql or of what the projection writes: older files are rebuilt from the log.
SCHEMA_VERSION = 9

WRITER_SETTINGS = (
    "page_size = 8192",
    "journal_mode = WAL",
    # no sync at commit: the last transactions may be lost with the machine, and the log still has them
    "synchronous = NORMAL",
    # pages (8 MiB) between check-points: what each writes to the disk, the log waits for as well (64 MiB: 50 ms)
    "wal_autocheckpoint = 1024",
    # what the write-ahead log is cut to after a check-point, in bytes
    "journal_size_limit = 268435456",
    # KiB
    "cache_size = -131072",
    "temp_store = MEMORY",
)
READER_SETTINGS = (
    "temp_store = MEMORY",
    # KiB, of each thread that searches: a search over a million instances looks at tens of MiB
    "cache_size = -65536",
)


def open_writer(folder: Path) -> sqlite3.Connection:
    """The writer's connection to `folder/search.db`, with empty tables if it was missing or of another version.

    Tables are dropped, not the file: readers of other processes keep their connections. A lock is not waited for: that
    is the pump's work. Raises Unavailable.
    """
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    except (sqlite3.OperationalError, OSError) as fault:
        raise Unavailable(f"expected to open {path} for writing: {fault}") from fault
    try:
        for setting in WRITER_SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        if version_of(connection) != SCHEMA_VERSION:
            _rebuild(connection)
    except sqlite3.OperationalError as fault:
        connection.close()
        raise Unavailable(f"expected to prepare {path} for writing: {fault}") from fault
    return connection


def open_reader(folder: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises Unavailable while the exporter has not made the file yet."""
    path = folder / FILE_NAME
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        for setting in READER_SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        version = version_of(connection)
    except sqlite3.OperationalError as fault:
        raise Unavailable(f"expected secondary storage at {path}: {fault}; is the exporter running?") from fault
    if version != SCHEMA_VERSION:
        connection.close()
        raise Unavailable(f"expected version {SCHEMA_VERSION} of {path}, got {version}; the exporter rebuilds it")
    return connection


def file_identity(folder: Path) -> tuple[int, int] | None:
    """What tells one `folder/search.db` from another that takes its place; None without a file."""
    try:
        status = (folder / FILE_NAME).stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def is_unavailable(fault: sqlite3.OperationalError) -> bool:
    """Whether it may pass (locked, disk full, I/O, interrupted). What SQLite just calls an error is our mistake."""
    return fault.sqlite_errorcode != sqlite3.SQLITE_ERROR


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 for an empty file."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _rebuild(connection: sqlite3.Connection) -> None:
    """Drop everything and make the tables, in one transaction."""
    found = connection.execute("SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view')").fetchall()
    drops = [f'DROP {kind} "{name}";' for kind, name in found if not name.startswith("sqlite_")]
    schema = files("exporters.sqlite").joinpath("schema.sql").read_text()
    script = "\n".join(["BEGIN IMMEDIATE;", *drops, schema, f"PRAGMA user_version = {SCHEMA_VERSION};", "COMMIT;"])
    connection.executescript(script)
