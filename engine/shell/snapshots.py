"""Snapshots of LMDB states in a directory that all machines of an installation share.

    DIR/partition-N/POSITION-HASH/data.mdb        a compacted copy of the state
    DIR/partition-N/POSITION-HASH/snapshot.json   what it is: `engine.core.ports.Snapshot`

Rule: a snapshot appears under its name when all of it is on the disk. Whoever finds one there already, from another
machine, leaves it alone. What was begun and not finished has a name that nobody reads, and is removed by and by.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TypeVar

import lmdb
import msgspec

from engine.core.faults import SnapshotDamaged, StoreFull, Unavailable
from engine.core.head import HEAD, SOURCES, Head
from engine.core.ports import COMMANDS, Clock, Snapshot, Store
from engine.core.state import Table, pack

from .lmdb_store import TABLE_MAX, LmdbStore, put_in_place, sync_folder

Result = TypeVar("Result")

DATA = "data.mdb"
DESCRIPTION = "snapshot.json"

#: Begins the names of what is not finished, or being removed.
UNFINISHED = ".unfinished-"
#: Seconds without a change after which nobody is thought to work on it.
ABANDONED_AFTER = 3_600.0

#: Bytes copied at once.
BLOCK_SIZE = 1 << 20


class LmdbSnapshots:
    """The Snapshots port of one partition over directories."""

    def __init__(
        self, folder: Path, partition: int, *, state: Path, state_format: str, build: str, keep: int, clock: Clock
    ) -> None:
        """`folder` is that of all partitions, `state` where this machine opens the state of this one."""
        self._folder = folder / f"partition-{partition}"
        self._partition = partition
        self._state = state
        self._state_format = state_format
        self._build = build
        self._keep = keep
        self._clock = clock

    async def take(self, store: Store) -> Snapshot:
        """As `Snapshots.take`, of an LmdbStore; in a thread, while the event loop goes on."""
        if not isinstance(store, LmdbStore):
            raise TypeError(f"expected an LmdbStore, got {type(store).__name__}")
        return await self.take_by(store.copy)

    async def take_by(self, copy: Callable[[Path], None]) -> Snapshot:
        """As `take`, of a state that writes a compacted copy of itself into a folder."""
        return await _in_thread(lambda: self._take(copy))

    async def find(self) -> Sequence[Snapshot]:
        """As `Snapshots.find`."""
        return await _in_thread(self.list)

    async def restore(self, snapshot: Snapshot) -> None:
        """As `Snapshots.restore`."""
        await _in_thread(lambda: self._restore(snapshot))

    def list(self) -> list[Snapshot]:
        """As `find`, without an event loop."""
        return list_snapshots(self._folder.parent, self._partition)

    # taking

    def _take(self, copy: Callable[[Path], None]) -> Snapshot:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self._folder))
        try:
            unfinished.chmod(0o755)
            taken_at = self._clock.now()
            copy(unfinished)
            snapshot = self._describe(unfinished, taken_at)
            _write_durably(unfinished / DESCRIPTION, msgspec.json.format(msgspec.json.encode(snapshot)))
            sync_folder(unfinished)
            self._finish(unfinished, snapshot)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self._remove_old()
        return snapshot

    def _describe(self, folder: Path, taken_at: int) -> Snapshot:
        """What was copied, as the copy itself says."""
        with lmdb.open(str(folder), readonly=True, lock=False, max_dbs=TABLE_MAX + 1) as copy:
            head = _row(copy, HEAD) or Head()
            source = _row(copy, SOURCES, COMMANDS)
        with (folder / DATA).open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        return Snapshot(
            partition=self._partition,
            position=head.position,
            chain_hash=head.chain_hash.hex(),
            timestamp=head.timestamp,
            generation=source.generation if source else 0,
            taken_at=taken_at,
            state_format=self._state_format,
            build=self._build,
            size=(folder / DATA).stat().st_size,
            sha256=digest,
        )

    def _finish(self, unfinished: Path, snapshot: Snapshot) -> None:
        finished = self._folder / _name(snapshot)
        if finished.exists() and _read(finished) is None:
            self._remove(finished)
        try:
            unfinished.rename(finished)
        except OSError:
            if _read(finished) is None:
                raise
            return  # another machine was first: its copy is as good
        sync_folder(self._folder)

    def _remove_old(self) -> None:
        for snapshot in self.list()[self._keep :]:
            self._remove(self._folder / _name(snapshot))

    def _remove(self, folder: Path) -> None:
        removed = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self._folder))
        with contextlib.suppress(OSError):  # another machine removes it
            folder.rename(removed)
        shutil.rmtree(removed, ignore_errors=True)

    def _remove_abandoned(self) -> None:
        for folder in self._folder.glob(f"{UNFINISHED}*"):
            try:
                changed = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
            except OSError:
                continue
            if time.time() - changed > ABANDONED_AFTER:
                shutil.rmtree(folder, ignore_errors=True)

    # restoring

    def _restore(self, snapshot: Snapshot) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        restored = self._state / "restored.mdb"
        try:
            self._copy_back(snapshot, restored)
            put_in_place(restored, self._state, snapshot.state_format)
        finally:
            restored.unlink(missing_ok=True)

    def _copy_back(self, snapshot: Snapshot, restored: Path) -> None:
        digest = sha256()
        with (self._folder / _name(snapshot) / DATA).open("rb") as source, restored.open("wb") as target:
            while block := source.read(BLOCK_SIZE):
                digest.update(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        if digest.hexdigest() != snapshot.sha256:
            raise SnapshotDamaged(
                f"expected data with the SHA-256 {snapshot.sha256[:16]}… in snapshot {_name(snapshot)} of partition "
                f"{self._partition}, got {digest.hexdigest()[:16]}…; the snapshot was damaged, delete it"
            )


def list_snapshots(folder: Path, partition: int) -> list[Snapshot]:
    """Those of a partition that were taken whole, the newest first. Raises OSError if the directory cannot be read."""
    try:
        folders = sorted((folder / f"partition-{partition}").iterdir())
    except FileNotFoundError:
        return []
    found = [_read(path) for path in folders if path.name[0].isdecimal()]
    whole = [snapshot for snapshot in found if snapshot is not None and snapshot.partition == partition]
    return sorted(whole, key=lambda snapshot: (snapshot.taken_at, snapshot.position), reverse=True)


def partitions_of(folder: Path) -> list[int]:
    """The partitions that have snapshots in this directory."""
    names = [path.name.removeprefix("partition-") for path in folder.glob("partition-*")]
    return sorted(int(name) for name in names if name.isdecimal())


async def _in_thread(work: Callable[[], Result]) -> Result:
    try:
        return await asyncio.to_thread(work)
    except (OSError, lmdb.Error) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"expected space for a snapshot, got: {error}; free some") from error
        raise Unavailable(
            f"expected to use snapshots, got: {error}; check their disk, and who may read and write it"
        ) from error


def _row(copy: lmdb.Environment, table: Table[Result], *key: str) -> Result | None:
    """A row of an open copy."""
    try:
        database = copy.open_db(b"%d" % table.number, create=False)
    except lmdb.NotFoundError:
        return None
    with copy.begin() as transaction:
        data = transaction.get(pack(key), db=database)
        return None if data is None else table.decode(data)


def _name(snapshot: Snapshot) -> str:
    return f"{snapshot.position}-{snapshot.chain_hash[:16]}"


def _read(folder: Path) -> Snapshot | None:
    """None for what is no snapshot, or a cut one."""
    try:
        snapshot = msgspec.json.decode((folder / DESCRIPTION).read_bytes(), type=Snapshot)
        return snapshot if (folder / DATA).stat().st_size == snapshot.size else None
    except (OSError, msgspec.MsgspecError):
        return None


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
