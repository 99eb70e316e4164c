"""The clock that jumps, and waiting with it."""

from __future__ import annotations

import asyncio

import pytest

from engine.core.ports import COMMANDS
from engine.shell.manual_clock import START, ManualClock
from engine.shell.memory_log import MemoryLog


def test_time_stands_still_until_it_is_moved() -> None:
    clock = ManualClock()
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (START + 1500, 1.5)
    clock.set(7)
    assert (clock.now(), clock.monotonic()) == (7, 1.5)
    with pytest.raises(ValueError, match="expected seconds >= 0"):
        clock.advance(-1)


def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        woken: list[tuple[int, float]] = []

        async def sleep(seconds: int) -> None:
            await clock.sleep(seconds)
            woken.append((seconds, clock.monotonic()))

        await asyncio.gather(*(sleep(seconds) for seconds in (3600, 5, 0, 60)))
        assert woken == [(0, 0.0), (5, 5.0), (60, 60.0), (3600, 3600.0)]

    asyncio.run(scenario())


def test_who_stops_sleeping_holds_up_nobody() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        early = asyncio.ensure_future(clock.sleep(1))
        late = asyncio.ensure_future(clock.sleep(2))
        await asyncio.sleep(0)
        early.cancel()
        await late
        assert clock.monotonic() == 2.0

    asyncio.run(scenario())


def test_a_log_waits_by_the_clock_it_was_given() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        assert await MemoryLog(1, clock).wait({(COMMANDS, 1): 0}, timeout=3600) is False
        assert clock.monotonic() == 3600.0

    asyncio.run(scenario())
