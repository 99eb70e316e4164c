"""The tables of batch operations and their rows."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from msgspec import Struct

from engine.core.principal import NOBODY, Principal
from engine.core.state import Table
from engine.records.batch_error import BatchError
from engine.records.batch_operation_chunk import BatchItem, ItemFacts
from engine.records.batch_operation_incident import BatchOperationIncident
from engine.records.batch_operation_lifecycle_management import COMPLETION, EXECUTION, INITIALIZATION, PHASES
from engine.records.batch_options import BatchOptions

#: The type of the error of a partition that told nothing for too long, and the code of its items that did not run.
PARTITION_SILENT = "PARTITION_SILENT"


class Batch(Struct, frozen=True, kw_only=True, array_like=True):
    """What was asked for. `position` is where it was created on this partition.

    `creator`: who asked for it, with whose rights its items are found and handled.
    `trace_context`: of the command that created it, for the commands that its initialization writes. `rate` (items per
    second over all partitions), `slice_size` and `pause_windows` are those in force, the only ones that change.
    """

    type: str
    filter: str
    item_keys: tuple[int, ...]
    excluded_keys: tuple[int, ...]
    parameters: bytes
    partition_ids: tuple[int, ...]
    lead_partition: int
    key_max: int
    position: int
    creator: Principal = NOBODY
    trace_context: str = ""
    options: BatchOptions = BatchOptions()
    rate: float = 0.0
    slice_size: int = 0
    pause_windows: tuple[str, ...] = ()

    @property
    def reports(self) -> bool:
        """Whether partitions tell the lead partition how far they are, before they end."""
        return bool(self.rate or self.options.failures_max or self.options.failure_share_max)


class Progress(Struct, frozen=True, kw_only=True, array_like=True):
    """Where this partition's part stands.

    `chunk` and `offset` tell the next pending item, `chunk_end` the chunk after the last. `token` is the number of the
    execution loop. `held`: the phases that are held, all of them while it is suspended. `error`: the initialization has
    failed, so the items found are given up. `finished`: this partition has reported; only the lead partition still has
    the row then. `retry` and `retry_end` tell the items that are to be tried again. `rate`: items per second of this
    partition, `paid_until`: when those it has executed are paid for (ms since 1970), `wakes_at`: the due time that it
    waits for. `reported_at`, `reported_failed`: of its last report. `forgiven`: on the lead partition, failures of all
    partitions before it was resumed. `incidents`: items that have one. `paused_until`: when the last window of
    pause ends, `yields_until`: until when the next slice waits for the sake of clients, both ms since 1970;
    `yield_pause`: how long it waits each time, ms. `facts`: how many pending items have FACTS. `executed`: items that
    were begun. Of the commit of a plan: whether all items were `validated`, how many of them would have `changed`, and
    some of the `changes`; `judged`: the lead partition has said whether it begins. `checks_at`: on the lead partition,
    when it looks again for partitions that tell nothing, ms since 1970. `deleting`: the lead partition has forgotten
    the batch operation.
    """

    cursor: int = -1
    page_size: int = 0
    attempts: int = 0
    retry_at: int = 0
    initialized: bool = False
    held: tuple[str, ...] = ()
    canceling: bool = False
    finished: bool = False
    error: BatchError | None = None
    token: int = 0
    chunk: int = 0
    chunk_end: int = 0
    offset: int = 0
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0
    retry: int = 0
    retry_end: int = 0
    rate: float = 0.0
    paid_until: float = 0.0
    wakes_at: int = 0
    reported_at: int = 0
    reported_failed: int = 0
    forgiven: int = 0
    incidents: int = 0
    paused_until: int = 0
    facts: int = 0
    executed: int = 0
    validated: bool = False
    judged: bool = False
    changed: int = 0
    changes: tuple[str, ...] = ()
    yields_until: int = 0
    yield_pause: int = 0
    checks_at: int = 0
    deleting: bool = False

    @property
    def runs(self) -> bool:
        """Whether items may be executed."""
        return self.initialized and EXECUTION not in self.held and not self.finished

    @property
    def suspended(self) -> bool:
        """Whether all is held."""
        return len(self.held) == len(PHASES)

    @property
    def looks(self) -> bool:
        """Whether items may be looked for."""
        return INITIALIZATION not in self.held and not self.canceling

    @property
    def may_end(self) -> bool:
        """Whether the end is not held. What is given up is held by nothing."""
        return self.abandoned or COMPLETION not in self.held

    @property
    def has_pending(self) -> bool:
        """Whether there are items that are not begun, or to be tried again; or with incidents, to be given up."""
        given_up = self.abandoned and self.incidents > 0
        return self.chunk < self.chunk_end or self.retry < self.retry_end or given_up

    @property
    def abandoned(self) -> bool:
        """Whether pending items are to be canceled rather than executed."""
        return self.canceling or self.error is not None

    @property
    def was_silent(self) -> bool:
        """Whether the lead partition has given this part up: what has no outcome is FAILED, so that it is retried."""
        return not self.canceling and self.error is not None and self.error.type == PARTITION_SILENT

    @property
    def done(self) -> int:
        """Items that have their outcome."""
        return self.completed + self.failed + self.skipped + self.canceled


class Target(Struct, frozen=True, kw_only=True, array_like=True):
    """An item."""

    item_key: int
    process_instance_key: int
    root_process_instance_key: int


class Retry(Target, frozen=True, kw_only=True, array_like=True):
    """An item that failed and is tried again when that is due, ms since 1970."""

    attempts: int
    due: int


class Incident(Target, frozen=True, kw_only=True, array_like=True):
    """An item that failed too often, last for this reason, and waits for somebody."""

    error_code: str
    error_message: str


class Ended(Struct, frozen=True, kw_only=True, array_like=True):
    """A batch operation that has ended. `removal_time`: when it is deleted by itself, 0 for never; `end_time`: when it
    ended; ms since 1970.

    `parameters`: for those that retry what failed in it; `dry_run`: nothing has;
    `keeps_plan`: but what would is kept. `undoable`: its items say what they replaced; `undoes`: it puts back itself.
    `total`: its items, of which some have `completed` and some `failed`; there may be more of them if it `is_unsure`,
    because a part was given up. `creator`, `approved_by`: of a plan. `errors`: of partitions whose part has failed.
    """

    type: str
    state: str
    removal_time: int
    parameters: bytes = b""
    end_time: int = 0
    dry_run: bool = False
    undoable: bool = False
    undoes: bool = False
    keeps_plan: bool = False
    total: int = 0
    creator: Principal = NOBODY
    approved_by: Principal = NOBODY
    errors: int = 0
    completed: int = 0
    failed: int = 0
    is_unsure: bool = False


class Report(Struct, frozen=True, kw_only=True, array_like=True):
    """What a partition told the lead partition last; `ended`: its part has ended. `rate`: what it was given since.

    `changed`: items that would not come out as planned."""

    partition: int
    failed_partition: bool
    total: int
    completed: int
    failed: int
    skipped: int
    canceled: int
    errors: tuple[BatchError, ...] = ()
    ended: bool = True
    rate: float = 0.0
    changed: int = 0

    @property
    def pending(self) -> int:
        """Items without an outcome."""
        return self.total - self.completed - self.failed - self.skipped - self.canceled


class Silence(Struct, frozen=True, kw_only=True, array_like=True):
    """A partition whose part has not ended: when it was `heard_at` last and what it told then, when it was `asked_at`
    since (0: it was not), and when something is `due`: it is asked, or given up. In ms since 1970; 0 for never."""

    heard_at: int
    asked_at: int = 0
    due: int = 0
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0


class Yielding(Struct, frozen=True, kw_only=True, array_like=True):
    """How batch operations of this partition yield to clients' commands, as it was `measured_at` (ms since 1970).

    `latency` of the commands, `pause` between two slices, both ms. `free_at`: when the next slice may begin that has no
    time yet, ms since 1970.
    """

    measured_at: int
    latency: int
    pause: int
    free_at: int = 0


#: (batch operation key,)
BATCHES = Table(50, "BATCHES", Batch)
#: (batch operation key,)
PROGRESS = Table(51, "PROGRESS", Progress)
#: (batch operation key, chunk number) -> pending items, packed
CHUNKS = Table(52, "CHUNKS", bytes)
#: (batch operation key, partition), on the lead partition
REPORTS = Table(53, "REPORTS", Report)
#: (batch operation key,) -> True while this partition looks for items
INITIALIZING = Table(54, "INITIALIZING", bool)
#: (batch operation key, number) -> items to be tried again, in the order in which that is due
RETRIES = Table(120, "BATCH_RETRIES", Retry)
#: (batch operation key,) on the lead partition, until it is deleted
ENDED_BATCHES = Table(121, "ENDED_BATCHES", Ended)
#: (batch operation key, key of one that retries what failed in it) -> True until that has ended: so long it is kept
RETRIED_BY = Table(122, "RETRIED_BY", bool)
#: (batch operation key, incident key) -> an item that waits for somebody
INCIDENTS = Table(160, "BATCH_INCIDENTS", Incident)
#: (batch operation key, item key) -> what was looked up with the item, until that has its outcome
FACTS = Table(140, "BATCH_FACTS", ItemFacts)


#: (batch operation key, partition), on the lead partition, of the others whose parts have not ended
SILENCES = Table(181, "SILENCES", Silence)
#: () -> while batch operations yield
YIELDING = Table(180, "YIELDING", Yielding)


class PlannedItem(Struct, frozen=True, kw_only=True, array_like=True):
    """An item of a plan, and the hash of its outcome."""

    item_key: int
    process_instance_key: int
    root_process_instance_key: int
    outcome: bytes


class PlanRow(Struct, frozen=True, kw_only=True, array_like=True):
    """Some items, in the order in which they were tried."""

    items: tuple[PlannedItem, ...]


class Plan(Struct, frozen=True, kw_only=True, array_like=True):
    """This partition's part of a plan: how many items, and the hash of all of them and of their outcomes."""

    count: int = 0
    hash: bytes = b""


#: (batch operation key, number of the row)
PLAN_ROWS = Table(150, "PLAN_ROWS", PlanRow)
#: (batch operation key,)
PLANS = Table(151, "PLANS", Plan)

#: One packed item: item key, process instance key, root process instance key.
_ITEM = struct.Struct(">qqq")
ITEM_SIZE = _ITEM.size


def pack_items(items: Iterable[BatchItem | BatchOperationIncident]) -> bytes:
    return b"".join([_ITEM.pack(i.item_key, i.process_instance_key, i.root_process_instance_key) for i in items])


def unpack_items(data: bytes) -> list[tuple[int, int, int]]:
    return list(_ITEM.iter_unpack(data))
