"""A gap in the messages between partitions: the receiver stops, is repaired from the SENT events, and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.core.faults import MessageGap, Unavailable
from engine.core.ports import EVENTS, INTERNAL, Append, Message
from engine.core.settings import MachineSettings
from engine.shell.directory_lock import DirectoryLock
from engine.shell.embedded.environment import log_directory
from engine.shell.embedded.stopped import append_stopped
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Runner
from replay.repair import find_and_repair, find_gaps
from replay.sources import EmbeddedSource
from tests.support import models as m
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC, Scenario

DEPLOYMENTS = 5


def told() -> tuple[list[bytes], list[bytes]]:
    """The events of partition 1, and what it sent to partition 2."""
    s = Scenario(2)
    for index in range(DEPLOYMENTS):
        s.deploy(m.one_task(f"p{index}"))
    return s.partitions[1].events, [entry.value for entry in s.partitions[2].inputs[INTERNAL]]


def arrived(numbers: Sequence[int]) -> list[Append]:
    """What lies on the log when only messages with these numbers arrived, in this order."""
    events, messages = told()
    found = [Message(value=messages[number - 1]) for number in numbers]
    appends = [Append(topic=EVENTS, partition=1, messages=[Message(value=value) for value in events])]
    return [*appends, Append(topic=INTERNAL, partition=2, messages=found)] if found else appends


async def start(log: MemoryLog) -> int:
    """Run partition 2 on what is there, from an empty state; gives how many definitions it holds then."""
    state, machine = ASSEMBLY.machine(MemoryStore(), 2, 2)
    runner = Runner(
        log=log,
        codec=CODEC,
        state=state,
        machine=machine,
        clock=ManualClock(BEGIN),
        prepare=lambda machine: ASSEMBLY.prepare(MachineSettings(), machine)[:0],
    )
    await runner.recover()
    stop = asyncio.Event()
    running = asyncio.create_task(runner.run(stop))
    for _ in range(300):
        await asyncio.sleep(0)
    stop.set()
    await running
    definitions = next(table for table in state.tables if table.name == "DEFINITIONS")
    return len(state.scan(definitions))


async def stop_repair_go_on(numbers: Sequence[int]) -> int:
    log = MemoryLog(2, ManualClock(BEGIN))
    await log.append(arrived(numbers))
    with pytest.raises(MessageGap, match="retold repair"):
        await start(log)
    for gap in await find_gaps(log, CODEC):
        found = [Message(value=data) for data in gap.messages]
        await log.append([Append(topic=INTERNAL, partition=gap.receiver, messages=found)])
    assert await find_gaps(log, CODEC) == []
    first = await start(log)
    assert await start(log) == first, "expected the same after a restart"
    return first


@pytest.mark.parametrize("numbers", [(2, 3, 4, 5), (1, 2, 4, 5), (1, 3, 5), (1, 5), (3,), (2, 1), (1, 3, 2, 5)])
def test_a_partition_goes_on_behind_the_repair(numbers: tuple[int, ...]) -> None:
    assert asyncio.run(stop_repair_go_on(numbers)) == DEPLOYMENTS


@pytest.mark.parametrize(("numbers", "first"), [((), 1), ((1, 2), 3), ((1, 2, 3, 4, 5), None), ((1, 1, 2, 3), 4)])
def test_what_is_missing_at_the_end_is_found_as_well(numbers: tuple[int, ...], first: int | None) -> None:
    async def find() -> list[int]:
        log = MemoryLog(2, ManualClock(BEGIN))
        await log.append(arrived(numbers))
        return [gap.first for gap in await find_gaps(log, CODEC)]

    assert asyncio.run(find()) == ([] if first is None else [first])


def test_a_data_directory_is_repaired_once_and_only_while_the_engine_is_stopped(tmp_path: Path) -> None:
    log_directory(tmp_path).mkdir(parents=True)
    append_stopped(tmp_path, 2, arrived((1, 3)))
    lock = DirectoryLock(log_directory(tmp_path))
    with pytest.raises(Unavailable):
        find_and_repair(EmbeddedSource(tmp_path), only_look=False)
    lock.release()
    for only_look in (True, False):
        (gap,) = find_and_repair(EmbeddedSource(tmp_path), only_look=only_look)
        assert (gap.sender, gap.receiver, gap.first, len(gap.messages)) == (1, 2, 2, DEPLOYMENTS - 1)
    assert find_and_repair(EmbeddedSource(tmp_path), only_look=False) == []
