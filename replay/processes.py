"""Runs tasks in processes of their own, some at a time: partitions are audited at once, and one that dies is noticed.

Tasks and their results travel by pickle; a process says how far it is while it works, and ends when its parent does.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar

from msgspec import Struct

from engine.core.faults import RetoldError

from .ports import Progress

Result = TypeVar("Result")


class Died(Struct, frozen=True):
    """A process that gave no result, and why."""

    text: str


class Running(Struct, Generic[Result], frozen=True):
    """A process at work."""

    index: int
    process: SpawnProcess


def run_all(tasks: Sequence[Callable[[Progress], Result]], count_max: int, progress: Progress) -> list[Result | Died]:
    """Run all tasks, at most `count_max` at a time; the results are in their order."""
    waiting = deque(enumerate(tasks))
    running: dict[Connection, Running[Result]] = {}
    results: dict[int, Result | Died] = {}
    try:
        while waiting or running:
            while waiting and len(running) < count_max:
                connection, started = _start(*waiting.popleft())
                running[connection] = started
            ready = wait(list(running))
            for connection in [connection for connection in running if connection in ready]:
                told = _receive(connection, running[connection].process)
                if isinstance(told, int):
                    progress(told)
                else:
                    results[running.pop(connection).index] = told[0]
                    connection.close()
    finally:
        for left in running.values():
            left.process.kill()
            left.process.join()
    return [results[index] for index in range(len(tasks))]


def _start(index: int, task: Callable[[Progress], Result]) -> tuple[Connection, Running[Result]]:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, theirs), daemon=True)
    process.start()
    theirs.close()
    return ours, Running(index, process)


def _receive(connection: Connection, process: SpawnProcess) -> int | tuple[Result | Died]:
    """How many records more were read, or the result."""
    try:
        told: int | tuple[Result | Died] = connection.recv()
    except EOFError:
        process.join()
        code = process.exitcode or 0
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return (Died(f"expected a result, got the end of the process by {how}"),)
    if not isinstance(told, int):
        process.join()
    return told


def _work(task: Callable[[Progress], Result], connection: Connection) -> None:
    # Ctrl-C reaches the parent too, which ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        result: Result | Died = task(connection.send)
    except RetoldError as error:
        result = Died(error.message)
    connection.send((result,))
