"""One machine among several: what it says of itself to the group, and the share that comes of what all have said.

Rule: members may run other versions. What is not understood of another's words is left out; it then gets nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from engine.core.ports import Group

from .membership import Member, News, Share
from .shares import EXPORTER, Candidate, Portion, share_out

#: Seconds between two looks at what the others must know.
NEWS_INTERVAL = 1.0
#: Characters of a problem that the others are told.
PROBLEM_LENGTH_MAX = 500


class Description(Struct, frozen=True, kw_only=True):
    """What a member says of itself: who it is, what it does as of share `generation`, and what it could do."""

    name: str = ""
    host: str = ""
    port: int = 0
    version: str = ""
    roles: Sequence[str] = ()
    generation: int = 0
    owned: Sequence[int] = ()
    followed: Sequence[int] = ()
    exported: Sequence[int] = ()
    current: Sequence[int] = ()
    held: Sequence[int] = ()
    problems: Mapping[int, str] = {}


class Assignment(Struct, frozen=True, kw_only=True):
    """What a member is given: its place among all members, and the number of this share."""

    generation: int
    index: int
    members: Sequence[Member]


_describe = msgspec.json.Decoder(Description)
_assignment = msgspec.json.Decoder(Assignment)


class GroupMembership:
    """The `Membership` port over a group."""

    def __init__(
        self, group: Group, identity: Member, partition_count: int, *, held: Sequence[int], exports_all: bool
    ) -> None:
        """`identity`: name, address, version and roles. `held`: partitions of which this machine has some state.

        `exports_all`: each exporter has a projection of its own, so there is nothing to share out.
        """
        self._group = group
        self._identity = identity
        self._partition_count = partition_count
        self._held = held
        self._exports_all = exports_all
        self._generation = 0
        self._share = Share()
        self._told = News()
        self._news: Callable[[], News] = News
        self._watching: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str:
        return self._group.problem

    async def join(self, news: Callable[[], News]) -> None:
        """As `Membership.join`."""
        self._news = news
        await self._group.join(self._describe, self._assign)
        self._watching = asyncio.create_task(self._watch())

    async def next_share(self) -> Share:
        """As `Membership.next_share`."""
        assignment = _assignment.decode(await self._group.next_assignment())
        mine = assignment.members[assignment.index]
        self._generation = assignment.generation
        self._share = Share(
            owned=mine.owned, followed=mine.followed, exported=mine.exported, members=assignment.members
        )
        return self._share

    def confirm(self) -> None:
        """As `Membership.confirm`."""
        self._group.rejoin()

    async def leave(self) -> None:
        """As `Membership.leave`."""
        if self._watching is not None:
            self._watching.cancel()
        await self._group.leave()

    async def _watch(self) -> None:
        """The others share out anew when they have something new to know."""
        while True:
            await asyncio.sleep(NEWS_INTERVAL)
            news, told = self._news(), self._told
            if news.problems.keys() != told.problems.keys() or not set(news.current) <= set(told.current):
                self._group.rejoin()

    def _describe(self) -> bytes:
        news, share, identity = self._news(), self._share, self._identity
        self._told = news
        return msgspec.json.encode(
            Description(
                name=identity.name,
                host=identity.host,
                port=identity.port,
                version=identity.version,
                roles=identity.roles,
                generation=self._generation,
                owned=share.owned,
                followed=share.followed,
                exported=share.exported,
                current=news.current,
                held=self._held,
                problems={partition: text[:PROBLEM_LENGTH_MAX] for partition, text in news.problems.items()},
            )
        )

    def _assign(self, told: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """For all members, when this is the one who does it."""
        descriptions = {member_id: _understand(member_id, data) for member_id, data in sorted(told.items())}
        candidates = [_candidate(member_id, description) for member_id, description in descriptions.items()]
        portions = share_out(candidates, self._partition_count)
        generation = max(description.generation for description in descriptions.values()) + 1
        members = [self._member(description, portions[member_id]) for member_id, description in descriptions.items()]
        return {
            member_id: msgspec.json.encode(Assignment(generation=generation, index=index, members=members))
            for index, member_id in enumerate(descriptions)
        }

    def _member(self, description: Description, portion: Portion) -> Member:
        exported = portion.exported
        if self._exports_all and EXPORTER in description.roles:
            exported = tuple(range(1, self._partition_count + 1))
        return Member(
            name=description.name,
            host=description.host,
            port=description.port,
            version=description.version,
            roles=description.roles,
            owned=portion.owned,
            followed=portion.followed,
            exported=exported,
            problems=description.problems,
        )


def _candidate(member_id: str, description: Description) -> Candidate:
    return Candidate(
        id=member_id,
        roles=description.roles,
        generation=description.generation,
        owned=description.owned,
        followed=description.followed,
        exported=description.exported,
        current=description.current,
        held=description.held,
        failing=tuple(description.problems),
    )


def _understand(member_id: str, data: bytes) -> Description:
    try:
        return _describe.decode(data)
    except msgspec.DecodeError as error:
        sys.stderr.write(f"expected the words of a member, got those of {member_id}: {error}; it gets no partitions\n")
        return Description(name=member_id)
