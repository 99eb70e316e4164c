"""Appends without a fence: commands, and what the shell writes to `internal`.

What fits into a batch goes through one idempotent producer. Only what must be appended together and does not fit
(several places, or more than a batch) is a transaction: it takes longer, and holds back readers of its places.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from engine.core.faults import AppendUnknown, Fenced, RetoldError, Unavailable
from engine.core.ports import Append, Message
from engine.shell.kafka.clients import BATCH_SIZE_MAX, Clients, Producer

#: Bytes that a message takes in a batch besides its value and its headers, at most.
MESSAGE_OVERHEAD_MAX = 64

#: What may be over with a new producer: nobody but the broker fences this one, when a transaction takes too long.
_SPENT = (Unavailable, Fenced)

Discard = Callable[[Producer], None]


class ClientAppends:
    """Appends of one process."""

    def __init__(self, clients: Clients, transactional_id: str, discard: Discard) -> None:
        """The id belongs to this process alone. `discard` closes a spent producer in the background."""
        self._plain = _Kept(lambda: clients.producer(None), discard)
        self._transactional = _Kept(lambda: clients.producer(transactional_id), discard)
        self._one_at_a_time = asyncio.Lock()

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """As `Log.append`."""
        if len(appends) == 1 and _fits(appends[0].messages):
            return await self._append_batch(appends)
        async with self._one_at_a_time:
            return await self._append_transaction(appends)

    def close(self) -> None:
        """Give up both producers, also one that is starting; what is under way ends."""
        self._plain.close()
        self._transactional.close()

    async def _append_batch(self, appends: Sequence[Append]) -> Sequence[int]:
        producer = await self._plain.get()
        try:
            return await producer.send(appends)
        except RetoldError as error:
            self._plain.drop(producer)
            if isinstance(error, _SPENT):
                raise AppendUnknown(f"{AppendUnknown.__doc__} {error.message}") from error
            raise

    async def _append_transaction(self, appends: Sequence[Append]) -> Sequence[int]:
        producer = await self._transactional.get()
        is_ending = False
        try:
            await producer.begin()
            offsets = await producer.send(appends)
            is_ending = True
            await producer.commit()
        except _SPENT as error:
            self._transactional.drop(producer)
            if is_ending:
                raise AppendUnknown(f"{AppendUnknown.__doc__} {error.message}") from error
            raise Unavailable(error.message) from error
        except BaseException:
            self._transactional.drop(producer)
            raise
        return offsets


class _Kept:
    """A producer that is made when it is first needed, and again after it was dropped."""

    def __init__(self, make: Callable[[], Producer], discard: Discard) -> None:
        self._make = make
        self._discard = discard
        self._producer: Producer | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    async def get(self) -> Producer:
        async with self._starting:
            producer = self._producer
            if producer is not None:
                return producer
            if self._closed:
                raise Unavailable("the log is closed; open it again")
            producer = self._producer = self._make()
            try:
                await producer.start()
            except BaseException:
                self.drop(producer)
                raise
            return producer

    def drop(self, producer: Producer) -> None:
        """Give it up, if it is still the one that is kept."""
        if self._producer is producer:
            self._producer = None
            self._discard(producer)

    def close(self) -> None:
        self._closed = True
        if self._producer is not None:
            self.drop(self._producer)


def _fits(messages: Sequence[Message]) -> bool:
    """Whether one batch holds them: its builder takes a first message of any size."""
    if len(messages) == 1:
        return True
    size = sum(len(message.value) + MESSAGE_OVERHEAD_MAX + _headers_size(message) for message in messages)
    return size <= BATCH_SIZE_MAX


def _headers_size(message: Message) -> int:
    return sum(4 * (len(name) + len(value)) + 10 for name, value in message.headers.items())
