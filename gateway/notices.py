"""Who waits for jobs of a type, and who is told when there are some.

Rule: one notice wakes one listener, and a notice that its listener did not need goes to the next, so that a thousand
waiting workers do not all ask when one job appears. Must not know what a job is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection


class Listener:
    """One request that waits for jobs of a type. Made by `Notices.listen`; `close` it in any case."""

    def __init__(self, notices: Notices, job_type: str) -> None:
        self._notices = notices
        self.job_type = job_type
        self._told = asyncio.Event()
        self._partitions: set[int] = set()

    @property
    def told(self) -> bool:
        """True while a notice waits to be taken."""
        return self._told.is_set()

    async def wait(self) -> None:
        """Until there is a notice."""
        await self._told.wait()

    def take(self) -> set[int]:
        """The partitions that were told since the last call; they are no longer told."""
        partitions, self._partitions = self._partitions, set()
        self._told.clear()
        return partitions

    def tell(self, partition: int) -> None:
        """There are jobs on a partition."""
        self._partitions.add(partition)
        self._told.set()

    def close(self, more: Collection[int]) -> None:
        """Stop listening. What was told and not taken goes to the next, and the partitions that have `more` jobs."""
        self._notices.remove(self)
        for partition in {*self._partitions, *more}:
            self._notices.tell(self.job_type, partition)


class Notices:
    """Listeners by job type, in the order in which they came."""

    def __init__(self) -> None:
        #: Set when nobody shall wait any longer.
        self.ended = asyncio.Event()
        self._listeners: dict[str, dict[Listener, None]] = {}

    def listen(self, job_type: str) -> Listener:
        """Be told of jobs of this type from now on."""
        listener = Listener(self, job_type)
        self._listeners.setdefault(job_type, {})[listener] = None
        return listener

    def tell(self, job_type: str, partition: int) -> None:
        """There are jobs of this type on a partition."""
        listeners = self._listeners.get(job_type)
        if listeners:
            next((listener for listener in listeners if not listener.told), next(iter(listeners))).tell(partition)

    def remove(self, listener: Listener) -> None:
        listeners = self._listeners.get(listener.job_type, {})
        listeners.pop(listener, None)
        if not listeners:
            self._listeners.pop(listener.job_type, None)

    def end(self) -> None:
        """The gateway is going to end: who waits shall give up."""
        self.ended.set()

    @property
    def count(self) -> int:
        """How many listen."""
        return sum(map(len, list(self._listeners.values())))  # a copy: another thread may ask
