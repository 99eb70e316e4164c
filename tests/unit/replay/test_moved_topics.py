"""The auditor over topics that were restored with other offsets: all is proved that can be, and damage is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import msgspec
import pytest

from engine.core.ports import COMMANDS, Place, Store
from engine.shell.memory_store import MemoryStore
from replay.partition import PartitionAudit, PartitionFindings
from replay.redecision import PartitionRerun, Redecision
from replay.report import FAILED
from tests.support.copied_log import CopiedLog
from tests.support.partitions import send, work
from tests.support.restored import DECIDED, RELOCATIONS, Installation, creation
from tests.support.scenario import ASSEMBLY


async def audit(log: CopiedLog, number: int, store: Store) -> PartitionFindings:
    return await PartitionAudit(log, ASSEMBLY, number, MemoryStore(), store, lambda _: None).run()


async def rerun(log: CopiedLog, number: int) -> PartitionRerun:
    return await Redecision(log, ASSEMBLY, number, MemoryStore()).run()


def failures(findings: PartitionFindings) -> Sequence[str]:
    return [failure.text for check in findings.checks if check.status == FAILED for failure in check.failures]


def counts(findings: PartitionFindings) -> dict[str, int]:
    return {name: count for check in findings.checks for name, count in check.counts.items()}


def play(test: Callable[[Installation], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        installation = Installation()
        await installation.live()
        await test(installation)

    asyncio.run(run())


@pytest.mark.parametrize("name", RELOCATIONS)
def test_a_restored_log_is_clean_and_decided_the_same_way(name: str) -> None:
    async def test(installation: Installation) -> None:
        copy = installation.copy(RELOCATIONS[name])
        stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
        await work(copy, stores, installation.clock)
        again = CopiedLog.of(copy, installation.clock, lambda _, offset: offset + 5)
        await send(again, 1, creation("late"))
        for log in (copy, again):
            if log is again:
                await work(again, stores, installation.clock)
            for number, store in stores.items():
                findings = await audit(log, number, store)
                assert failures(findings) == []
                assert findings.partition.pending_commands == 0
                decided = await rerun(log, number)
                assert (decided.difference, decided.pending_commands) == (None, 0)
                assert decided.last_position == findings.partition.last_position

    play(test)


def test_commands_that_are_gone_are_counted() -> None:
    async def test(installation: Installation) -> None:
        def relocate(place: Place, number: int) -> int | None:
            return None if place == (COMMANDS, 2) and number < 3 else number

        copy = installation.copy(relocate)
        stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
        copy = CopiedLog.of(copy, installation.clock, lambda _, number: number)
        await work(copy, stores, installation.clock)
        findings = await audit(copy, 2, stores[2])
        assert failures(findings) == []
        assert counts(findings)["outcomes of commands that are gone"] == 3
        found = (await rerun(copy, 2)).difference
        assert found is not None
        assert "command 1 of commands was not in the copy that the log came from" in found.text

    play(test)


@pytest.mark.parametrize("number", [DECIDED - 1, DECIDED + 2])
def test_a_command_that_was_changed_is_found(number: int) -> None:
    async def test(installation: Installation) -> None:
        copy = installation.copy(RELOCATIONS["shifted"])
        stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
        await work(copy, stores, installation.clock)
        entries = copy._places[COMMANDS, 2]
        entries[number] = msgspec.structs.replace(entries[number], value=entries[0].value)
        texts = failures(await audit(copy, 2, stores[2]))
        assert any(f"offset {1_000 + number} of commands of partition 2" in text for text in texts)
        assert (await rerun(copy, 2)).difference is not None

    play(test)
