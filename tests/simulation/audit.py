"""What the auditor of the product says about a simulated installation: `replay` over the log, the states, the file.

Live state == replayed state on every machine that has one; the projection is what the exporter makes of the log up to
the stored position; messages arrive once; the numbers of batch operations add up; decided again, all is as it was.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.assembly import Assembly
from engine.roles.protocol import role_of_partition
from engine.shell.memory_store import MemoryStore
from replay import counters, messages
from replay.partition import PartitionAudit, PartitionFindings
from replay.ports import LogReading
from replay.projection import audit_projection
from replay.redecision import Redecision
from replay.report import COUNTERS, MESSAGES, Check, CheckReport
from tests.simulation.installation import Installation


async def audit(installation: Installation, temporary: Path) -> list[str]:
    """Everything that is wrong, a line each. Nothing may run meanwhile but the log's reading."""
    found: dict[int, PartitionFindings] = {}
    checks: list[CheckReport] = []
    for (partition, number), disk in sorted(installation.disks.items()):
        findings = await _audit_partition(installation, partition, disk.store)
        checks += findings.checks
        owner = installation.owner(partition)
        if owner is not None and number == owner.disks[role_of_partition(partition)]:
            found[partition] = findings
    checks += await _audit_together(installation, found)
    log, codec = installation.data, installation.assembly.codec
    if installation.documents is not None:
        return _told(checks)  # documents may be ahead of their positions until all is at rest
    with tempfile.TemporaryDirectory(dir=temporary) as folder:
        check, _ = await audit_projection(installation.settings.data, Path(folder), log, codec, _ignore)
        checks.append(check.report())
    return _told(checks)


def _told(checks: Sequence[CheckReport]) -> list[str]:
    return [
        f"{report.name}: partition {failure.partition}, position {failure.position}: {failure.text}"
        for report in checks
        for failure in report.failures
    ]


async def _audit_partition(installation: Installation, partition: int, store: MemoryStore) -> PartitionFindings:
    audit = PartitionAudit(installation.data, installation.assembly, partition, MemoryStore(), store, _ignore)
    return await audit.run()


async def decide_again(log: LogReading, assembly: Assembly) -> list[str]:
    """What the engine decides otherwise than the log says, of the same commands: nothing, to the byte."""
    found = [await Redecision(log, assembly, n, MemoryStore()).run() for n in range(1, log.partition_count + 1)]
    return [f"partition {rerun.partition}: {rerun.difference}" for rerun in found if rerun.difference]


async def _audit_together(installation: Installation, found: Mapping[int, PartitionFindings]) -> Sequence[CheckReport]:
    """What only all partitions together can tell."""
    told, counted = Check(MESSAGES), Check(COUNTERS)
    if len(found) == installation.data.partition_count:
        sent = {number: findings.sent for number, findings in found.items()}
        received = {number: findings.received for number, findings in found.items()}
        messages.compare(told, sent, received)
        counters.compare(counted, {number: findings.counters for number, findings in found.items()})
    return [told.report(), counted.report()]


def _ignore(_records: int) -> None:
    """Nobody watches."""
