"""Verify an installation: the composition root of the auditor, which opens a log and what a data directory holds.

    DIR/log/                the embedded log, unless a log elsewhere is named
    DIR/state/<partition>/  LMDB state, one directory a partition
    DIR/search.db           secondary storage

Rule: nothing is changed. A log that may grow meanwhile is read up to a cut; else a running engine is refused. One
process a partition and one for secondary storage.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.assembly import Assembly
from engine.core.faults import CorruptedLog, Unavailable
from engine.core.ports import Snapshot
from engine.core.state import State
from engine.shell.lmdb_store import LmdbStore

from . import counters, messages
from .cut import Cut
from .partition import PartitionAudit, PartitionFindings, position_of
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
from .sources import EmbeddedSource, LogSource
from .stopped import hold_engine
from .stopped_store import stored_partitions
from .stored import States, is_late, open_state


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
    snapshots: Path | None = None,
    progress: Counted | None = None,
) -> Report:
    """Check everything; `Report.ok` says whether all is well, `Report.whole` whether the log had its beginning.

    `source` is the log, `projection` secondary storage, where they are not the directory's own; `snapshots` their
    directory.

    Raises Unavailable when there is no log, or when the engine runs and the log may not; RetoldError for a log of
    another format.
    """
    source = source or EmbeddedSource(data_directory)
    projection = projection or SqliteProjection(data_directory)
    try:
        with _hold_state(data_directory, source) as is_running, source.cut() as cut:
            log = source.check(cut)
            if log.status != OK:
                return _unreadable(data_directory, source, log)
            states = States(data_directory=data_directory, is_running=is_running, snapshots=snapshots)
            return _Audit(states, source, cut, projection).run(log, progress)
    except CorruptedLog as error:
        check = Check(LOG)
        check.fail(error.message)
        return _unreadable(data_directory, source, check.report())


@contextmanager
def _hold_state(data_directory: Path, source: LogSource) -> Iterator[bool]:
    """Keep the engine of a data directory away; True if it runs, and may."""
    with ExitStack() as stack:
        is_running = False
        try:
            stack.enter_context(hold_engine(data_directory))
        except Unavailable:
            if not source.may_grow:
                raise
            is_running = True
        yield is_running


def state_digests(data_directory: Path) -> dict[int, dict[str, str]]:
    """Partition -> table -> SHA-256 of all its rows, of a stopped engine's states as they are stored."""
    return {partition: dict(state.digests) for partition, state in stored_states(data_directory).items()}


def stored_states(data_directory: Path) -> dict[int, StoredState]:
    """The stored states of a stopped engine; a partition without one is left out. Raises Unavailable if it runs."""
    tables = Assembly().registry.tables
    found = {}
    with hold_engine(data_directory):
        for number in stored_partitions(data_directory):
            store = open_state(data_directory, number)
            if store is not None:
                state = State(store, tables)
                found[number] = StoredState(position=position_of(state), digests=state.digests())
                store.close()
    return found


class _Audit(Struct, frozen=True):
    """What the processes of an audit are told; it travels by pickle."""

    states: States
    source: LogSource
    cut: Cut
    projection: Projection

    def run(self, log: CheckReport, progress: Counted | None) -> Report:
        """Everything but the check `log`, which was made."""
        with tempfile.TemporaryDirectory(prefix="retold-verify-") as temporary:
            folder = Path(temporary)
            tasks: list[Callable[[Progress], PartitionFindings | ProjectionFindings]] = [
                partial(self.audit_partition, number, folder / str(number))
                for number in range(1, self.cut.partition_count + 1)
            ]
            tasks.append(partial(self.audit_projection, folder / "projection"))
            # every record is read twice: by its partition's audit and by that of the projection
            results = run_all(tasks, max(2, os.cpu_count() or 1), counting(progress, 2 * self.cut.events))
        *audits, projected = results
        partitions = [found for found in audits if isinstance(found, PartitionFindings)]
        checks = [part for found in partitions for part in found.checks]
        checks += [log, *_dead(audits), *_across(self.cut, partitions)]
        positions: Mapping[int, int] = {}
        if isinstance(projected, ProjectionFindings):
            checks.append(projected.check)
            positions = projected.positions
        else:
            checks += _dead([projected], PROJECTION)
        reports = [_with_projection(found.partition, positions) for found in partitions]
        return _report(self.states.data_directory, self.source, reports, [merge(name, checks) for name in CHECKS])

    # in processes of their own

    def audit_partition(self, number: int, folder: Path, progress: Progress) -> PartitionFindings:
        async def audit() -> PartitionFindings:
            assembly = Assembly(self.source.schema_ids)
            async with self.source.open(self.cut) as log:
                usable = await self.states.usable_snapshots(log, assembly.codec, number)
                is_cut = await is_late(log, assembly.codec, number)
                fresh, begin = await self._begin(usable if is_cut else [], folder)
                later = [snapshot for snapshot in usable if snapshot.position > begin]
                stored = await self.states.stored(number, later, folder / "compared")
                settled = self.cut.settled[number]
                try:
                    return await PartitionAudit(log, assembly, number, fresh, stored, progress, settled=settled).run()
                finally:
                    fresh.close()
                    if stored.store is not None:
                        stored.store.close()

        return asyncio.run(audit())

    async def _begin(self, snapshots: Sequence[Snapshot], folder: Path) -> tuple[LmdbStore, int]:
        """The state to replay on, and its position: the oldest of these snapshots, or an empty one."""
        oldest_first = sorted(snapshots, key=lambda snapshot: snapshot.position)
        restored = await self.states.restore(oldest_first, folder / "begin")
        if restored is None:
            return LmdbStore(folder / "empty"), 0
        return restored[0], restored[1].position

    def audit_projection(self, folder: Path, progress: Progress) -> ProjectionFindings:
        async def audit() -> ProjectionFindings:
            codec = Assembly(self.source.schema_ids).codec
            async with self.source.open(self.cut) as log:
                late = [n for n in range(1, log.partition_count + 1) if await is_late(log, codec, n)]
            if late:
                check = Check(PROJECTION)
                numbers = ", ".join(map(str, late))
                check.skip(f"what the first events of partition {numbers} gave cannot be made again: they are gone")
                return ProjectionFindings(check.report(), {})
            check, positions = await self.projection.audit(
                folder, self.source, codec, progress, is_running=self.states.is_running
            )
            return ProjectionFindings(check.report(), positions)

        return asyncio.run(audit())


def _across(cut: Cut, found: Sequence[PartitionFindings]) -> list[CheckReport]:
    """What only all partitions together can judge."""
    by_number = {findings.partition.partition: findings for findings in found}
    told, counted = Check(MESSAGES), Check(COUNTERS)
    sent = {number: findings.sent for number, findings in by_number.items()}
    received = {number: findings.received for number, findings in by_number.items()}
    if len(found) < cut.partition_count:
        told.skip("not every partition could be read")
        return [told.report()]
    messages.compare(told, sent, received)
    counters.compare(counted, {number: findings.counters for number, findings in by_number.items()}, sent)
    return [told.report(), counted.report()]


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
    return Report(
        ok=all(check.status != FAILED for check in checks),
        whole=all(partition.replayed_from is not None for partition in partitions),
        data_directory=str(data_directory),
        log=source.name,
        partitions=partitions,
        checks=checks,
    )
