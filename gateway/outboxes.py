"""Commands on their way to the log: one append in flight a partition, what comes meanwhile goes together in the next.

So many concurrent requests share the cost of making an append durable, and an idle gateway appends at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct

from engine.core.faults import AppendUnknown, RetoldError
from engine.core.ports import COMMANDS, Append, Log, Message

#: One append takes no more than this, in bytes of values and in messages.
APPEND_SIZE_MAX = 8 * 1024 * 1024
APPEND_COUNT_MAX = 512


class Outgoing(Struct, frozen=True):
    """One command, what to do if it was not appended, and whom to tell what became of it."""

    message: Message
    refuse: Callable[[RetoldError], None]
    ended: Callable[[str], None]


class Outbox:
    """The commands of one partition that are not yet appended."""

    def __init__(self, log: Log, partition: int, note_end: Callable[[asyncio.Task[None]], None]) -> None:
        """`note_end` gets the task of a row of appends at its end, with the exception that nobody foresaw."""
        self._log = log
        self._partition = partition
        self._note_end = note_end
        self._queue: list[Outgoing] = []
        self._draining: asyncio.Task[None] | None = None

    def put(self, outgoing: Outgoing) -> None:
        """Append it as soon as the append before it is done."""
        self._queue.append(outgoing)
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain())
            self._draining.add_done_callback(self._note_end)

    async def close(self) -> None:
        """Wait until everything is appended or refused."""
        if self._draining is not None:
            await asyncio.wait([self._draining])

    async def _drain(self) -> None:
        try:
            while self._queue:
                await self._append(self._next())
        finally:
            self._draining = None

    def _next(self) -> Sequence[Outgoing]:
        size = 0
        count = 0
        for outgoing in self._queue[:APPEND_COUNT_MAX]:
            size += len(outgoing.message.value)
            if count and size > APPEND_SIZE_MAX:
                break
            count += 1
        taken = self._queue[:count]
        del self._queue[:count]
        return taken

    async def _append(self, taken: Sequence[Outgoing]) -> None:
        messages = [outgoing.message for outgoing in taken]
        try:
            await self._log.append([Append(topic=COMMANDS, partition=self._partition, messages=messages)])
            error = ""
        except AppendUnknown as fault:
            error = type(fault).__name__  # the answers will tell, or their time runs out: the outcome is unknown
        except RetoldError as fault:
            error = type(fault).__name__
            for outgoing in taken:
                outgoing.refuse(fault)
        for outgoing in taken:
            outgoing.ended(error)
