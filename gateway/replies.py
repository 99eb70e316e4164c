"""Requests and their answers: a command goes to the log, its outcome is found on `events` by a header.

Rule: every request ends: with its answer, a rejection, a refusal before the log, or `OutcomeUnknown` when time is over.
Records that are nobody's answer here are not decoded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from engine.core.faults import LogTruncated, RecordTooLarge, Reject, RetoldError, Unavailable
from engine.core.ports import EVENTS, VALUE_SIZE_MAX, Clock, Entry, Log, Message
from engine.core.record import REJECTION, Record
from engine.shell.claims import ClaimsSeal
from engine.shell.trace_context import trace_headers

from .notices import Notices
from .outboxes import Outbox, Outgoing
from .problems import Exhausted, OutcomeUnknown
from .settings import GatewaySettings
from .telemetry import RequestTrace, Untraced

#: Headers of the log (see `Requests`).
REQUEST = "request"
FINAL = "final"
JOB_TYPE = "job-type"

_RETRY_SECONDS_MIN = 0.05
_RETRY_SECONDS_MAX = 2.0


class Codec(Protocol):
    """Records to bytes and back."""

    def encode(self, record: Record) -> bytes: ...

    def decode(self, value: bytes) -> Record: ...


#: What gets the first record of an answer whose rest may take long.
Begun = Callable[[Record], None]


class _Waiting:
    """One request without its whole answer."""

    __slots__ = ("answer", "begun", "deadline", "partition", "values")

    def __init__(self, partition: int, deadline: float, begun: Begun | None) -> None:
        self.partition = partition
        self.deadline: float | None = deadline
        self.begun = begun
        self.values: list[bytes] = []
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def expires(self) -> bool:
        """Whether its time can run out."""
        return self.deadline is not None and not self.answer.done()

    def refuse(self, fault: RetoldError) -> None:
        if not self.answer.done():
            self.answer.set_exception(type(fault)(fault.message))


class Requests:
    """Sends commands with the header `request: <gateway>/<n>` and collects the records that carry it until `final`.

    Also tells `notices` of every record with the header `job-type`.
    """

    def __init__(
        self,
        log: Log,
        codec: Codec,
        clock: Clock,
        settings: GatewaySettings,
        gateway_id: str,
        seal: ClaimsSeal | None = None,
    ) -> None:
        self.notices = Notices()
        self._log = log
        self._codec = codec
        self._clock = clock
        self._gateway_id = gateway_id
        self._seal = seal
        self._timeout = settings.request_timeout_ms / 1000
        self._in_flight_max = settings.in_flight_max
        self._urgent_max = round(settings.in_flight_max * (1 + settings.in_flight_headroom))
        self._partitions = range(1, log.partition_count + 1)
        self._in_flight = dict.fromkeys(self._partitions, 0)
        self._awaiting = 0
        self._awaiting_max = settings.awaiting_max
        self._outboxes = {partition: Outbox(log, partition, self._note_end) for partition in self._partitions}
        self._waiting: dict[str, _Waiting] = {}
        self._sent = asyncio.Event()
        self._number = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._problem = ""

    async def start(self) -> None:
        """Follow `events` from its present end. Raises Unavailable."""
        ends = {partition: await self._log.end(EVENTS, partition) for partition in self._partitions}
        jobs = [self._follow(partition, offset) for partition, offset in ends.items()]
        self._tasks = [asyncio.create_task(job) for job in (*jobs, self._expire())]
        for task in self._tasks:
            task.add_done_callback(self._note_end)

    async def close(self) -> None:
        """Append what is queued, then stop; whoever still waits gets OutcomeUnknown."""
        await asyncio.gather(*(outbox.close() for outbox in self._outboxes.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for waiting in self._waiting.values():
            waiting.refuse(
                OutcomeUnknown("the gateway ended before the answer came; look for the effect of the command")
            )

    @property
    def in_flight(self) -> Mapping[int, int]:
        """Requests that wait, by partition."""
        return self._in_flight

    @property
    def problem(self) -> str:
        """Why no answers are being found; empty while all is well."""
        return self._problem

    def new_request(self) -> str:
        """The id of a new request: `<gateway>/<n>`."""
        self._number += 1
        return f"{self._gateway_id}/{self._number}"

    async def send(
        self,
        partition: int,
        record: Record,
        *,
        urgent: bool = False,
        begun: Begun | None = None,
        trace: RequestTrace | None = None,
    ) -> Sequence[Record]:
        """Append a command whose step carries a new request id, and wait for the records of its answer.

        It goes on with `trace`. `urgent` requests (they finish work) are the last to be refused. With `begun`, the time
        for the answer ends with its first record, which `begun` gets; the rest comes whenever it comes. Raises Reject
        (the engine refused it), Exhausted, RecordTooLarge, Unavailable or LogFull (nothing was appended),
        OutcomeUnknown.
        """
        request = record.step.request
        sending = (trace or Untraced()).send(partition, request)
        headers = {REQUEST: request}
        if sending.context:
            step = msgspec.structs.replace(record.step, trace_context=sending.context)
            record = msgspec.structs.replace(record, step=step)
            headers |= trace_headers(sending.context)
        value = self._codec.encode(record)
        if len(value) > VALUE_SIZE_MAX:
            raise RecordTooLarge(
                f"expected a command of at most {VALUE_SIZE_MAX} bytes, got {len(value)}; make it smaller"
            )
        waiting = self._admit(request, partition, self._urgent_max if urgent else self._in_flight_max, begun)
        try:
            message = Message(value=value, headers=headers)
            if self._seal is not None:
                message = self._seal.sign(message)
            self._outboxes[partition].put(Outgoing(message, waiting.refuse, sending.ended))
            await waiting.answer
        finally:
            del self._waiting[request]
            self._awaiting -= begun is not None
            self._in_flight[partition] -= waiting.deadline is not None
        records = [self._codec.decode(value) for value in waiting.values]
        last = records[-1]
        if last.record_type == REJECTION:
            raise Reject(last.rejection_code, last.rejection_reason)
        return records

    def _admit(self, request: str, partition: int, limit: int, begun: Begun | None) -> _Waiting:
        if self._problem:
            raise Unavailable(f"expected to follow the log, got: {self._problem}; try again later")
        if self._in_flight[partition] >= limit:
            raise Exhausted(
                f"RESOURCE_EXHAUSTED: expected fewer than {limit} requests in flight on partition {partition}, "
                f"got {self._in_flight[partition]}; try again after a pause"
            )
        if begun is not None and self._awaiting >= self._awaiting_max:
            raise Exhausted(
                f"RESOURCE_EXHAUSTED: expected fewer than {self._awaiting_max} requests that await the end of an "
                f"instance, got {self._awaiting}; try again after a pause, or start it without awaiting its end"
            )
        waiting = _Waiting(partition, self._clock.monotonic() + self._timeout, begun)
        self._awaiting += begun is not None
        self._waiting[request] = waiting
        self._in_flight[partition] += 1
        self._sent.set()
        return waiting

    async def _follow(self, partition: int, offset: int) -> None:
        place = (EVENTS, partition)
        pause = _RETRY_SECONDS_MIN
        while True:
            try:
                await self._log.wait({place: offset})
                page = await self._log.read(EVENTS, partition, offset, headed_only=True)
            except LogTruncated as cut:
                offset = cut.first_offset  # who waited for what was there has been told that time ran out
                continue
            except Unavailable:
                await self._clock.sleep(pause)
                pause = min(pause * 2, _RETRY_SECONDS_MAX)
                continue
            pause = _RETRY_SECONDS_MIN
            offset = page.next_offset
            for entry in page.entries:
                self._deliver(partition, entry)

    def _deliver(self, partition: int, entry: Entry) -> None:
        headers = entry.headers
        job_type = headers.get(JOB_TYPE)
        if job_type is not None:
            self.notices.tell(job_type, partition)
        waiting = self._waiting.get(headers.get(REQUEST, ""))
        if waiting is None or waiting.answer.done():
            return
        waiting.values.append(entry.value)
        if FINAL in headers:
            waiting.answer.set_result(None)
        elif waiting.begun is not None and waiting.deadline is not None:
            waiting.deadline = None
            self._in_flight[waiting.partition] -= 1
            waiting.begun(self._codec.decode(entry.value))

    async def _expire(self) -> None:
        """All requests have the same time, so the oldest is the next to run out of it; what has begun has no end."""
        while True:
            await self._sent.wait()
            oldest = next((waiting for waiting in self._waiting.values() if waiting.expires), None)
            if oldest is None or oldest.deadline is None:
                self._sent.clear()
                continue
            remaining = oldest.deadline - self._clock.monotonic()
            if remaining > 0:
                await self._clock.sleep(remaining)
            else:
                oldest.refuse(OutcomeUnknown())

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._problem = str(error) or type(error).__name__
        for waiting in self._waiting.values():
            waiting.refuse(OutcomeUnknown(f"{OutcomeUnknown.__doc__} The log cannot be followed: {self._problem}"))
