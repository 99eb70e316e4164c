"""One partition's part of a batch operation, as the model keeps it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from msgspec import Struct

from engine.core.record import NONE
from engine.records import BatchOperationPartitionLifecycle

from .selection import Selection

OUTCOMES = ("COMPLETED", "FAILED", "SKIPPED", "CANCELED")


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
    cursor: int = NONE
    attempts: int = 0
    #: found, and without an outcome
    pending: list[int] = field(default_factory=list)
    #: begun, and without an outcome
    executing: set[int] = field(default_factory=set)
    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    #: number of the execution loop: a command of an earlier one is stale
    token: int = 0
    initialized: bool = False
    suspended: bool = False
    canceling: bool = False
    broken: bool = False
    finished: bool = False
    #: partition -> its final numbers, on the lead partition
    reports: dict[int, BatchOperationPartitionLifecycle] = field(default_factory=dict)

    @property
    def abandoned(self) -> bool:
        return self.canceling or self.broken

    @property
    def numbers(self) -> dict[str, int]:
        return {"total": self.total, **{name.lower(): self.counts[name] for name in OUTCOMES}}
