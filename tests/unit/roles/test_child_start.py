"""A process that cannot be started is tried again, like one that ended."""

from __future__ import annotations

import asyncio

import pytest

from engine.core.faults import RetoldError
from engine.roles import child as module
from engine.roles.child import START_ATTEMPTS_MAX, Child
from engine.roles.protocol import EXIT_STOPPED, Process, line_of


class Ended:
    """A process that works or does not, then must be looked at by a person."""

    def __init__(self, problem: str = "") -> None:
        self._lines = [line_of(problem)]

    async def read_line(self) -> str:
        return self._lines.pop() if self._lines else ""

    async def wait(self) -> int:
        return EXIT_STOPPED

    def tell(self, duty: str) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTART_DELAY_MIN", 0.0)


@pytest.mark.parametrize("failures", [1, START_ATTEMPTS_MAX - 1])
def test_it_is_tried_again(failures: int, capsys: pytest.CaptureFixture[str]) -> None:
    left = [OSError(11, "no process is left")] * failures

    async def start(_role: str) -> Process:
        if left:
            raise left.pop()
        return Ended()

    async def play() -> None:
        child = Child("exporter", start, lambda: None)
        await child.start()
        await child.ended()
        assert child.problem == ""

    asyncio.run(play())
    assert capsys.readouterr().err.count("expected to start the exporter process, got: [Errno 11]") == failures


def test_not_for_ever() -> None:
    async def start(_role: str) -> Process:
        raise OSError(12, "no memory")

    async def play() -> None:
        with pytest.raises(RetoldError, match="expected the exporter process to start"):
            await Child("exporter", start, lambda: None).start()

    asyncio.run(play())


def test_one_that_stopped_is_told_from_one_that_could_not_be_started() -> None:
    started = 0

    async def start(_role: str) -> Process:
        nonlocal started
        started += 1
        return Ended("has stopped")

    async def play() -> None:
        child = Child("partition-1", start, lambda: None)
        with pytest.raises(RetoldError, match="expected the partition-1 process to start"):
            await child.start()
        assert (child.has_stopped, child.problem, started) == (True, "has stopped", 1)

    asyncio.run(play())
