"""How fast one core replays and audits a partition: one-task instances, created and cancelled, from a log in memory.

Run `python -m benchmarks.replay [--instances N] [--profile]`. Seconds of this process's own work, not of the clock on
the wall: the best of several rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import pstats
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from engine.assembly import Assembly
from engine.core.head import SOURCES, Source
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Append, Message, Store
from engine.core.record import Record, command
from engine.core.settings import MachineSettings
from engine.records import Deployment, ProcessInstance, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.shell.codec import Reader
from engine.shell.following import replay
from engine.shell.lmdb_store import LmdbStore
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Runner
from exporters.sqlite import SqliteExporter
from replay.partition import PartitionAudit
from replay.projection import audit_projection

ROUNDS = 3
MODEL = Path(__file__).parent.parent / "tests" / "models" / "one-task.bpmn"


class History:
    """A log in memory with one partition, written by the engine itself."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.log = MemoryLog(1, ManualClock())

    async def write(self, instances: int) -> None:
        """Create this many instances and cancel them."""
        clock = ManualClock()
        state, machine = self.assembly.machine(MemoryStore(), 1, 1)
        runner = Runner(
            log=self.log,
            codec=self.assembly.codec,
            state=state,
            machine=machine,
            clock=clock,
            prepare=lambda started: self.assembly.prepare(MachineSettings(), started),
        )
        await runner.recover()
        stop = asyncio.Event()
        running = asyncio.create_task(runner.run(stop))
        resource = Resource(resource_name=MODEL.name, resource=MODEL.read_bytes())
        await self._send(command("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))))
        creation = ProcessInstanceCreation(bpmn_process_id="one-task", variables='{"amount":1}')
        await self._send(*[command("PROCESS_INSTANCE_CREATION", "CREATE", creation)] * instances)
        await self._settle(runner)
        keys = [record.key for record in map(self.assembly.codec.decode, await self.values()) if is_created(record)]
        await self._send(*(command("PROCESS_INSTANCE", "CANCEL", ProcessInstance(), key=key) for key in keys))
        await self._settle(runner)
        stop.set()
        await running

    async def values(self) -> list[bytes]:
        """All events."""
        page = await self.log.read(EVENTS, 1, 0, size_max=1 << 40)
        return [entry.value for entry in page.entries]

    async def _send(self, *records: Record) -> None:
        messages = [Message(value=self.assembly.codec.encode(record)) for record in records]
        await self.log.append([Append(topic=COMMANDS, partition=1, messages=messages)])

    async def _settle(self, runner: Runner) -> None:
        """Until every command has its outcome on the log."""
        while True:
            behind = [
                topic
                for topic in (COMMANDS, INTERNAL)
                if (runner.state.get(SOURCES, topic) or Source()).offset + 1 < await self.log.end(topic, 1)
            ]
            if not behind and await self.log.end(EVENTS, 1) == runner.machine.head.position:
                return
            await asyncio.sleep(0)


def is_created(record: Record) -> bool:
    return (record.value_type, record.intent) == ("PROCESS_INSTANCE_CREATION", "CREATED")


class Measurements:
    """What is measured, each over the whole history."""

    def __init__(self, history: History, values: list[bytes], folder: Path) -> None:
        self._history = history
        self._values = values
        self._folder = folder
        self._number = 0

    def decode(self) -> None:
        reader = Reader(self._history.assembly.codec)
        for value in self._values:
            reader.decode(value)

    def replay_into_memory(self) -> None:
        self._replay(MemoryStore())

    def replay_into_lmdb(self) -> None:
        store = LmdbStore(self._new_folder())
        self._replay(store)
        store.close()

    def audit(self) -> None:
        """All checks of `replay verify` but the projection, which runs at the same time in another process."""
        store = LmdbStore(self._new_folder())
        history = self._history
        found = asyncio.run(PartitionAudit(history.log, history.assembly, 1, store, None, ignore).run())
        assert all(not check.failure_count for check in found.checks), found
        store.close()

    def audit_projection(self) -> None:
        codec = self._history.assembly.codec
        check, _ = asyncio.run(
            audit_projection(self._folder / "stored", self._new_folder(), self._history.log, codec, ignore)
        )
        assert not check.failure_count, check.report()

    async def project(self) -> None:
        """The projection that is audited."""
        exporter = SqliteExporter(self._folder / "stored")
        await exporter.open()
        reader = Reader(self._history.assembly.codec)
        await exporter.export(1, [reader.decode(value) for value in self._values], len(self._values))
        await exporter.close()

    def _replay(self, store: Store) -> None:
        assembly = self._history.assembly
        state, machine = assembly.machine(store, 1, 1)
        count = asyncio.run(replay(self._history.log, assembly.codec, state, machine))
        assert count == len(self._values)

    def _new_folder(self) -> Path:
        self._number += 1
        return self._folder / str(self._number)


def ignore(_records: int) -> None:
    """Nobody watches."""


def best(run: Callable[[], object]) -> float:
    """Seconds of the fastest round."""
    durations = []
    for _ in range(ROUNDS):
        gc.collect()
        start = time.process_time()
        run()
        durations.append(time.process_time() - start)
    return min(durations)


async def prepared(history: History, instances: int) -> list[bytes]:
    await history.write(instances)
    return await history.values()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=5_000)
    parser.add_argument("--profile", action="store_true", help="where replay into LMDB spends its time")
    options = parser.parse_args()
    history = History(Assembly())
    values = asyncio.run(prepared(history, options.instances))
    gc.freeze()  # the log in memory is not part of what is measured
    with tempfile.TemporaryDirectory() as folder:
        measurements = Measurements(history, values, Path(folder))
        if options.profile:
            profile = cProfile.Profile()
            profile.runcall(measurements.replay_into_lmdb)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
            return
        asyncio.run(measurements.project())
        size = sum(map(len, values)) / len(values)
        print(f"replay of {len(values):,} records of {size:.0f} bytes, one core")
        cases: dict[str, Callable[[], None]] = {
            "decode alone": measurements.decode,
            "replay into memory": measurements.replay_into_memory,
            "replay into LMDB": measurements.replay_into_lmdb,
            "verify: partition": measurements.audit,
            "verify: projection": measurements.audit_projection,
        }
        for name, run in cases.items():
            print(f"  {name:<22}{len(values) / best(run):>12,.0f} records/s")


if __name__ == "__main__":
    main()
