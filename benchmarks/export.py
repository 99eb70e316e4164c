"""How fast one core exports: events of one-task instances from a log in memory through the pump into SQLite.

Run `python -m benchmarks.export [--instances N] [--partitions P] [--profile]`. All is counted in: reading, decoding,
SQL.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.core.ports import EVENTS, Append, Message
from engine.core.record import EVENT, Record, Step, first_key
from engine.processes import calm_collector
from engine.records import FAMILIES
from engine.records.batch_operation_chunk import BatchItem, BatchOperationChunk
from engine.records.batch_operation_creation import BatchOperationCreation
from engine.records.batch_operation_item import BatchOperationItem
from engine.records.job import Job
from engine.records.process import Process, ProcessElement
from engine.records.process_instance import ProcessInstance
from engine.records.process_instance_creation import ProcessInstanceCreation
from engine.records.variable import Variable
from engine.shell.clock import SystemClock
from engine.shell.codec import Codec
from engine.shell.memory_log import MemoryLog
from exporters.contract import Exporter
from exporters.pump import Pump, PumpLimits
from exporters.sqlite import SqliteExporter

DEFINITION = first_key(1) + 1
KEYS_PER_INSTANCE = 6
SLICE = 100
#: Seconds between two looks whether all is exported: more would be work of its own while a node is waited for.
LOOK_SECONDS = 0.05

#: value type, intent, key, value
Event = tuple[str, str, int, msgspec.Struct]


def instance_values(process: int) -> tuple[ProcessInstance, ProcessInstance, ProcessInstance, Job]:
    """The process, its start event, its task and the task's job."""
    whole = ProcessInstance(
        process_instance_key=process,
        process_definition_key=DEFINITION,
        bpmn_process_id="order",
        bpmn_version=1,
        element_id="order",
        element_type="PROCESS",
        root_process_instance_key=process,
        tenant_id="<default>",
    )
    start = msgspec.structs.replace(whole, element_id="start", element_type="START_EVENT", flow_scope_key=process)
    task = msgspec.structs.replace(start, element_id="pay", element_type="SERVICE_TASK")
    job = Job(
        type="payment",
        kind="BPMN_ELEMENT",
        retries=3,
        custom_headers="{}",
        process_instance_key=process,
        process_definition_key=DEFINITION,
        bpmn_process_id="order",
        bpmn_version=1,
        element_id="pay",
        element_instance_key=process + 2,
        root_process_instance_key=process,
        tenant_id="<default>",
    )
    return whole, start, task, job


def creation(process: int) -> Iterator[Event]:
    """One instance created, waiting in its task."""
    whole, start, task, job = instance_values(process)
    amount = Variable(
        name="amount",
        value=str(process % 1000),
        scope_key=process,
        process_instance_key=process,
        process_definition_key=DEFINITION,
        bpmn_process_id="order",
        root_process_instance_key=process,
        tenant_id="<default>",
    )
    yield "VARIABLE", "CREATED", process + 4, amount
    flow = msgspec.structs.replace(start, element_id="to-pay", element_type="SEQUENCE_FLOW")
    for key, value, intents in (
        (process, whole, ("ELEMENT_ACTIVATING", "ELEMENT_ACTIVATED")),
        (process + 1, start, ("ELEMENT_ACTIVATING", "ELEMENT_ACTIVATED", "ELEMENT_COMPLETING", "ELEMENT_COMPLETED")),
        (process + 5, flow, ("SEQUENCE_FLOW_TAKEN",)),
        (process + 2, task, ("ELEMENT_ACTIVATING", "ELEMENT_ACTIVATED")),
    ):
        for intent in intents:
            yield "PROCESS_INSTANCE", intent, key, value
    yield "JOB", "CREATED", process + 3, job
    created = ProcessInstanceCreation(bpmn_process_id="order", bpmn_version=1, process_instance_key=process)
    yield "PROCESS_INSTANCE_CREATION", "CREATED", process, created


def cancellation(process: int, batch: int) -> Iterator[Event]:
    """One instance cancelled as an item of a batch operation: six records."""
    whole, _, task, job = instance_values(process)
    yield "PROCESS_INSTANCE", "ELEMENT_TERMINATING", process, whole
    yield "PROCESS_INSTANCE", "ELEMENT_TERMINATING", process + 2, task
    yield "JOB", "CANCELED", process + 3, job
    yield "PROCESS_INSTANCE", "ELEMENT_TERMINATED", process + 2, task
    yield "PROCESS_INSTANCE", "ELEMENT_TERMINATED", process, whole
    item = BatchOperationItem(
        batch_operation_key=batch,
        batch_operation_type="CANCEL_PROCESS_INSTANCE",
        process_instance_key=process,
        root_process_instance_key=process,
    )
    yield "BATCH_OPERATION_ITEM", "COMPLETED", process, item


