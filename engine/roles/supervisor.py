"""The supervisor: runs the processes of one machine as its share asks, and ends them in order.

Owns no data. How a process is started, who the other machines are, and who is told how its parts are, it is given.
Rule: what runs goes on until a share says otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from engine.core.faults import RetoldError

from .child import Child
from .host import first_of
from .membership import Member, Membership, News, Overview, Share
from .protocol import (
    EXPORTER,
    FOLLOW,
    GATEWAY,
    LOG,
    OWN,
    Start,
    export_duty,
    partition_of_role,
    role_of_partition,
)

#: Seconds for which something must have been wrong before the other machines are told.
LASTING = 5.0
#: Seconds that the partitions have to finish what they do before the others take over; then the fence ends it.
STEP_BACK_TIMEOUT = 2.0


class Supervisor:
    """All processes of one machine.

    `fixed`: roles that it has whatever its share is. `start` starts the process of a role; `tell` gets an overview
    whenever that has changed.
    """

    def __init__(
        self, name: str, fixed: Sequence[str], membership: Membership, start: Start, tell: Callable[[Overview], None]
    ) -> None:
        self._name = name
        self._membership = membership
        self._start = start
        self._tell = tell
        self._members: Sequence[Member] = ()
        self._children = {role: Child(role, start, self._changed) for role in fixed}
        #: What is being ended, and how.
        self._ending: dict[Child, asyncio.Task[None]] = {}

    def overview(self) -> Overview:
        return Overview(
            parts={role: child.problem for role, child in self._children.items()},
            name=self._name,
            members=self._members,
            problem=self._membership.problem,
        )

    def news(self) -> News:
        """What the other machines must know to share out the partitions."""
        now = asyncio.get_running_loop().time()
        partitions = {n: child for role, child in self._children.items() if (n := partition_of_role(role))}
        return News(
            current=tuple(sorted(n for n, child in partitions.items() if child.is_current)),
            problems={n: child.problem for n, child in partitions.items() if child.fails_since(now - LASTING)},
        )

    async def run(self, ready: Callable[[], None]) -> None:
        """Start everything, call `ready` when all of it works, and go on. Raises RetoldError when that is over."""
        self._changed()
        if LOG in self._children:
            await self._children[LOG].start()
        for child in self._children.values():
            child.begin()
        await self._membership.join(self.news)
        self._apply(await self._membership.next_share())
        await first_of(self._serve(ready), self._follow_shares())

    async def stop(self) -> None:
        """The gateway first, so that nothing new comes in; the log last.

        The other machines take over as soon as what was begun is finished, while the processes still end.
        """
        gateway, log = self._children.get(GATEWAY), self._children.get(LOG)
        inner = [child for child in self._children.values() if child not in (gateway, log)]
        if gateway is not None:
            await gateway.stop()
        if len(self._members) > 1:
            await self._step_back()
        await self._membership.leave()
        await asyncio.gather(*(child.stop() for child in inner), *self._ending.values())
        if log is not None:
            await log.stop()

    async def _step_back(self) -> None:
        """Own nothing any more, or as little as possible in a bounded time."""
        owning = [child for child in self._children.values() if child.duty == OWN]
        for child in owning:
            child.tell(FOLLOW)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STEP_BACK_TIMEOUT):
                await asyncio.gather(*(child.settled() for child in owning))

    async def _serve(self, ready: Callable[[], None]) -> None:
        await asyncio.gather(*(self._start_one(child) for child in self._children.values()))
        ready()
        log = self._children.get(LOG)
        if log is None:
            await asyncio.Event().wait()  # for ever
        else:
            await log.ended()
            raise RetoldError("expected the log to be kept, got its end; its message is above")

    async def _start_one(self, child: Child) -> None:
        """Of several machines none ends for a partition that has stopped: all would, one after the other."""
        try:
            await child.start()
        except RetoldError:
            if LOG in self._children or not (child.has_stopped and partition_of_role(child.role)):
                raise

    async def _follow_shares(self) -> None:
        while True:
            self._apply(await self._membership.next_share())

    def _apply(self, share: Share) -> None:
        """Have the processes do what the share says."""
        self._members = share.members
        duties = {role_of_partition(n): OWN for n in share.owned}
        duties |= {role_of_partition(n): FOLLOW for n in share.followed}
        if share.exported:
            duties[EXPORTER] = export_duty(share.exported)
        for role in [role for role, child in self._children.items() if child.duty and role not in duties]:
            self._end(self._children.pop(role))
        for role, duty in duties.items():
            if role in self._children:
                self._children[role].tell(duty)
            else:
                self._begin(role, duty)
        self._changed()

    def _begin(self, role: str, duty: str) -> None:
        before = next((child for child in self._ending if child.role == role), None)
        child = Child(role, self._start, self._changed, duty=duty, lost=self._membership.confirm, after=before)
        self._children[role] = child
        child.begin()

    def _end(self, child: Child) -> None:
        self._ending[child] = ending = asyncio.create_task(child.stop())
        ending.add_done_callback(lambda _: self._ending.pop(child))

    def _changed(self) -> None:
        self._tell(self.overview())
