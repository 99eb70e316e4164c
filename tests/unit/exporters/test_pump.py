"""The pump: whole steps in order, never skipping, stopping visibly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.core.faults import Unavailable
from engine.core.ports import EVENTS, Append, Message
from engine.core.record import Record
from engine.records import FAMILIES
from engine.shell.codec import Codec
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from exporters.contract import ExportedPosition, Exporter
from exporters.pump import BACKOFF_SECONDS_MAX, Pump, PumpLimits
from exporters.sqlite import SqliteExporter
from exporters.sqlite.database import FILE_NAME, open_reader
from tests.unit.exporters.stories import Story

CODEC = Codec(FAMILIES)


class Notes:
    """An Exporter that notes what it is given; unavailable as often as told."""

    def __init__(self, unavailable: int = 0) -> None:
        self.unavailable = unavailable
        self.stored: dict[int, ExportedPosition] = {}
        self.transactions: list[tuple[int, list[int], int]] = []

    async def open(self) -> None:
        self._fail()

    def positions(self) -> Mapping[int, ExportedPosition]:
        return self.stored

    def set_aside(self) -> Mapping[int, int]:
        return {}

    async def export(self, partition: int, records: Sequence[Record], next_offset: int) -> None:
        self._fail()
        self.transactions.append((partition, [record.position for record in records], next_offset))
        self.stored[partition] = ExportedPosition(position=records[-1].position, offset=next_offset)

    async def close(self) -> None:
        pass

    def _fail(self) -> None:
        if self.unavailable:
            self.unavailable -= 1
            raise Unavailable("not now")


class Bench:
    """A log of two partitions and a pump that runs until something is so."""

    def __init__(self, exporter: Exporter, limits: PumpLimits | None = None) -> None:
        self.clock = ManualClock()
        self.log = MemoryLog(2, self.clock)
        self.exporter = exporter
        self.pump = Pump(self.log, exporter, CODEC, self.clock, limits)

    async def append(self, records: Sequence[Record], partition: int = 1) -> None:
        await self.append_bytes(CODEC.encode_step(records), partition)

    async def append_bytes(self, values: Sequence[bytes], partition: int = 1) -> None:
        messages = [Message(value=value) for value in values]
        await self.log.append([Append(topic=EVENTS, partition=partition, messages=messages)])

    async def until(self, reached: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.pump.run())
        async with asyncio.timeout(10):
            while not reached():
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def at(self, position: int, partition: int = 1) -> bool:
        return self.exporter.positions().get(partition, ExportedPosition()).position == position


def steps_of(sizes: Sequence[int], partition: int = 1) -> Story:
    story = Story(partition)
    for size in sizes:
        story.step(*[("SETTINGS", "UPDATED", -1, {"settings": "x" * 50})] * size)
    return story


def test_a_step_is_never_divided() -> None:
    async def scenario() -> None:
        # every read gives about one record, a transaction may hold two
        bench = Bench(Notes(), PumpLimits(records_max=2, read_size_max=1))
        story = steps_of([1, 5, 1, 1, 3])
        for step in story.steps:
            await bench.append(step)
        await bench.until(lambda: bench.at(11))
        assert [positions for _, positions, _ in bench.exporter.transactions] == [
            [1],
            [2, 3, 4, 5, 6],
            [7],
            [8],
            [9, 10, 11],
        ]
        assert [offset for _, _, offset in bench.exporter.transactions] == [1, 6, 7, 8, 11]

    asyncio.run(scenario())


def test_the_stored_offset_is_never_behind_an_unfinished_step() -> None:
    async def scenario() -> None:
        bench = Bench(Notes())
        story = steps_of([2, 3])
        await bench.append([*story.steps[0]])
        await bench.append_bytes(CODEC.encode_step(story.steps[1])[:2])
        await bench.until(lambda: bench.at(2))
        assert bench.exporter.transactions == [(1, [1, 2], 2)]

    asyncio.run(scenario())


def test_transactions_are_bounded_and_several_steps_share_one() -> None:
    async def scenario() -> None:
        bench = Bench(Notes(), PumpLimits(records_max=4))
        for step in steps_of([3, 3, 1, 1]).steps:
            await bench.append(step)
        await bench.until(lambda: bench.at(8))
        assert [positions for _, positions, _ in bench.exporter.transactions] == [[1, 2, 3, 4, 5, 6], [7, 8]]

    asyncio.run(scenario())


def test_it_waits_for_more_and_serves_all_partitions() -> None:
    async def scenario() -> None:
        bench = Bench(Notes())
        first, second = steps_of([1, 2]), steps_of([2], partition=2)
        await bench.append(first.steps[0])
        task = asyncio.create_task(bench.until(lambda: bench.at(3) and bench.at(2, 2)))
        while not bench.at(1):
            await asyncio.sleep(0)
        await bench.append(second.steps[0], partition=2)
        # half a step is nothing yet
        halves = CODEC.encode_step(first.steps[1])
        await bench.append_bytes(halves[:1])
        while not bench.at(2, 2):
            await asyncio.sleep(0)
        assert bench.at(1)
        await bench.append_bytes(halves[1:])
        await task

    asyncio.run(scenario())


def test_it_goes_on_where_it_was_and_ignores_what_it_sees_again() -> None:
    async def scenario() -> None:
        bench = Bench(Notes())
        story = steps_of([2, 2])
        await bench.append(story.steps[0])
        await bench.until(lambda: bench.at(2))
        bench.exporter.transactions.clear()
        # a second writer's copy of the same outcomes
        await bench.append(story.steps[0])
        await bench.append(story.steps[1])
        again = Bench(bench.exporter)
        again.log = bench.log
        again.pump = Pump(bench.log, bench.exporter, CODEC, bench.clock)
        await again.until(lambda: bench.at(4))
        assert bench.exporter.transactions == [(1, [3, 4], 6)]

    asyncio.run(scenario())


def test_a_gap_stops_that_partition_and_no_other() -> None:
    async def scenario() -> None:
        bench = Bench(Notes())
        story, other = steps_of([1, 1, 1]), steps_of([1], partition=2)
        await bench.append(story.steps[0])
        await bench.append(story.steps[2])
        await bench.append(other.steps[0], partition=2)
        await bench.until(lambda: bool(bench.pump.stopped()) and bench.at(1, 2))
        assert set(bench.pump.stopped()) == {1}
        expected = "events of partition 1 at offset 1: expected position 2, got position 3"
        assert expected in bench.pump.stopped()[1]

    asyncio.run(scenario())


def test_a_record_that_is_none_stops_the_partition_and_names_the_place() -> None:
    async def scenario() -> None:
        bench = Bench(Notes())
        await bench.append(steps_of([1]).steps[0])
        await bench.append_bytes([b"\xc3\x01 no"])
        await bench.until(lambda: bool(bench.pump.stopped()))
        text = bench.pump.stopped()[1]
        assert "CorruptedLog: events of partition 1 at offset 1: expected a record" in text

    asyncio.run(scenario())


def test_a_step_with_a_hole_or_of_another_partition_stops() -> None:
    async def scenario(records: list[Record], expected: str) -> None:
        bench = Bench(Notes())
        await bench.append(records)
        await bench.until(lambda: bool(bench.pump.stopped()))
        assert expected in bench.pump.stopped()[1]
        assert bench.exporter.transactions == []

    hole = Story()
    hole.step(*[("SETTINGS", "UPDATED", -1, {})] * 2)
    hole.position = 0
    second = hole.step(*[("SETTINGS", "UPDATED", -1, {})] * 2)[1]
    asyncio.run(scenario([second], "expected position 1, got position 2"))
    asyncio.run(scenario(steps_of([1], partition=2).steps[0], "expected a record of it, got one of partition 2"))


def test_unavailable_is_tried_again_with_longer_and_longer_waits() -> None:
    async def scenario() -> None:
        bench = Bench(Notes(unavailable=12))
        await bench.append(steps_of([2]).steps[0])
        await bench.until(lambda: bench.at(2))
        assert bench.exporter.transactions == [(1, [1, 2], 2)]
        assert bench.pump.failing() == {}
        # 0.05 s, doubled seven times, then capped
        assert bench.clock.monotonic() == 0.05 * (2**7 - 1) + 5 * BACKOFF_SECONDS_MAX

    asyncio.run(scenario())


def test_a_file_that_is_deleted_is_made_again(tmp_path: Path) -> None:
    first, second = steps_of([1, 2]), steps_of([1], partition=2)

    async def scenario() -> None:
        exporter = SqliteExporter(tmp_path)
        bench = Bench(exporter)
        for partition, story in ((1, first), (2, second)):
            for step in story.steps:
                await bench.append(step, partition)

        def at(*positions: int) -> bool:
            found = exporter.positions()
            return [found[partition].position for partition in sorted(found)] == list(positions)

        running = asyncio.create_task(bench.pump.run())
        async with asyncio.timeout(10):
            while not at(3, 1):
                await asyncio.sleep(0)
            (tmp_path / FILE_NAME).unlink()
            await bench.append(first.step(("JOB", "CREATED", 5, {})))
            while not at(4, 1):
                await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        reader = open_reader(tmp_path)
        assert reader.execute("SELECT partition_id, position FROM positions").fetchall() == [(1, 4), (2, 1)]
        reader.close()

    asyncio.run(scenario())
