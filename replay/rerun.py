"""Decide every command of a stopped engine's log again, and name the first difference of each partition.

Rule: nothing is changed, a running engine is refused. One process a partition; its state lies in a temporary directory.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from engine.assembly import Assembly, build_name
from engine.core.ports import EVENTS
from engine.shell.embedded.stopped import StoppedLog
from engine.shell.lmdb_store import LmdbStore

from .difference import Difference
from .log_view import LogView
from .ports import Counted, Progress, counting
from .processes import Died, run_all
from .redecision import PartitionRerun, Redecision
from .stopped import open_stopped


class RerunReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """`ok`: this build, `build`, decides the whole log as it was decided."""

    ok: bool
    data_directory: str
    build: str
    partitions: Sequence[PartitionRerun]


def rerun(data_directory: Path, *, progress: Counted | None = None) -> RerunReport:
    """Decide all partitions again. Raises Unavailable when the engine runs or there is no log, CorruptedLog."""
    with open_stopped(data_directory) as log:
        return asyncio.run(_rerun(data_directory, log, progress))


async def _rerun(data_directory: Path, log: StoppedLog, progress: Counted | None) -> RerunReport:
    numbers = range(1, log.partition_count + 1)
    total = sum([await log.end(EVENTS, number) for number in numbers])
    with tempfile.TemporaryDirectory(prefix="retold-rerun-") as temporary:
        tasks: list[Callable[[Progress], PartitionRerun]] = [
            partial(_rerun_partition, data_directory, number, Path(temporary) / str(number)) for number in numbers
        ]
        results = run_all(tasks, max(2, os.cpu_count() or 1), counting(progress, total))
    partitions = [
        _dead(number, result) if isinstance(result, Died) else result
        for number, result in zip(numbers, results, strict=True)
    ]
    ok = all(found.difference is None for found in partitions)
    return RerunReport(ok=ok, data_directory=str(data_directory), build=build_name(), partitions=partitions)


def _rerun_partition(data_directory: Path, number: int, folder: Path, progress: Progress) -> PartitionRerun:
    log, store = LogView(data_directory), LmdbStore(folder)
    try:
        return asyncio.run(Redecision(log, Assembly(), number, store, progress).run())
    finally:
        store.close()
        log.close()


def _dead(number: int, died: Died) -> PartitionRerun:
    """A process that ended without a result, for one is wanted of every partition."""
    return PartitionRerun(partition=number, last_position=0, difference=Difference(text=died.text))
