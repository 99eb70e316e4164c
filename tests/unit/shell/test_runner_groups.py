"""Groups of steps: bounded in bytes, so that an append stays within what a log takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.core.ports import COMMANDS, Append, Message
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


async def run(instances: int) -> list[int]:
    """Create instances with a megabyte each; gives the bytes of every append."""
    log = MeasuredLog()
    resource = Resource(resource_name="one.bpmn", resource=m.one_task())
    creation = ProcessInstanceCreation(bpmn_process_id="one", variables=f'{{"a": "{"x" * MEGABYTE}"}}')
    wishes = [make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,)))]
    wishes += [make("PROCESS_INSTANCE_CREATION", "CREATE", creation)] * instances
    messages = [Message(value=CODEC.encode(wish)) for wish in wishes]
    await log.append([Append(topic=COMMANDS, partition=1, messages=messages)])
    state, machine = ASSEMBLY.machine(MemoryStore(), 1, 1)
    runner = Runner(
        log=log,
        codec=CODEC,
        state=state,
        machine=machine,
        clock=ManualClock(BEGIN),
        prepare=lambda machine: ASSEMBLY.prepare(MachineSettings(), machine)[:1],
        limits=RunnerLimits(group_size_max=2 * MEGABYTE, read_size_max=1 << 30),
    )
    await runner.recover()
    stop = asyncio.Event()
    running = asyncio.create_task(runner.run(stop))
    while sum(log.sizes) < instances * MEGABYTE:
        await asyncio.sleep(0)
    stop.set()
    await running
    return log.sizes


def test_a_group_is_bounded_in_bytes() -> None:
    sizes = asyncio.run(run(10))
    assert sum(sizes) > 10 * MEGABYTE
    assert max(sizes) < 2 * MEGABYTE + MEGABYTE + 10_000
