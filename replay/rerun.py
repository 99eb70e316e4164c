"""Decide every command of a log again, and name the first difference of each partition.

Rule: nothing is changed. A log that may grow meanwhile is read up to a cut; else a running engine is refused. One
process a partition; its state lies in a temporary directory.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from msgspec import Struct

from engine.assembly import Assembly, build_name
from engine.core.head import SOURCES, Source
from engine.core.state import State
from engine.shell.codec import Codec
from engine.shell.lmdb_store import LmdbStore

from .cut import Cut, OpenLog
from .difference import Difference
from .entries import first_offset
from .generations import generations_of
from .ports import Counted, Progress, counting
from .processes import Died, run_all
from .redecision import PartitionRerun, Redecision
from .sources import LogSource
from .stored import States, is_late

NO_BEGINNING = "the log begins late, and no snapshot reaches to where it begins: nothing can be decided again"


class RerunReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """`ok`: this build, `build`, decides the log as it was decided; `whole`: it could decide on every partition."""

    ok: bool
    whole: bool
    log: str
    build: str
    partitions: Sequence[PartitionRerun]


def rerun(source: LogSource, *, snapshots: Path | None = None, progress: Counted | None = None) -> RerunReport:
    """Decide all partitions again, up to where they end now. `snapshots`: their directory, for a log that begins late.

    Raises Unavailable when there is no log, or when the engine runs and the log may not; CorruptedLog.
    """
    with source.cut() as cut, tempfile.TemporaryDirectory(prefix="retold-rerun-") as temporary:
        states = States(data_directory=Path(temporary), snapshots=snapshots)
        numbers = range(1, cut.partition_count + 1)
        tasks: list[Callable[[Progress], PartitionRerun]] = [
            partial(_rerun_partition, source, cut, states, number, Path(temporary) / str(number)) for number in numbers
        ]
        results = run_all(tasks, max(2, os.cpu_count() or 1), counting(progress, cut.events))
    partitions = [
        _dead(number, result) if isinstance(result, Died) else result
        for number, result in zip(numbers, results, strict=True)
    ]
    return RerunReport(
        ok=all(found.difference is None for found in partitions),
        whole=all(found.first_position is not None for found in partitions),
        log=source.name,
        build=build_name(),
        partitions=partitions,
    )


def _rerun_partition(
    source: LogSource, cut: Cut, states: States, number: int, folder: Path, progress: Progress
) -> PartitionRerun:
    async def redecide() -> PartitionRerun:
        assembly = Assembly(source.schema_ids)
        async with source.open(cut) as log:
            if not await _is_whole(log, assembly.codec, number):
                store = await _begin_late(states, log, assembly, number, folder)
                if store is None:
                    return PartitionRerun(partition=number, last_position=0, first_position=None, problem=NO_BEGINNING)
            else:
                store = LmdbStore(folder)
            with closing(store):
                return await Redecision(log, assembly, number, store, progress).run()

    return asyncio.run(redecide())


async def _is_whole(log: OpenLog, codec: Codec, number: int) -> bool:
    begins = [await first_offset(log, topic, number) for topic in log.inputs]
    return not any(begins) and not await is_late(log, codec, number)


async def _begin_late(states: States, log: OpenLog, assembly: Assembly, number: int, folder: Path) -> LmdbStore | None:
    """The oldest snapshot behind which all commands are there; None if there is none."""
    generation = (await generations_of(log, assembly.codec, number)).last
    begins = {topic: await first_offset(log, topic, number) for topic in log.inputs}
    usable = await states.usable_snapshots(log, assembly.codec, number)
    for snapshot in sorted(usable, key=lambda snapshot: snapshot.position):
        if snapshot.generation != generation:
            continue  # it says other offsets than the topics have
        restored = await states.restore([snapshot], folder)
        if restored is None:
            continue
        state = State(restored[0], assembly.registry.tables)
        if all(begin <= (state.get(SOURCES, topic) or Source()).offset + 1 for topic, begin in begins.items()):
            return restored[0]
        restored[0].close()
    return None


def _dead(number: int, died: Died) -> PartitionRerun:
    """A process that ended without a result, for one is wanted of every partition."""
    return PartitionRerun(partition=number, last_position=0, difference=Difference(text=died.text))
