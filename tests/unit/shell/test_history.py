"""Where a state stands on its log, whatever the offsets are, and whether the log is its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.core.head import HEAD, Head
from engine.core.ports import EVENTS, Place, Store
from engine.core.record import Record
from engine.core.state import State
from engine.records import Deployment, ProcessInstanceCreation
from engine.records.deployment import Resource
from engine.shell import history as history_module
from engine.shell.history import History
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from tests.support import models as m
from tests.support.copied_log import CopiedLog
from tests.support.partitions import send, work
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC, make

PLACE = (EVENTS, 1)

#: By name: the offset of each record in a copy.
OFFSETS: dict[str, Callable[[int], int]] = {
    "dense": lambda number: number,
    "gaps": lambda number: 3 * number,
    "shifted": lambda number: 1_000 + number,
}


def commands(name: str = "one") -> list[Record]:
    resource = Resource(resource_name="one.bpmn", resource=m.one_task())
    creation = make("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id=name))
    return [make("DEPLOYMENT", "CREATE", Deployment(resources=(resource,))), *[creation] * 3]


async def lived(name: str = "one") -> tuple[MemoryLog, Store]:
    """A log and its state after a short life."""
    clock = ManualClock(BEGIN)
    log, store = MemoryLog(1, clock), MemoryStore()
    await send(log, 1, *commands(name))
    await work(log, {1: store}, clock)
    return log, store


def copied(log: MemoryLog, offset_of: Callable[[int], int], *, without: int = 0) -> CopiedLog:
    """The events alone, perhaps without the first ones."""

    def relocate(place: Place, number: int) -> int | None:
        return offset_of(number - without) if place == PLACE and number >= without else None

    copy = CopiedLog.of(log, ManualClock(BEGIN), relocate)
    if first := offset_of(0):
        copy.cut(PLACE, first)
    return copy


def head_of(store: Store) -> Head:
    return State(store, ASSEMBLY.registry.tables).get(HEAD) or Head()


def history(log: MemoryLog) -> History:
    return History(log, CODEC, 1)


def play(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    asyncio.run(run())


@pytest.mark.parametrize("without", [0, 5])
@pytest.mark.parametrize("name", OFFSETS)
def test_the_place_behind_every_position(name: str, without: int) -> None:
    async def test() -> None:
        log, store = await lived()
        copy = copied(log, OFFSETS[name], without=without)
        for position in range(without, head_of(store).position + 1):
            place = await history(copy).behind(position)
            page = await copy.read(*PLACE, place.offset, size_max=1 << 30)
            found = [CODEC.decode(entry.value).position for entry in page.entries]
            assert place.position == found[0] <= position + 1

    play(test)


def test_the_place_is_near_in_a_whole_log() -> None:
    async def test() -> None:
        log, store = await lived()
        position = head_of(store).position
        assert (await history(log).behind(position)).offset == position - 1

    play(test)


def test_of_a_log_that_begins_later_it_is_the_beginning() -> None:
    async def test() -> None:
        log, _ = await lived()
        place = await history(copied(log, OFFSETS["shifted"], without=5)).behind(3)
        assert (place.offset, place.position) == (1_000, 6)

    play(test)


@pytest.mark.parametrize("name", OFFSETS)
def test_a_state_fits_its_log(name: str) -> None:
    async def test() -> None:
        log, store = await lived()
        head = head_of(store)
        assert await history(copied(log, OFFSETS[name])).misfit(head.position, head.chain_hash) == ""

    play(test)


def test_a_state_fits_while_records_follow() -> None:
    async def test() -> None:
        log, store = await lived()
        head = head_of(store)
        await send(log, 1, commands()[1])
        await work(log, {1: store}, ManualClock(BEGIN))
        assert head_of(store).position > head.position
        assert await history(log).misfit(head.position, head.chain_hash) == ""
        assert "says something else" in await history(log).misfit(head.position, b"another")

    play(test)


def test_a_state_of_another_log_does_not_fit() -> None:
    async def test() -> None:
        log, _ = await lived("one")
        _, store = await lived("two")
        head = head_of(store)
        assert await history(log).misfit(head.position, head.chain_hash) != ""

    play(test)


def test_the_last_step_may_be_another_one() -> None:
    async def test() -> None:
        log, store = await lived()
        assert "says something else" in await history(log).misfit(head_of(store).position, b"another")

    play(test)


def test_a_state_beyond_the_end() -> None:
    async def test() -> None:
        log, store = await lived()
        head = head_of(store)
        del log._places[PLACE][-2:]
        problem = await history(log).misfit(head.position, head.chain_hash)
        assert problem == f"it ends at position {head.position}, and the log at position {head.position - 2}"

    play(test)


def test_a_state_before_the_beginning() -> None:
    async def test() -> None:
        log, _ = await lived()
        copy = copied(log, OFFSETS["shifted"], without=5)
        assert await history(copy).misfit(3, b"") == "it ends at position 3, and the log begins at position 6"
        assert await history(copy).misfit(0, b"") == "it ends at position 0, and the log begins at position 6"

    play(test)


def test_nothing_fits_the_beginning_of_every_whole_log() -> None:
    async def test() -> None:
        log, _ = await lived()
        assert await history(log).misfit(0, b"") == ""
        assert await history(MemoryLog(1, ManualClock(BEGIN))).misfit(0, b"") == ""

    play(test)


@pytest.mark.parametrize("without", [0, 5])
@pytest.mark.parametrize("name", OFFSETS)
def test_a_long_log_is_searched_not_read(name: str, without: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "NEAR", 1)

    async def test() -> None:
        log, store = await lived()
        copy = copied(log, OFFSETS[name], without=without)
        for position in range(without, head_of(store).position):
            place = await history(copy).behind(position)
            assert place.position in (position, position + 1)

    play(test)
