"""The engine and its log alone, one partition on one core: `python -m benchmarks.engine`.

One process with the runner, the machine and an LMDB state, over the embedded log (its server is a process of its own).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from engine.assembly import Assembly
from engine.core.machine import Machine
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Append, Message, SelectedItem
from engine.core.record import Record, Step, command
from engine.core.settings import MachineSettings
from engine.core.state import State
from engine.operations.migrate_process_instance import Parameters
from engine.process.tables import DEFINITION_VERSIONS, ELEMENT_INSTANCES
from engine.processes import calm_collector
from engine.records import BatchOperationCreation, Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.records.process_instance_migration import MappingInstruction
from engine.shell.clock import SystemClock
from engine.shell.embedded.client import EmbeddedLog
from engine.shell.following import replay
from engine.shell.lmdb_store import LmdbStore
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Measures, Runner
from engine.telemetry.telemetry import Telemetry

from .models import ONE_TASK
from .table import print_table

INSTANCES = 20_000


class Engine:
    """One partition in this process; it counts as it does in an installation, unless `measures` is None."""

    def __init__(self, log: EmbeddedLog, directory: Path, measures: Measures | None = None) -> None:
        self.assembly = Assembly()
        self.log = log
        self.store = LmdbStore(directory / "state", 8 << 30, state_format=self.assembly.state_format)
        self.state, self.machine = self.assembly.machine(self.store, 1, 1)
        self.runner = Runner(
            log=log,
            codec=self.assembly.codec,
            state=self.state,
            machine=self.machine,
            clock=SystemClock(),
            prepare=lambda machine: self.assembly.prepare(
                MachineSettings(slice_size=50, slice_effects_max=1_000), machine
            ),
            measures=measures,
        )

    async def send(self, topic: str, records: list[Record]) -> None:
        messages = [Message(value=self.assembly.codec.encode(record)) for record in records]
        await self.log.append([Append(topic=topic, partition=1, messages=messages)])

    async def until(self, intent: str, family: str, count: int, offset: int) -> int:
        """Read events from the offset until `count` of them were seen; gives the offset behind."""
        wanted = self.assembly.codec.fingerprints[family].to_bytes(8, "little")
        seen = 0
        while seen < count:
            await self.log.wait({(EVENTS, 1): offset})
            page = await self.log.read(EVENTS, 1, offset, size_max=8 << 20)
            offset = page.next_offset
            seen += sum(entry.value[2:10] == wanted and intent.encode() in entry.value for entry in page.entries)
        return offset


async def measure(directory: Path) -> list[tuple[str, str]]:
    log = await EmbeddedLog.open(directory)
    engine = Engine(log, directory, Telemetry().partition(1))
    calm_collector()
    stop = asyncio.Event()
    await engine.runner.recover()
    running = asyncio.create_task(engine.runner.run(stop))
    rows: list[tuple[str, str]] = []

    resource = Resource(resource_name="one-task.bpmn", resource=ONE_TASK)
    await engine.send(COMMANDS, [command("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))])
    offset = await engine.until("FULLY_DISTRIBUTED", "DEPLOYMENT", 1, 0)

    create = command("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one-task"))
    started = time.perf_counter()
    await engine.send(COMMANDS, [create] * INSTANCES)
    offset = await engine.until("CREATED", "PROCESS_INSTANCE_CREATION", INSTANCES, offset)
    rows.append(("instances created", f"{INSTANCES / (time.perf_counter() - started):,.0f}/s"))

    offset, found = await migrate(engine, offset)
    rows += found
    rows += (await cancel(engine, offset))[1]
    stop.set()
    await engine.send(INTERNAL, [create])
    await running
    rows.append(await replay_all(engine))
    await log.close()
    return rows


async def cancel(engine: Engine, offset: int, trace_context: str = "") -> tuple[int, list[tuple[str, str]]]:
    """All instances end; the offset behind."""
    parameters = engine.assembly.operations["CANCEL_PROCESS_INSTANCE"].parameters()
    return await run_batch(engine, offset, "CANCEL_PROCESS_INSTANCE", parameters, trace_context)


async def migrate(engine: Engine, offset: int) -> tuple[int, list[tuple[str, str]]]:
    """All instances, with a job each, go on with the next version of their process; the offset behind."""
    resource = Resource(resource_name="one-task.bpmn", resource=ONE_TASK + b"<!-- the next version -->")
    await engine.send(COMMANDS, [command("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))])
    offset = await engine.until("FULLY_DISTRIBUTED", "DEPLOYMENT", 1, offset)
    target = engine.state.get(DEFINITION_VERSIONS, "one-task", 2)
    assert target is not None
    instruction = MappingInstruction(source_element_id="task", target_element_id="task")
    parameters = Parameters(target_process_definition_key=target, mapping_instructions=(instruction,))
    return await run_batch(engine, offset, "MIGRATE_PROCESS_INSTANCE", parameters)


async def run_batch(
    engine: Engine, offset: int, name: str, parameters: Struct, trace_context: str = ""
) -> tuple[int, list[tuple[str, str]]]:
    """A batch operation over all instances, whose items come as from secondary storage; the offset behind."""
    encoded = engine.assembly.operation_codecs.encode(name, parameters)
    wish = BatchOperationCreation(batch_operation_type=name, filter='{"state":"ACTIVE"}', parameters=encoded)
    keys = [int.from_bytes(key, "big") for key, row in engine.state.scan(ELEMENT_INSTANCES) if row.scope_key < 0]
    before = engine.machine.head.position
    started = time.perf_counter()
    step = Step(trace_context=trace_context)
    await engine.send(COMMANDS, [command("BATCH_OPERATION_CREATION", "CREATE", wish, step=step)])
    offset = await engine.until("CREATED", "BATCH_OPERATION_CREATION", 1, offset)
    initializer = engine.assembly.initializer()
    while (query := initializer.wanted(engine.machine, 0)) is not None:
        limit, after = query.selection.limit, query.selection.after
        page = [key for key in keys if key > after][:limit]
        found = [SelectedItem(item_key=key, process_instance_key=key, root_process_instance_key=key) for key in page]
        await engine.send(INTERNAL, [initializer.found(query, found)])
        while initializer.is_open(engine.machine, query):
            await asyncio.sleep(0)
    offset = await engine.until("COMPLETED", "BATCH_OPERATION_LIFECYCLE_MANAGEMENT", 1, offset)
    rate = len(keys) / (time.perf_counter() - started)
    records = (engine.machine.head.position - before) / len(keys)
    shown = f"batch {name.partition('_')[0].lower()}"
    return offset, [(shown, f"{rate:,.0f} items/s"), (f"{shown}, records an item", f"{records:.2f}")]


async def replay_all(engine: Engine) -> tuple[str, str]:
    state: State
    machine: Machine
    state, machine = engine.assembly.machine(MemoryStore(), 1, 1)
    started = time.perf_counter()
    count = await replay(engine.log, engine.assembly.codec, state, machine)
    rate = count / (time.perf_counter() - started)
    same = state.digests() == engine.state.digests()
    return "replay into an empty state", f"{rate:,.0f} records/s ({'same' if same else 'DIFFERENT'} state)"


@contextmanager
def log_server(directory: Path) -> Iterator[None]:
    """The process of an embedded log with one partition."""
    arguments = ["--data", str(directory), "--partitions", "1"]
    server = subprocess.Popen([sys.executable, "-m", "engine.shell.embedded.server", *arguments])
    try:
        yield
    finally:
        server.terminate()
        server.wait(30)


def main() -> None:
    with tempfile.TemporaryDirectory() as name, log_server(Path(name)):
        print_table("Engine and log alone (1 partition)", asyncio.run(measure(Path(name))))


if __name__ == "__main__":
    main()
