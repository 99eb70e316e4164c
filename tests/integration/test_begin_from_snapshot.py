"""The state that a partition begins with: kept, restored, or empty; and when none of them reaches to the log."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import cast

import msgspec
import pytest

from engine.config.snapshots import SnapshotSettings
from engine.core.faults import StateLost, Unavailable
from engine.core.head import HEAD, Head
from engine.core.machine import Machine
from engine.core.ports import EVENTS, Log, Place, Snapshot, Store
from engine.core.state import State
from engine.records import Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.roles.host import Host
from engine.roles.snapshots import SnapshotKeeper, open_state
from engine.shell.lmdb_store import LmdbStore
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.snapshots import DATA, DESCRIPTION, LmdbSnapshots
from tests.support import models as m
from tests.support.copied_log import CopiedLog
from tests.support.partitions import digests, replayed, send, work
from tests.support.scenario import ASSEMBLY, BEGIN, make

PLACE = (EVENTS, 1)
CREATION = make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one"))
DEPLOYMENT = make(
    "DEPLOYMENT", "CREATE", Deployment(resources=(Resource(resource_name="one.bpmn", resource=m.one_task()),))
)


class SlowSnapshots(LmdbSnapshots):
    """Snapshots of which a copy takes so long that something happens meanwhile."""

    meanwhile: Callable[[], object]

    async def restore(self, snapshot: Snapshot) -> None:
        """As `Snapshots.restore`."""
        self.meanwhile()
        await super().restore(snapshot)


class Computer:
    """The part of a Host that a state needs: one machine, with a directory that others share."""

    assembly = ASSEMBLY

    def __init__(self, folder: Path, name: str, *, keeps_snapshots: bool = True) -> None:
        self.clock = ManualClock(BEGIN)
        self.state = folder / name
        self.shared = folder / "snapshots" if keeps_snapshots else None
        #: Happens while it copies a snapshot.
        self.meanwhile: Callable[[], object] = lambda: None

    def open_store(self, partition: int) -> LmdbStore:
        return LmdbStore(self.state, 1 << 28, state_format=ASSEMBLY.state_format)

    def snapshots(self, partition: int) -> LmdbSnapshots | None:
        if self.shared is None:
            return None
        found = SlowSnapshots(
            self.shared,
            partition,
            state=self.state,
            state_format=ASSEMBLY.state_format,
            build="test",
            keep=3,
            clock=self.clock,
        )
        found.meanwhile = self.meanwhile
        return found

    async def open(self, log: Log) -> Store:
        return await open_state(cast(Host, self), log, 1)


class World:
    """A log with instances, snapshots after each of them, and computers that begin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = MemoryLog(1, ManualClock(BEGIN))
        self.first = Computer(folder, "first")
        #: of each snapshot
        self.positions: list[int] = []

    async def live(self, snapshots: int) -> None:
        store = self.first.open_store(1)
        await send(self.log, 1, DEPLOYMENT)
        for _ in range(snapshots):
            await send(self.log, 1, CREATION)
            await work(self.log, {1: store}, self.first.clock)
            self.first.clock.advance(1)
            kept = self.first.snapshots(1)
            assert kept is not None
            self.positions.append((await kept.take(store)).position)
        await send(self.log, 1, CREATION)
        await work(self.log, {1: store}, self.first.clock)
        store.close()

    def cut(self, position: int) -> CopiedLog:
        """The log without the records before this position."""

        def relocate(_place: Place, number: int) -> int:
            return number

        copy = CopiedLog.of(self.log, self.first.clock, relocate, keeps_stamps=True)
        copy.cut(PLACE, position - 1)
        return copy

    def folder_of(self, position: int) -> Path:
        return next((self.folder / "snapshots" / "partition-1").glob(f"{position}-*"))


def position_of(store: Store) -> int:
    return (State(store, ASSEMBLY.registry.tables).get(HEAD) or Head()).position


