"""Confirmations: the machine hears of an export when searches show it, not before, and whatever fails, in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from engine.core.faults import AppendUnknown, Unavailable
from engine.core.ports import INTERNAL, SelectedItem, SelectionQuery
from engine.core.record import Record
from engine.records import HistoryDeletion
from engine.records.batch_operation_chunk import ItemFacts
from engine.shell.confirmation import LOOK_SECONDS_MAX, ConfirmationDriver
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from tests.support.actions import DELETE_INSTANCES, batch, complete_all
from tests.support.batches import ITEM, populate
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC, Scenario
from tests.support.troubled_log import TroubledLog


class Projection:
    """A search that is behind; each look fails as often as told."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.looks = 0

    async def watermark(self, partition: int) -> int:
        assert partition == 1
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer < 0:
            raise Unavailable("no search")
        return answer

    async def select(self, query: SelectionQuery) -> Sequence[SelectedItem]:
        raise AssertionError(f"expected no query, got {query}")

    async def facts(self, entity: str, keys: Sequence[int], variables: str, size_max: int) -> Sequence[ItemFacts]:
        raise AssertionError(f"expected no question, got {keys}")


def waiting(count: int = 2) -> tuple[Scenario, list[int]]:
    """A partition where items wait; gives the positions of their events."""
    s = Scenario(settings={"slice_size": 1})
    populate(s, count)
    complete_all(s)
    s.search.exports = False
    s.when(batch(DELETE_INSTANCES, '{"processDefinitionId": "one", "state": {"$exists": true}}'))
    return s, [record.position for record in s.everything().all("HISTORY_DELETION", "DELETED")]


async def confirmed(s: Scenario, search: Projection, log: MemoryLog, clock: ManualClock) -> list[int]:
    """The positions that were confirmed until nobody waits any more."""
    driver = ConfirmationDriver(
        log=log, codec=CODEC, machine=s.machine(), search=search, confirmations=ASSEMBLY.confirmations(), clock=clock
    )
    running, told, offset = asyncio.create_task(driver.run()), list[Record](), 0
    while ASSEMBLY.confirmations().awaited(s.machine()) is not None:
        await asyncio.sleep(0)
        page = await log.read(INTERNAL, 1, offset)
        for entry in page.entries:
            told.append(CODEC.decode(entry.value))
            s.send_bytes(entry.value, 1, INTERNAL)
            s.drain()
            driver.committed()
        offset = page.next_offset
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return [record.value.exported_position for record in told if isinstance(record.value, HistoryDeletion)]


def test_it_is_told_when_searches_show_it() -> None:
    s, (first, second) = waiting()
    search, clock = Projection(0, first - 1, -1, first, first, second - 1, second + 7), ManualClock(BEGIN)
    assert asyncio.run(confirmed(s, search, TroubledLog(), clock)) == [first, second + 7]
    assert len(s.everything().all(ITEM, "COMPLETED")) == 2


def test_a_projection_that_stands_still_is_looked_at_less_often() -> None:
    s, (_, second) = waiting()
    search, clock = Projection(*[0] * 20, second), ManualClock(BEGIN)
    assert asyncio.run(confirmed(s, search, TroubledLog(), clock)) == [second]
    assert clock.monotonic() > 10 * LOOK_SECONDS_MAX
    assert search.looks == 21


def test_an_answer_that_is_lost_is_no_loss() -> None:
    s, (_, second) = waiting()
    log = TroubledLog(Unavailable, AppendUnknown, AppendUnknown)
    told = asyncio.run(confirmed(s, Projection(second), log, ManualClock(BEGIN)))
    assert set(told) == {second}
    assert len(s.everything().all(ITEM, "COMPLETED")) == 2
