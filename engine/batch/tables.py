"""The tables of batch operations and their rows."""

from __future__ import annotations

import struct

from msgspec import Struct

from engine.core.state import Table
from engine.records.batch_error import BatchError
from engine.records.batch_operation_chunk import BatchItem


class Batch(Struct, frozen=True, kw_only=True, array_like=True):
    """What was asked for; never changes. `position` is where it was created on this partition.

    `trace_context`: of the command that created it, for the commands that its initialization writes.
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
    actor_id: str = ""
    trace_context: str = ""


class Progress(Struct, frozen=True, kw_only=True, array_like=True):
    """Where this partition's part stands.

    `chunk` and `offset` tell the next pending item, `chunk_end` the chunk after the last. `token` is the number of the
    execution loop. `error`: the initialization has failed, so the items found are given up. `finished`: this partition
    has reported; only the lead partition still has the row then.
    """

    cursor: int = -1
    page_size: int = 0
    attempts: int = 0
    retry_at: int = 0
    initialized: bool = False
    suspended: bool = False
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

    @property
    def abandoned(self) -> bool:
        """Whether pending items are to be canceled rather than executed."""
        return self.canceling or self.error is not None

    @property
    def done(self) -> int:
        """Items that have their outcome."""
        return self.completed + self.failed + self.skipped + self.canceled


class Report(Struct, frozen=True, kw_only=True, array_like=True):
    """What a partition told the lead partition when its part ended."""

    partition: int
    failed_partition: bool
    total: int
    completed: int
    failed: int
    skipped: int
    canceled: int
    errors: tuple[BatchError, ...] = ()


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

#: One packed item: item key, process instance key, root process instance key.
_ITEM = struct.Struct(">qqq")
ITEM_SIZE = _ITEM.size


def pack_items(items: tuple[BatchItem, ...]) -> bytes:
    return b"".join([_ITEM.pack(i.item_key, i.process_instance_key, i.root_process_instance_key) for i in items])


def unpack_items(data: bytes) -> list[tuple[int, int, int]]:
    return list(_ITEM.iter_unpack(data))
