"""The ring of producers of a partition: who takes it over has it whole, or cannot begin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.core.faults import Fenced
from engine.core.ports import EVENTS, Append, Message
from engine.shell.kafka.writer import RING_SIZE, KafkaWriter

APPENDS = (Append(topic=EVENTS, partition=1, messages=(Message(value=b"step"),)),)


class Broker:
    """Who registered an id last owns it."""

    def __init__(self) -> None:
        self.owners: dict[int, Registered] = {}
        self.committed: list[Registered] = []


class Registered:
    """A Producer of one id. It registers when `may_start` is set."""

    def __init__(self, broker: Broker, number: int, may_start: asyncio.Event) -> None:
        self._broker, self._number, self._may_start = broker, number, may_start

    async def start(self) -> None:
        await self._may_start.wait()
        self._broker.owners[self._number] = self

    async def begin(self) -> None:
        pass

    async def send(self, appends: Sequence[Append]) -> Sequence[int]:
        if self._broker.owners[self._number] is not self:
            raise Fenced("another one has registered")
        return [0 for _ in appends]

    async def commit(self) -> None:
        self._broker.committed.append(self)

    async def discard(self) -> None:
        pass


@pytest.mark.parametrize("waits_at", range(RING_SIZE))
def test_of_two_who_take_over_at_the_same_time_one_alone_can_append(waits_at: int) -> None:
    """One is held up at an id, and goes on when the other has the whole ring and works."""

    async def run() -> None:
        broker, at_once, later = Broker(), asyncio.Event(), asyncio.Event()
        at_once.set()
        gates = [later if number == waits_at else at_once for number in range(RING_SIZE)]
        slow = KafkaWriter([Registered(broker, number, gate) for number, gate in enumerate(gates)], 1)
        quick = KafkaWriter([Registered(broker, number, at_once) for number in range(RING_SIZE)], 1)
        starting = asyncio.create_task(slow.start())
        await asyncio.sleep(0)
        await quick.start()
        await quick.append(APPENDS)
        later.set()
        await starting
        begun = len(broker.committed)
        able = [await _appends(writer) for writer in (slow, quick)]
        assert sum(able) <= 1
        assert len(broker.committed) <= begun + sum(able)

    asyncio.run(run())


async def _appends(writer: KafkaWriter) -> bool:
    try:
        await writer.append(APPENDS)
    except Fenced:
        return False
    return True
