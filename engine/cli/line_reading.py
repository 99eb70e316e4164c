"""Lines of files and of standard input as they come, a page at a time: neither a large file nor a slow pipe is held."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import TypeVar

from .faults import CommandFailed, UsageFault

STDIN = Path("-")
#: Bytes of one page, but for a line that is longer.
PAGE_SIZE = 1 << 18
#: Bytes of one line: more than any command has.
LINE_SIZE_MAX = 16 << 20

#: Its place, for a person, and its text.
Line = tuple[str, bytes]
Item = TypeVar("Item")


def pages(files: Sequence[Path]) -> Iterator[Sequence[Line]]:
    """The lines of all files that hold something, in pages as they come. Raises UsageFault, CommandFailed."""
    for path in files:
        place = f"{path} line" if len(files) > 1 and path != STDIN else "line"
        try:
            # Without a buffer, whose lock a thread that waits for a pipe would hold when the program ends.
            with FileIO(0, closefd=False) if path == STDIN else FileIO(path) as opened:
                yield from _pages(opened, place)
        except OSError as error:
            raise UsageFault(f"--file: expected a file {path}, got: {error.strerror}; name another") from None


def can_be_read_again(files: Sequence[Path]) -> bool:
    """Whether all of them are files on a disk, not pipes."""
    return all(path != STDIN and path.is_file() for path in files)


def _pages(opened: FileIO, place: str) -> Iterator[Sequence[Line]]:
    number, rest = 0, bytearray()
    while chunk := opened.read(PAGE_SIZE):
        rest += chunk
        if (end := rest.rfind(b"\n")) < 0:
            if len(rest) > LINE_SIZE_MAX:
                raise CommandFailed(f"{place} {number + 1}: expected at most {LINE_SIZE_MAX} bytes, got more")
            continue
        whole = bytes(rest[:end]).split(b"\n")
        del rest[: end + 1]
        yield _numbered(whole, place, number)
        number += len(whole)
    yield _numbered([bytes(rest)], place, number)


def _numbered(lines: Sequence[bytes], place: str, before: int) -> Sequence[Line]:
    return [(f"{place} {number}", line) for number, line in enumerate(lines, before + 1) if line.strip()]


async def in_background(items: Iterator[Item]) -> AsyncIterator[Item]:
    """As the iterator gives them, which may wait for long; nobody waits for it in the end."""
    loop = asyncio.get_running_loop()

    def step(given: asyncio.Future[Item | None]) -> None:
        try:
            loop.call_soon_threadsafe(_answer, given, next(items, None))
        except CommandFailed as fault:
            loop.call_soon_threadsafe(_fail, given, fault)
        except BaseException as error:
            loop.call_soon_threadsafe(_fail, given, error)
            raise

    while True:
        given: asyncio.Future[Item | None] = loop.create_future()
        threading.Thread(target=step, args=(given,), daemon=True).start()
        if (item := await given) is None:
            return
        yield item


def _answer(given: asyncio.Future[Item | None], item: Item | None) -> None:
    if not given.done():
        given.set_result(item)


def _fail(given: asyncio.Future[Item | None], error: BaseException) -> None:
    if not given.done():
        given.set_exception(error)
