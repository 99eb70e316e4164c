"""A machine among several: what it tells the group, and the share that it gets, whatever the others run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec
import pytest

from engine.roles.group_membership import GroupMembership
from engine.roles.membership import Member, News, Share

ALL = ("engine", "gateway", "exporter")
Assign = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]


class Together:
    """Groups of one process: everybody hears at once; the first assigns. `strangers`: what others say of themselves."""

    def __init__(self, **strangers: bytes) -> None:
        self.members: dict[str, tuple[Callable[[], bytes], Assign, asyncio.Queue[bytes]]] = {}
        self.strangers = strangers

    def share(self) -> None:
        if not self.members:
            return
        told = {name: describe() for name, (describe, _, _) in self.members.items()}
        _, assign, _ = self.members[min(self.members)]
        given = assign({**told, **self.strangers})
        assert given.keys() == told.keys() | self.strangers.keys()
        for name, (_, _, queue) in self.members.items():
            queue.put_nowait(given[name])


class OneGroup:
    """The Group port of one member."""

    problem = ""

    def __init__(self, together: Together, name: str) -> None:
        self._together = together
        self._name = name

    async def join(self, describe: Callable[[], bytes], assign: Assign) -> None:
        self._together.members[self._name] = (describe, assign, asyncio.Queue())
        self._together.share()

    async def next_assignment(self) -> bytes:
        return await self._together.members[self._name][2].get()

    def rejoin(self) -> None:
        self._together.share()

    async def leave(self) -> None:
        del self._together.members[self._name]
        self._together.share()


class Machine:
    """A member, what it last was given, and what it says."""

    def __init__(self, together: Together, name: str, *, exports_all: bool = False) -> None:
        self.news = News()
        identity = Member(name=name, host="localhost", port=1, version="test", roles=ALL)
        self.membership = GroupMembership(OneGroup(together, name), identity, 4, held=(), exports_all=exports_all)

    async def join(self) -> None:
        await self.membership.join(lambda: self.news)

    async def share(self) -> Share:
        return await self.membership.next_share()


def run(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(play())


def test_the_first_gets_everything_and_hands_over_to_who_has_caught_up() -> None:
    async def play() -> None:
        together = Together()
        first, second = Machine(together, "a"), Machine(together, "b")
        await first.join()
        assert (await first.share()).owned == [1, 2, 3, 4]
        await second.join()
        assert (await first.share()).owned == [1, 2, 3, 4]
        share = await second.share()
        assert (share.owned, share.followed, share.exported) == ([], [1, 2, 3, 4], [1, 2])
        assert [(member.name, list(member.owned)) for member in share.members] == [("a", [1, 2, 3, 4]), ("b", [])]
        second.news = News(current=(1, 2, 3, 4))
        second.membership.confirm()
        assert (await first.share()).owned == [3, 4]
        assert (await second.share()).owned == [1, 2]
        await first.membership.leave()
        assert (await second.share()).owned == [1, 2, 3, 4]
        await second.membership.leave()

    run(play)


def test_the_others_know_what_cannot_work() -> None:
    async def play() -> None:
        together = Together()
        machine = Machine(together, "a")
        machine.news = News(problems={2: "is full"})
        await machine.join()
        (member,) = (await machine.share()).members
        assert member.problems == {2: "is full"}
        await machine.membership.leave()

    run(play)


def test_where_each_has_a_projection_of_its_own_each_exports_all() -> None:
    async def play() -> None:
        together = Together()
        machines = [Machine(together, name, exports_all=True) for name in "ab"]
        for machine in machines:
            await machine.join()
        await machines[0].share()
        for machine in machines:
            assert (await machine.share()).exported == [1, 2, 3, 4]
            await machine.membership.leave()

    run(play)


@pytest.mark.parametrize(
    "words",
    [b"", b"\xff", b"[]", b'{"roles": 1}', msgspec.json.encode({"name": "new", "newer": {"words": 1}})],
    ids=["nothing", "garbage", "another kind", "another type", "a newer version"],
)
def test_who_is_not_understood_gets_nothing(words: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    async def play() -> None:
        machine = Machine(Together(stranger=words), "a")
        await machine.join()
        share = await machine.share()
        assert share.owned == [1, 2, 3, 4]
        assert share.followed == []
        assert len(share.members) == 2
        await machine.membership.leave()

    run(play)
    assert ("those of stranger" in capsys.readouterr().err) == (b"newer" not in words)
