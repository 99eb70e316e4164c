"""Lines as they come: in pages, numbered, with a place; and how many of them are held at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from engine.cli import line_reading
from engine.cli.command_lines import Wish
from engine.cli.faults import CommandFailed, UsageFault
from engine.cli.line_reading import PAGE_SIZE, STDIN, Line, can_be_read_again, in_background, pages
from engine.cli.producing import ACCEPTED, IN_FLIGHT, Outcome, produce
from engine.core.record import command
from engine.records import Job

COUNT = 200_000
LINE = b'{"valueType": "JOB", "intent": "COMPLETE", "key": "2251799813685249"}\n'


def read(*files: Path) -> list[Line]:
    return [line for page in pages(files) for line in page]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"a\n  \nb", [("line 1", b"a"), ("line 3", b"b")]),
        (b"\n\na\r\n", [("line 3", b"a\r")]),
    ],
)
def test_lines_that_hold_something_have_their_place(tmp_path: Path, text: bytes, expected: list[Line]) -> None:
    file = tmp_path / "a"
    file.write_bytes(text)
    assert read(file) == expected


def test_of_several_files_the_place_names_the_file(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"x\ny\n")
    places = [place for place, _ in read(tmp_path / "a", tmp_path / "b")]
    assert places == [f"{tmp_path / name} line {number}" for name in "ab" for number in (1, 2)]


def test_a_page_may_end_within_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"".join(b"%d\n" % number for number in range(1, 500)))
    for size in (1, 2, 7, 100):
        monkeypatch.setattr(line_reading, "PAGE_SIZE", size)
        assert read(file) == [(f"line {number}", b"%d" % number) for number in range(1, 500)]


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_reading, "LINE_SIZE_MAX", PAGE_SIZE)
    file = tmp_path / "a"
    file.write_bytes(b"x\n" + b"y" * 3 * PAGE_SIZE)
    with pytest.raises(CommandFailed, match=f"line 2: expected at most {PAGE_SIZE} bytes, got more"):
        read(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"expected a file .*missing, got: No such file"):
        read(tmp_path / "missing")
    assert not can_be_read_again([tmp_path / "missing"])
    assert not can_be_read_again([STDIN])
    assert can_be_read_again([Path(__file__)])


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def run() -> None:
        reading = in_background(pages([pipe]))
        first = asyncio.ensure_future(anext(reading))
        while (descriptor := _open(pipe)) is None:
            await asyncio.sleep(0)
        for number in (1, 2):
            os.write(descriptor, b"x\n")
            assert await first == [(f"line {number}", b"x")]
            first = asyncio.ensure_future(anext(reading))
        os.close(descriptor)
        assert await first == []
        assert await anext(reading, None) is None

    asyncio.run(run())
    assert not can_be_read_again([pipe])


def _open(pipe: Path) -> int | None:
    try:
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None  # nobody reads yet


def test_what_a_reader_raises_is_raised() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise CommandFailed("planted")

    async def run() -> None:
        async for number in in_background(failing()):
            assert number == 1

    with pytest.raises(CommandFailed, match="planted"):
        asyncio.run(run())


def test_of_very_many_lines_few_are_held(tmp_path: Path) -> None:
    """What was read and has no outcome yet: no more than may be under way, and a page."""
    file = tmp_path / "many.jsonl"
    with file.open("wb") as opened:
        for _ in range(COUNT // 1_000):
            opened.write(LINE * 1_000)
    record = command("JOB", "COMPLETE", Job())
    held = held_max = under_way = under_way_max = 0

    async def wishes() -> AsyncIterator[Sequence[Wish]]:
        nonlocal held, held_max
        async for page in in_background(pages([file])):
            held += len(page)
            held_max = max(held_max, held)
            yield [Wish(place=place, record=record, partition=1) for place, _ in page]

    async def send(wish: Wish) -> Outcome:
        nonlocal under_way, under_way_max
        under_way += 1
        under_way_max = max(under_way_max, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return Outcome(wish=wish, outcome=ACCEPTED)

    async def run() -> int:
        nonlocal held
        count = 0
        async for outcome in produce(send, wishes()):
            count += 1
            held -= 1
            assert outcome.wish.place == f"line {count}"
        return count

    assert asyncio.run(run()) == COUNT
    assert under_way_max <= IN_FLIGHT
    assert held_max <= IN_FLIGHT + PAGE_SIZE // len(LINE) + 1
