"""Waiting for a process instance to end: one command whose answer may come much later.

Rule: who waits holds no place among the requests in flight once the instance runs, and gives up when the time is over,
the client is gone or the gateway ends; the instance goes on in any case.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from engine.core.ports import Clock
from engine.core.record import Record

from .bodies import HttpRequest, gone
from .problems import OutcomeUnknown, Problem
from .replies import Requests
from .telemetry import RequestTrace


class Completion:
    """One creation that is answered when its instance has ended."""

    def __init__(self, requests: Requests, clock: Clock, partition: int, creation: Record) -> None:
        self._requests = requests
        self._clock = clock
        self._partition = partition
        self._creation = creation
        self._begun: Record | None = None

    async def wait(self, request: HttpRequest, wait_ms: int, trace: RequestTrace) -> Sequence[Record]:
        """The records of the answer, the result last. Raises what `Requests.send` raises, and Problem 504."""
        sending = asyncio.ensure_future(
            self._requests.send(self._partition, self._creation, trace=trace, begun=self._note_begun)
        )
        ends = (self._clock.sleep(wait_ms / 1000), gone(request), self._requests.notices.ended.wait())
        over: list[asyncio.Future[Any]] = [asyncio.ensure_future(end) for end in ends]
        try:
            await asyncio.wait([sending, *over], return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                return sending.result()
            raise self._not_yet(wait_ms)
        finally:
            sending.cancel()
            for task in over:
                task.cancel()

    def _note_begun(self, created: Record) -> None:
        self._begun = created

    def _not_yet(self, wait_ms: int) -> Exception:
        if self._begun is None:
            return OutcomeUnknown()
        expected = f"expected process instance {self._begun.key} to end within {wait_ms} ms"
        return Problem(504, f"{expected}, got no result yet; it goes on, look for it later or give it more time")
