"""The one writer of a partition: a ring of transactional producers, one transaction an append.

After a commit the broker is still writing its markers, and a producer that begins again at once is sent away for 20 ms;
the next one of the ring need not wait. Rule: an append begins only after the one before was acknowledged, whichever id
it went through. The ring's size is fixed for the life of a log, because a new owner fences every id of it: one that it
did not know would stay open to the old owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.core.faults import AppendUnknown, Fenced, RetoldError, Unavailable
from engine.core.ports import Append
from engine.shell.appends import check_appends
from engine.shell.kafka.clients import Producer

#: Transactional ids of a partition. Never change it: see the module's docstring.
RING_SIZE = 3


class KafkaWriter:
    """The Writer port. After any failure it is spent: a new one fences it, and so settles what it left."""

    def __init__(self, ring: Sequence[Producer], partition_count: int) -> None:
        """The producers have not started; `start` comes first."""
        self._ring = ring
        self._partition_count = partition_count
        self._turn = 0
        self._appending = asyncio.Lock()
        self._spent: RetoldError | None = None

    async def start(self) -> None:
        """Fence the earlier owners of all ids, one after the other. Raises Unavailable; `discard` it then.

        In this order, and the first append goes through the first id: of several who fence at the same time each may be
        left with a part of the ring, but only one of them with the first id, and the others cannot begin.
        """
        for producer in self._ring:
            await producer.start()

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Writer.append`."""
        check_appends(appends, self._partition_count)
        async with self._appending:
            if self._spent is not None:
                raise self._spent
            if not appends:
                return []
            producer = self._ring[self._turn]
            self._turn = (self._turn + 1) % len(self._ring)
            try:
                return await self._append(producer, appends)
            except Fenced as error:
                self.spend(error)
                raise
            except BaseException:
                self.spend(Unavailable("expected a writer, got one whose last append failed; recover"))
                raise

    def spend(self, error: RetoldError) -> None:
        """Raise this from now on."""
        self._spent = self._spent or error

    async def discard(self) -> None:
        """Close the producers; what they have begun is ended by the next writer, or by the broker in time."""
        await asyncio.gather(*(producer.discard() for producer in self._ring))

    async def _append(self, producer: Producer, appends: Sequence[Append]) -> Sequence[int]:
        await producer.begin()
        offsets = await producer.send(appends)
        try:
            await producer.commit()
        except Unavailable as error:
            raise AppendUnknown(f"{AppendUnknown.__doc__} {error.message}") from error
        return offsets
