"""Tasks in processes of their own: results in order, progress, and what becomes of those that die."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

from engine.core.faults import CorruptedLog
from replay.ports import Progress
from replay.processes import Died, run_all


def double(number: int, progress: Progress) -> int:
    progress(number)
    return 2 * number


def die(progress: Progress) -> int:
    progress(1)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def refuse(_progress: Progress) -> int:
    raise CorruptedLog("expected a log, got a cat")


def test_results_are_in_order_and_a_dead_process_is_told() -> None:
    told: list[int] = []
    tasks: list[Callable[[Progress], int]] = [partial(double, 3), die, refuse, partial(double, 4)]
    results = run_all(tasks, 2, told.append)
    killed = Died("expected a result, got the end of the process by signal SIGKILL")
    assert results == [6, killed, Died("expected a log, got a cat"), 8]
    assert sorted(told) == [1, 3, 4]
