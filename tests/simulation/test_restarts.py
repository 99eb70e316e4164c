"""The supervisor with processes that end as a script says, in virtual time: what is started again, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from engine.core.faults import BrokenInvariant, LogFull, RetoldError, StoreFull, Unavailable
from engine.roles.child import RESTART_DELAY_MAX, START_ATTEMPTS_MAX, Child
from engine.roles.protocol import EXIT_FAILED, EXIT_FULL, EXIT_STOPPED, exit_code_of, line_of, problem_of
from tests.simulation.loop import SimulationLoop

#: What a process says at its start.
SILENT, WORKS = None, ""
FULL = problem_of(StoreFull("expected space for the state, got none"))


class ScriptedProcess:
    """Says one thing or nothing, then ends with a code; code None: it works on."""

    def __init__(self, says: str | None, code: int | None) -> None:
        self._lines = [] if says is None else [line_of(says)]
        self._code = code
        self._killed = asyncio.Event()

    async def read_line(self) -> str:
        return self._lines.pop() if self._lines else ""

    async def wait(self) -> int:
        if self._code is None:
            await self._killed.wait()
        return self._code or 0

    def tell(self, duty: str) -> None:
        """It does not listen."""

    def terminate(self) -> None:
        self._killed.set()

    def kill(self) -> None:
        self._killed.set()


class Script:
    """One child whose processes are scripted; the last one is started again and again."""

    def __init__(self, *processes: tuple[str | None, int | None]) -> None:
        self.started_at: list[float] = []
        self.problems: list[str] = []
        self._processes = list(processes)
        self.child = Child("partition-1", self._start, lambda: self.problems.append(self.child.problem))

    async def _start(self, _role: str) -> ScriptedProcess:
        self.started_at.append(asyncio.get_running_loop().time())
        index = min(len(self.started_at), len(self._processes)) - 1
        return ScriptedProcess(*self._processes[index])


def run(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In virtual time."""
    loop = SimulationLoop(Random(1))
    try:
        loop.run_until_complete(loop.node("supervisor").create_task(play()))
    finally:
        loop.bury()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable(), EXIT_FAILED),
        (StoreFull(), EXIT_FULL),
        (LogFull(), EXIT_FULL),
        (BrokenInvariant(), EXIT_STOPPED),
    ],
)
def test_the_exit_code_says_whether_it_may_pass(error: RetoldError, code: int) -> None:
    assert exit_code_of(error) == code


def test_a_first_start_without_space_has_failed() -> None:
    script = Script((FULL, EXIT_FULL))

    async def play() -> None:
        with pytest.raises(RetoldError, match="partition-1 process to start"):
            await script.child.start()

    run(play)
    assert len(script.started_at) == 1


def test_what_worked_before_waits_for_space_with_a_capped_back_off() -> None:
    lacking = 12
    script = Script((WORKS, EXIT_FAILED), *[(FULL, EXIT_FULL)] * lacking, (WORKS, None))

    async def play() -> None:
        await script.child.start()
        while script.problems[-1:] != [""] or len(script.started_at) < lacking + 2:
            await asyncio.sleep(RESTART_DELAY_MAX)
        await script.child.stop()

    run(play)
    pauses = _pauses(script.started_at)
    assert pauses[:3] == pytest.approx([0.1, 0.2, 0.4], abs=0.01)
    assert max(pauses) == pytest.approx(RESTART_DELAY_MAX, abs=0.01)
    assert set(script.problems) == {"", f"ended with code {EXIT_FAILED} and is started again", FULL}


def test_what_a_person_must_look_at_is_not_started_again() -> None:
    script = Script((WORKS, EXIT_STOPPED))

    async def play() -> None:
        await script.child.start()
        await script.child.ended()

    run(play)
    assert len(script.started_at) == 1


def test_a_first_start_that_fails_is_tried_some_times() -> None:
    script = Script((SILENT, EXIT_FAILED))

    async def play() -> None:
        with pytest.raises(RetoldError):
            await script.child.start()

    run(play)
    assert len(script.started_at) == START_ATTEMPTS_MAX


def _pauses(times: Sequence[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]
