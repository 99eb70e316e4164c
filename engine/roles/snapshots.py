"""Snapshots in the life of a partition: the state that it starts from, and the copies that it takes of it.

Rule: the log decides. A state or a snapshot that does not fit it is passed over, whatever it says of itself, and the
log of the process says why. A snapshot that cannot be taken is a warning, never more.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.core.faults import RetoldError, SnapshotDamaged, StateLost, StoreFull, Unavailable
from engine.core.head import HEAD, Head
from engine.core.state import State
from engine.shell.history import History

from .host import Host

if TYPE_CHECKING:
    from engine.config import SnapshotSettings
    from engine.core.machine import Machine
    from engine.core.ports import Log, Snapshot, Snapshots, Store

#: How often an interval is looked whether the next snapshot is due.
LOOKS_PER_INTERVAL = 8
#: How much later an owner takes one than a standby does, in intervals: there is none to be taken then.
OWNER_DELAY = 0.25


async def open_state(host: Host, log: Log, number: int) -> Store:
    """The state to begin with: what this machine kept, else the newest snapshot, else an empty one; it fits the log.

    Raises StateLost when neither the log nor a snapshot reaches back; Unavailable, or StoreFull, when that may pass.
    """
    store = host.open_store(number)
    history = History(log, host.assembly.codec, number)
    head = State(store, host.assembly.registry.tables).get(HEAD) or Head()
    misfit = await history.misfit(head.position, head.chain_hash)
    if head.position and not misfit:
        return store
    if head.position:
        _say(number, f"does not use the state that this machine has: {misfit}")
        store.clear()
    store.close()
    snapshots = host.snapshots(number)
    if snapshots is not None:
        await _restore_newest(host, snapshots, history, number)
    elif lost := await history.misfit(0, b""):
        raise _lost(number, lost, "none are kept (snapshots.directory)")
    return host.open_store(number)


async def _restore_newest(host: Host, snapshots: Snapshots, history: History, number: int) -> None:
    """Let the newest snapshot that can be used be the state; there need be none while the log has its beginning.

    While one is copied, newer ones are taken, and the log may lose what lies before those. So when its beginning is
    gone, snapshots are looked for again, until there is none that was not tried.
    """
    problems: dict[Snapshot, str | RetoldError] = {}
    lost = ""
    while True:
        found = await _find(snapshots, number, required=bool(lost))
        untried = [snapshot for snapshot in found if snapshot not in problems]
        if lost and not untried:
            passing = [problem for problem in map(problems.get, found) if isinstance(problem, RetoldError)]
            raise next(iter(passing), _lost(number, lost, "none of those that are there can be used"))
        for snapshot in untried:
            problem = problems[snapshot] = await _use(host, snapshots, snapshot, history)
            if not problem:
                _say(number, f"begins with the snapshot {_describe(snapshot)}")
                return
            _say(number, f"does not use the snapshot {_describe(snapshot)}: {problem}")
        lost = await history.misfit(0, b"")
        if not lost:
            return


async def _find(snapshots: Snapshots, number: int, *, required: bool) -> Sequence[Snapshot]:
    """Those that are there. Without them the log is read from its beginning, if they are not `required`."""
    try:
        return await snapshots.find()
    except Unavailable as error:
        if required:
            raise
        _say(number, f"begins without a snapshot: {error.message}")
        return ()


async def _use(host: Host, snapshots: Snapshots, snapshot: Snapshot, history: History) -> str | RetoldError:
    """Let a snapshot be the state; gives why it cannot be, as an error if that may pass, or nothing."""
    problem = await _problem_of(host, snapshot, history)
    if problem:
        return problem
    try:
        await snapshots.restore(snapshot)
    except SnapshotDamaged as error:
        return error.message
    except (StoreFull, Unavailable) as error:
        return error
    return ""


async def _problem_of(host: Host, snapshot: Snapshot, history: History) -> str:
    if snapshot.state_format != host.assembly.state_format:
        return (
            f"its format is {snapshot.state_format}, of build {snapshot.build}; this build reads "
            f"{host.assembly.state_format}"
        )
    return await history.misfit(snapshot.position, bytes.fromhex(snapshot.chain_hash))


def _lost(number: int, problem: str, found: str) -> StateLost:
    return StateLost(
        f"expected the events of partition {number} from position 1 on, or a snapshot that reaches to where they "
        f"begin; got neither: a state without them {problem.removeprefix('it ')}, and of the snapshots {found}; "
        "bring back a snapshot, or the topic from a copy that has its beginning"
    )


def _describe(snapshot: Snapshot) -> str:
    taken_at = datetime.fromtimestamp(snapshot.taken_at / 1000, UTC)
    return f"at position {snapshot.position} of {taken_at:%Y-%m-%d %H:%M:%S} UTC"


def _say(number: int, text: str) -> None:
    sys.stderr.write(f"partition {number} {text}\n")
    sys.stderr.flush()


class SnapshotKeeper:
    """Takes snapshots of one open state when they are due."""

    def __init__(self, host: Host, settings: SnapshotSettings, machine: Machine, store: Store) -> None:
        self._clock = host.clock
        self._snapshots = host.snapshots(machine.partition)
        self._interval = settings.interval.total_seconds()
        self._records_min = settings.records_min
        self._machine = machine
        self._store = store
        self._problem = ""

    async def run(self, *, standby: bool) -> None:
        """Until cancelled. A standby's are due earlier than an owner's, so that an owner with one takes none."""
        if self._snapshots is None:
            await asyncio.Event().wait()
            return
        age_min = self._interval if standby else self._interval * (1 + OWNER_DELAY)
        began = self._clock.now()
        while True:
            await self._clock.sleep(self._interval / LOOKS_PER_INTERVAL)
            try:
                await self._take_when_due(self._snapshots, began, age_min)
                self._problem = ""
            except (StoreFull, Unavailable) as error:
                if error.message != self._problem:
                    _say(self._machine.partition, f"has not taken a snapshot, and goes on: {error.message}")
                self._problem = error.message

    async def _take_when_due(self, snapshots: Snapshots, began: int, age_min: float) -> None:
        newest = next(iter(await snapshots.find()), None)
        taken_at, position = (began, 0) if newest is None else (newest.taken_at, newest.position)
        is_old = self._clock.now() - taken_at >= age_min * 1000
        if is_old and self._machine.head.position - position >= max(self._records_min, 1):
            await snapshots.take(self._store)
