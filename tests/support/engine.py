"""The real runner over a log in memory whose appends fail at a chosen place: nothing may show that they did."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from engine.core.faults import AppendUnknown, RetoldError, Unavailable
from engine.core.head import SOURCES
from engine.core.ports import COMMANDS, EVENTS, Append, Message, Writer
from engine.core.record import Record
from engine.core.settings import MachineSettings
from engine.records import Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.shell.following import replay
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Runner, RunnerLimits

from . import models as m
from .checks import check_log
from .scenario import ASSEMBLY, BEGIN, CODEC, make

#: Instances that the run creates.
INSTANCES = 6

#: Turns of the event loop after which a run is thought to hang.
TURNS_MAX = 20_000

#: Turns after the last decision in which it is appended and committed.
REST = 200


class FaultyWriter:
    """A writer whose append number `fault_at` fails, before anything happened or after everything did."""

    def __init__(self, writer: Writer, log: FaultyLog) -> None:
        self._writer = writer
        self._log = log

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        self._log.count += 1
        if self._log.count - 1 != self._log.fault_at:
            return await self._writer.append(appends)
        if self._log.appended:
            await self._writer.append(appends)
            raise AppendUnknown("the answer was lost")
        raise Unavailable("the disk was away")


class FaultyLog(MemoryLog):
    def __init__(self, fault_at: int, appended: bool) -> None:
        super().__init__(1, ManualClock(BEGIN))
        self.fault_at = fault_at
        self.appended = appended
        self.count = 0

    async def writer(self, partition: int) -> FaultyWriter:  # type: ignore[override]
        return FaultyWriter(await super().writer(partition), self)


def wishes() -> list[Record]:
    resource = Resource(resource_name="one.bpmn", resource=m.one_task())
    creation = make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one"))
    return [make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))), *[creation] * INSTANCES]


async def run_with_fault(fault_at: int, *, appended: bool) -> None:
    """Raises AssertionError, or what stopped the partition, if a command was lost or done twice, or the state lies."""
    log = FaultyLog(fault_at, appended)
    messages = [Message(value=CODEC.encode(wish)) for wish in wishes()]
    await log.append([Append(topic=COMMANDS, partition=1, messages=messages)])
    state, machine = ASSEMBLY.machine(MemoryStore(), 1, 1)
    runner = Runner(
        log=log,
        codec=CODEC,
        state=state,
        machine=machine,
        clock=ManualClock(BEGIN),
        prepare=lambda machine: ASSEMBLY.prepare(MachineSettings(), machine)[:2],
        limits=RunnerLimits(group_commands_max=2),
    )
    await runner.recover()
    while not await _run(runner, len(messages)):
        await runner.recover()
    entries = (await log.read(EVENTS, 1, 0, size_max=1 << 30)).entries
    records = [CODEC.decode(entry.value) for entry in entries]
    check_log(records, [entry.value for entry in entries], 1)
    created = [r for r in records if r.value_type == "PROCESS_INSTANCE_CREATION"]
    assert len(created) == INSTANCES, f"expected {INSTANCES} instances, got {len(created)}"
    other, replayed = ASSEMBLY.machine(MemoryStore(), 1, 1)
    await replay(log, CODEC, other, replayed)
    assert state.digests() == other.digests(), "expected the state to be what the log says"


async def _run(runner: Runner, count: int) -> bool:
    """Until every command has its outcome, or a fault; False then."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(runner.run(stop))
    try:
        rest = REST
        for _ in range(TURNS_MAX):
            await asyncio.sleep(0)
            source = runner.state.get(SOURCES, COMMANDS)
            if source is not None and source.offset == count - 1:
                rest -= 1
            if task.done() or not rest:
                break
        if not rest and not task.done():
            return True
        if not task.done():
            raise AssertionError("expected the runner to come to an end, got a run that hangs")
        error = task.exception()
        if isinstance(error, Unavailable):
            return False
        raise error or AssertionError("expected the runner to go on, got its end")
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, RetoldError):
            await task
