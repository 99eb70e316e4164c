"""Real runners over a log in memory, all partitions in one event loop, until nothing more happens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from engine.core.faults import RetoldError
from engine.core.ports import COMMANDS, EVENTS, Append, Clock, Message, Store
from engine.core.record import Record
from engine.core.settings import MachineSettings
from engine.core.state import State
from engine.shell.following import replay
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Runner, RunnerLimits

from .scenario import ASSEMBLY, CODEC

#: Turns of the event loop without a new record after which nothing more is expected.
REST = 300


async def send(log: MemoryLog, partition: int, *commands: Record, topic: str = COMMANDS) -> None:
    """Append commands of a client."""
    messages = [Message(value=CODEC.encode(command)) for command in commands]
    await log.append([Append(topic=topic, partition=partition, messages=messages)])


async def work(
    log: MemoryLog, stores: Mapping[int, Store], clock: Clock, inboxes: Mapping[str, str] | None = None
) -> None:
    """Recover every partition and run until all of them rest. Raises what stops one of them."""
    runners = [_runner(log, number, store, clock, inboxes) for number, store in stores.items()]
    stop = asyncio.Event()
    tasks = [asyncio.create_task(_run(runner, stop)) for runner in runners]
    try:
        rest, records = REST, -1
        while rest and not any(task.done() for task in tasks):
            await asyncio.sleep(0)
            count = sum(map(len, log._places.values()))
            rest, records = (rest - 1, records) if count == records else (REST, count)
        stop.set()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError, RetoldError):
                await task


def _runner(log: MemoryLog, number: int, store: Store, clock: Clock, inboxes: Mapping[str, str] | None) -> Runner:
    state, machine = ASSEMBLY.machine(store, number, log.partition_count)
    return Runner(
        log=log,
        codec=CODEC,
        state=state,
        machine=machine,
        clock=clock,
        prepare=lambda machine: [] if machine.head.position else ASSEMBLY.prepare(MachineSettings(), machine)[:2],
        limits=RunnerLimits(group_commands_max=3),
        inboxes=inboxes,
    )


async def _run(runner: Runner, stop: asyncio.Event) -> None:
    await runner.recover()
    await runner.run(stop)


async def records_of(log: MemoryLog, partition: int, offset: int = 0) -> Sequence[Record]:
    """The events of a partition."""
    page = await log.read(EVENTS, partition, offset, size_max=1 << 40)
    return [CODEC.decode(entry.value) for entry in page.entries]


def digests(store: Store) -> Mapping[str, str]:
    """Of what was committed."""
    return State(store, ASSEMBLY.registry.tables).digests()


async def replayed(log: MemoryLog, partition: int) -> Store:
    """A new state, by appliers alone."""
    store = MemoryStore()
    state, machine = ASSEMBLY.machine(store, partition, log.partition_count)
    await replay(log, CODEC, state, machine)
    return store
