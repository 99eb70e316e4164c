"""Groups of steps: bounded in bytes, for a log takes no more; and nobody waits for many long ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from engine.core.machine import Machine
from engine.core.ports import COMMANDS, INTERNAL, Append, Message, Page
from engine.core.settings import MachineSettings
from engine.records import Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog, MemoryWriter
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Runner, RunnerLimits
from tests.support import models as m
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC, make

MEGABYTE = 1_000_000


class MeasuredLog(MemoryLog):
    """Remembers the bytes of every append of its writer."""

    def __init__(self) -> None:
        super().__init__(1, ManualClock(BEGIN))
        self.sizes: list[int] = []

    async def writer(self, partition: int) -> MeasuredWriter:
        await super().writer(partition)
        return MeasuredWriter(self, partition, self._epochs[partition])


class MeasuredWriter(MemoryWriter):
    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        assert isinstance(self._log, MeasuredLog)
        self._log.sizes.append(sum(len(message.value) for append in appends for message in append.messages))
        return await super().append(appends)


class LookingLog(MeasuredLog):
    """Remembers how much had been decided whenever it was asked for what clients have sent."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[int] = []
        self.machine: Machine | None = None

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        if topic == COMMANDS and self.machine is not None:
            self.looks.append(self.machine.head.position)
        return await super().read(topic, partition, offset, size_max=size_max, headed_only=headed_only)


class SteppingClock(ManualClock):
    """Each look at it takes so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(BEGIN)
        self._seconds, self._passed = seconds, 0.0

    def monotonic(self) -> float:
        self._passed += self._seconds
        return self._passed


async def run(
    log: MeasuredLog, instances: int, size: int, topic: str = COMMANDS, *, clock: ManualClock | None = None
) -> None:
    """Create instances with so many bytes each."""
    resource = Resource(resource_name="one.bpmn", resource=m.one_task())
    creation = ProcessInstanceCreation(bpmn_process_id="one", variables=f'{{"a": "{"x" * size}"}}')
    wishes = [make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))]
    wishes += [make("PROCESS_INSTANCE_CREATION", "CREATE", creation)] * instances
    messages = [Message(value=CODEC.encode(wish)) for wish in wishes]
    await log.append([Append(topic=topic, partition=1, messages=messages)])
    state, machine = ASSEMBLY.machine(MemoryStore(), 1, 1)
    if isinstance(log, LookingLog):
        log.machine = machine
    runner = Runner(
        log=log,
        codec=CODEC,
        state=state,
        machine=machine,
        clock=clock or ManualClock(BEGIN),
        prepare=lambda machine: ASSEMBLY.prepare(MachineSettings(), machine)[:1],
        limits=RunnerLimits(group_size_max=2 * MEGABYTE, read_size_max=1 << 30),
    )
    await runner.recover()
    stop = asyncio.Event()
    running = asyncio.create_task(runner.run(stop))
    while runner.next_offset(topic) < await log.end(topic, 1):
        await asyncio.sleep(0)
    stop.set()
    await running


def test_a_group_is_bounded_in_bytes() -> None:
    log = MeasuredLog()
    asyncio.run(run(log, 10, MEGABYTE))
    assert sum(log.sizes) > 10 * MEGABYTE
    assert max(log.sizes) < 2 * MEGABYTE + MEGABYTE + 10_000


def test_a_client_waits_for_one_long_internal_step_at_most() -> None:
    """However many of them wait, it is looked for clients' commands after each."""
    log = LookingLog()
    asyncio.run(run(log, 20, 10, INTERNAL, clock=SteppingClock(RunnerLimits().internal_time_max)))
    assert longest_without_a_look(log) < log.looks[-1] / 10


def test_short_internal_steps_are_decided_together() -> None:
    log = LookingLog()
    asyncio.run(run(log, 20, 10, INTERNAL, clock=SteppingClock(RunnerLimits().internal_time_max / 5)))
    assert longest_without_a_look(log) > log.looks[-1] / 10


def longest_without_a_look(log: LookingLog) -> int:
    """In records that were decided."""
    return max(after - before for before, after in pairwise(log.looks))
