"""What a snapshot costs, and how soon a machine without a state can work: `python -m benchmarks.snapshots`.

One partition with 1,000,000 records of one-task instances that are all active, so that its state is large, over the
embedded log. The snapshot lies some 10,000 records behind. A start ends when the first command is decided.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from pathlib import Path

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, Snapshot
from engine.core.record import command
from engine.processes import calm_collector
from engine.records import Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.shell.clock import SystemClock
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.snapshots import LmdbSnapshots

from .engine import Engine, log_server
from .models import ONE_TASK
from .table import print_table

RECORDS = 1_000_000
#: Records that come after the snapshot, as the default of `snapshots.recordsMin` lets them.
BEHIND = 10_000
#: Commands that are sent at once.
BATCH = 1_000

CREATION = command("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one-task"))


class Life:
    """An engine with an ever longer log."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._offset = 0

    async def deploy(self) -> None:
        resource = Resource(resource_name="one-task.bpmn", resource=ONE_TASK)
        await self.engine.send(COMMANDS, [command("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))])
        self._offset = await self.engine.until("FULLY_DISTRIBUTED", "DEPLOYMENT", 1, 0)

    async def create(self, count: int) -> None:
        await self.engine.send(COMMANDS, [CREATION] * count)
        self._offset = await self.engine.until("CREATED", "PROCESS_INSTANCE_CREATION", count, self._offset)

    async def grow(self, records: int) -> None:
        """Until there are so many records."""
        while self.engine.machine.head.position < records:
            await self.create(BATCH)


def snapshots_of(directory: Path, name: str) -> LmdbSnapshots:
    return LmdbSnapshots(
        directory / "snapshots",
        1,
        state=directory / name / "state",
        state_format=Assembly().state_format,
        build="benchmark",
        keep=3,
        clock=SystemClock(),
    )


async def measure(directory: Path, records: int) -> list[tuple[str, str]]:
    log = await EmbeddedLog.open(directory)
    engine = Engine(log, directory / "first")
    calm_collector()
    await engine.runner.recover()
    stop = asyncio.Event()
    running = asyncio.create_task(engine.runner.run(stop))
    life = Life(engine)
    await life.deploy()
    await life.grow(records - BEHIND)
    rows, snapshot = await take(life, directory)
    await life.grow(records)
    stop.set()
    await life.engine.send(COMMANDS, [CREATION])
    await running
    position = engine.machine.head.position
    rows.append(("records on the log", f"{position:,}"))
    del engine, life
    gc.collect()
    rows.append(await start(log, directory, "restored", snapshot))
    rows.append(await start(log, directory, "empty", None))
    await log.close()
    return rows


async def take(life: Life, directory: Path) -> tuple[list[tuple[str, str]], Snapshot]:
    """A snapshot while commands are decided as fast as they can be, and their rate before and meanwhile."""
    before = await rate_of(life, 10)
    snapshots = snapshots_of(directory, "first")
    began = time.perf_counter()
    taking = asyncio.create_task(snapshots.take(life.engine.store))
    taking.add_done_callback(lambda _: ended.append(time.perf_counter()))
    ended: list[float] = []
    created = 0
    while not taking.done():
        await life.create(BATCH)
        created += BATCH
    meanwhile = created / (time.perf_counter() - began)
    snapshot = taking.result()
    return [
        ("size of the snapshot", f"{snapshot.size / (1 << 20):,.0f} MiB"),
        ("taken, while commands are decided, in", f"{ended[0] - began:.2f} s"),
        ("instances created before, and meanwhile", f"{before:,.0f}/s, {meanwhile:,.0f}/s"),
    ], snapshot


async def rate_of(life: Life, batches: int) -> float:
    began = time.perf_counter()
    for _ in range(batches):
        await life.create(BATCH)
    return batches * BATCH / (time.perf_counter() - began)


async def start(log: EmbeddedLog, directory: Path, name: str, snapshot: Snapshot | None) -> tuple[str, str]:
    """A machine without a state: until its first command is decided."""
    began, worked = time.perf_counter(), time.process_time()
    if snapshot is not None:
        await snapshots_of(directory, name).restore(snapshot)
    engine = Engine(log, directory / name)
    replayed = await engine.runner.recover()
    position = engine.machine.head.position
    stop = asyncio.Event()
    running = asyncio.create_task(engine.runner.run(stop))
    await engine.send(COMMANDS, [CREATION])
    while engine.machine.head.position == position:
        await asyncio.sleep(0)
    seconds, processor = time.perf_counter() - began, time.process_time() - worked
    stop.set()
    await engine.send(COMMANDS, [CREATION])
    await running
    engine.store.close()
    what = "from zero" if snapshot is None else "from the snapshot"
    return f"start {what}, {replayed:,} records replayed", f"{seconds:.2f} s ({processor:.2f} s of the processor)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    records = parser.parse_args().records
    with tempfile.TemporaryDirectory() as name, log_server(Path(name)):
        print_table("Snapshots (1 partition)", asyncio.run(measure(Path(name), records)))


if __name__ == "__main__":
    main()
