"""The `batch_operation_chunk` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "BATCH_OPERATION_CHUNK"


class BatchItem(Struct, frozen=True, kw_only=True):
    """One target found by the initialization."""

    item_key: int = -1
    process_instance_key: int = -1
    root_process_instance_key: int = -1


class BatchOperationChunk(Struct, frozen=True, kw_only=True):
    """Items found by the initialization. CREATE (a page), CREATED (a part of it)."""

    batch_operation_key: int = -1
    items: tuple[BatchItem, ...] = ()
    cursor: int = -1
    next_cursor: int = -1
    last: bool = False
