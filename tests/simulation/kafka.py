"""Kafka's brokers in a simulation: topics with transactions, as real ones keep them.

At a place lie records of transactions that are open, committed or aborted, and the markers that end them. Readers see
what is committed below the first open transaction. A commit is decided at one instant; its markers are written a little
later, place by place, and until then the transaction still holds readers back.
"""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from engine.core.faults import CorruptedLog, Fenced, LogTruncated, Unavailable
from engine.core.ports import EVENTS, INPUTS, Append, Clock, Entry, Message, Page, Place
from engine.shell.appends import check_appends
from tests.simulation.log import LogData, WriterId
from tests.simulation.world import World

#: Seconds until a marker is written, at most: as a rule, and when brokers are slow.
MARKER_SECONDS, SLOW_MARKER_SECONDS = 0.004, 3.0
#: The condition under which no broker answers.
BROKERS_AWAY = "brokers away"


class Transaction:
    """One transaction. `first`: its first offset at each place where its marker is not written yet."""

    def __init__(self) -> None:
        self.is_open = True
        self.first: dict[Place, int] = {}
        self.appends: list[Append] = []
        self.entries: list[tuple[Place, list[Entry]]] = []


class Registration:
    """A transactional id, as its coordinator knows it."""

    def __init__(self) -> None:
        self.epoch = 0
        self.transaction: Transaction | None = None


