"""One place as one process reads it: what was fetched ahead, and a long poll for what comes.

Rule: while a poll at the end is under way a read answers from what was fetched, so that a busy loop asks nobody; what
is known to be there is waited for. Nothing is fetched for a place that nobody reads or waits for.
"""

from __future__ import annotations

import asyncio

from engine.core.faults import LogTruncated, RetoldError, Unavailable
from engine.core.ports import Clock, Page, Place
from engine.shell.ends import Ends
from engine.shell.kafka.clients import Fetched, Fetcher
from engine.shell.kafka.pages import Buffer, PageBuilder

#: Seconds for which the broker keeps a poll that finds nothing.
POLL_SECONDS = 1.0
#: Bytes that are fetched ahead of a reader.
AHEAD_SIZE_MAX = 2 << 20
#: Seconds between attempts while Kafka cannot be read: doubled from the first to the second.
BACK_OFF_MIN, BACK_OFF_MAX = 0.05, 1.0
#: Seconds for which reads and waits bear with brokers that do not answer: a leader has moved by then.
PATIENCE = 5.0


class Feed:
    """Reads one place; all calls come from one event loop."""

    def __init__(self, place: Place, fetcher: Fetcher, ends: Ends, clock: Clock) -> None:
        self.known_end = 0
        self._place = place
        self._fetcher = fetcher
        self._ends = ends
        self._clock = clock
        self._reading = asyncio.Lock()
        self._buffer = Buffer()
        self._position = -1  # where the next fetch begins; unknown before the first use
        self._sleepers = 0
        self._wanted = asyncio.Event()
        self._polling_from = -1
        self._polled = asyncio.Event()
        self._poll: asyncio.Task[None] | None = None
        self._failing_since: float | None = None
        self._back_off = BACK_OFF_MIN
        self._fault: RetoldError | None = None
        self._closed = False

    async def read(self, offset: int, size_max: int, headed_only: bool) -> Page:
        """As `Log.read`."""
        async with self._reading:
            page = PageBuilder(offset, size_max, headed_only)
            self._go_to(offset)
            if not self._buffer.holds_any and self._polling_from != self._position:
                await self._advance(wait=0)
            while True:
                self._go_to(page.next_offset)
                self._buffer.move_to(page)
                if not self._buffer.holds_any:
                    page.next_offset = self._buffer.start = self._position
                if page.entries or self._position >= self.known_end:
                    break
                await self._advance(wait=POLL_SECONDS)
            self._want()
            return page.build()

    def follow(self, offset: int) -> None:
        """Somebody sleeps until something is at the offset or beyond; `leave` when that is over."""
        if self._position < 0:
            self._go_to(offset)
        self._sleepers += 1
        self._want()

    def leave(self) -> None:
        """As many times as `follow`."""
        self._sleepers -= 1

    async def ask_end(self) -> int:
        """The offset below which no transaction is open; from now on reads reach at least that far."""
        began, delay = self._clock.monotonic(), BACK_OFF_MIN
        while True:
            try:
                end = await self._fetcher.end(self._place)
                break
            except Unavailable:
                # A topic that was just made has no leader yet; any topic may lose its own.
                if self._closed or self._clock.monotonic() - began >= PATIENCE:
                    raise
            await self._clock.sleep(delay)
            delay = min(delay * 2, BACK_OFF_MAX)
        self.known_end = max(self.known_end, end)
        return end

    async def close(self) -> None:
        """End the poll; reads under way raise Unavailable."""
        self._closed = True
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.wait({self._poll})

    def _go_to(self, offset: int) -> None:
        """Make this offset the next that is read; what was fetched stays if it begins there."""
        if offset != self._buffer.start:
            self._buffer.clear(offset)
            self._position = offset

    def _want(self) -> None:
        self._wanted.set()
        if self._poll is None and not self._closed:
            self._poll = asyncio.create_task(self._poll_forever())

    async def _advance(self, *, wait: float) -> None:
        """Fetch once, or wait for the poll that is under way at the same position."""
        if self._polling_from == self._position:
            await self._polled.wait()
        else:
            await self._fetch(wait, lane=None)
        if self._closed:
            raise Unavailable("the log is closed; open it again")
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    async def _poll_forever(self) -> None:
        while True:
            await self._wanted.wait()
            if not self._sleepers:
                self._wanted.clear()
            if self._buffer.size >= AHEAD_SIZE_MAX:
                if not self._sleepers:
                    continue
                # They sleep until something comes beyond it, so nobody reads this.
                self._buffer.clear(self._position)
            self._polling_from = self._position
            self._polled.clear()
            try:
                await self._fetch(POLL_SECONDS, lane=self._place)
            finally:
                self._polling_from = -1
                self._polled.set()

    async def _fetch(self, wait: float, lane: Place | None) -> None:
        position, began = self._position, self._clock.monotonic()
        try:
            fetched = await self._fetcher.fetch(self._place, position, wait=wait, lane=lane)
        except Unavailable as error:
            await self._bear(error, began)
            return
        except RetoldError as error:
            if position == self._position:
                self._wanted.clear()
                if isinstance(error, LogTruncated):
                    self._go_to(error.first_offset)  # else who sleeps from there on is told of this place for ever
                self._tell(error)
            return
        self._failing_since, self._back_off, self._fault = None, BACK_OFF_MIN, None
        if position == self._position:  # else a read went elsewhere meanwhile
            self._take(fetched)

    def _take(self, fetched: Fetched) -> None:
        self._position = fetched.next_offset
        self.known_end = max(self.known_end, fetched.stable_end)
        if fetched.batches:
            self._buffer.add(fetched)
            self._ends.advance(self._place, fetched.batches[-1].next_offset)

    async def _bear(self, error: Unavailable, began: float) -> None:
        """Pause; tell those who read and wait when it takes too long since the first attempt that failed began."""
        if self._failing_since is None:
            self._failing_since = began
        if self._clock.monotonic() - self._failing_since >= PATIENCE:
            self._tell(error)
        delay, self._back_off = self._back_off, min(self._back_off * 2, BACK_OFF_MAX)
        await self._clock.sleep(delay)

    def _tell(self, error: RetoldError) -> None:
        self._fault = error
        self._ends.fail(self._place, error)
