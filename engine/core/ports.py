"""The ports: everything the world does to us (design section 6).

Production, embedded and simulation are three sets of implementations; one conformance suite judges all of a kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

COMMANDS = "commands"
INTERNAL = "internal"
EVENTS = "events"
TOPICS = (COMMANDS, INTERNAL, EVENTS)

#: No record's value may be larger, in bytes.
VALUE_SIZE_MAX = 4 * 1024 * 1024

#: A topic and a partition (numbered from 1).
Place = tuple[str, int]


class Message(Struct, frozen=True, kw_only=True):
    """What is appended: one Avro value and its headers."""

    value: bytes
    headers: Mapping[str, str] = {}


class Entry(Struct, frozen=True, kw_only=True):
    """What is read: a message with its place in the log. `timestamp` is the log's own stamp, ms since 1970 (UTC)."""

    offset: int
    timestamp: int
    value: bytes
    headers: Mapping[str, str] = {}


class Append(Struct, frozen=True, kw_only=True):
    """Messages for one place; several of them given together are appended all or not at all."""

    topic: str
    partition: int
    messages: Sequence[Message]


class Page(Struct, frozen=True, kw_only=True):
    """One read: entries in order, and the offset to read next (beyond entries that were filtered out)."""

    entries: Sequence[Entry]
    next_offset: int


class Writer(Protocol):
    """The one writer of a partition's outcomes. A newer writer of the same partition fences it."""

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """Append all or nothing, durably; gives the first offset of each part.

        Raises Fenced, RecordTooLarge, LogFull, Unavailable (nothing appended) or AppendUnknown.
        """


class Log(Protocol):
    """A partitioned log of three topics. Offsets ascend from 0, with gaps only where the implementation needs them."""

    partition_count: int

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """Append as a client (no fence): commands, and what the shell writes to `internal`."""

    async def writer(self, partition: int) -> Writer:
        """Become the writer of a partition: every writer made earlier for it is fenced from now on."""

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """Entries from `offset` on, at most about `size_max` bytes of values but at least one if there is one.

        With `headed_only`, entries without headers are left out (a gateway finds its replies without the rest).
        Empty at the end of the log. Raises CorruptedLog naming the place.
        """

    async def end(self, topic: str, partition: int) -> int:
        """The offset that the next message there will get, or any smaller one above the last message."""

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        """Sleep until some place has a message at or beyond the given offset. False: the time (seconds) ran out."""

    async def close(self) -> None:
        """Release everything. Unfinished calls raise Unavailable."""


#: table number, key, value (None: delete)
Change = tuple[int, bytes, bytes | None]


class Store(Protocol):
    """Ordered key-value tables of one partition: bytes in, bytes out. Not durable by itself: the log is."""

    def get(self, table: int, key: bytes) -> bytes | None: ...

    def scan(self, table: int, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with start <= key < stop in key order. Must not be left open across a write."""

    def write(self, changes: Iterable[Change]) -> None:
        """Apply all changes or none. Raises Unavailable or StoreFull."""

    def clear(self) -> None: ...

    def close(self) -> None: ...


class Clock(Protocol):
    """The shell's time; the machine has none."""

    def now(self) -> int:
        """Milliseconds since 1970 (UTC)."""

    def monotonic(self) -> float:
        """Seconds, for measuring waits."""

    async def sleep(self, seconds: float) -> None: ...


class SelectedItem(Struct, frozen=True, kw_only=True):
    """One target found by a query: what a batch item needs to know."""

    item_key: int
    process_instance_key: int
    root_process_instance_key: int


class SelectionQuery(Struct, frozen=True, kw_only=True):
    """Items of one partition, in ascending key order, above `after` and not above `key_max`.

    `entity` names what an item is (`PROCESS_INSTANCE`, `INCIDENT`); `filter` is the JSON text of the API's process
    instance filter ("" with `item_keys` alone); `states` and `roots_only` are forced by the operation; `item_keys` is
    united with the filter's matches, `excluded` is subtracted.
    """

    entity: str
    partition: int
    filter: str
    item_keys: Sequence[int] = ()
    excluded: Sequence[int] = ()
    states: Sequence[str] = ()
    roots_only: bool = False
    after: int = -1
    key_max: int
    limit: int


class SearchRefused(RuntimeError):
    """The query can never succeed (unknown property, forbidden): not retried."""


class Search(Protocol):
    """What the initializer asks of secondary storage."""

    async def watermark(self, partition: int) -> int:
        """The position of `events` up to which everything is searchable."""

    async def select(self, query: SelectionQuery) -> Sequence[SelectedItem]:
        """Raises SearchRefused (not retried) or Unavailable (retried)."""
