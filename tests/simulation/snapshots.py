"""Snapshots in a simulation: what all machines share; taken slowly or not at all, damaged later, or of another log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from engine.core.faults import SnapshotDamaged, StoreFull, Unavailable
from engine.core.head import HEAD, Head
from engine.core.ports import Clock, Snapshot, Store
from engine.core.state import pack
from engine.shell.memory_store import MemoryStore
from tests.simulation.loop import Node
from tests.simulation.store import Disk, SimulatedStore
from tests.simulation.world import World

#: Seconds that it takes to copy a state, at most.
COPY_SECONDS_MAX = 2.0
KEPT = 3


class Copy(Struct):
    """A snapshot and its rows."""

    snapshot: Snapshot
    rows: MemoryStore
    is_damaged: bool = False
    is_foreign: bool = False
    #: Never removed, for the log does not reach back any more.
    is_kept: bool = False


class SimulatedSnapshots:
    """The Snapshots port of one process; `shelf` holds those of its partition, the newest first."""

    def __init__(
        self, world: World, node: Node, clock: Clock, shelf: list[Copy], disk: Disk, partition: int, state_format: str
    ) -> None:
        self._world = world
        self._node = node
        self._clock = clock
        self._shelf = shelf
        self._disk = disk
        self._partition = partition
        self._state_format = state_format

    async def take(self, store: Store) -> Snapshot:
        """As `Snapshots.take`: the rows are those of its beginning, however long it takes."""
        assert isinstance(store, SimulatedStore)
        taken_at = self._clock.now()
        rows = store.copy()
        await asyncio.sleep(self._world.uniform(0, COPY_SECONDS_MAX))
        self._node.check()
        if self._world.strikes("snapshot fails"):
            raise StoreFull("the share is full") if self._world.chance() else Unavailable("the share is away")
        snapshot = self._describe(rows, taken_at)
        is_damaged = self._world.strikes("snapshot damaged")
        self._shelf.insert(0, Copy(snapshot=snapshot, rows=rows, is_damaged=is_damaged))
        if self._world.strikes("snapshot of another log"):
            self._shelf.insert(0, self._of_another_log(rows, taken_at + 1))
        self._shelf.sort(key=lambda copy: copy.snapshot.taken_at, reverse=True)
        self._shelf[KEPT:] = [copy for copy in self._shelf[KEPT:] if copy.is_kept]
        self._world.note(f"{self._node.name} takes a snapshot at position {snapshot.position}")
        return snapshot

    async def find(self) -> Sequence[Snapshot]:
        """As `Snapshots.find`."""
        self._node.check()
        if self._world.strikes("snapshot fails"):
            raise Unavailable("the share is away")
        return [copy.snapshot for copy in self._shelf]

    async def restore(self, snapshot: Snapshot) -> None:
        """As `Snapshots.restore`."""
        await asyncio.sleep(self._world.uniform(0, COPY_SECONDS_MAX))
        self._node.check()
        found = [copy for copy in self._shelf if copy.snapshot == snapshot]
        if not found:
            raise Unavailable("another machine has removed it")
        if self._world.strikes("snapshot fails"):
            raise Unavailable("the share is away")
        if found[0].is_damaged:
            raise SnapshotDamaged
        self._disk.store = found[0].rows.copy()
        self._world.note(f"{self._node.name} begins with the snapshot at position {snapshot.position}")

    def _of_another_log(self, rows: MemoryStore, taken_at: int) -> Copy:
        """As if another installation had written into the same directory: the same position, another history."""
        head = _head_of(rows)
        other = msgspec.structs.replace(head, chain_hash=sha256(head.chain_hash).digest())
        changed = rows.copy()
        changed.write([(HEAD.number, pack(()), msgspec.msgpack.encode(other))])
        return Copy(snapshot=self._describe(changed, taken_at), rows=changed, is_foreign=True)

    def _describe(self, rows: MemoryStore, taken_at: int) -> Snapshot:
        head = _head_of(rows)
        return Snapshot(
            partition=self._partition,
            position=head.position,
            chain_hash=head.chain_hash.hex(),
            timestamp=head.timestamp,
            generation=0,
            taken_at=taken_at,
            state_format=self._state_format,
            build="simulation",
            size=0,
            sha256="",
        )


def _head_of(rows: MemoryStore) -> Head:
    data = rows.get(HEAD.number, pack(()))
    return Head() if data is None else msgspec.msgpack.decode(data, type=Head)
