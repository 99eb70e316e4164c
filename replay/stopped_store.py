"""The LMDB state of a stopped engine, to be read only: opening it changes nothing, unlike `LmdbStore`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import lmdb

from engine.core.faults import Unavailable
from engine.core.ports import Change
from engine.shell.directory_lock import DirectoryLock
from engine.shell.lmdb_store import TABLE_MAX, may_be_trusted, read_boot_id


class StoppedStore:
    """The Store port over a partition's state; writing raises Unavailable. Keeps the engine away until it is closed."""

    def __init__(self, path: Path) -> None:
        """Raises Unavailable while a process has it open, or when it cannot be read. Ask `is_kept` first."""
        self._lock = DirectoryLock(path)
        try:
            self._environment = lmdb.open(
                str(path), readonly=True, create=False, lock=False, map_size=0, max_dbs=TABLE_MAX + 1
            )
            self._check_size(path)
            self._tables = {int(name): self._environment.open_db(name, create=False) for name in self._names()}
        except (lmdb.Error, OSError, ValueError) as error:
            self._lock.release()
            raise Unavailable(
                f"expected a state in {path}, got: {error}; delete the directory, it is replayed from the log"
            ) from error

    def get(self, table: int, key: bytes) -> bytes | None:
        """As `Store.get`."""
        database = self._tables.get(table)
        if database is None:
            return None
        with self._environment.begin() as transaction:
            value: bytes | None = transaction.get(key, None, database)
            return value

    def scan(self, table: int, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `Store.scan`."""
        database = self._tables.get(table)
        if database is None:
            return
        with self._environment.begin() as transaction, transaction.cursor(database) as cursor:
            if not (cursor.set_range(start) if start else cursor.first()):
                return
            for pair in cursor.iternext():
                if pair[0] >= stop:
                    return
                yield pair

    def write(self, changes: Iterable[Change]) -> None:  # noqa: ARG002
        """Raises Unavailable."""
        raise Unavailable("expected a state to be written, got one of a stopped engine, which is only read")

    def clear(self) -> None:
        """Raises Unavailable."""
        self.write([])

    def close(self) -> None:
        """As `Store.close`."""
        self._environment.close()
        self._lock.release()

    def _names(self) -> list[bytes]:
        with self._environment.begin() as transaction, transaction.cursor() as cursor:
            return [bytes(name) for name in cursor.iternext(values=False)]

    def _check_size(self, path: Path) -> None:
        """A file that was cut would end the process at the first read beyond its end."""
        expected = (self._environment.info()["last_pgno"] + 1) * self._environment.stat()["psize"]
        actual = (path / "data.mdb").stat().st_size
        if actual < expected:
            raise ValueError(f"expected a file of {expected} bytes, got {actual}")


def is_kept(path: Path, state_format: str | None = None) -> bool:
    """Whether there is a state (of this format) that the engine would use; else it replays the log into a new one."""
    return path.is_dir() and may_be_trusted(path, read_boot_id(), state_format)


def stored_partitions(data_directory: Path) -> list[int]:
    """The partitions of which there is a state in a data directory, whether it may be used or not."""
    folder = data_directory / "state"
    return sorted(int(one.name) for one in folder.iterdir() if one.name.isdecimal()) if folder.is_dir() else []
