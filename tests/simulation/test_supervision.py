"""The supervisor with processes and shares that follow a script, in virtual time: who does what, and who goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from engine.roles.membership import Member, News, Overview, Share
from engine.roles.protocol import CURRENT, FOLLOW, GATEWAY, LOST, OWN, line_of
from engine.roles.supervisor import LASTING, STEP_BACK_TIMEOUT, Supervisor
from tests.simulation.loop import SimulationLoop

#: Seconds until everything that was told has been done.
SOON = 1.0


class ObedientProcess:
    """Works on whatever it is told, and notes it."""

    def __init__(self, diary: list[str], role: str) -> None:
        self.role = role
        self._diary = diary
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        self._ended = asyncio.Event()
        self.is_deaf = False
        self.say(line_of(""))

    def say(self, line: str) -> None:
        self._lines.put_nowait(line)

    async def read_line(self) -> str:
        return await self._lines.get()

    async def wait(self) -> int:
        await self._ended.wait()
        return 0

    def tell(self, duty: str) -> None:
        self._diary.append(f"{self.role} {duty}")
        if not self.is_deaf:
            self.say(line_of("", duty))

    def terminate(self) -> None:
        self._diary.append(f"{self.role} ends")
        self.kill()

    def kill(self) -> None:
        self._ended.set()
        self.say("")


class ScriptedMembership:
    """Gives the shares that the test puts into it."""

    problem = ""

    def __init__(self) -> None:
        self.shares: asyncio.Queue[Share] = asyncio.Queue()
        self.diary: list[str] = []

    async def join(self, news: Callable[[], News]) -> None:
        self.news = news

    async def next_share(self) -> Share:
        return await self.shares.get()

    def confirm(self) -> None:
        self.diary.append("confirm")

    async def leave(self) -> None:
        self.diary.append("leave")


class Stage:
    """A supervisor, its processes, and what was done."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.processes: dict[str, ObedientProcess] = {}
        self.membership = ScriptedMembership()
        self.membership.diary = self.diary
        self.told: list[Overview] = []
        self.is_ready = asyncio.Event()
        self.supervisor = Supervisor("here", [GATEWAY], self.membership, self._start, self.told.append)
        self._running = asyncio.ensure_future(self.supervisor.run(self.is_ready.set))

    async def _start(self, role: str) -> ObedientProcess:
        self.diary.append(f"{role} starts")
        self.processes[role] = ObedientProcess(self.diary, role)
        return self.processes[role]

    async def share(self, *, owned: tuple[int, ...] = (), followed: tuple[int, ...] = ()) -> list[str]:
        """Give a share; what was done because of it."""
        self.diary.clear()
        self.membership.shares.put_nowait(
            Share(owned=owned, followed=followed, members=(Member(name="here"), Member(name="there")))
        )
        await asyncio.sleep(SOON)
        return self.diary.copy()

    async def stop(self) -> list[str]:
        self.diary.clear()
        self._running.cancel()
        await self.supervisor.stop()
        return self.diary


def run(play: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    """In virtual time."""
    loop = SimulationLoop(Random(1))

    async def begin() -> None:
        await play(Stage())

    try:
        loop.run_until_complete(loop.node("supervisor").create_task(begin()))
    finally:
        loop.bury()


def test_processes_follow_the_share() -> None:
    async def play(stage: Stage) -> None:
        done = await stage.share(owned=(1,), followed=(2,))
        starts = ["gateway starts", "partition-1 starts", "partition-2 starts"]
        assert sorted(done) == sorted([*starts, "partition-1 OWN", "partition-2 FOLLOW"])
        assert stage.is_ready.is_set()
        assert await stage.share(owned=(1, 2)) == ["partition-1 OWN", "partition-2 OWN"]
        assert sorted(await stage.share(followed=(1,))) == ["partition-1 FOLLOW", "partition-2 ends"]
        assert set(stage.supervisor.overview().parts) == {GATEWAY, "partition-1"}

    run(play)


def test_one_that_comes_back_starts_when_it_has_ended() -> None:
    async def play(stage: Stage) -> None:
        await stage.share(owned=(1,))
        stage.membership.shares.put_nowait(Share())
        assert await stage.share(owned=(1,)) == ["partition-1 ends", "partition-1 starts", "partition-1 OWN"]
        assert stage.supervisor.overview().parts["partition-1"] == ""

    run(play)


def test_whoever_was_fenced_asks_before_it_owns_again() -> None:
    async def play(stage: Stage) -> None:
        await stage.share(owned=(1,))
        stage.diary.clear()
        stage.processes["partition-1"].say(f"{LOST}\n")
        stage.processes["partition-1"].say(line_of("", FOLLOW))
        await asyncio.sleep(SOON)
        assert stage.diary == ["confirm"]
        assert await stage.share(owned=(1,)) == ["partition-1 OWN"]

    run(play)


def test_who_does_something_else_than_its_duty_does_not_work() -> None:
    async def play(stage: Stage) -> None:
        await stage.share(owned=(1,))
        process = stage.processes["partition-1"]
        process.say(line_of("another writer has it"))
        process.say(line_of("", FOLLOW))
        await asyncio.sleep(SOON)
        assert stage.told[-1].parts["partition-1"] == "another writer has it"
        process.say(line_of("", OWN))
        await asyncio.sleep(SOON)
        assert stage.told[-1].parts["partition-1"] == ""

    run(play)


def test_the_others_hear_of_standbys_that_have_caught_up_and_of_what_fails_for_long() -> None:
    async def play(stage: Stage) -> None:
        await stage.share(owned=(1,), followed=(2,))
        assert stage.membership.news() == News()
        stage.processes["partition-2"].say(f"{CURRENT}\n")
        stage.processes["partition-1"].say(line_of("is full"))
        await asyncio.sleep(SOON)
        assert stage.membership.news() == News(current=(2,))
        await asyncio.sleep(LASTING)
        assert stage.membership.news() == News(current=(2,), problems={1: "is full"})
        await stage.share(owned=(1, 2))
        assert stage.membership.news().current == ()

    run(play)


def test_it_leaves_as_soon_as_all_is_finished() -> None:
    async def play(stage: Stage) -> None:
        await stage.share(owned=(1,), followed=(2,))
        first, second, third, *rest = await stage.stop()
        assert (first, second, third) == ("gateway ends", "partition-1 FOLLOW", "leave")
        assert sorted(rest) == ["partition-1 ends", "partition-2 ends"]

    run(play)


def test_one_that_does_not_finish_does_not_keep_the_others_from_taking_over() -> None:
    async def play(stage: Stage) -> None:
        await stage.share(owned=(1,), followed=(2,))
        stage.processes["partition-1"].is_deaf = True
        began = asyncio.get_running_loop().time()
        assert (await stage.stop())[2] == "leave"
        assert asyncio.get_running_loop().time() - began < STEP_BACK_TIMEOUT + SOON

    run(play)