def play(tmp_path: Path, test: Callable[[World], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        world = World(tmp_path)
        await world.live(3)
        await test(world)

    asyncio.run(run())


def test_a_new_machine_begins_with_the_newest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def test(world: World) -> None:
        store = await Computer(tmp_path, "new").open(world.log)
        assert position_of(store) == world.positions[-1]
        await work(world.log, {1: store}, world.first.clock)
        assert digests(store) == digests(await replayed(world.log, 1))

    play(tmp_path, test)
    assert "partition 1 begins with the snapshot at position" in capsys.readouterr().err


def test_a_machine_that_has_the_state_keeps_it(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        store = await world.first.open(world.log)
        assert position_of(store) > world.positions[-1]

    play(tmp_path, test)


def test_without_snapshots_it_begins_at_the_beginning(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        store = await Computer(tmp_path, "new", keeps_snapshots=False).open(world.log)
        assert position_of(store) == 0

    play(tmp_path, test)


def _damage(folder: Path) -> None:
    with (folder / DATA).open("r+b") as file:
        file.write(b"damage")


def _of_another_format(folder: Path) -> None:
    description = msgspec.json.decode((folder / DESCRIPTION).read_bytes())
    description["stateFormat"] = "of tomorrow"
    (folder / DESCRIPTION).write_bytes(msgspec.json.encode(description))


def _of_another_log(folder: Path) -> None:
    description = msgspec.json.decode((folder / DESCRIPTION).read_bytes())
    description["chainHash"] = "ab" * 32
    (folder / DESCRIPTION).write_bytes(msgspec.json.encode(description))
    folder.rename(folder.parent / f"{description['position']}-{'ab' * 8}")


REFUSALS = {
    "damaged": (_damage, "expected data with the SHA-256"),
    "of another format": (_of_another_format, "its format is of tomorrow, of build test; this build reads"),
    "of another log": (_of_another_log, "the log says something else up to position"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_one_that_cannot_be_used_is_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    spoil, words = REFUSALS[name]

    async def test(world: World) -> None:
        spoil(world.folder_of(world.positions[-1]))
        store = await Computer(tmp_path, "new").open(world.log)
        assert position_of(store) == world.positions[-2]

    play(tmp_path, test)
    assert f"{words}" in capsys.readouterr().err


def test_from_the_beginning_when_none_can_be_used(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        for position in world.positions:
            _damage(world.folder_of(position))
        store = await Computer(tmp_path, "new").open(world.log)
        assert position_of(store) == 0

    play(tmp_path, test)


def test_a_state_beyond_the_log_is_thrown_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As after a restore of the log from an older copy."""

    async def test(world: World) -> None:
        del world.log._places[PLACE][world.positions[1] :]
        store = await world.first.open(world.log)
        assert position_of(store) == world.positions[1]

    play(tmp_path, test)
    assert "does not use the state that this machine has: it ends at position" in capsys.readouterr().err


def test_a_state_before_the_beginning_of_the_log_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def test(world: World) -> None:
        late = Computer(tmp_path, "late")
        kept = late.snapshots(1)
        assert kept is not None
        await kept.restore(kept.list()[-1])
        store = await late.open(world.cut(world.positions[1] + 1))
        assert position_of(store) == world.positions[-1]

    play(tmp_path, test)
    assert "does not use the state that this machine has: it ends at position" in capsys.readouterr().err


@pytest.mark.parametrize("without", [0, 1, 2])
def test_the_log_begins_at_a_snapshot(tmp_path: Path, without: int) -> None:
    """The oldest that still reaches is enough, whatever became of the newer ones."""

    async def test(world: World) -> None:
        for position in world.positions[3 - without :]:
            _damage(world.folder_of(position))
        usable = world.positions[2 - without]
        log = world.cut(usable + 1)
        store = await Computer(tmp_path, "new").open(log)
        assert position_of(store) == usable
        await work(log, {1: store}, world.first.clock)
        assert digests(store) == digests(await replayed(world.log, 1))

    play(tmp_path, test)


@pytest.mark.parametrize("keeps_snapshots", [False, True])
def test_neither_log_nor_snapshot_reaches_back(tmp_path: Path, keeps_snapshots: bool) -> None:
    async def test(world: World) -> None:
        log = world.cut(world.positions[-1] + 3)
        with pytest.raises(StateLost, match="events of partition 1 from position 1 on, or a snapshot") as caught:
            await Computer(tmp_path, "new", keeps_snapshots=keeps_snapshots).open(log)
        assert f"the log begins at position {world.positions[-1] + 3}" in caught.value.message

    play(tmp_path, test)


def test_while_one_is_copied_a_newer_one_is_taken_and_the_log_loses_what_lies_before(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        newest = world.folder_of(world.positions[-1])
        later = newest.rename(tmp_path / newest.name)
        _damage(world.folder_of(world.positions[-2]))
        log = world.cut(1)

        def time_passes() -> None:
            if later.exists():
                later.rename(newest)
                log.cut(PLACE, world.positions[-1])

        new = Computer(tmp_path, "new")
        new.meanwhile = time_passes
        store = await new.open(log)
        assert position_of(store) == world.positions[-1]
        await work(log, {1: store}, world.first.clock)
        assert digests(store) == digests(await replayed(world.log, 1))

    play(tmp_path, test)


def test_one_that_cannot_be_copied_just_now_is_not_lost(tmp_path: Path) -> None:
    """The process is started again: no person needs to look."""

    async def test(world: World) -> None:
        new = Computer(tmp_path, "new")

        def disk_goes_away() -> None:
            shutil.rmtree(new.state)
            new.state.write_text("a file")

        new.meanwhile = disk_goes_away
        with pytest.raises(Unavailable, match="expected to use snapshots"):
            await new.open(world.cut(world.positions[-1]))

    play(tmp_path, test)


def test_a_directory_that_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The log is replayed from its beginning; without that the process is started again until the directory is back."""

    async def test(world: World) -> None:
        folder = tmp_path / "snapshots" / "partition-1"
        folder.rename(tmp_path / "away")
        folder.write_text("a file")
        assert position_of(await Computer(tmp_path, "new").open(world.log)) == 0
        with pytest.raises(Unavailable, match="who may read and write it"):
            await Computer(tmp_path, "newer").open(world.cut(world.positions[-1]))

    play(tmp_path, test)
    assert "partition 1 begins without a snapshot: expected to use snapshots, got: " in capsys.readouterr().err


# taking them


async def _keep(
    computer: Computer, machine: Machine, store: Store, settings: SnapshotSettings, *, standby: bool
) -> None:
    await SnapshotKeeper(cast(Host, computer), settings, machine, store).run(standby=standby)


async def _newest_after(world: World, seconds: float, *, standby: bool, records_min: int = 1) -> int:
    """The position of the newest snapshot when so much time has passed, beginning without any."""
    store = world.first.open_store(1)
    machine = ASSEMBLY.machine(store, 1, 1)[1]
    for position in world.positions:
        (world.folder_of(position) / DESCRIPTION).unlink()
    directory = world.first.shared
    settings = SnapshotSettings(directory=directory, interval=timedelta(seconds=100), records_min=records_min)
    begin = world.first.clock.monotonic()
    keeping = asyncio.create_task(_keep(world.first, machine, store, settings, standby=standby))
    snapshots = world.first.snapshots(1)
    assert snapshots is not None
    while world.first.clock.monotonic() < begin + seconds:
        await asyncio.sleep(0)
    found = snapshots.list()
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping
    store.close()
    return found[0].position if found else 0


@pytest.mark.parametrize(
    ("standby", "seconds", "records_min", "taken"),
    [
        (True, 99, 1, False),
        (True, 120, 1, True),
        (False, 120, 1, False),
        (False, 150, 1, True),
        (False, 500, 10_000, False),
    ],
)
def test_when_they_are_taken(tmp_path: Path, standby: bool, seconds: float, records_min: int, taken: bool) -> None:
    async def test(world: World) -> None:
        position = await _newest_after(world, seconds, standby=standby, records_min=records_min)
        assert (position > 0) == taken

    play(tmp_path, test)


def test_one_that_cannot_be_taken_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def test(world: World) -> None:
        blocked = tmp_path / "blocked"
        blocked.write_text("a file")
        world.first.shared = blocked / "snapshots"
        for position in world.positions:
            assert world.folder_of(position).is_dir()
        store = world.first.open_store(1)
        machine = ASSEMBLY.machine(store, 1, 1)[1]
        settings = SnapshotSettings(directory=world.first.shared, interval=timedelta(seconds=1), records_min=0)
        keeping = asyncio.create_task(_keep(world.first, machine, store, settings, standby=True))
        while world.first.clock.monotonic() < 100:
            await asyncio.sleep(0)
        assert not keeping.done()
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        store.close()

    play(tmp_path, test)
    assert capsys.readouterr().err.count("has not taken a snapshot, and goes on") == 1
