"""Snapshots on a disk: taken while a state is written, restored, damaged, half-written, and by two machines at once."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from engine.core.faults import SnapshotDamaged, StoreFull, Unavailable
from engine.core.head import HEAD, Head
from engine.core.ports import Change, Snapshot
from engine.core.state import State, pack
from engine.shell import snapshots as shell_snapshots
from engine.shell.lmdb_store import LmdbStore
from engine.shell.manual_clock import ManualClock
from engine.shell.snapshots import ABANDONED_AFTER, DATA, DESCRIPTION, UNFINISHED, LmdbSnapshots

FORMAT = "one"


class Machine:
    """A machine with one partition's state, and the directory that it shares."""

    def __init__(self, folder: Path, name: str = "a", keep: int = 3) -> None:
        self.state = folder / name / "state"
        self.shared = folder / "snapshots"
        self.clock = ManualClock()
        self.store = self.open()
        self.snapshots = LmdbSnapshots(
            self.shared, 1, state=self.state, state_format=FORMAT, build="test", keep=keep, clock=self.clock
        )

    def open(self) -> LmdbStore:
        return LmdbStore(self.state, 1 << 28, state_format=FORMAT)

    def write(self, position: int, rows: int = 10) -> None:
        """The state at this position: rows of its own, and the head."""
        head = Head(position=position, timestamp=1_000 + position, chain_hash=b"%032d" % position)
        changes: list[Change] = [(20, b"%d-%d" % (position, row), b"v" * 100) for row in range(rows)]
        self.store.write([*changes, (HEAD.number, pack(()), _encode(head))])

    def take(self, position: int) -> Snapshot:
        self.clock.advance(1)
        self.write(position)
        return asyncio.run(self.snapshots.take(self.store))

    def restore(self, snapshot: Snapshot) -> Head:
        self.store.close()
        asyncio.run(self.snapshots.restore(snapshot))
        self.store = self.open()
        return State(self.store, (HEAD,)).get(HEAD) or Head()

    def folders(self) -> list[Path]:
        return sorted((self.shared / "partition-1").iterdir())


def _encode(head: Head) -> bytes:
    import msgspec

    return msgspec.msgpack.encode(head)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_was_taken_is_restored_on_another_machine(machine: Machine, tmp_path: Path) -> None:
    taken = machine.take(7)
    assert (taken.position, taken.timestamp, taken.chain_hash) == (7, 1_007, (b"%032d" % 7).hex())
    assert (taken.state_format, taken.build, taken.taken_at) == (FORMAT, "test", machine.clock.now())
    other = Machine(tmp_path, "b")
    assert other.snapshots.list() == [taken]
    assert other.restore(taken).position == 7
    assert other.store.kept
    assert other.store.get(20, b"7-3") == b"v" * 100


def test_the_state_goes_on_while_it_is_copied(machine: Machine) -> None:
    """The copy is as it was when it began, whatever is written meanwhile."""
    machine.write(1, rows=20_000)

    async def play() -> Snapshot:
        taking = asyncio.create_task(machine.snapshots.take(machine.store))
        position = 1
        while not taking.done():
            position += 1
            machine.write(position)
            await asyncio.sleep(0)
        return taking.result()

    snapshot = asyncio.run(play())
    assert machine.restore(snapshot).position == snapshot.position
    assert machine.store.get(20, b"%d-9" % snapshot.position) is not None
    assert machine.store.get(20, b"%d-0" % (snapshot.position + 1)) is None


def test_a_state_that_is_closed_meanwhile_is_copied_whole(machine: Machine) -> None:
    machine.write(1, rows=20_000)

    async def play() -> Snapshot:
        taking = asyncio.create_task(machine.snapshots.take(machine.store))
        while not list(machine.shared.glob(f"partition-1/*/{DATA}")):
            await asyncio.sleep(0)
        machine.store.close()
        return await taking

    snapshot = asyncio.run(play())
    machine.store = machine.open()
    assert machine.restore(snapshot).position == 1


def test_the_oldest_are_removed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, keep=2)
    taken = [machine.take(position) for position in (10, 20, 30)]
    assert machine.snapshots.list() == [taken[2], taken[1]]
    assert len(machine.folders()) == 2


def test_those_of_an_abandoned_history_go_first(tmp_path: Path) -> None:
    """After a restore from an older copy of the log, positions are lower than before."""
    machine = Machine(tmp_path, keep=2)
    machine.take(1_000)
    later = [machine.take(position) for position in (10, 20)]
    assert machine.snapshots.list() == [later[1], later[0]]


def test_two_machines_take_one_of_the_same_position(tmp_path: Path) -> None:
    one, two = Machine(tmp_path, "a"), Machine(tmp_path, "b")

    async def play() -> list[Snapshot]:
        one.write(5)
        two.write(5)
        return await asyncio.gather(*(machine.snapshots.take(machine.store) for machine in (one, two)))

    asyncio.run(play())
    (snapshot,) = one.snapshots.list()
    assert len(one.folders()) == 1
    assert Machine(tmp_path, "c").restore(snapshot).position == 5


def test_one_that_is_cut_is_replaced(machine: Machine) -> None:
    machine.take(5)
    (folder,) = machine.folders()
    os.truncate(folder / DATA, 100)
    assert machine.snapshots.list() == []
    taken = machine.take(5)
    assert machine.snapshots.list() == [taken]
    assert machine.restore(taken).position == 5


@pytest.mark.parametrize("name", [DATA, DESCRIPTION])
def test_one_without_a_part_is_ignored(machine: Machine, name: str) -> None:
    machine.take(5)
    (machine.folders()[0] / name).unlink()
    assert machine.snapshots.list() == []


def test_a_damaged_one_is_refused(machine: Machine) -> None:
    snapshot = machine.take(5)
    with (machine.folders()[0] / DATA).open("r+b") as file:
        file.seek(5_000)
        file.write(b"damage")
    with pytest.raises(SnapshotDamaged, match="expected data with the SHA-256"):
        machine.restore(snapshot)
    machine.store = machine.open()
    assert machine.store.get(20, b"5-1") is not None, "what was there stays when nothing better is found"


def test_one_that_was_removed_meanwhile(machine: Machine) -> None:
    snapshot = machine.take(5)
    (machine.folders()[0]).rename(machine.shared / "elsewhere")
    with pytest.raises(Unavailable):
        machine.restore(snapshot)


def test_what_was_not_finished_is_removed_when_nobody_works_on_it(machine: Machine) -> None:
    folder = machine.shared / "partition-1"
    for name, age in (("old", ABANDONED_AFTER + 60), ("young", 0.0)):
        unfinished = folder / f"{UNFINISHED}{name}"
        unfinished.mkdir(parents=True)
        (unfinished / DATA).write_bytes(b"half")
        for path in (unfinished / DATA, unfinished):
            stat = path.stat()
            os.utime(path, (stat.st_atime - age, stat.st_mtime - age))
    snapshot = machine.take(5)
    assert machine.snapshots.list() == [snapshot]
    names = {path.name for path in machine.folders()}
    assert f"{UNFINISHED}young" in names
    assert f"{UNFINISHED}old" not in names


def test_a_directory_that_cannot_be_written(machine: Machine) -> None:
    machine.shared.write_text("a file")
    with pytest.raises(Unavailable, match="expected to use snapshots"):
        machine.take(5)


def test_a_full_disk(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that is written by us; LMDB's is the same to whoever asked for the snapshot."""

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shell_snapshots, "_write_durably", full)
    with pytest.raises(StoreFull, match="expected space for a snapshot"):
        machine.take(5)
    assert machine.folders() == []
