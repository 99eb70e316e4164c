"""Job activation: partition after partition is asked for jobs; when there are none, wait to be told of some.

Rule: nobody polls. A request that waits asks again only after a record with the header `job-type` was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from engine.core.faults import RetoldError
from engine.core.record import Record, Step, command
from engine.records import JobBatch

from .bodies import HttpRequest, gone
from .gateway import Gateway, trace_of
from .notices import Listener
from .telemetry import RequestTrace, Untraced


class Activation:
    """One request for jobs: what is wanted, and the JOB ACTIVATED records that were found so far.

    An idempotency key is dropped: a partition that is asked again must not repeat its first answer.
    """

    def __init__(self, gateway: Gateway, step: Step, wanted: JobBatch) -> None:
        self.jobs: list[Record] = []
        self._gateway = gateway
        self._step = msgspec.structs.replace(step, idempotency_key="")
        self._wanted = wanted
        self._trace: RequestTrace = Untraced()
        #: Partitions that may have more jobs than were asked for.
        self._more: set[int] = set()

    async def run(self, request: HttpRequest, wait_ms: int) -> Sequence[Record]:
        """At most `jobs_max` records; waits up to `wait_ms` for the first one.

        Ends early and empty when the client goes away, so that no job is given to nobody.
        """
        self._trace = trace_of(request)
        listener = self._gateway.requests.notices.listen(self._wanted.type)
        try:
            await self._ask(self._partitions())
            if not self.jobs and wait_ms > 0:
                await self._wait(listener, request, wait_ms / 1000)
            return self.jobs
        finally:
            listener.close(self._more)

    async def _wait(self, listener: Listener, request: HttpRequest, seconds: float) -> None:
        ends = (self._gateway.clock.sleep(seconds), gone(request), self._gateway.requests.notices.ended.wait())
        over: list[asyncio.Future[object]] = [asyncio.ensure_future(end) for end in ends]
        try:
            while not self.jobs and await _told(listener, over):
                await self._ask(listener.take())
        finally:
            for task in over:
                task.cancel()

    async def _ask(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            missing = self._wanted.jobs_max - len(self.jobs)
            if missing <= 0:
                return
            step = msgspec.structs.replace(self._step, request=self._gateway.requests.new_request())
            batch = msgspec.structs.replace(self._wanted, jobs_max=missing)
            try:
                records = await self._gateway.requests.send(
                    partition, command("JOB_BATCH", "ACTIVATE", batch, step=step), trace=self._trace
                )
            except RetoldError:
                if self.jobs:
                    return  # what was activated must reach the worker
                raise
            activated = [record for record in records if record.value_type == "JOB"]
            self.jobs += activated
            if len(activated) >= missing or cast(JobBatch, records[-1].value).truncated:
                self._more.add(partition)

    def _partitions(self) -> Sequence[int]:
        """All of them, beginning with another one each time."""
        first = self._gateway.next_partition()
        return [*range(first, self._gateway.partition_count + 1), *range(1, first)]


async def _told(listener: Listener, over: Sequence[asyncio.Future[object]]) -> bool:
    """True when there is a notice, False when the time is over, the client is gone or the gateway ends."""
    told: asyncio.Future[object] = asyncio.ensure_future(listener.wait())
    try:
        await asyncio.wait([told, *over], return_when=asyncio.FIRST_COMPLETED)
        return told.done() and not any(task.done() for task in over)
    finally:
        told.cancel()
