"""Verify a stopped engine: the composition root of the auditor, which opens a log and what a data directory holds.

    DIR/log/                the embedded log, unless a log elsewhere is named
    DIR/state/<partition>/  LMDB state, one directory a partition
    DIR/search.db           secondary storage

Rule: nothing is changed, a running engine is refused. One process a partition and one for secondary storage.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.assembly import Assembly
from engine.core.faults import CorruptedLog, Unavailable
from engine.core.state import State
from engine.shell.lmdb_store import LmdbStore

from . import counters, messages
from .partition import PartitionAudit, PartitionFindings, Unreadable, position_of
from .ports import Counted, Progress, counting
from .processes import Died, run_all
from .projection import Projection, SqliteProjection
from .report import (
    CHECKS,
    COUNTERS,
    FAILED,
    LOG,
    MESSAGES,
    OK,
    PROJECTION,
    RECORDS,
    Check,
    CheckReport,
    PartitionReport,
    Report,
    merge,
)
from .sources import EmbeddedSource, LogSource, measure
from .stopped import hold_engine
from .stopped_store import StoppedStore, is_kept, stored_partitions


class StoredState(Struct, frozen=True, kw_only=True):
    """The state of a partition as it is stored: how far it has applied the log, and the SHA-256 of every table."""

    position: int
    digests: Mapping[str, str]


class ProjectionFindings(Struct, frozen=True):
    """What was found in secondary storage; `positions` by partition."""

    check: CheckReport
    positions: Mapping[int, int]


def verify(
    data_directory: Path,
    *,
    source: LogSource | None = None,
    projection: Projection | None = None,
    progress: Counted | None = None,
) -> Report:
    """Check everything; `Report.ok` says whether all is well.

    `source` is the log, `projection` secondary storage, where they are not the directory's own.

    Raises Unavailable when the engine runs or there is no log, RetoldError for a log of another format.
    """
    source = source or EmbeddedSource(data_directory)
    projection = projection or SqliteProjection(data_directory)
    try:
        with hold_engine(data_directory), source.hold():
            log = source.check()
            if log.status != OK:
                return _unreadable(data_directory, source, log)
            return _verify(data_directory, source, projection, log, progress)
    except CorruptedLog as error:
        check = Check(LOG)
        check.fail(error.message)
        return _unreadable(data_directory, source, check.report())


def state_digests(data_directory: Path) -> dict[int, dict[str, str]]:
    """Partition -> table -> SHA-256 of all its rows, of a stopped engine's states as they are stored."""
    return {partition: dict(state.digests) for partition, state in stored_states(data_directory).items()}


def stored_states(data_directory: Path) -> dict[int, StoredState]:
    """The stored states of a stopped engine; a partition without one is left out. Raises Unavailable if it runs."""
    tables = Assembly().registry.tables
    found = {}
    with hold_engine(data_directory):
        for number in stored_partitions(data_directory):
            store = _open_stored(data_directory, number)
            if store is not None:
                state = State(store, tables)
                found[number] = StoredState(position=position_of(state), digests=state.digests())
                store.close()
    return found


def _verify(
    data_directory: Path, source: LogSource, projection: Projection, log: CheckReport, progress: Counted | None
) -> Report:
    partition_count, records = asyncio.run(measure(source))
    with tempfile.TemporaryDirectory(prefix="retold-verify-") as temporary:
        folder = Path(temporary)
        tasks: list[Callable[[Progress], PartitionFindings | ProjectionFindings]] = [
            partial(_audit_partition, data_directory, source, number, folder / str(number))
            for number in range(1, partition_count + 1)
        ]
        tasks.append(partial(_audit_projection, projection, source, folder / "projection"))
        # every record is read twice: by its partition's audit and by that of the projection
        results = run_all(tasks, max(2, os.cpu_count() or 1), counting(progress, 2 * records))
    *audits, projected = results
    partitions = [found for found in audits if isinstance(found, PartitionFindings)]
    checks = [part for found in partitions for part in found.checks]
    checks += [log, *_dead(audits), *asyncio.run(_across(source, partitions))]
    if isinstance(projected, ProjectionFindings):
        checks.append(projected.check)
        positions = projected.positions
    else:
        checks += _dead([projected], PROJECTION)
        positions = {}
    reports = [_with_projection(found.partition, positions) for found in partitions]
    return _report(data_directory, source, reports, [merge(name, checks) for name in CHECKS])


async def _across(source: LogSource, found: Sequence[PartitionFindings]) -> list[CheckReport]:
    """What only all partitions together can judge."""
    by_number = {findings.partition.partition: findings for findings in found}
    told, counted = Check(MESSAGES), Check(COUNTERS)
    sent = {number: findings.sent for number, findings in by_number.items()}
    received = {number: findings.received for number, findings in by_number.items()}
    async with source.open() as log:
        if len(found) < log.partition_count:
            told.skip("not every partition could be read")
            return [told.report()]
        await messages.compare(told, log, Assembly(source.schema_ids).codec, sent, received)
    counters.compare(counted, {number: findings.counters for number, findings in by_number.items()})
    return [told.report(), counted.report()]


# in processes of their own


def _audit_partition(
    data_directory: Path, source: LogSource, number: int, folder: Path, progress: Progress
) -> PartitionFindings:
    fresh = LmdbStore(folder)
    stored: StoppedStore | Unreadable | None
    try:
        stored = _open_stored(data_directory, number)
    except Unavailable as error:
        stored = Unreadable(error.message)

    async def audit() -> PartitionFindings:
        async with source.open() as log:
            return await PartitionAudit(log, Assembly(source.schema_ids), number, fresh, stored, progress).run()

    try:
        return asyncio.run(audit())
    finally:
        if isinstance(stored, StoppedStore):
            stored.close()
        fresh.close()


def _audit_projection(
    projection: Projection, source: LogSource, folder: Path, progress: Progress
) -> ProjectionFindings:
    async def audit() -> ProjectionFindings:
        async with source.open() as log:
            codec = Assembly(source.schema_ids).codec
            check, positions = await projection.audit(folder, log, codec, progress)
            return ProjectionFindings(check.report(), positions)

    return asyncio.run(audit())


def _open_stored(data_directory: Path, number: int) -> StoppedStore | None:
    path = data_directory / "state" / str(number)
    return StoppedStore(path) if is_kept(path, Assembly().state_format) else None


# the report


def _dead(results: Sequence[object], name: str = RECORDS) -> list[CheckReport]:
    """A failure for each process that ended without a result."""
    check = Check(name)
    for index, result in enumerate(results, 1):
        if isinstance(result, Died):
            check.fail(result.text, index if name == RECORDS else 0)
    return [check.report()] if check.failure_count else []


def _with_projection(partition: PartitionReport, positions: Mapping[int, int]) -> PartitionReport:
    return msgspec.structs.replace(partition, projection_position=positions.get(partition.partition))


def _unreadable(data_directory: Path, source: LogSource, log: CheckReport) -> Report:
    """The log cannot be read, so nothing else can be told."""
    return _report(data_directory, source, [], [log, *(merge(name, []) for name in CHECKS if name != LOG)])


def _report(
    data_directory: Path, source: LogSource, partitions: Sequence[PartitionReport], checks: Sequence[CheckReport]
) -> Report:
    ok = all(check.status != FAILED for check in checks)
    return Report(ok=ok, data_directory=str(data_directory), log=source.name, partitions=partitions, checks=checks)
