"""Verify a stopped engine: the composition root of the auditor, which opens what a data directory holds.

    DIR/log/                the embedded log
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
from engine.core.ports import EVENTS
from engine.core.state import State
from engine.shell.embedded import walk
from engine.shell.embedded.check import check as check_log
from engine.shell.embedded.stopped import StoppedLog
from engine.shell.lmdb_store import LmdbStore

from . import counters, messages
from .log_view import LogView
from .partition import PartitionAudit, PartitionFindings, Unreadable, position_of
from .ports import Counted, Progress, counting
from .processes import Died, run_all
from .projection import audit_projection
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
from .stopped import open_stopped
from .stopped_store import StoppedStore, is_kept


class StoredState(Struct, frozen=True, kw_only=True):
    """The state of a partition as it is stored: how far it has applied the log, and the SHA-256 of every table."""

    position: int
    digests: Mapping[str, str]


class ProjectionFindings(Struct, frozen=True):
    """What was found in secondary storage; `positions` by partition."""

    check: CheckReport
    positions: Mapping[int, int]


def verify(data_directory: Path, *, progress: Counted | None = None) -> Report:
    """Check everything; `Report.ok` says whether all is well.

    Raises Unavailable when the engine runs or there is no log, RetoldError for a log of another format.
    """
    try:
        with open_stopped(data_directory) as log:
            whole = check_log(data_directory)
            return asyncio.run(_verify(data_directory, log, whole, progress))
    except CorruptedLog as error:
        return _unreadable(data_directory, error)


def state_digests(data_directory: Path) -> dict[int, dict[str, str]]:
    """Partition -> table -> SHA-256 of all its rows, of a stopped engine's states as they are stored."""
    return {partition: dict(state.digests) for partition, state in stored_states(data_directory).items()}


def stored_states(data_directory: Path) -> dict[int, StoredState]:
    """The stored states of a stopped engine; a partition without one is left out. Raises Unavailable if it runs."""
    tables = Assembly().registry.tables
    found = {}
    with open_stopped(data_directory) as log:
        for number in range(1, log.partition_count + 1):
            store = _open_stored(data_directory, number)
            if store is not None:
                state = State(store, tables)
                found[number] = StoredState(position=position_of(state), digests=state.digests())
                store.close()
    return found


async def _verify(data_directory: Path, log: StoppedLog, whole: walk.Report, progress: Counted | None) -> Report:
    numbers = range(1, log.partition_count + 1)
    with tempfile.TemporaryDirectory(prefix="retold-verify-") as temporary:
        folder = Path(temporary)
        tasks: list[Callable[[Progress], PartitionFindings | ProjectionFindings]] = [
            partial(_audit_partition, data_directory, number, folder / str(number)) for number in numbers
        ]
        tasks.append(partial(_audit_projection, data_directory, folder / "projection"))
        total = 2 * sum(place.end for place in whole.places if place.topic == EVENTS)
        results = run_all(tasks, max(2, os.cpu_count() or 1), counting(progress, total))
    *audits, projection = results
    partitions = [found for found in audits if isinstance(found, PartitionFindings)]
    checks = [part for found in partitions for part in found.checks]
    checks += [_log_check(whole), *_dead(audits), *await _across(log, partitions)]
    if isinstance(projection, ProjectionFindings):
        checks.append(projection.check)
        positions = projection.positions
    else:
        checks += _dead([projection], PROJECTION)
        positions = {}
    reports = [_with_projection(found.partition, positions) for found in partitions]
    return _report(data_directory, reports, [merge(name, checks) for name in CHECKS])


async def _across(log: StoppedLog, found: Sequence[PartitionFindings]) -> list[CheckReport]:
    """What only all partitions together can judge."""
    by_number = {findings.partition.partition: findings for findings in found}
    told, counted = Check(MESSAGES), Check(COUNTERS)
    if len(found) < log.partition_count:
        told.skip("not every partition could be read")
        return [told.report()]
    sent = {number: findings.sent for number, findings in by_number.items()}
    received = {number: findings.received for number, findings in by_number.items()}
    await messages.compare(told, log, Assembly().codec, sent, received)
    counters.compare(counted, {number: findings.counters for number, findings in by_number.items()})
    return [told.report(), counted.report()]


# in processes of their own


def _audit_partition(data_directory: Path, number: int, folder: Path, progress: Progress) -> PartitionFindings:
    log = LogView(data_directory)
    fresh = LmdbStore(folder)
    stored: StoppedStore | Unreadable | None
    try:
        stored = _open_stored(data_directory, number)
    except Unavailable as error:
        stored = Unreadable(error.message)
    try:
        return asyncio.run(PartitionAudit(log, Assembly(), number, fresh, stored, progress).run())
    finally:
        if isinstance(stored, StoppedStore):
            stored.close()
        fresh.close()
        log.close()


def _audit_projection(data_directory: Path, folder: Path, progress: Progress) -> ProjectionFindings:
    log = LogView(data_directory)
    try:
        check, positions = asyncio.run(audit_projection(data_directory, folder, log, Assembly().codec, progress))
        return ProjectionFindings(check.report(), positions)
    finally:
        log.close()


def _open_stored(data_directory: Path, number: int) -> StoppedStore | None:
    path = data_directory / "state" / str(number)
    return StoppedStore(path) if is_kept(path) else None


# the report


def _log_check(whole: walk.Report) -> CheckReport:
    counts = {
        "places": len(whole.places),
        "batches": sum(place.batch_count for place in whole.places),
        "bytes": sum(place.size for place in whole.places),
    }
    return CheckReport(name=LOG, status=OK, counts=counts)


def _dead(results: Sequence[object], name: str = RECORDS) -> list[CheckReport]:
    """A failure for each process that ended without a result."""
    check = Check(name)
    for index, result in enumerate(results, 1):
        if isinstance(result, Died):
            check.fail(result.text, index if name == RECORDS else 0)
    return [check.report()] if check.failure_count else []


def _with_projection(partition: PartitionReport, positions: Mapping[int, int]) -> PartitionReport:
    return msgspec.structs.replace(partition, projection_position=positions.get(partition.partition))


def _unreadable(data_directory: Path, error: CorruptedLog) -> Report:
    """The log cannot be read, so nothing else can be told."""
    log = Check(LOG)
    log.fail(error.message)
    return _report(data_directory, [], [log.report(), *(merge(name, []) for name in CHECKS if name != LOG)])


def _report(data_directory: Path, partitions: Sequence[PartitionReport], checks: Sequence[CheckReport]) -> Report:
    ok = all(check.status != FAILED for check in checks)
    return Report(ok=ok, data_directory=str(data_directory), partitions=partitions, checks=checks)