class KafkaData(LogData):
    """What the brokers keep; it outlives every process. `timeout`: seconds until an open transaction is aborted."""

    def __init__(
        self, partition_count: int, clock: Clock, world: World, timeout: float, inputs: Sequence[str] = INPUTS
    ) -> None:
        super().__init__(partition_count, clock, inputs)
        self._world = world
        self._timeout = timeout
        self._next = dict.fromkeys(self._places, 0)
        #: The offsets of the committed entries, beside them.
        self._offsets: dict[Place, list[int]] = {place: [] for place in self._places}
        #: Where readers find the first entry, if what lay before it has expired.
        self.beginnings: dict[Place, int] = {}
        self._open: dict[Place, list[Transaction]] = {place: [] for place in self._places}
        self._ids: dict[str, Registration] = {}
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._begun = asyncio.Event()
        #: Until when it takes long to fence.
        self.fences_slowly_until = 0.0
        #: Nobody may produce or read.
        self.is_restoring = False
        #: Partitions whose topics were restored, and which have not said yet where their commands lie now.
        self.misplaced: set[int] = set()

    # what producers ask

    @property
    def is_away(self) -> bool:
        """Whether no broker answers."""
        return self.is_restoring or BROKERS_AWAY in self._world.conditions

    def register(self, name: str) -> int | None:
        """Fence the earlier owners of a transactional id and abort what they left open; gives the new epoch.

        None while markers of its last transaction are still being written: ask again.
        """
        found = self._ids.setdefault(name, Registration())
        last = found.transaction
        if last is not None and last.is_open:
            found.epoch += 1
            self._end(last, is_committed=False)
        if last is not None and last.first:
            return None
        found.epoch += 1
        return found.epoch

    def is_completing(self, name: str) -> bool:
        """Whether markers of the last transaction are still being written: a new one must wait."""
        last = self._ids[name].transaction
        return last is not None and not last.is_open and bool(last.first)

    def send(self, name: str, epoch: int, appends: Sequence[Append]) -> list[int]:
        """Add to a transaction, or begin it. Raises Fenced."""
        found = self._owned(name, epoch)
        transaction = found.transaction
        if transaction is None or not transaction.is_open:
            transaction = found.transaction = Transaction()
            self._world.node.call_later(self._timeout, self._time_out, found, transaction)
            self._begun.set()
        transaction.appends += appends
        return [self._add(append, transaction) for append in appends]

    def commit(self, name: str, epoch: int) -> None:
        """Decide the transaction. Raises Fenced."""
        transaction = self._owned(name, epoch).transaction
        if transaction is not None and transaction.is_open:
            self._end(transaction, is_committed=True)

    def land(self, appends: Sequence[Append], writer: WriterId) -> list[int]:
        """Append without a transaction."""
        assert writer is None
        check_appends(appends, self.partition_count, (*self.inputs, EVENTS))
        firsts = [self._next[append.topic, append.partition] for append in appends]
        for append in appends:
            place = (append.topic, append.partition)
            self._insert(place, self._stamped(place, append.messages))
        self._tell(appends)
        return firsts

    def land_from_outside(self, appends: Sequence[Append]) -> None:
        """As `land`. Raises Unavailable."""
        if self.is_away:
            raise Unavailable("expected a broker, got no answer")
        self.land(appends, None)

    # what readers ask

    def stable_end(self, place: Place) -> int:
        """The offset below which no transaction is open."""
        return min((transaction.first[place] for transaction in self._open[place]), default=self._next[place])

    def seen(self, place: Place, offset: int, count_max: int) -> Sequence[Entry]:
        """What readers see from an offset on. Raises CorruptedLog beyond the end, LogTruncated below the beginning."""
        if offset > self._next[place]:
            raise CorruptedLog(f"{place}: expected an offset up to {self._next[place]}, got {offset}")
        if offset < (beginning := self.beginnings.get(place, 0)):
            raise LogTruncated(*place, offset, beginning)
        start = bisect_left(self._offsets[place], offset)
        stop = bisect_left(self._offsets[place], self.stable_end(place))
        return self._places[place][start : min(stop, start + count_max)]

    async def moved(self, seconds: float) -> None:
        """Until something was committed or a marker was written, or the time is over."""
        woken = asyncio.get_running_loop().create_future()
        self._waiting[woken] = None
        try:
            await asyncio.wait([woken], timeout=seconds)
        finally:
            del self._waiting[woken]

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """As `Log.read`, for who looks from outside: sees what is decided, though its marker may not be written yet."""
        place = (topic, partition)
        start = bisect_left(self._offsets[place], offset)
        found = self._places[place][start : start + 1000]
        stop = found[-1].offset + 1 if found else max(offset, self._next[place])
        return Page(entries=[entry for entry in found if entry.headers or not headed_only], next_offset=stop)

    async def end(self, topic: str, partition: int) -> int:
        """As `Log.end`, for who looks from outside."""
        return self._next[topic, partition]

    def end_of(self, place: Place) -> int:
        return self._next[place]

    def entry_at(self, place: Place, offset: int) -> Entry | None:
        """The committed entry with this offset."""
        index = bisect_left(self._offsets[place], offset)
        found = self._places[place][index : index + 1]
        return found[0] if found and found[0].offset == offset else None

    def count_between(self, place: Place, start: int, stop: int) -> int:
        """Committed entries from one offset up to, but without, another."""
        return bisect_left(self._offsets[place], stop) - bisect_left(self._offsets[place], start)

    # what is done to them

    async def transaction_begins(self) -> None:
        """Until somebody's next transaction has begun."""
        self._begun.clear()
        await self._begun.wait()

    def expire(self, place: Place, count: int) -> None:
        """Readers do not find so many of the first entries any more; who looks from outside still does."""
        self.beginnings[place] = max(self._offsets[place][count], self.beginnings.get(place, 0))

    def restore(self, chosen: random.Random) -> None:
        """Bring all topics back from a copy that was made just now: offsets, gaps and stamps are others.

        What was open is not in the copy; what had expired is, as it is an old one that was kept up to date.
        """
        self.beginnings.clear()
        for transaction in {id(one): one for found in self._open.values() for one in found}.values():
            transaction.is_open = False
            transaction.first.clear()
        self._stamp = max(self._stamp, self._clock.now()) + 1
        for place, entries in self._places.items():
            self._open[place].clear()
            if place[0] == EVENTS and entries:
                self.misplaced.add(place[1])
            offsets, offset = [], chosen.randint(0, 50)
            for _ in entries:
                offsets.append(offset)
                offset += chosen.choice([1, 1, 1, 2, 5])
            self._offsets[place], self._next[place] = offsets, offset
            self._places[place] = [
                msgspec.structs.replace(entry, offset=offset, timestamp=self._stamp)
                for offset, entry in zip(offsets, entries, strict=True)
            ]

    # how it lies there

    def _owned(self, name: str, epoch: int) -> Registration:
        found = self._ids[name]
        if found.epoch != epoch:
            raise Fenced(f"expected the newest producer of {name}, got an older one; recover")
        return found

    def _add(self, append: Append, transaction: Transaction) -> int:
        place = (append.topic, append.partition)
        if place not in transaction.first:
            transaction.first[place] = self._next[place]
            self._open[place].append(transaction)
        entries = self._stamped(place, append.messages)
        transaction.entries.append((place, entries))
        return entries[0].offset

    def _stamped(self, place: Place, messages: Sequence[Message]) -> list[Entry]:
        self._stamp = max(self._stamp, self._clock.now())
        first = self._next[place]
        self._next[place] += len(messages)
        return [
            Entry(offset=first + index, timestamp=self._stamp, value=message.value, headers=message.headers)
            for index, message in enumerate(messages)
        ]

    def _time_out(self, found: Registration, transaction: Transaction) -> None:
        if transaction.is_open:
            self._world.note("brokers abort a transaction that was left open")
            found.epoch += 1
            self._end(transaction, is_committed=False)

    def _end(self, transaction: Transaction, *, is_committed: bool) -> None:
        """Decide; what was committed is the truth from now on, though readers see it when the markers are written."""
        transaction.is_open = False
        if is_committed:
            for place, entries in transaction.entries:
                self._insert(place, entries)
            self._tell(transaction.appends)
        for place in transaction.first:
            seconds = SLOW_MARKER_SECONDS if self._world.strikes("markers late") else MARKER_SECONDS
            self._world.node.call_later(self._world.uniform(0, seconds), self._mark, transaction, place)

    def _mark(self, transaction: Transaction, place: Place) -> None:
        """A marker is written: it takes an offset."""
        if place not in transaction.first:
            return  # the topics were restored meanwhile
        self._next[place] += 1
        del transaction.first[place]
        self._open[place].remove(transaction)
        self._wake()

    def _insert(self, place: Place, entries: Sequence[Entry]) -> None:
        """Among the others, which may have been committed earlier and lie behind them."""
        index = bisect_left(self._offsets[place], entries[0].offset)
        self._offsets[place][index:index] = [entry.offset for entry in entries]
        self._places[place][index:index] = entries

    def _tell(self, appends: Sequence[Append]) -> None:
        self.misplaced -= {append.partition for append in appends if append.topic == EVENTS}
        for watcher in self.watchers:
            watcher(appends)
        self._wake()

    def _wake(self) -> None:
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)
