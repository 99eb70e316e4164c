"""Which machines an installation has, and what each of them shall do: a port, and the machine that is alone.

Rule: a share is only a plan. What keeps two writers from a partition is the fence of the log; so a machine that hears
nothing goes on with what it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct, structs


class Member(Struct, frozen=True, kw_only=True):
    """One machine of the installation. `problems`: partition -> what keeps it from working there, for long."""

    name: str
    #: host and port of its REST API; none without the role gateway
    host: str = ""
    port: int = 0
    version: str = ""
    roles: Sequence[str] = ()
    owned: Sequence[int] = ()
    followed: Sequence[int] = ()
    exported: Sequence[int] = ()
    problems: Mapping[int, str] = {}


class Share(Struct, frozen=True, kw_only=True):
    """What this machine shall do now, and who the others are. `members` has this one as well."""

    owned: Sequence[int] = ()
    followed: Sequence[int] = ()
    exported: Sequence[int] = ()
    members: Sequence[Member] = ()


class News(Struct, frozen=True, kw_only=True):
    """How this machine is doing with its share: what it follows and has caught up with, and what cannot work here."""

    current: Sequence[int] = ()
    problems: Mapping[int, str] = {}


class Overview(Struct, frozen=True, kw_only=True):
    """What the supervisor of a machine tells its gateway.

    `parts`: each process of the machine, with what keeps it from working; `name`: of the machine among the `members`;
    `problem`: why nothing is heard of them.
    """

    parts: Mapping[str, str] = {}
    name: str = ""
    members: Sequence[Member] = ()
    problem: str = ""


class Membership(Protocol):
    """One machine's place among the members."""

    @property
    def problem(self) -> str:
        """Why nothing is heard of the others; empty while all is well."""

    async def join(self, news: Callable[[], News]) -> None:
        """Become a member, whose `news` are asked for again and again. Raises RetoldError when that cannot succeed."""

    async def next_share(self) -> Share:
        """Waits for the next one. Raises RetoldError when there will be none."""

    def confirm(self) -> None:
        """Have `next_share` give the share again, as the members see it from now on."""

    async def leave(self) -> None:
        """The others share out at once what this one had."""


class SoleMember:
    """The only machine: it does everything, at once. For the embedded log."""

    problem = ""

    def __init__(self, identity: Member, partition_count: int) -> None:
        every = tuple(range(1, partition_count + 1))
        member = structs.replace(identity, owned=every, exported=every)
        self._share = Share(owned=every, exported=every, members=(member,))
        self._asked = asyncio.Event()
        self._asked.set()

    async def join(self, news: Callable[[], News]) -> None:
        """As `Membership.join`; nobody asks for news."""

    async def next_share(self) -> Share:
        """As `Membership.next_share`."""
        await self._asked.wait()
        self._asked.clear()
        return self._share

    def confirm(self) -> None:
        """As `Membership.confirm`."""
        self._asked.set()

    async def leave(self) -> None:
        """As `Membership.leave`."""
