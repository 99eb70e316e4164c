"""Topics restored from a copy with other offsets: each command without an outcome runs once, or the copy is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from engine.core.faults import InconsistentLog, RetoldError
from engine.core.generations import generation_of
from engine.core.ports import COMMANDS, EVENTS, INTERNAL, Page, Place, Store
from engine.core.state import State
from engine.records.log_generation import InputPlace, LogGeneration
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from tests.support.copied_log import CopiedLog, Relocation
from tests.support.partitions import records_of, send, work
from tests.support.restored import DECIDED, PENDING, RELOCATIONS, Installation, check_whole, creation, names_of
from tests.support.scenario import ASSEMBLY, make


def play(test: Callable[[Installation], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        installation = Installation()
        await installation.live()
        await test(installation)

    asyncio.run(run())


def generation(store: Store) -> int:
    return generation_of(State(store, ASSEMBLY.registry.tables))


@pytest.mark.parametrize("keeps_state", [False, True])
@pytest.mark.parametrize("name", RELOCATIONS)
def test_every_command_without_an_outcome_runs_once(name: str, keeps_state: bool) -> None:
    async def test(installation: Installation) -> None:
        copy = installation.copy(RELOCATIONS[name])
        stores = installation.stores if keeps_state else {1: MemoryStore(), 2: MemoryStore()}
        await work(copy, stores, installation.clock)
        await check_whole(copy, stores)
        assert {generation(store) for store in stores.values()} == {1}

    play(test)


def test_offsets_with_gaps_become_dense() -> None:
    """As when what was written in transactions is copied by a plain consumer."""

    async def test(installation: Installation) -> None:
        gaps = CopiedLog.of(installation.log, installation.clock, RELOCATIONS["gaps"])
        stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
        await work(gaps, stores, installation.clock)
        await send(gaps, 1, creation("late"))
        dense = CopiedLog.of(gaps, installation.clock, lambda _, number: number)
        await work(dense, stores, installation.clock)
        assert generation(stores[1]) == 2
        assert names_of(await records_of(dense, 1))[-1] == "late"

    play(test)


def test_nothing_is_raised_when_the_files_of_a_log_were_copied() -> None:
    async def test(installation: Installation) -> None:
        copy = installation.copy(lambda _, number: number, keeps_stamps=True)
        stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
        await work(copy, stores, installation.clock)
        await check_whole(copy, stores)
        assert {generation(store) for store in stores.values()} == {0}

    play(test)


def test_what_the_event_says() -> None:
    async def test(installation: Installation) -> None:
        copy = installation.copy(RELOCATIONS["shifted"])
        await work(copy, {1: MemoryStore(), 2: MemoryStore()}, installation.clock)
        records = await records_of(copy, 1, 1_000)
        (raised,) = [record for record in records if record.value_type == "LOG_GENERATION"]
        value = cast(LogGeneration, raised.value)
        assert (raised.intent, value.generation) == ("RAISED", 1)
        assert value.inputs[0] == InputPlace(input=COMMANDS, ordinal=1 + DECIDED, offset=1_000 + DECIDED)
        assert (raised.step.source_input, raised.step.source_ordinal) == ("generations", 1)
        later = [r.step for r in records if r.position > raised.position and r.step.source_input == COMMANDS]
        assert {step.source_generation for step in later} == {1}
        assert later[0].source_offset == 1_000 + DECIDED + 1

    play(test)


@pytest.mark.parametrize("cut", [1, 3, DECIDED])
def test_commands_that_are_gone_at_the_beginning(cut: int) -> None:
    async def test(installation: Installation) -> None:
        def relocate(place: Place, number: int) -> int | None:
            if place != (COMMANDS, 2):
                return number
            return number - cut if number >= cut else None

        copy = installation.copy(relocate)
        stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
        if cut == DECIDED:
            with pytest.raises(InconsistentLog, match="the commands up to number 6, which have outcomes"):
                await work(copy, stores, installation.clock)
            return
        await work(copy, stores, installation.clock)
        await check_whole(copy, stores)
        raised = [r for r in await records_of(copy, 2) if r.value_type == "LOG_GENERATION"]
        assert cast(LogGeneration, raised[0].value).inputs[0].first_ordinal == cut + 1

    play(test)


async def _refused(installation: Installation, relocate: Relocation, match: str) -> None:
    stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
    copy = installation.copy(relocate)
    with pytest.raises(RetoldError, match=match) as caught:
        await work(copy, stores, installation.clock)
    assert "restore" in caught.value.message or "repair" in caught.value.message


@pytest.mark.parametrize("shift", [0, 50])
@pytest.mark.parametrize("topic", [COMMANDS, INTERNAL])
def test_the_end_of_an_input_is_missing(topic: str, shift: int) -> None:
    """What has outcomes must be there, unless it is all before what is there."""

    async def test(installation: Installation) -> None:
        count = DECIDED if topic == COMMANDS else len(installation.log._places[INTERNAL, 1]) - 1

        def relocate(place: Place, number: int) -> int | None:
            return None if place == (topic, 1) and number >= count else number + shift

        await _refused(installation, relocate, f"expected on {topic} of partition 1 the commands up to number")

    play(test)


def test_an_input_is_empty() -> None:
    async def test(installation: Installation) -> None:
        await _refused(
            installation,
            lambda place, number: None if place == (COMMANDS, 1) else number,
            "number 1 is missing: nothing lies on it",
        )

    play(test)


def test_a_command_in_the_middle_is_missing() -> None:
    async def test(installation: Installation) -> None:
        await _refused(
            installation,
            lambda place, number: None if place == (COMMANDS, 1) and number == 3 else number,
            "number 4 is missing: behind those before it something else lies at offset 4",
        )

    play(test)


def test_events_in_the_middle_are_missing() -> None:
    async def test(installation: Installation) -> None:
        await _refused(
            installation,
            lambda place, number: None if place == (EVENTS, 1) and 10 <= number < 12 else number,
            "expected position 11 at offset 12 of events of partition 1, got 13",
        )

    play(test)


def test_the_end_of_events_is_missing() -> None:
    """The other partition has messages that nobody has sent, as the events say."""

    async def test(installation: Installation) -> None:
        count = next(
            index
            for index, record in enumerate(await records_of(installation.log, 1))
            if record.value_type == "PARTITION_MESSAGE"
        )

        def relocate(place: Place, number: int) -> int | None:
            return None if place == (EVENTS, 1) and number >= count else number + 5

        copy = installation.copy(relocate)
        with pytest.raises(InconsistentLog, match="the end of events of partition 1 is missing"):
            await work(copy, {2: MemoryStore()}, installation.clock)

    play(test)


def test_events_that_are_seen_later_than_their_messages_are_waited_for() -> None:
    """The brokers end a transaction place by place: a message may be visible before the event that sent it."""

    async def test(installation: Installation) -> None:
        copy = installation.copy(RELOCATIONS["shifted"])
        read, clock = copy.read, installation.clock
        sent = [record.value_type for record in await records_of(copy, 1)].index("PARTITION_MESSAGE")
        began = clock.monotonic()

        async def read_late(topic: str, partition: int, offset: int, **options: Any) -> Page:
            page = await read(topic, partition, offset, **options)
            if (topic, partition) != (EVENTS, 1) or clock.monotonic() >= began + 2:
                return page
            entries = page.entries[: max(0, sent - offset)]
            return Page(entries=entries, next_offset=entries[-1].offset + 1 if entries else offset)

        copy.read = read_late  # type: ignore[method-assign]
        stores: dict[int, Store] = {1: installation.stores[1], 2: MemoryStore()}
        await work(copy, {2: stores[2]}, clock)
        assert clock.monotonic() >= began + 2
        await work(copy, stores, clock)
        await check_whole(copy, stores)

    play(test)


def test_a_message_is_missing() -> None:
    async def test(installation: Installation) -> None:
        pages = installation.log._places[INTERNAL, 2]
        numbers = [
            index for index, entry in enumerate(pages) if ASSEMBLY.codec.decode(entry.value).step.sender_partition
        ]
        await _refused(
            installation,
            lambda place, number: None if place == (INTERNAL, 2) and number in numbers else number + 5,
            "expected on internal of partition 2|expected messages 1 to",
        )

    play(test)


def test_all_commands_are_alike_and_the_beginning_is_gone() -> None:
    async def test(installation: Installation) -> None:
        alike = creation("alike")
        log, clock = MemoryLog(1, installation.clock), installation.clock
        await send(log, 1, *[alike] * 4)
        await work(log, {1: MemoryStore()}, clock)
        whole = CopiedLog.of(log, clock, lambda _, number: number + 1)
        store = MemoryStore()
        await work(whole, {1: store}, clock)
        assert generation(store) == 1
        await send(log, 1, *[alike] * 2)

        def relocate(place: Place, number: int) -> int | None:
            return None if place[0] == COMMANDS and number < 3 else number

        with pytest.raises(InconsistentLog, match="expected one way in which the commands"):
            await work(CopiedLog.of(log, clock, relocate), {1: MemoryStore()}, clock)

    play(test)


def test_all_commands_are_alike_and_the_beginning_of_the_events_is_gone() -> None:
    """The state comes from a snapshot, and the events that are left cannot tell how many commands were before."""

    async def test(installation: Installation) -> None:
        log, clock, store = MemoryLog(1, installation.clock), installation.clock, MemoryStore()
        await send(log, 1, *[creation("alike")] * 6)
        await work(log, {1: store}, clock)
        snapshot = store.copy()
        position = (await records_of(log, 1))[-1].position
        await send(log, 1, *[creation("alike")] * 3)
        await work(log, {1: store}, clock)
        await send(log, 1, *[creation("alike")] * 2)
        clock.advance(1_000)
        copy = CopiedLog.of(log, clock, lambda place, number: number + (0 if place[0] == EVENTS else 7))
        copy.cut((EVENTS, 1), position)
        await work(copy, {1: snapshot}, clock)
        records = await records_of(copy, 1, position)
        assert len([r for r in records if r.value_type == "PROCESS_INSTANCE_CREATION"]) == 3 + 2
        assert generation(snapshot) == 1

    play(test)


def test_the_events_say_nothing_of_an_input_any_more() -> None:
    """The state itself knows the last command that has an outcome, and so it is not taken for one that has none."""

    async def test(installation: Installation) -> None:
        ends = {number: len(await records_of(installation.log, number)) for number in installation.stores}
        copy = installation.copy(RELOCATIONS["inputs apart"])
        for number, end in ends.items():
            copy.cut((EVENTS, number), end - 1)
        await work(copy, installation.stores, installation.clock)
        for number, end in ends.items():
            names = names_of(await records_of(copy, number, end))
            assert names == [f"pending {index}" for index in range(PENDING)]

    play(test)


def test_retention_removes_what_has_outcomes() -> None:
    async def test(installation: Installation) -> None:
        copy = installation.copy(lambda _, number: number, keeps_stamps=True)
        for number in (1, 2):
            copy.cut((COMMANDS, number), DECIDED)
            copy.cut((INTERNAL, number), 2)
        stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
        await work(copy, stores, installation.clock)
        await check_whole(copy, stores)
        assert {generation(store) for store in stores.values()} == {0}

    play(test)


def test_retention_removes_what_was_not_decided(capsys: pytest.CaptureFixture[str]) -> None:
    async def test(installation: Installation) -> None:
        copy = installation.copy(lambda _, number: number, keeps_stamps=True)
        copy.cut((COMMANDS, 2), DECIDED + 1)
        stores: dict[int, Store] = {1: MemoryStore(), 2: MemoryStore()}
        await work(copy, stores, installation.clock)
        assert names_of(await records_of(copy, 2))[-2:] == ["pending 1", "pending 2"]

    play(test)
    assert f"goes on with offset {DECIDED + 1} of commands, where it begins" in capsys.readouterr().err


def test_nobody_else_may_raise_it() -> None:
    async def test(installation: Installation) -> None:
        await send(installation.log, 1, make("LOG_GENERATION", "RAISE", LogGeneration(generation=1)))
        await work(installation.log, installation.stores, installation.clock)
        last = (await records_of(installation.log, 1))[-1]
        assert (last.record_type, last.rejection_code) == ("REJECTION", "FORBIDDEN")

    play(test)
