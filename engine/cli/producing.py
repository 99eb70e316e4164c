"""Puts commands on the log and finds their outcomes, many at once, in the order in which they were given.

Commands of one partition are appended in their order. Rule: what became of each command is told, also when the log goes
away in between: accepted, refused, unknown, or not sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
from msgspec import Struct

from engine.core.faults import AppendUnknown, LogFull, RecordTooLarge, Reject, RetoldError, Unavailable
from engine.core.ports import Clock, Log, Message
from engine.core.record import Record
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


async def produce(send: Sender, wishes: Sequence[Wish]) -> AsyncIterator[Outcome]:
    """Outcomes in the order of the wishes; once one could not be sent, no more are."""
    under_way: deque[asyncio.Task[Outcome]] = deque()
    lost = ""
    for wish in wishes:
        if len(under_way) >= IN_FLIGHT:
            lost = _fault_of(outcome := await under_way.popleft()) or lost
            yield outcome
        if lost:
            under_way.append(asyncio.ensure_future(_not_sent(wish, lost)))
        else:
            under_way.append(asyncio.ensure_future(send(wish)))
    while under_way:
        yield await under_way.popleft()


def _fault_of(outcome: Outcome) -> str:
    return outcome.reason if outcome.outcome == NOT_SENT else ""


async def _not_sent(wish: Wish, reason: str) -> Outcome:
    return Outcome(wish=wish, outcome=NOT_SENT, reason=reason)


class Waiting:
    """Sends and waits for the outcome, by the header `request`. Call `start` before, `close` in the end."""

    def __init__(self, log: Log, codec: Codec, clock: Clock, *, name: str, timeout_seconds: float) -> None:
        settings = GatewaySettings(in_flight_max=IN_FLIGHT, request_timeout_ms=int(timeout_seconds * 1000))
        self._requests = Requests(log, codec, clock, settings, name)
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

    def __init__(self, log: Log, codec: Codec) -> None:
        self._codec = codec
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


def spread(wishes: Sequence[Wish], partition_count: int) -> Sequence[Wish]:
    """Those that may go anywhere, to the partitions in turn."""
    spread_wishes, turn = [], 0
    for wish in wishes:
        if not wish.partition:
            turn = turn % partition_count + 1
            wish = msgspec.structs.replace(wish, partition=turn)
        spread_wishes.append(wish)
    return spread_wishes
