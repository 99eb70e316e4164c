"""The driver that brings found items to the log: part by part, and from where the machine is when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest

from engine.assembly import Assembly
from engine.batch.tables import PROGRESS
from engine.core.background import Query
from engine.core.faults import Unavailable
from engine.core.ports import INTERNAL, Append, Log, Search, SelectedItem, SelectionQuery
from engine.core.record import Record
from engine.shell import background
from engine.shell.background import BackgroundDriver, BackgroundLimits
from engine.shell.log_time import LogTime
from engine.shell.manual_clock import ManualClock
from tests.support import models as m
from tests.support.actions import batch, manage
from tests.support.batches import counts, final
from tests.support.fixture import MakeScenario
from tests.support.scenario import CODEC, Scenario

PARTS = Assembly(part_items=2)
SETTINGS = {"chunk_size": 1, "query_page_size": 6}


class World:
    """The log and the search of a driver: what it sends is decided when `decide` is called, or at once."""

    def __init__(self, s: Scenario, *, at_once: bool = False) -> None:
        self.s = s
        self.sent: list[Record] = []
        self.faults = 0
        self._at_once = at_once
        self.driver = BackgroundDriver(
            log=cast(Log, self),
            codec=CODEC,
            machine=s.machine(),
            search=cast(Search, self),
            background=PARTS.initializer(),
            clock=ManualClock(s.now),
            time=LogTime(ManualClock(s.now)),
            limits=BackgroundLimits(),
        )

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        ((message,),) = [append.messages for append in appends]
        self.sent.append(CODEC.decode(message.value))
        if self.faults:
            self.faults -= 1
            raise Unavailable("the log is away")
        self.s.send_bytes(message.value, 1, INTERNAL)
        if self._at_once:
            self.decide()
        return [0]

    def decide(self) -> None:
        self.s.drain(initialize=False)
        self.driver.committed()

    async def watermark(self, partition: int) -> int:
        return len(self.s.records(partition))

    async def select(self, selection: SelectionQuery) -> Sequence[SelectedItem]:
        query = Query(key=0, selection=selection, position=0, attempts=0, part_size=1)
        return self.s.search.select(query, self.s.records())

    def cursors(self) -> list[int]:
        return [record.value.cursor for record in self.sent if record.value_type == "BATCH_OPERATION_CHUNK"]


def run(world: World, story: Callable[[], Awaitable[None]]) -> None:
    async def play() -> None:
        driving = asyncio.create_task(world.driver.run())
        try:
            await story()
        finally:
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)

    asyncio.run(play())


async def turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def rest(world: World) -> None:
    """Whatever is sent is decided, until nothing more is."""
    for _ in range(4):
        world.decide()
        await turns()


def begin(s: Scenario, count: int) -> tuple[int, list[int]]:
    """A batch operation that looks for so many items, and these."""
    s.deploy(m.one_task())
    keys = [s.create("one") for _ in range(count)]
    s.send(batch())
    s.drain(initialize=False)
    return s.everything().one("BATCH_OPERATION_CREATION", "CREATED").key, keys


def test_a_part_is_sent_when_the_one_before_has_had_its_effect(scenario: MakeScenario) -> None:
    s = scenario(settings=SETTINGS)
    key, keys = begin(s, 5)
    world = World(s)

    async def story() -> None:
        for sent in ([-1], [-1, keys[1]], [-1, keys[1], keys[3]]):
            await turns()
            assert world.cursors() == sent
            assert s.machine().get(PROGRESS, key).total == 2 * (len(sent) - 1)  # type: ignore[union-attr]
            world.decide()

    run(world, story)
    assert counts(final(s)) == (5, 5, 0, 0, 0)


def test_while_it_is_suspended_the_rest_of_a_page_is_kept_back(scenario: MakeScenario) -> None:
    s = scenario(settings=SETTINGS)
    key, keys = begin(s, 5)
    world = World(s)

    async def story() -> None:
        await turns()
        s.send(manage("SUSPEND", key))
        world.decide()
        await turns()
        assert world.cursors() == [-1]
        s.send(manage("RESUME", key))
        await rest(world)
        assert world.cursors() == [-1, keys[1], keys[3]]

    run(world, story)
    assert counts(final(s)) == (5, 5, 0, 0, 0)


def test_a_part_that_does_not_fit_is_halved_and_a_single_item_fails(
    scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = scenario(settings=SETTINGS)
    begin(s, 5)
    world = World(s, at_once=True)
    monkeypatch.setattr(background, "VALUE_SIZE_MAX", 1)
    run(world, turns)
    assert [(record.intent, record.value.page_size) for record in world.sent[:1]] == [("INITIALIZE", 1)]
    failed = world.sent[1].value
    assert (world.sent[1].intent, failed.error_type) == ("FAIL", "RESULT_BUFFER_SIZE_EXCEEDED")
    assert final(s).intent == "FAILED"


def test_a_log_that_is_away_in_the_middle_of_a_page_loses_nothing(scenario: MakeScenario) -> None:
    s = scenario(settings=SETTINGS)
    _, keys = begin(s, 5)
    world = World(s)

    async def story() -> None:
        await turns()
        world.faults = 1
        world.decide()
        await turns()
        await rest(world)

    run(world, story)
    assert world.cursors() == [-1, keys[1], keys[1], keys[3]]
    assert counts(final(s)) == (5, 5, 0, 0, 0)