class Script:
    """Appends steps to one partition of a log, numbered as a partition would."""

    def __init__(self, log: MemoryLog, codec: Codec, partition: int) -> None:
        self._log = log
        self._codec = codec
        self._partition = partition
        self.position = 0

    async def step(self, events: Sequence[Event]) -> None:
        """Append these events as one step."""
        step = Step(
            partition_id=self._partition,
            step_count=len(events),
            timestamp=1_767_323_045_678 + self.position,
            source_input="commands",
            source_ordinal=self.position,
            previous_hash=bytes(32),
            build="benchmark",
            claims="anonymous",
        )
        records = [
            Record(
                position=self.position + 1 + index,
                index=index,
                step=step,
                record_type=EVENT,
                intent=intent,
                key=key,
                value_type=value_type,
                value=value,
            )
            for index, (value_type, intent, key, value) in enumerate(events)
        ]
        self.position += len(events)
        messages = [Message(value=value) for value in self._codec.encode_step(records)]
        await self._log.append([Append(topic=EVENTS, partition=self._partition, messages=messages)])


class Bench:
    """One log, one pump, one secondary storage."""

    def __init__(self, exporter: Exporter, partitions: int, profile: bool, limits: PumpLimits | None = None) -> None:
        clock = SystemClock()
        codec = Codec(FAMILIES)
        self._log = MemoryLog(partitions, clock)
        self.scripts = [Script(self._log, codec, partition) for partition in range(1, partitions + 1)]
        self._exporter = exporter
        self._pump = Pump(self._log, self._exporter, codec, clock, limits)
        self._profile = profile

    async def drain(self, name: str, things: int) -> None:
        """Export what is on the log and print the rate; nothing is kept in memory from the export before."""
        records = sum(script.position for script in self.scripts)
        records -= sum(exported.position for exported in self._exporter.positions().values())
        calm_collector()  # as in the exporter's process; the log in memory is not part of what is measured
        profile = cProfile.Profile()
        if self._profile:
            profile.enable()
        started, processor_started = time.perf_counter(), time.process_time()
        task = asyncio.create_task(self._pump.run())
        while not task.done() and not self._caught_up():
            await asyncio.sleep(LOOK_SECONDS)
        seconds, processor = time.perf_counter() - started, time.process_time() - processor_started
        profile.disable()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if self._pump.stopped():
            raise RuntimeError(f"the pump stopped: {self._pump.stopped()}")
        print(
            f"{name:<32}{things / seconds:>10,.0f}/s"
            f"{records / seconds:>12,.0f} records/s{processor / seconds:>8.0%} of a core"
            f"{things / processor:>12,.0f} a core second{processor / records * 1e6:>8.1f} us a record"
        )
        if self._profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(18)

    def _caught_up(self) -> bool:
        positions = self._exporter.positions()
        return all(
            index in positions and positions[index].position == script.position
            for index, script in enumerate(self.scripts, 1)
        )


async def export_life(bench: Bench, instances: int, partitions: int) -> None:
    """Create, select and cancel instances, and print how fast each was exported."""
    elements = (ProcessElement(element_id="pay", name="Pay", element_type="SERVICE_TASK"),)
    process = Process(bpmn_process_id="order", bpmn_version=1, resource=b"<bpmn/>", elements=elements)
    keys: list[list[int]] = []
    for number, script in enumerate(bench.scripts, 1):
        await script.step([("PROCESS", "CREATED", DEFINITION, process)])
        first = first_key(number) + 10
        keys.append([first + KEYS_PER_INSTANCE * index for index in range(instances // partitions)])
        for key in keys[-1]:
            await script.step(list(creation(key)))
    await bench.drain("one-task instances created", instances)
    batch = first_key(1) + 2
    for script, mine in zip(bench.scripts, keys, strict=True):
        creation_value = BatchOperationCreation(batch_operation_type="CANCEL_PROCESS_INSTANCE", lead_partition=1)
        await script.step([("BATCH_OPERATION_CREATION", "CREATED", batch, creation_value)])
        for at in range(0, len(mine), SLICE):
            items = tuple(
                BatchItem(item_key=key, process_instance_key=key, root_process_instance_key=key)
                for key in mine[at : at + SLICE]
            )
            await script.step([("BATCH_OPERATION_CHUNK", "CREATED", batch, BatchOperationChunk(items=items))])
    await bench.drain("batch items found", instances)
    for script, mine in zip(bench.scripts, keys, strict=True):
        for at in range(0, len(mine), SLICE):
            await script.step([event for key in mine[at : at + SLICE] for event in cancellation(key, batch)])
    await bench.drain("batch items finished", instances)


async def measure(instances: int, partitions: int, profile: bool) -> None:
    """Export into a file."""
    with tempfile.TemporaryDirectory() as folder:
        await export_life(Bench(SqliteExporter(Path(folder)), partitions, profile), instances, partitions)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=50_000)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.instances, arguments.partitions, arguments.profile))


if __name__ == "__main__":
    main()
