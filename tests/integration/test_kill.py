"""kill -9 under load, of one process or of all: nothing acknowledged is lost, nothing happens twice, numbers add up.

More seeds: `KILL_SEEDS="1 2 3" pytest tests/integration/test_kill.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from tests.integration.installation import SUPERVISOR, Installation
from tests.integration.load import Load, check
from tests.support.roles import roles

SEEDS = [int(seed) for seed in os.environ.get("KILL_SEEDS", "1 2").split()]
#: Requests acknowledged between one kill and the next, at most.
ANSWERS_MAX = 150


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_is_killed_nothing_is_lost_and_nothing_happens_twice(tmp_path: Path, seed: int) -> None:
    print(f"KILL_SEEDS={seed}")
    chosen = random.Random(seed)
    victims = [*roles(2), SUPERVISOR]
    chosen.shuffle(victims)

    async def story(engine: Installation) -> Load:
        load = Load(engine, seed)
        await load.start()
        for victim in victims:
            await load.reach(chosen.randrange(ANSWERS_MAX))
            await asyncio.to_thread(engine.kill, victim)
            if victim == SUPERVISOR:
                await asyncio.to_thread(engine.start)
        await load.reach(ANSWERS_MAX)
        await load.stop()
        await asyncio.to_thread(engine.wait_ready)
        await load.settle()
        await load.close()
        return load

    with Installation(tmp_path) as engine:
        load = asyncio.run(story(engine))
        data = engine.data
    check(load, data)
    print(f"{load.answers} acknowledged, refused: {dict(load.refusals)}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    async def story(engine: Installation) -> Load:
        load = Load(engine, 0)
        await load.start()
        await load.reach(ANSWERS_MAX)
        await asyncio.to_thread(engine.stop, number)
        await load.close()
        await asyncio.to_thread(engine.start)
        return load

    with Installation(tmp_path) as engine:
        load = asyncio.run(story(engine))
        data = engine.data
    check(load, data)


def test_back_pressure_refuses_visibly_and_loses_nothing(tmp_path: Path) -> None:
    async def story(engine: Installation) -> Load:
        load = Load(engine, 0)
        await load.start(creators=32, with_batches=False)
        await load.reach(5 * ANSWERS_MAX)
        await load.close()
        return load

    with Installation(tmp_path, environment={"RETOLD_GATEWAY_IN_FLIGHT_MAX": "1"}) as engine:
        load = asyncio.run(story(engine))
        data = engine.data
    check(load, data)
    assert load.refusals[503] > 0
