"""The ports: everything the world does to us (design section 6).

Production, embedded and simulation are three sets of implementations; one conformance suite judges all of a kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from engine.records.batch_operation_chunk import ItemFacts

COMMANDS = "commands"
INTERNAL = "internal"
EVENTS = "events"
TOPICS = (COMMANDS, INTERNAL, EVENTS)

#: Where every partition gets commands from; a log may have inboxes between them.
INPUTS = (COMMANDS, INTERNAL)

#: No record's value may be larger, in bytes.
VALUE_SIZE_MAX = 4 * 1024 * 1024

#: A topic and a partition (numbered from 1).
Place = tuple[str, int]


def inbox_of(name: str) -> str:
    """The input that one principal alone may write to."""
    return f"inbox.{name}"


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
    """A partitioned log of three topics, and inboxes. Offsets ascend from 0; markers and what was aborted leave gaps.

    What was acknowledged stays. But a log with transactions shows it to readers only when all that was begun earlier at
    that place has ended: who must see an append waits for its offset (`wait`), then reads.
    """

    partition_count: int
    #: COMMANDS, the inboxes of this log, INTERNAL
    inputs: Sequence[str]

    async def append(self, appends: Sequence[Append]) -> Sequence[int]:
        """Append all or nothing as a client (no fence): commands, and what the shell writes to `internal`.

        Raises RecordTooLarge, LogFull, Unavailable (nothing appended) or AppendUnknown (it is there, or not).
        """

    async def writer(self, partition: int) -> Writer:
        """Become the writer of a partition: every writer made earlier for it is fenced from now on.

        What they had begun is ended either way, and from now on reads see all that they have appended. Raises
        Unavailable.
        """

    async def read(
        self, topic: str, partition: int, offset: int, *, size_max: int = 1 << 20, headed_only: bool = False
    ) -> Page:
        """Entries from `offset` on, at most about `size_max` bytes of values but at least one if there is one.

        With `headed_only`, entries without headers are left out (a gateway finds its replies without the rest).
        Sees at least what lies below an end that was asked for; empty at the end. Raises LogTruncated below the
        beginning, CorruptedLog naming the place, or Unavailable.
        """

    async def end(self, topic: str, partition: int) -> int:
        """The offset that the next message there will get, or any smaller one above all that readers can see."""

    async def wait(self, places: Mapping[Place, int], timeout: float | None = None) -> bool:
        """Sleep until some place has a message at or beyond the given offset. False: the time (seconds) ran out.

        Goes on while the log is away for a moment; raises Unavailable when that lasts.
        """

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


class Snapshot(Struct, frozen=True, kw_only=True, rename="camel"):
    """A copy of the state of a partition, and what tells whether a partition can go on from it.

    `position`, `chain_hash` (hexadecimal) and `timestamp` (machine time) are those of its last step, `generation` is
    the log's then. `taken_at`: by the clock of who took it; times are in ms since 1970 (UTC). `size` (bytes) and
    `sha256` (hexadecimal) are those of its data.
    """

    partition: int
    position: int
    chain_hash: str
    timestamp: int
    generation: int
    taken_at: int
    state_format: str
    build: str
    size: int
    sha256: str


class Snapshots(Protocol):
    """The snapshots of one partition, which all machines of an installation share."""

    async def take(self, store: Store) -> Snapshot:
        """Copy an open state as it was written last, while it goes on; the oldest snapshots give way.

        Raises Unavailable or StoreFull, when there is none more than before.
        """

    async def find(self) -> Sequence[Snapshot]:
        """Those that were taken whole, the newest first. Raises Unavailable."""

    async def restore(self, snapshot: Snapshot) -> None:
        """Let the state that this machine opens next be this copy; until then nobody may have it open.

        Raises Unavailable, StoreFull, or SnapshotDamaged; the state that was there may be gone then.
        """


class Group(Protocol):
    """The members of an installation that are alive; one of them, whoever it is, assigns for all. All bytes are ours.

    A member that is silent for a while is taken for dead. Members may have different assignments for a moment.
    """

    @property
    def problem(self) -> str:
        """Why nothing is heard of the others; empty while all is well."""

    async def join(
        self, describe: Callable[[], bytes], assign: Callable[[Mapping[str, bytes]], Mapping[str, bytes]]
    ) -> None:
        """Become a member, and stay one until `leave`.

        Whenever members assign anew, `describe` is asked what this one says of itself, and `assign` of one member gets
        what all say, by their ids, and gives each its assignment.
        """

    async def next_assignment(self) -> bytes:
        """The next one of this member, once it is known. Raises RetoldError when there can be none."""

    def rejoin(self) -> None:
        """Have the members assign anew."""

    async def leave(self) -> None:
        """The others assign anew at once."""


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


#: What items of batch operations are -> what their filter is about: incidents are found by their process instances.
FILTERED = {
    "PROCESS_INSTANCE": "PROCESS_INSTANCE",
    "INCIDENT": "PROCESS_INSTANCE",
    "JOB": "JOB",
    "DECISION_INSTANCE": "DECISION_INSTANCE",
    "BATCH_OPERATION": "BATCH_OPERATION",
}
#: Those that belong to no process instance, or need not.
WITHOUT_INSTANCE = ("DECISION_INSTANCE", "BATCH_OPERATION")


class SelectionQuery(Struct, frozen=True, kw_only=True):
    """Items of one partition, in ascending key order, above `after` and not above `key_max`.

    `entity` names what an item is; `filter` is the JSON text of the API's filter of what that is FILTERED by ("" with
    `item_keys` alone); `states` and `roots_only` are forced by the operation on what the filter matches. `item_keys` is
    united with that, whatever their state, and `excluded` is subtracted: keys of what the filter is about. With
    `items_of` the items are those that are FAILED in that batch operation, or with `undoes` those that it changed, and
    nothing else is said but `after`, `limit` and `process_ids`, and that they are those that this partition found,
    whatever their keys. `process_ids`: BPMN ids of the only processes whose items may be found; None for all. Items of
    batch operations that belong to no process instance are found anyway.
    """

    entity: str
    partition: int
    filter: str
    item_keys: Sequence[int] = ()
    excluded: Sequence[int] = ()
    states: Sequence[str] = ()
    roots_only: bool = False
    process_ids: Sequence[str] | None = None
    after: int = -1
    key_max: int
    limit: int
    items_of: int = -1
    undoes: bool = False


#: Which values of variables: those that the process instance had last, or those that it began with.
LAST_VARIABLES = "LAST"
INITIAL_VARIABLES = "INITIAL"
NO_VARIABLES = "NONE"
#: Those that items of a batch operation replaced, as these say.
REPLACED_VARIABLES = "REPLACED"


class SearchRefused(RuntimeError):
    """The query can never succeed (unknown property, forbidden): not retried."""


class Search(Protocol):
    """What the initializer asks of secondary storage."""

    async def watermark(self, partition: int) -> int:
        """The position of `events` up to which everything is searchable."""

    async def select(self, query: SelectionQuery) -> Sequence[SelectedItem]:
        """Raises SearchRefused (not retried) or Unavailable (retried)."""

    async def facts(
        self, entity: str, keys: Sequence[int], variables: str, size_max: int, items_of: int = -1
    ) -> Sequence[ItemFacts]:
        """What is known of the first of these process instances or decision evaluations, in their order.

        Of one that is unknown there is only its key. `variables`: which values of them. There are as many as have
        variables of `size_max` characters together, but at least one; it has none if they are too large by themselves.
        With REPLACED_VARIABLES the keys are items of the batch operation `items_of`, of which only what they replaced
        is told. Raises Unavailable.
        """
