"""A message that no partition sent, with a number far ahead: it is refused, and the partition goes on.

Only a client that may write to `internal` can forge one; the engine's own topics are protected by ACLs in production.
"""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from engine.core.faults import MessageGap
from engine.core.ports import EVENTS, INTERNAL, Append, Message
from engine.core.record import REJECTION, Record
from engine.shell.gaps import is_forged
from engine.shell.manual_clock import ManualClock
from engine.shell.memory_log import MemoryLog
from engine.shell.memory_store import MemoryStore
from replay.redecision import Redecision
from tests.support.scenario import ASSEMBLY, BEGIN, CODEC
from tests.unit.replay.test_repair import DEPLOYMENTS, arrived, start, told


def numbered(number: int) -> bytes:
    """A message that partition 1 sent, under another number."""
    record = CODEC.decode(told()[1][0])
    step = msgspec.structs.replace(record.step, sender_number=number)
    return CODEC.encode(msgspec.structs.replace(record, step=step))


async def with_forged(number: int) -> MemoryLog:
    """All messages of partition 1 to 2, and a forged one after the second."""
    log = MemoryLog(2, ManualClock(BEGIN))
    (events, internal) = arrived(range(1, DEPLOYMENTS + 1))
    found = list(internal.messages)
    found.insert(2, Message(value=numbered(number)))
    await log.append([events, msgspec.structs.replace(internal, messages=found)])
    return log


async def rejections(log: MemoryLog) -> list[Record]:
    page = await log.read(EVENTS, 2, 0, size_max=1 << 30)
    return [r for r in (CODEC.decode(entry.value) for entry in page.entries) if r.record_type == REJECTION]


def test_a_forged_number_is_refused_and_all_real_messages_are_taken() -> None:
    async def run() -> None:
        log = await with_forged(99)
        assert await start(log) == DEPLOYMENTS
        (refused,) = await rejections(log)
        assert refused.rejection_code == "FORBIDDEN"
        expected = "expected message 3 from partition 1, got 99, which it has not sent"
        assert refused.rejection_reason == expected
        assert (refused.step.sender_partition, refused.step.sender_number) == (0, 0)
        assert await start(log) == DEPLOYMENTS, "expected the same after a restart"
        again = await Redecision(log, ASSEMBLY, 2, MemoryStore()).run()
        assert again.difference is None
        assert again.steps == DEPLOYMENTS + 1

    asyncio.run(run())


def test_what_was_sent_is_not_taken_for_forged() -> None:
    async def run() -> None:
        log = MemoryLog(2, ManualClock(BEGIN))
        await log.append(arrived([1, 2]))
        gap = MessageGap(1, 3, DEPLOYMENTS)
        assert not await is_forged(log, CODEC, 2, gap, ManualClock(BEGIN))
        assert await is_forged(log, CODEC, 2, MessageGap(1, 3, DEPLOYMENTS + 1), ManualClock(BEGIN))
        assert await is_forged(log, CODEC, 1, MessageGap(2, 1, 2), ManualClock(BEGIN))

    asyncio.run(run())


def test_a_message_that_is_seen_before_its_event_is_waited_for() -> None:
    """A transaction becomes visible on one partition after the other."""

    async def run() -> None:
        clock = ManualClock(BEGIN)
        log = MemoryLog(2, clock)
        events, internal = arrived([2])
        looking = asyncio.create_task(is_forged(log, CODEC, 2, MessageGap(1, 1, 2), clock))
        await asyncio.sleep(0)
        await log.append([events, internal])
        assert not await looking

    asyncio.run(run())


def test_a_forged_message_does_not_hide_a_gap() -> None:
    async def run() -> None:
        log = MemoryLog(2, ManualClock(BEGIN))
        await log.append(arrived([1]))
        await log.append([Append(topic=INTERNAL, partition=2, messages=[Message(value=numbered(99))])])
        assert await start(log) == 1
        await log.append(arrived([3])[1:])
        with pytest.raises(MessageGap) as stopped:
            await start(log)
        gap = stopped.value
        assert (gap.sender, gap.expected, gap.number) == (1, 2, 3)

    asyncio.run(run())
