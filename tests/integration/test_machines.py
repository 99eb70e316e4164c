"""Several machines over one broker, under load: one is added, one stopped, one killed, and the partitions move.

Nothing acknowledged is lost, nothing happens twice, and the log is whole. The figures are printed, not judged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from engine.overview import read_overview
from engine.shell.kafka.connection import KafkaConnection
from replay.kafka import KafkaSource
from replay.verify import verify
from tests.integration.installation import PATIENCE, SUPERVISOR, Installation, wait_until
from tests.integration.load import Load, check_answers

PARTITIONS = 3
#: Requests acknowledged between one change and the next.
ANSWERS = 60


def owners(machine: Installation) -> dict[str, list[int]]:
    """Name of each member -> the partitions that it owns, as this machine was told."""
    return {member.name: list(member.owned) for member in read_overview(machine.data).members}


def is_shared_by(machine: Installation, count: int) -> bool:
    """Whether so many members own something, and each partition is owned."""
    owned = [partitions for partitions in owners(machine).values() if partitions]
    return len(owned) == count and sum(map(len, owned)) == PARTITIONS


def topology(machine: Installation) -> dict[str, Any]:
    return dict(httpx.get(f"{machine.url}/v2/topology", timeout=PATIENCE).raise_for_status().json())


async def moved(load: Load, what: str, move: Callable[[], None]) -> None:
    """Do it while the load goes on, and print how long the longest silence was."""
    moving = asyncio.create_task(asyncio.to_thread(move))
    silence, since = 0.0, time.monotonic()
    reached = asyncio.create_task(load.reach(ANSWERS))
    while not (moving.done() and reached.done()):
        answers = load.answers
        await asyncio.wait({moving, reached} - {task for task in (moving, reached) if task.done()}, timeout=0.02)
        if load.answers != answers:
            silence, since = max(silence, time.monotonic() - since), time.monotonic()
    await moving
    await reached
    print(f"{what}: the longest time without an answer was {silence:.2f} s")


def test_partitions_move_and_nothing_is_lost(tmp_path: Path, kafka: str, kafka_prefix: str) -> None:
    environment = {"RETOLD_KAFKA_BOOTSTRAP_SERVERS": kafka, "RETOLD_KAFKA_TOPIC_PREFIX": kafka_prefix}

    def machine(name: str) -> Installation:
        return Installation(tmp_path / name, PARTITIONS, environment)

    first, second, third = machine("first"), machine("second"), machine("third")

    def stop_first() -> None:
        first.stop()
        wait_until(lambda: is_shared_by(second, 2) and len(owners(second)) == 2, "two to have all partitions")

    def kill_third() -> None:
        third.kill(SUPERVISOR)
        wait_until(lambda: is_shared_by(second, 1) and len(owners(second)) == 1, "one to have all partitions")

    async def story(stack: ExitStack) -> Load:
        load = Load(second, 1)
        await load.start(creators=2)
        await load.reach(ANSWERS)
        await asyncio.to_thread(stack.enter_context, third)
        await asyncio.to_thread(wait_until, lambda: is_shared_by(second, 3), "three machines with partitions")
        found = await asyncio.to_thread(topology, second)
        assert (found["clusterSize"], found["replicationFactor"]) == (3, 2)
        roles = sorted((p["partitionId"], p["role"]) for b in found["brokers"] for p in b["partitions"])
        assert roles == [(n, role) for n in range(1, PARTITIONS + 1) for role in ("follower", "leader")]
        await moved(load, "one stops", stop_first)
        await moved(load, "one is killed", kill_third)
        await load.stop()
        await load.settle()
        await load.close()
        return load

    with ExitStack() as stack:
        stack.enter_context(first)
        stack.enter_context(second)
        wait_until(lambda: is_shared_by(second, 2), "both to have partitions")
        load = asyncio.run(story(stack))
    source = KafkaSource(KafkaConnection(servers=kafka, prefix=kafka_prefix))
    report = verify(second.data, source=source)
    assert report.ok, report
    check_answers(load, source)
    print(f"{load.answers} acknowledged, refused: {dict(load.refusals)}")
