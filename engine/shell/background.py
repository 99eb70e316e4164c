"""Asks secondary storage what the machine wants to know, and brings the answers to the log as commands.

One query in flight per partition. An answer carries the cursor it was asked from, so one that comes late or twice is
rejected by the machine; after asking, the driver waits until the machine has moved on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from msgspec import Struct

from engine.core.background import Answer, Background, Query
from engine.core.faults import Unavailable
from engine.core.machine import Machine
from engine.core.ports import VALUE_SIZE_MAX, Clock, Log, Search, SearchRefused, SelectedItem
from engine.records.batch_operation_chunk import ItemFacts

from .codec import Codec
from .driver import Driver
from .given_keys import select_items
from .log_time import LogTime

#: Characters of variables in one answer; if they take more bytes than a record has, the page is halved.
FACTS_SIZE_MAX = 2 << 20


class BackgroundLimits(Struct, frozen=True, kw_only=True):
    """Seconds."""

    #: longest time between two looks for work
    interval: float = 1.0
    #: longest wait until the projection has reached the position of a query; then it counts as failed
    watermark_timeout: float = 60.0
    watermark_interval: float = 0.02
    #: longest wait for the machine to take an answer before the question is asked again
    answer_timeout: float = 30.0


class BackgroundDriver(Driver):
    """Runs the background work of one partition."""

    def __init__(
        self,
        *,
        log: Log,
        codec: Codec,
        machine: Machine,
        search: Search,
        background: Background,
        clock: Clock,
        time: LogTime,
        limits: BackgroundLimits | None = None,
    ) -> None:
        super().__init__(log=log, codec=codec, machine=machine, clock=clock)
        self._search = search
        self._background = background
        self._time = time
        self._limits = limits or BackgroundLimits()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._moved.clear()
            query = self._background.wanted(self._machine, self._time.now())
            if query is None:
                await self._sleep(self._background.next_retry(self._machine))
                continue
            try:
                for answer in await self._answers(query):
                    if not await self._tell(answer):
                        break
            except Unavailable:  # ask again: if it was appended after all, the second answer is stale
                await self._clock.sleep(self._limits.interval)

    async def _sleep(self, retry_at: int | None) -> None:
        """Until the machine has moved on, a back-off is over, or the interval has passed."""
        await self._wait_for_move(self._limits.interval if retry_at is not None else None)

    async def _tell(self, answer: Answer) -> bool:
        """Bring it to the log, and wait for its effect; whether the machine wanted it."""
        is_open = partial(self._background.is_open, self._machine, answer.query)
        if not is_open():
            return False
        value = self._codec.encode(answer.command)
        if len(value) > VALUE_SIZE_MAX:
            value = self._codec.encode(self._background.too_large(answer.query))
        await self._send_encoded(value)
        await self._wait_while(is_open, self._limits.answer_timeout)
        return True

    async def _answers(self, query: Query) -> Iterable[Answer]:
        try:
            await self._wait_for_watermark(query)
            items = await select_items(self._search, query.selection)
            facts = await self._facts(query, items)
        except SearchRefused as error:
            failed = self._background.failed(query, str(error), retryable=False)
        except Unavailable as error:
            failed = self._background.failed(query, error.message, retryable=True)
        except Exception as error:  # noqa: BLE001 - a query that fails must not stop the partition
            failed = self._background.failed(query, f"{type(error).__name__}: {error}", retryable=True)
        else:
            return self._background.found(query, items, facts)
        return [Answer(query=query, command=failed)]

    async def _facts(self, query: Query, items: Sequence[SelectedItem]) -> Sequence[ItemFacts]:
        if not query.variables or not items:
            return ()
        keys = [item.item_key for item in items]
        selection = query.selection
        return await self._search.facts(selection.entity, keys, query.variables, FACTS_SIZE_MAX, selection.items_of)

    async def _wait_for_watermark(self, query: Query) -> None:
        """A selection is complete up to the position where the batch operation was created."""
        deadline = self._clock.monotonic() + self._limits.watermark_timeout
        while (reached := await self._search.watermark(self._machine.partition)) < query.position:
            if self._clock.monotonic() >= deadline:
                raise Unavailable(
                    f"expected the projection of partition {self._machine.partition} to reach position "
                    f"{query.position} within {self._limits.watermark_timeout:g} s, got {reached}"
                )
            await self._clock.sleep(self._limits.watermark_interval)
