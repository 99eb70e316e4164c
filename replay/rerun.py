"""Decide every command of a stopped engine's log again, and name the first difference of each partition.

Rule: nothing is changed, a running engine is refused. One process a partition; its state lies in a temporary directory.
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
from engine.shell.lmdb_store import LmdbStore

from .difference import Difference
from .ports import Counted, Progress, counting
from .processes import Died, run_all
from .redecision import PartitionRerun, Redecision
from .sources import LogSource, measure


class RerunReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """`ok`: this build, `build`, decides the whole log as it was decided."""

    ok: bool
    log: str
    build: str
    partitions: Sequence[PartitionRerun]


def rerun(source: LogSource, *, progress: Counted | None = None) -> RerunReport:
    """Decide all partitions again. Raises Unavailable when the engine runs or there is no log, CorruptedLog."""
    with source.hold(), tempfile.TemporaryDirectory(prefix="retold-rerun-") as temporary:
        partition_count, total = asyncio.run(measure(source))
        numbers = range(1, partition_count + 1)
        tasks: list[Callable[[Progress], PartitionRerun]] = [
            partial(_rerun_partition, source, number, Path(temporary) / str(number)) for number in numbers
        ]
        results = run_all(tasks, max(2, os.cpu_count() or 1), counting(progress, total))
    partitions = [
        _dead(number, result) if isinstance(result, Died) else result
        for number, result in zip(numbers, results, strict=True)
    ]
    ok = all(found.difference is None for found in partitions)
    return RerunReport(ok=ok, log=source.name, build=build_name(), partitions=partitions)


def _rerun_partition(source: LogSource, number: int, folder: Path, progress: Progress) -> PartitionRerun:
    async def redecide(store: LmdbStore) -> PartitionRerun:
        async with source.open() as log:
            return await Redecision(log, Assembly(source.schema_ids), number, store, progress).run()

    with closing(LmdbStore(folder)) as store:
        return asyncio.run(redecide(store))


def _dead(number: int, died: Died) -> PartitionRerun:
    """A process that ended without a result, for one is wanted of every partition."""
    return PartitionRerun(partition=number, last_position=0, difference=Difference(text=died.text))
