"""Progress of long work: live bars on a terminal, a line per change elsewhere.

Progress is no result: it goes to standard error, unless it is what the command was asked to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from .output import console, is_terminal, is_watched, print_line, print_note, shown_count


class Bars(Protocol):
    """Named bars."""

    def show(self, name: str, done: int, total: int | None, note: str = "") -> None:
        """How far it is; a total that nobody knows yet is None."""


@contextmanager
def open_bars(share: float = 0.0, *, as_result: bool = False) -> Iterator[Bars]:
    """Bars until the end of the block. Without a terminal a line is printed after every `share` of the total."""
    if not (is_terminal() if as_result else is_watched()):
        yield LineBars(share, print_line if as_result else print_note)
        return
    columns: list[str | ProgressColumn] = [
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=20, table_column=Column(no_wrap=True, min_width=20)),
        _CountColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
    ]
    with Progress(*columns, console=console(beside=not as_result), expand=True) as progress:
        yield LiveBars(progress)


class _CountColumn(ProgressColumn):
    """Done and total, as people write numbers."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text(shown_count(int(task.completed)))
        return Text(f"{shown_count(int(task.completed))}/{shown_count(int(task.total))}")


class LiveBars:
    """Bars that move."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, name: str, done: int, total: int | None, note: str = "") -> None:
        """As `Bars.show`."""
        task = self._tasks.get(name)
        if task is None:
            task = self._tasks[name] = self._progress.add_task(name, total=total, note="")
        self._progress.update(task, completed=done, total=total, note=note)


class LineBars:
    """Lines, each when enough has changed since the last one."""

    def __init__(self, share: float, print_text: Callable[[str], None] = print_note) -> None:
        self._share = share
        self._print = print_text
        self._last: dict[str, tuple[int, int | None, str]] = {}

    def show(self, name: str, done: int, total: int | None, note: str = "") -> None:
        """As `Bars.show`."""
        last = self._last.get(name)
        if last == (done, total, note) or (last is not None and not self._is_news(last, done, total)):
            return
        self._last[name] = (done, total, note)
        of_total = "" if total is None else f"/{shown_count(total)}"
        self._print(f"{name}: {shown_count(done)}{of_total} {note}".rstrip())

    def _is_news(self, last: tuple[int, int | None, str], done: int, total: int | None) -> bool:
        if self._share == 0 or total is None or total != last[1] or done == total:
            return True
        return done - last[0] >= self._share * total
