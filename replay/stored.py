"""The states that an audit finds: what it compares with what it replays, and where a late log's replay begins.

Of an engine that is stopped, that is its state; of one that runs, or of a machine without a state, a snapshot. Rule: a
snapshot is used when the log says that it is one of its own, and as a copy, for its directory belongs to the engine.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from msgspec import Struct

from engine.assembly import Assembly
from engine.core.faults import BrokenInvariant, SnapshotDamaged, Unavailable
from engine.core.ports import Log, Snapshot
from engine.shell.clock import SystemClock
from engine.shell.codec import Codec
from engine.shell.history import History
from engine.shell.lmdb_store import LmdbStore
from engine.shell.snapshots import LmdbSnapshots, list_snapshots

from .cut import OpenLog
from .partition import Stored
from .stopped_store import StoppedStore, is_kept


class States(Struct, frozen=True, kw_only=True):
    """Where they are. `is_running`: the engine of this data directory runs; `snapshots`: their directory, if any."""

    data_directory: Path
    is_running: bool = False
    snapshots: Path | None = None

    async def usable_snapshots(self, log: OpenLog, codec: Codec, partition: int) -> list[Snapshot]:
        """Those that this build reads and that are of this log, the newest first."""
        if self.snapshots is None:
            return []
        history, state_format = history_of(log, codec, partition), Assembly().state_format
        return [
            snapshot
            for snapshot in list_snapshots(self.snapshots, partition)
            if snapshot.state_format == state_format and await _fits(history, snapshot)
        ]

    async def restore(self, snapshots: Sequence[Snapshot], folder: Path) -> tuple[LmdbStore, Snapshot] | None:
        """The first of these that is whole, copied into a new folder."""
        assert self.snapshots is not None or not snapshots
        for snapshot in snapshots:
            state_format = snapshot.state_format
            copies = LmdbSnapshots(
                self.snapshots or Path(),
                snapshot.partition,
                state=folder,
                state_format=state_format,
                build=snapshot.build,
                keep=1,
                clock=SystemClock(),
            )
            try:
                await copies.restore(snapshot)
            except (SnapshotDamaged, Unavailable) as error:
                sys.stderr.write(f"does not use a snapshot of partition {snapshot.partition}: {error.message}\n")
                continue
            return LmdbStore(folder, state_format=state_format), snapshot
        return None

    async def stored(self, partition: int, snapshots: Sequence[Snapshot], folder: Path) -> Stored:
        """What the replayed state of a partition is compared with."""
        found = self._state(partition)
        if found is not None:
            return found
        why = "the engine of this data directory runs" if self.is_running else "there is no state"
        restored = await self.restore(snapshots, folder)
        if restored is not None:
            store, snapshot = restored
            note = f"partition {partition}: {why}; compared with the snapshot at position {snapshot.position}"
            return Stored(name="snapshot", store=store, note=note)
        if not self.is_running:
            return Stored()
        return Stored(note=f"{why}, and there is no snapshot of this log to compare with: stop it for that")

    def _state(self, partition: int) -> Stored | None:
        """The state of a stopped engine; None if it has none that it would use."""
        if self.is_running:
            return None
        try:
            store = open_state(self.data_directory, partition)
        except Unavailable as error:
            return Stored(problem=error.message)
        return None if store is None else Stored(name="state", store=store, note="")


def history_of(log: OpenLog, codec: Codec, partition: int) -> History:
    """Positions and chain of a partition; a history only reads."""
    return History(cast(Log, log), codec, partition)


async def is_late(log: OpenLog, codec: Codec, partition: int) -> bool:
    """Whether the first events of a partition are gone, or all of them."""
    try:
        first = await history_of(log, codec, partition).first()
    except BrokenInvariant:
        return False  # it cannot be read, which the audit names
    return first.offset > 0 if first.position is None else first.position > 1


async def _fits(history: History, snapshot: Snapshot) -> bool:
    try:
        return not await history.misfit(snapshot.position, bytes.fromhex(snapshot.chain_hash))
    except BrokenInvariant:
        return False  # the log is damaged there, which the audit names


def open_state(data_directory: Path, partition: int) -> StoppedStore | None:
    """The state of a stopped engine as it is stored. Raises Unavailable when it cannot be read."""
    path = data_directory / "state" / str(partition)
    return StoppedStore(path) if is_kept(path, Assembly().state_format) else None
