"""When everything has finished: what liveness asks for once the faults have stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.assembly import Assembly
from engine.batch.tables import PROGRESS
from engine.core.head import HEAD, SOURCES, Head, Source
from engine.core.machine import Machine
from engine.core.ports import EVENTS
from engine.core.state import State, key_tail
from engine.core.system import due_at
from engine.roles.protocol import role_of_partition
from exporters.sqlite.database import FILE_NAME
from tests.simulation import shadow
from tests.simulation.installation import Installation
from tests.simulation.watch import Written


def unfinished(installation: Installation, now: int) -> list[str]:
    """What still has to happen; empty when all is at rest. `now`: ms since 1970."""
    return [
        *_unfinished_parts(installation),
        *_unfinished_commands(installation, now),
        *unexported(installation.data, stored_positions(installation)),
    ]


def _unfinished_parts(installation: Installation) -> Iterator[str]:
    if not installation.is_ready:
        yield "the installation is not ready"
    for machine in installation.machines:
        for role, problem in machine.overview.parts.items():
            if problem:
                yield f"{role} of {machine.name} {problem}"


def _unfinished_commands(installation: Installation, now: int) -> Iterator[str]:
    data, assembly = installation.data, installation.assembly
    for partition in range(1, data.partition_count + 1):
        owner = installation.owner(partition)
        if owner is None:
            yield f"partition {partition}: the machines do not agree on its owner"
            continue
        disk = installation.disk(partition, owner.disks[role_of_partition(partition)])
        state, machine = assembly.machine(disk.store, partition, data.partition_count)
        yield from unfinished_work(data, assembly, partition, state, machine, now)


def unfinished_work(
    data: Written, assembly: Assembly, partition: int, state: State, machine: Machine, now: int
) -> Iterator[str]:
    """What one partition still has to do, as the state of its owner says, or one that was replayed from the log."""
    for name in data.inputs:
        done = (state.get(SOURCES, name) or Source()).offset + 1
        left = data.count_between((name, partition), done, data.end_of((name, partition)))
        if left:
            yield f"partition {partition}: {left} commands on {name} have no outcome"
    position, end = (state.get(HEAD) or Head()).position, len(data.entries((EVENTS, partition)))
    if position < end:
        yield f"partition {partition}: the state is at {position} of {end}"
    query = assembly.initializer().wanted(machine, now)
    retry = assembly.initializer().next_retry(machine)
    if query is not None or retry is not None:
        yield f"partition {partition}: background work is open: {query}, next retry at {retry}"
    awaited = assembly.confirmations().awaited(machine)
    if awaited is not None:
        yield f"partition {partition}: somebody waits to hear that position {awaited} is exported"
    told = assembly.deliveries().next_at(machine)
    if told is not None and told <= now:
        yield f"partition {partition}: somebody is to be told that a batch operation has ended"
    due = due_at(state)
    if due is not None and due <= now:
        yield f"partition {partition}: a timer is due since {now - due} ms"
    for row, progress in state.scan(PROGRESS):
        if progress.wakes_at:
            yield f"partition {partition}: batch operation {key_tail(row)} goes on at {progress.wakes_at}"


def unexported(data: Written, positions: Mapping[int, int]) -> Iterator[str]:
    """What secondary storage does not show yet. `positions`: how far each partition is exported."""
    for partition in range(1, data.partition_count + 1):
        position, end = positions.get(partition, 0), len(data.entries((EVENTS, partition)))
        if position < end:
            yield f"partition {partition}: exported up to {position} of {end}"


def stored_positions(installation: Installation) -> dict[int, int]:
    """How far the projection is."""
    if installation.documents is not None:
        return dict(shadow.stored_positions(installation.documents))
    return positions_in_file(installation.settings.data)


def positions_in_file(folder: Path) -> dict[int, int]:
    """How far the file of a data directory is."""
    path = folder / FILE_NAME
    if not path.exists():
        return {}
    connection = sqlite3.connect(path)
    try:
        return dict(connection.execute("SELECT partition_id, position FROM positions"))
    except sqlite3.OperationalError:
        return {}
    finally:
        connection.close()
