"""One partition's part of a batch operation, as the model keeps it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import cast

from msgspec import Struct

from engine.core.principal import NOBODY, Principal
from engine.core.record import NONE, Record
from engine.records import BatchOperationIncident, BatchOperationItem, BatchOperationPartitionLifecycle
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.batch_options import BatchOptions

from .selection import Selection
from .world import UNFORESEEN, World

#: How an item may end that is only tried.
TRIED = ("COMPLETED", "FAILED", "SKIPPED")
PHASES = ("INITIALIZATION", "EXECUTION", "COMPLETION")
OUTCOMES = ("COMPLETED", "FAILED", "SKIPPED", "CANCELED")


@dataclass(slots=True)
class Silence:
    """When a partition was heard last, what it told, whether it was asked since, and when something is due."""

    heard_at: int
    due: int
    numbers: dict[str, int]
    asked: bool = False


@dataclass(slots=True)
class Part:
    """One partition's part of a batch operation."""

    key: int
    type: str
    parameters: Struct
    lead: int
    partitions: tuple[int, ...]
    selection: Selection
    page_size: int
    #: with whose rights it does what it does
    creator: Principal = NOBODY
    options: BatchOptions = field(default_factory=BatchOptions)
    cursor: int = NONE
    attempts: int = 0
    #: found, and without an outcome
    pending: list[int] = field(default_factory=list)
    #: what was looked up with items
    facts: dict[int, ItemFacts] = field(default_factory=dict)
    #: keys given by hand of which nothing was known
    unknown: set[int] = field(default_factory=set)
    #: begun, and without an outcome
    executing: set[int] = field(default_factory=set)
    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    #: number of the execution loop: a command of an earlier one is stale
    token: int = 0
    initialized: bool = False
    #: phases that are held
    held: tuple[str, ...] = ()
    canceling: bool = False
    broken: bool = False
    #: broken because the lead partition has not heard of it
    silent: bool = False
    deleting: bool = False
    #: on the lead partition, of the others whose parts have not ended
    silences: dict[int, Silence] = field(default_factory=dict)
    finished: bool = False
    #: partition -> its final numbers, on the lead partition
    reports: dict[int, BatchOperationPartitionLifecycle] = field(default_factory=dict)
    #: partition -> what it told last before its end, on the lead partition
    told: dict[int, BatchOperationPartitionLifecycle] = field(default_factory=dict)
    #: failed, and to be tried again: item, how often it has failed, when it is due
    again: list[tuple[int, int, int]] = field(default_factory=list)
    #: incident -> its item, and why it failed
    incidents: dict[int, tuple[int, str]] = field(default_factory=dict)
    #: items per second of all partitions and of this one; items in a slice, 0 for the setting
    raw_parameters: bytes = b""
    rate: float = 0.0
    share: float = 0.0
    slice_size: int = 0
    #: when what was executed is paid for, and when it goes on, 0 if it does not wait
    paid_until: float = 0.0
    wake: int = 0
    paused_until: int = 0
    #: for the sake of clients: until when the next slice waits, and how long each does
    turn: int = 0
    yields: int = 0
    windows: tuple[str, ...] = ()
    reported_at: int = 0
    reported_failed: int = 0
    #: failures before it was resumed, on the lead partition
    forgiven: int = 0
    #: of the commit of a plan: whether all items were tried, how many would have changed here, and on each partition
    validated: bool = False
    changed: int = 0
    changes: dict[int, int] = field(default_factory=dict)
    judged: bool = False

    @property
    def abandoned(self) -> bool:
        return self.canceling or self.broken

    @property
    def runs(self) -> bool:
        return self.initialized and "EXECUTION" not in self.held and not self.finished

    @property
    def suspended(self) -> bool:
        return self.held == PHASES

    @property
    def may_end(self) -> bool:
        return self.abandoned or "COMPLETION" not in self.held

    @property
    def has_pending(self) -> bool:
        return bool(self.pending or self.again or (self.abandoned and self.incidents))

    @property
    def numbers(self) -> dict[str, int]:
        return {"total": self.total, **{name.lower(): self.counts[name] for name in OUTCOMES}}


def unforeseen(world: World, batch: int, item: int) -> str:
    """Why an item failed, as the log says, if that cannot be foreseen."""
    told = [record for record in world.step.events if record.value_type == "BATCH_OPERATION_ITEM"]
    values = [cast(BatchOperationItem, record.value) for record in told if record.key == item]
    codes = [value.error_code for value in values if value.batch_operation_key == batch]
    return next(filter(UNFORESEEN.__contains__, codes), "")


def failure_of(record: Record, batch: int, item: int) -> str:
    """Why the item has failed, if this event says that, and that it is not its outcome."""
    value = record.value
    if isinstance(value, BatchOperationItem) and record.intent == "RETRYING":
        about = (value.batch_operation_key, record.key)
    elif isinstance(value, BatchOperationIncident) and record.intent == "CREATED":
        about = (value.batch_operation_key, value.item_key)
    else:
        return ""
    return value.error_code if about == (batch, item) else ""


def numbers_of(report: BatchOperationPartitionLifecycle) -> dict[str, int]:
    return {name: getattr(report, name) for name in ("total", *map(str.lower, OUTCOMES))}


def told_of(world: World, batch: int, item: int) -> tuple[str, str]:
    """The outcome, and the error, that the log has of an item of a dry run: whatever it is, nothing else happens."""
    for record in world.step.events:
        if record.value_type == "BATCH_OPERATION_ITEM" and record.key == item and record.intent in TRIED:
            value = cast(BatchOperationItem, record.value)
            if value.batch_operation_key == batch and bool(value.prediction) is (record.intent == "COMPLETED"):
                return record.intent, value.error_code
    return "COMPLETED", ""
