"""The members of a simulated installation: a coordinator at the brokers, as Kafka's consumer groups have it.

Members that are silent for long are taken for dead. When one comes, goes or asks for it, all of them join again, which
they hear with their heartbeats; whoever has not done so in time is left out. Then one of them assigns for all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from engine.core.faults import RetoldError, Unavailable
from tests.simulation.kafka import BROKERS_AWAY
from tests.simulation.loop import Node
from tests.simulation.world import World

#: Seconds of silence after which a member is taken for dead, and between its heartbeats.
SESSION_SECONDS, HEARTBEAT_SECONDS = 6.0, 0.3
#: Seconds after which a member that was left out hears of it, at most.
DEAF_SECONDS_MAX = 3.0
#: Seconds that members have to join again, and that the coordinator waits for more of them at least.
JOIN_SECONDS_MAX, JOIN_SECONDS_MIN = 6.0, 0.05
#: Seconds until a request that finds no broker ends.
AWAY_SECONDS = 1.0

Answer = TypeVar("Answer")
Describe = Callable[[], bytes]
Assign = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]


class Known:
    """A member, as the coordinator knows it."""

    def __init__(self, member: SimulatedGroup, heard_at: float) -> None:
        self.member = member
        self.heard_at = heard_at
        #: What it said of itself when it joined this time.
        self.words: bytes | None = None


class Coordinator:
    """What the brokers know of the group; it outlives every machine."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, Known] = {}
        self._joining: asyncio.Task[None] | None = None

    @property
    def is_away(self) -> bool:
        return BROKERS_AWAY in self._world.conditions

    def begin(self) -> None:
        self._world.node.create_task(self._watch())

    def rebalance(self) -> None:
        """All must join again."""
        for known in self._known.values():
            known.words = None
        if self._joining is None:
            self._joining = self._world.node.create_task(self._share())

    def join(self, member: SimulatedGroup, words: bytes) -> None:
        """A member says of itself what the others must know."""
        if member.name not in self._known:
            self._known[member.name] = Known(member, self._world.loop.time())
            self.rebalance()
        known = self._known[member.name]
        known.words, known.heard_at = words, self._world.loop.time()

    def beat(self, member: SimulatedGroup) -> bool:
        """Whether the member must join again."""
        known = self._known.get(member.name)
        if known is None or known.member is not member:
            return self._world.loop.time() >= member.hears_at
        known.heard_at = self._world.loop.time()
        return known.words is None

    def leave(self, member: SimulatedGroup) -> None:
        if self._known.pop(member.name, None) is not None:
            self.rebalance()

    def leave_out(self, chosen: random.Random) -> None:
        """Take any member for dead, though it lives: it hears that with a heartbeat, maybe late, and joins again."""
        if self._known:
            name = chosen.choice(sorted(self._known))
            self._known[name].member.hears_at = self._world.loop.time() + chosen.uniform(
                DEAF_SECONDS_MAX / 2, DEAF_SECONDS_MAX
            )
            self._drop(lambda known: known.member.name == name)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            if not self.is_away:
                self._drop(lambda known: known.heard_at < self._world.loop.time() - SESSION_SECONDS)

    def _drop(self, is_dead: Callable[[Known], bool]) -> None:
        dead = [name for name, known in self._known.items() if is_dead(known)]
        for name in dead:
            self._world.note(f"{name} is taken for dead by the group")
            del self._known[name]
        if dead:
            self.rebalance()

    async def _share(self) -> None:
        until = self._world.loop.time() + JOIN_SECONDS_MAX
        await asyncio.sleep(JOIN_SECONDS_MIN)
        while any(known.words is None for known in self._known.values()) and self._world.loop.time() < until:
            await asyncio.sleep(JOIN_SECONDS_MIN)
        self._joining = None
        self._drop(lambda known: known.words is None)
        told = {name: known.words for name, known in self._known.items() if known.words is not None}
        if not told or self._joining is not None:
            return
        leader = self._known[min(told)].member
        for name, assignment in leader.assign(told).items():
            self._known[name].member.deliver(assignment)


class SimulatedGroup:
    """The Group port of one supervisor."""

    def __init__(self, world: World, node: Node, coordinator: Coordinator, name: str) -> None:
        self.problem = "has not joined yet"
        self.name = name
        self._world = world
        self._node = node
        self._coordinator = coordinator
        self._assignments: asyncio.Queue[bytes] = asyncio.Queue()
        self._keeping: asyncio.Task[None] | None = None
        self._wants_rebalance = False
        #: When it hears that it is not a member any more.
        self.hears_at = 0.0

    async def join(self, describe: Describe, assign: Assign) -> None:
        """As `Group.join`."""
        self._describe, self.assign = describe, assign
        self._keeping = asyncio.ensure_future(self._keep())

    async def next_assignment(self) -> bytes:
        """As `Group.next_assignment`."""
        return await self._assignments.get()

    def rejoin(self) -> None:
        """As `Group.rejoin`."""
        self._wants_rebalance = True

    async def leave(self) -> None:
        """As `Group.leave`."""
        if self._keeping is not None:
            self._keeping.cancel()
        try:
            await self._ask(lambda: self._coordinator.leave(self))
        except RetoldError:
            return  # it is taken for dead after a while

    def deliver(self, assignment: bytes) -> None:
        """Of the coordinator: it travels to this member."""
        self._node.call_later(self._world.latency(), self._receive, assignment)

    def _receive(self, assignment: bytes) -> None:
        self._assignments.put_nowait(assignment)

    async def _keep(self) -> None:
        while True:
            try:
                if self._wants_rebalance:
                    self._wants_rebalance = False
                    await self._ask(self._coordinator.rebalance)
                if await self._ask(lambda: self._coordinator.beat(self)):
                    words = self._describe()
                    await self._ask(partial(self._coordinator.join, self, words))
            except Unavailable as error:
                self.problem = error.message
            else:
                self.problem = ""
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _ask(self, serve: Callable[[], Answer]) -> Answer:
        self._node.check()
        await asyncio.sleep(self._world.latency())
        if self._coordinator.is_away:
            await asyncio.sleep(AWAY_SECONDS)
            raise Unavailable("expected a coordinator of the group, got no answer")
        self._node.check()
        answer = serve()
        await asyncio.sleep(self._world.latency())
        return answer
