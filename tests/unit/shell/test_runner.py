"""The runner: whatever becomes of an append, no command is lost, none is done twice, and the state never lies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from engine.core.ports import Place
from engine.records import Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from engine.shell.runner import RunnerLimits
from tests.support import models as m
from tests.support.engine import run_with_fault
from tests.support.partitions import records_of, send, work
from tests.support.scenario import BEGIN, make


@pytest.mark.parametrize("appended", [False, True])
@pytest.mark.parametrize("fault_at", range(6))
def test_an_append_that_fails(fault_at: int, appended: bool) -> None:
    asyncio.run(run_with_fault(fault_at, appended=appended))


class AwaitedLog(MemoryLog):
    """Remembers for how long its readers sleep at most."""

    def __init__(self) -> None:
        super().__init__(1, ManualClock(BEGIN))
        self.timeouts: list[float] = []

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        if timeout is not None:
            self.timeouts.append(timeout)
        return await super().wait(places, timeout)


def test_the_clock_is_looked_at_again_long_before_a_timer_is_due() -> None:
    """It may have been behind when the sleep began, or have stood still while the machine slept."""
    log = AwaitedLog()
    resource = Resource(
        resource_name="one.bpmn", resource=m.straight("one", m.catch("wait", m.timer("P1D")), names=["wait"])
    )

    async def scenario() -> None:
        await send(
            log,
            1,
            make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))),
            make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one")),
        )
        await work(log, {1: MemoryStore()}, ManualClock(BEGIN))

    asyncio.run(scenario())
    assert max(log.timeouts) == RunnerLimits().clock_interval


def test_what_is_due_does_not_wait_for_a_clock_that_is_behind_that_of_the_log() -> None:
    """Machine time is that of the log, whose clock the stamp of any command tells."""
    behind, clock = ManualClock(BEGIN), ManualClock(BEGIN + 3_600_000)
    log, store = MemoryLog(1, clock), MemoryStore()
    resource = Resource(
        resource_name="one.bpmn", resource=m.straight("one", m.catch("wait", m.timer("PT10S")), names=["wait"])
    )

    async def scenario() -> list[str]:
        await send(
            log,
            1,
            make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))),
            make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="one")),
        )
        await work(log, {1: store}, behind)
        for each in (behind, clock):
            each.advance(10)
        await send(log, 1, make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id="no")))
        await work(log, {1: store}, behind)
        return [f"{record.value_type} {record.intent}" for record in await records_of(log, 1)]

    assert "TIMER TRIGGERED" in asyncio.run(scenario())
