"""A partition and its exporter in memory, with somebody who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from engine.core.head import SOURCES, Source
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Append, Message, SelectedItem
from engine.core.record import Record
from engine.records import BatchOperationCreation, Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Runner
from engine.telemetry.attributes import ATTRIBUTES
from engine.telemetry.registry import Labels
from engine.telemetry.spans import Span
from engine.telemetry.telemetry import Telemetry
from tests.support import models as m
from tests.support.actions import CANCEL
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC, make

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

#: Turns of the event loop after which a run is thought to hang.
TURNS_MAX = 20_000

#: Turns after the last decision in which it is appended and committed.
REST = 200

#: The targets of `cancellation`; there are no such instances.
ITEMS = tuple((1 << 51) + number for number in range(900, 905))


class Heard:
    """The Spans that keeps them, and refuses whatever the table of attributes does not have."""

    def __init__(self, item_sample_ratio: float = 1.0, limit: int = 1_000) -> None:
        self.sample_ratio = 0.0
        self.item_sample_ratio = item_sample_ratio
        self.spans: list[Span] = []
        self._left = limit

    def admit(self) -> bool:
        self._left -= 1
        return self._left >= 0

    def take(self, span: Span) -> None:
        assert span.attributes.keys() <= ATTRIBUTES.keys()
        assert span.began <= span.ended
        self.spans.append(span)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def deployment() -> Record:
    return make(
        "DEPLOYMENT", "CREATE", Deployment(resources=(Resource(resource_name="o.bpmn", resource=m.one_task()),))
    )


def creation(process_id: str = "one", request: str = "") -> Record:
    value = ProcessInstanceCreation(bpmn_process_id=process_id)
    return make("PROCESS_INSTANCE_CREATION", "CREATE", value, request=request)


def cancellation() -> Record:
    operation = ASSEMBLY.operations[CANCEL]
    parameters = ASSEMBLY.operation_codecs.encode(CANCEL, operation.parameters())
    value = BatchOperationCreation(batch_operation_type=CANCEL, item_keys=ITEMS, parameters=parameters)
    return make("BATCH_OPERATION_CREATION", "CREATE", value)


def _item(key: int) -> SelectedItem:
    return SelectedItem(item_key=key, process_instance_key=key, root_process_instance_key=key)


def traced(record: Record, context: str = GIVEN) -> Record:
    return msgspec.structs.replace(record, step=msgspec.structs.replace(record.step, trace_context=context))


class Watched:
    """One partition."""

    def __init__(self, heard: Heard | None) -> None:
        self.clock = ManualClock(BEGIN)
        self.log = MemoryLog(1, self.clock)
        self.telemetry = Telemetry(heard)

    async def run(self, *commands: Record, store: MemoryStore | None = None) -> Runner:
        """Recover on a new state unless one is given, take these commands, and end when all have their outcome."""
        if commands:
            await self._send(COMMANDS, *commands)
        runner = self.runner(store or MemoryStore())
        await runner.recover()
        stop = asyncio.Event()
        task = asyncio.ensure_future(runner.run(stop))
        initializer = ASSEMBLY.initializer()
        rest = REST
        for _ in range(TURNS_MAX):
            await asyncio.sleep(0)
            query = initializer.wanted(runner.machine, self.clock.now())
            if query is not None and rest == REST:
                found = [_item(key) for key in query.selection.item_keys if key > query.selection.after]
                await self._send(INTERNAL, *(answer.command for answer in initializer.found(query, found)))
            rest = rest - 1 if await self._is_decided(runner) else REST
            if task.done() or not rest:
                break
        stop.set()
        await task
        return runner

    def runner(self, store: MemoryStore) -> Runner:
        state, machine = ASSEMBLY.machine(store, 1, 1)
        runner = Runner(
            log=self.log,
            codec=CODEC,
            state=state,
            machine=machine,
            clock=self.clock,
            prepare=lambda _: [],
            measures=self.telemetry.partition(1),
        )
        self.telemetry.watch_runner(runner)
        return runner

    async def _send(self, topic: str, *commands: Record) -> None:
        messages = [Message(value=CODEC.encode(command)) for command in commands]
        await self.log.append([Append(topic=topic, partition=1, messages=messages)])

    async def _is_decided(self, runner: Runner) -> bool:
        for topic in (COMMANDS, INTERNAL):
            source = runner.state.get(SOURCES, topic) or Source()
            if source.offset + 1 < await self.log.end(topic, 1):
                return False
        return True

    async def records(self) -> Sequence[Record]:
        page = await self.log.read(EVENTS, 1, 0, size_max=1 << 30)
        return [CODEC.decode(entry.value) for entry in page.entries]

    def values(self, name: str) -> dict[Labels, float]:
        """Of a counter or gauge."""
        return {
            labels: value for s in self.telemetry.registry.snapshot() if s.name == name for labels, value in s.values
        }

    def count(self, name: str) -> int:
        """How many values a histogram has."""
        samples = self.telemetry.registry.snapshot()
        return sum(sum(buckets.counts) for s in samples if s.name == name for _, buckets in s.histograms)
