"""Puts commands on the log and finds their outcomes, many at once, in the order in which they were given.

Commands of one partition are appended in their order. Rule: what became of each command is told, also when the log goes
away in between: accepted, refused, unknown, or not sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from itertools import cycle, islice
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.faults import AppendUnknown, LogFull, RecordTooLarge, Reject, RetoldError, Unavailable
from engine.core.ports import Clock, Log, Message
from engine.core.record import Record
from engine.shell.claims import ClaimsSeal
from engine.shell.codec import Codec
from engine.shell.trace_context import trace_headers
from gateway.outboxes import Outbox, Outgoing
from gateway.problems import OutcomeUnknown
from gateway.replies import REQUEST, Requests
from gateway.settings import GatewaySettings
from gateway.telemetry import Untraced

from .command_lines import Wish

#: Commands without outcome at the same time.
IN_FLIGHT = 512

ACCEPTED = "ACCEPTED"
APPENDED = "APPENDED"
UNKNOWN = "UNKNOWN"
NOT_SENT = "NOT_SENT"


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a command. `outcome`: ACCEPTED, APPENDED (nobody waited), UNKNOWN, NOT_SENT or a rejection's code.

    `record`: the last of the answer.
    """

    wish: Wish
    outcome: str
    reason: str = ""
    record: Record | None = None

    @property
    def is_good(self) -> bool:
        return self.outcome in (ACCEPTED, APPENDED)


Sender = Callable[[Wish], Awaitable[Outcome]]


async def produce(send: Sender, pages: AsyncIterator[Sequence[Wish]]) -> AsyncIterator[Outcome]:
    """Outcomes in the order of the wishes, each as soon as it is known; at most IN_FLIGHT and a page are held.

    Once one could not be sent, no more are, and no more is read: what else was read was NOT_SENT.
    """
    ready: deque[Wish] = deque()
    under_way: deque[asyncio.Future[Outcome]] = deque()
    reading: asyncio.Task[Sequence[Wish] | None] | None = None
    has_more, lost = True, ""
    try:
        while True:
            while ready and len(under_way) < IN_FLIGHT:
                wish = ready.popleft()
                under_way.append(asyncio.ensure_future(_not_sent(wish, lost) if lost else send(wish)))
            if has_more and not ready and not reading and not lost:
                reading = asyncio.create_task(_next(pages))
            awaited: list[asyncio.Future[Any]] = [*([reading] if reading and not lost else []), *islice(under_way, 1)]
            if not awaited:
                return
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            while under_way and under_way[0].done():
                outcome = under_way.popleft().result()
                lost = lost or (outcome.reason if outcome.outcome == NOT_SENT else "")
                yield outcome
            if reading and reading.done():
                page, reading = reading.result(), None
                ready.extend(page or ())
                has_more = page is not None
    finally:
        if reading:
            reading.cancel()


async def _next(pages: AsyncIterator[Sequence[Wish]]) -> Sequence[Wish] | None:
    return await anext(pages, None)


async def _not_sent(wish: Wish, reason: str) -> Outcome:
    return Outcome(wish=wish, outcome=NOT_SENT, reason=reason)


class Waiting:
    """Sends and waits for the outcome, by the header `request`. Call `start` before, `close` in the end."""

    def __init__(
        self, log: Log, codec: Codec, clock: Clock, *, name: str, timeout_seconds: float, seal: ClaimsSeal | None
    ) -> None:
        settings = GatewaySettings(in_flight_max=IN_FLIGHT, request_timeout_ms=int(timeout_seconds * 1000))
        self._requests = Requests(log, codec, clock, settings, name, seal)
        self.start = self._requests.start
        self.close = self._requests.close

    async def send(self, wish: Wish) -> Outcome:
        """One command. Never raises what concerns this command alone."""
        trace = Untraced(wish.record.step.trace_context)
        try:
            records = await self._requests.send(wish.partition, wish.record, trace=trace)
        except Reject as refused:
            return Outcome(wish=wish, outcome=refused.code, reason=refused.reason)
        except (OutcomeUnknown, AppendUnknown) as unknown:
            return Outcome(wish=wish, outcome=UNKNOWN, reason=unknown.message)
        except (Unavailable, LogFull, RecordTooLarge) as fault:
            return Outcome(wish=wish, outcome=NOT_SENT, reason=fault.message)
        return Outcome(wish=wish, outcome=ACCEPTED, record=records[-1])


class Appending:
    """Sends and waits only until the command is on the log."""

    def __init__(self, log: Log, codec: Codec, seal: ClaimsSeal | None) -> None:
        self._codec = codec
        self._seal = seal
        self._outboxes = {
            partition: Outbox(log, partition, _note_nothing) for partition in range(1, log.partition_count + 1)
        }

    async def start(self) -> None:
        """Nothing is waited for."""

    async def close(self) -> None:
        """Append what is queued."""
        await asyncio.gather(*(outbox.close() for outbox in self._outboxes.values()))

    async def send(self, wish: Wish) -> Outcome:
        """One command. Never raises what concerns this command alone."""
        step = wish.record.step
        headers = {REQUEST: step.request, **trace_headers(step.trace_context)}
        message = Message(value=self._codec.encode(wish.record), headers=headers)
        if self._seal is not None:
            message = self._seal.sign(message)
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        faults: list[RetoldError] = []
        self._outboxes[wish.partition].put(Outgoing(message, faults.append, ended.set_result))
        error = await ended
        if faults:
            return Outcome(wish=wish, outcome=NOT_SENT, reason=faults[0].message)
        if error:
            return Outcome(wish=wish, outcome=UNKNOWN, reason=(AppendUnknown.__doc__ or "").strip())
        return Outcome(wish=wish, outcome=APPENDED)


def _note_nothing(task: asyncio.Task[None]) -> None:
    """An exception that nobody foresaw ends the program with its text."""
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


class Turns:
    """Gives those that may go anywhere to the partitions in turn."""

    def __init__(self, partition_count: int) -> None:
        self._next = cycle(range(1, partition_count + 1))

    def spread(self, wishes: Iterable[Wish]) -> Sequence[Wish]:
        """Each with its partition."""
        return [
            wish if wish.partition else msgspec.structs.replace(wish, partition=next(self._next)) for wish in wishes
        ]
