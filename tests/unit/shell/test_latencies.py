"""How long clients' commands take is measured from the log's stamp to the commit, and told seldom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from engine.core.faults import Unavailable
from engine.core.ports import COMMANDS, INTERNAL, Append, Message
from engine.core.record import Record, command
from engine.core.state import View
from engine.records import CommandLatency, ProcessInstanceCreation
from engine.shell.latencies import COMMANDS_MAX, COMMANDS_MIN, Latencies, LatencyDriver
from engine.shell.log_time import LogTime
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import Group, Runner
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC, Scenario, make
from tests.support.troubled_log import TroubledLog


def group(*seconds: float) -> Group:
    """Commands that took so long."""
    made = Group()
    made.committed = (9.0, 10.0)
    made.sent = [10.0 - took for took in seconds]
    return made


def test_one_of_twenty_may_take_longer() -> None:
    latencies = Latencies()
    latencies.group_committed(group(*[0.001] * 10))
    latencies.group_committed(group(*[0.002] * 9, 7.0))
    assert latencies.take() == 2
    assert (len(latencies), latencies.take()) == (0, 0)
    latencies.group_committed(group(*[0.002] * 8, 7.0, 8.0))
    assert latencies.take() == 8_000


def test_what_is_kept_is_bounded() -> None:
    latencies = Latencies()
    latencies.group_committed(group(*[5.0] * COMMANDS_MAX))
    latencies.group_committed(group(*[0.001] * COMMANDS_MAX))
    assert (len(latencies), latencies.take()) == (COMMANDS_MAX, 1)


class Wanted:
    """Wants every measurement."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.wants = True

    def measurement(self, view: View, now: int, latency: int, commands: int) -> Record | None:
        self.asked.append((latency, commands))
        value = CommandLatency(latency=latency, commands=commands)
        return command("COMMAND_LATENCY", "MEASURE", value) if self.wants else None


class World:
    """A driver over a log in memory."""

    def __init__(self, log: MemoryLog | None = None) -> None:
        self.clock = ManualClock(BEGIN)
        self.log = log or MemoryLog(1, self.clock)
        self.latencies, self.wanted = Latencies(), Wanted()
        self.driver = LatencyDriver(
            log=self.log,
            codec=CODEC,
            machine=Scenario().machine(),
            latencies=self.latencies,
            measurements=self.wanted,
            clock=self.clock,
            time=LogTime(self.clock),
        )

    async def commit(self, after: float, *seconds: float) -> None:
        """After some seconds a group is committed with commands that took so long."""
        self.clock.advance(after)
        self.driver.committed()
        self.latencies.group_committed(group(*seconds))
        for _ in range(5):
            await asyncio.sleep(0)

    async def told(self) -> list[int]:
        page = await self.log.read(INTERNAL, 1, 0)
        values = [CODEC.decode(entry.value).value for entry in page.entries]
        return [value.latency for value in values if isinstance(value, CommandLatency)]


def run(story: Callable[[World], object], log: MemoryLog | None = None) -> World:
    async def scenario() -> World:
        world = World(log)
        running = asyncio.create_task(world.driver.run())
        await story(world)  # type: ignore[misc]
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return world

    return asyncio.run(scenario())


def test_it_is_told_once_a_second_at_most() -> None:
    async def story(world: World) -> None:
        for _ in range(38):
            await world.commit(0.25, *[0.2] * COMMANDS_MIN)
        assert await world.told() == [200] * 9

    run(story)


def test_few_commands_are_waited_for_and_none_are_no_latency() -> None:
    async def story(world: World) -> None:
        for _ in range(4):
            await world.commit(1.0, 0.3)
        assert await world.told() == []
        await world.commit(1.0)
        assert await world.told() == [300]
        for _ in range(5):
            await world.commit(1.0)
        assert await world.told() == [300, 0]
        assert world.wanted.asked == [(300, 4), (0, 0)]

    run(story)


def test_nothing_is_told_while_nothing_is_committed_or_wanted() -> None:
    async def story(world: World) -> None:
        world.wanted.wants = False
        await world.commit(1.0, *[0.2] * COMMANDS_MIN)
        await world.commit(2.0, *[0.2] * COMMANDS_MIN)
        asked = len(world.wanted.asked)
        world.clock.advance(1_000)
        for _ in range(5):
            await asyncio.sleep(0)
        assert await world.told() == []
        assert len(world.wanted.asked) == asked == 2

    run(story)


@pytest.mark.parametrize("lost", [1, 3])
def test_a_log_that_is_away_stops_nobody(lost: int) -> None:
    async def story(world: World) -> None:
        for _ in range(5):
            await world.commit(1.0, *[0.2] * COMMANDS_MIN)
            await world.commit(0.0)

    world = run(story, TroubledLog(*[Unavailable] * lost))
    assert len(asyncio.run(world.told())) == 5 - lost


def test_a_runner_tells_how_long_clients_waited() -> None:
    """From the stamp of the log, also of what lay there before the runner came; its own work does not count."""
    clock = ManualClock(BEGIN)
    log, latencies = MemoryLog(1, clock), Latencies()

    async def scenario() -> None:
        state, machine = ASSEMBLY.machine(MemoryStore(), 1, 1)
        runner = Runner(
            log=log,
            codec=CODEC,
            state=state,
            machine=machine,
            clock=clock,
            prepare=lambda _: (),
            measures=latencies,
        )
        wish = CODEC.encode(make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation()))
        tick = CODEC.encode(make("COMMAND_LATENCY", "MEASURE", CommandLatency()))
        await log.append([Append(topic=COMMANDS, partition=1, messages=[Message(value=wish)])])
        await log.append([Append(topic=INTERNAL, partition=1, messages=[Message(value=tick)])])
        clock.advance(2.0)
        await runner.recover()
        stop = asyncio.Event()
        running = asyncio.create_task(runner.run(stop))
        while not latencies:
            await asyncio.sleep(0)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(scenario(), 10))
    assert (len(latencies), latencies.take()) == (1, 2_000)
