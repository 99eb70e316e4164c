"""The rows of a partition's state, decoded, whether its engine runs or not. Changes nothing.

A running engine goes on: rows are read in short transactions, each of which sees the state after some group of steps;
a copy is the state after one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import lmdb
import msgspec
from msgspec import Struct

from engine.core.faults import Unavailable
from engine.core.head import HEAD, Head
from engine.core.state import Table, pack
from engine.shell.directory_lock import DirectoryLock
from engine.shell.lmdb_store import TABLE_MAX

from .stopped_store import is_kept

if TYPE_CHECKING:
    from lmdb import _Database

#: Rows that one transaction reads: an older one would keep a running engine from using its free pages again.
ROWS_PER_TRANSACTION = 1_000

#: Integers of the state (keys, times, partitions, numbers) are far below 2^59; texts begin with a printable character.
_INTEGER_FIRST_BYTE_MAX = 0x07
_HASHED = re.compile(rb"\x02([0-9a-f]{64})\x00")


class Row(Struct, frozen=True, kw_only=True):
    """A row; without a value, `problem` says why its bytes cannot be decoded."""

    key: Sequence[int | str]
    value: object = None
    problem: str = ""


class StateReader:
    """One partition's state in `path`. Raises Unavailable when there is none that the engine would use."""

    def __init__(self, path: Path) -> None:
        self._lock = _lock_stopped(path)
        try:
            if self._lock is not None and not is_kept(path):
                raise Unavailable(
                    f"expected a state in {path}, got none that can be trusted; the engine replays it at its next start"
                )
            # A running engine holds its own lock file, where this reader says which pages it looks at.
            self._environment = lmdb.open(
                str(path), readonly=True, create=False, lock=self._lock is None, map_size=0, max_dbs=TABLE_MAX + 1
            )
        except lmdb.Error as error:
            self._release()
            raise Unavailable(f"expected a state in {path}, got: {error}") from error
        except Unavailable:
            self._release()
            raise
        self.is_running = self._lock is None
        self.state_format = (path / "format").read_text("ascii")

    def __enter__(self) -> StateReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._environment.close()
        self._release()

    def position(self) -> int:
        """The position up to which the state has applied the log."""
        database = self._database(HEAD)
        with self._environment.begin() as transaction:
            data = transaction.get(pack(()), None, database) if database else None
        return HEAD.decode(bytes(data)).position if data else Head().position

    def count(self, table: Table[object]) -> int:
        """How many rows a table has."""
        database = self._database(table)
        if database is None:
            return 0
        with self._environment.begin() as transaction:
            return int(transaction.stat(database)["entries"])

    def rows(self, table: Table[object], prefix: Sequence[int | str] = ()) -> Iterator[Row]:
        """The rows whose key begins with `prefix`, in key order."""
        database = self._database(table)
        if database is None:
            return
        start = pack(tuple(prefix)) if prefix else b""
        after: bytes | None = None
        while True:
            page = self._page(database, start, after)
            for key, data in page:
                yield _decode(table, key, data)
            if len(page) < ROWS_PER_TRANSACTION:
                return
            after = page[-1][0]

    def copy(self, folder: Path) -> None:
        """Copy the state into a folder, without free pages. Raises Unavailable."""
        try:
            self._environment.copy(str(folder), compact=True)
        except lmdb.Error as error:
            raise Unavailable(f"expected to copy a state into {folder}, got: {error}") from error

    def _page(self, database: _Database, start: bytes, after: bytes | None) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        with self._environment.begin() as transaction, transaction.cursor(database) as cursor:
            if not (
                cursor.set_range(start if after is None else after + b"\x00") if start or after else cursor.first()
            ):
                return found
            for key, data in cursor.iternext():
                if not key.startswith(start) or len(found) == ROWS_PER_TRANSACTION:
                    break
                found.append((bytes(key), bytes(data)))
        return found

    def _database(self, table: Table[object] | Table[Head]) -> _Database | None:
        try:
            return self._environment.open_db(b"%d" % table.number, create=False)
        except lmdb.NotFoundError:
            return None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()


def _lock_stopped(path: Path) -> DirectoryLock | None:
    """Keeps an engine away from the state; None when one runs already."""
    if not path.is_dir():
        raise Unavailable(f"expected a state in {path}, got none; name another data directory, or start the engine")
    try:
        return DirectoryLock(path)
    except Unavailable:
        return None


def _decode(table: Table[object], key: bytes, data: bytes) -> Row:
    try:
        return Row(key=unpack(key), value=table.decode(data))
    except msgspec.DecodeError as error:
        return Row(key=unpack(key), problem=f"{error}: {data.hex()}")


def unpack(key: bytes) -> list[int | str]:
    """The parts of a key: integers and texts; of a long text only its hash is in the key."""
    parts: list[int | str] = []
    rest = key if key != pack(()) else b""
    while rest:
        hashed = _HASHED.match(rest)
        if hashed:
            parts.append(f"sha256:{hashed[1].decode()}")
            rest = rest[hashed.end() :]
        elif rest[0] <= _INTEGER_FIRST_BYTE_MAX and len(rest) >= 8:
            parts.append(int.from_bytes(rest[:8], "big"))
            rest = rest[8:]
        else:
            text, _, rest = rest.partition(b"\x00")
            parts.append(text.replace(b"\x01\xff", b"\x00").decode(errors="replace"))
    return parts
