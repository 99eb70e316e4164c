"""The pump over events that were restored with other offsets, or whose beginning retention has removed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.core.ports import EVENTS, Append, Message
from engine.core.record import Record
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from exporters.contract import ExportedPosition
from exporters.pump import Pump
from tests.support.copied_log import CopiedLog
from tests.support.scenario import CODEC
from tests.unit.exporters.stories import Story
from tests.unit.exporters.test_pump import Notes, steps_of

PLACE = (EVENTS, 1)


async def written(steps: Sequence[Sequence[Record]]) -> MemoryLog:
    log = MemoryLog(1, ManualClock())
    for step in steps:
        messages = [Message(value=value) for value in CODEC.encode_step(step)]
        await log.append([Append(topic=EVENTS, partition=1, messages=messages)])
    return log


async def export(log: MemoryLog, exporter: Notes, *, until: int = 99) -> str:
    """Until a position is exported, or the partition stops; gives the problem then."""
    pump = Pump(log, exporter, CODEC, ManualClock())
    task = asyncio.create_task(pump.run())
    async with asyncio.timeout(10):
        while not pump.problem and position(exporter) < until:
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return pump.problem


def position(exporter: Notes) -> int:
    return exporter.positions().get(1, ExportedPosition()).position


def story() -> Story:
    return steps_of([2, 3, 1, 4])


@pytest.mark.parametrize(("first", "factor"), [(100, 1), (0, 3), (7, 2)])
@pytest.mark.parametrize("exported", [0, 2, 6, 10])
def test_it_goes_on_where_positions_say(exported: int, first: int, factor: int) -> None:
    async def play() -> None:
        steps = story().steps
        exporter = Notes()
        before = [step for step in steps if step[-1].position <= exported]
        if before:
            await export(await written(before), exporter, until=exported)
        copy = CopiedLog.of(await written(steps), ManualClock(), lambda _, number: first + factor * number)
        copy.cut(PLACE, 0 if exported == 0 and factor > 1 else first)
        assert await export(copy, exporter, until=10) == ""
        positions = [position for _, found, _ in exporter.transactions for position in found]
        assert positions == list(range(1, 11))

    asyncio.run(play())


def test_what_lies_before_the_position_may_be_gone() -> None:
    async def play() -> None:
        steps, exporter = story().steps, Notes()
        await export(await written(steps[:2]), exporter, until=5)
        copy = CopiedLog.of(await written(steps), ManualClock(), lambda _, number: number)
        copy.cut(PLACE, 5)
        assert await export(copy, exporter, until=10) == ""

    asyncio.run(play())


def test_what_comes_next_is_gone() -> None:
    async def play() -> None:
        steps, exporter = story().steps, Notes()
        await export(await written(steps[:1]), exporter, until=2)
        copy = CopiedLog.of(await written(steps), ManualClock(), lambda _, number: number)
        copy.cut(PLACE, 5)
        assert "it ends at position 2, and the log begins at position 6" in await export(copy, exporter)
        assert position(exporter) == 2
        assert "it ends at position 0, and the log begins at position 6" in await export(copy, Notes())

    asyncio.run(play())


def test_more_was_exported_than_there_is() -> None:
    """The log was restored from an older copy: what is shown did not happen."""

    async def play() -> None:
        steps, exporter = story().steps, Notes()
        await export(await written(steps), exporter, until=10)
        older = await written(steps[:2])
        assert "it ends at position 10, and the log at position 5" in await export(older, exporter)

    asyncio.run(play())
