"""The `batch_operation_chunk` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "BATCH_OPERATION_CHUNK"


class BatchItem(Struct, frozen=True, kw_only=True):
    """One target found by the initialization."""

    item_key: int = -1
    process_instance_key: int = -1
    root_process_instance_key: int = -1


class ItemFacts(Struct, frozen=True, kw_only=True):
    """What secondary storage knows of an item. `variables_size` in characters; `end_time` in ms since 1970, or 0."""

    item_key: int = -1
    process_definition_key: int = -1
    state: str = ""
    business_id: str = ""
    tags: tuple[str, ...] = ()
    variables: str = ""
    variables_size: int = 0
    end_time: int = 0


class BatchOperationChunk(Struct, frozen=True, kw_only=True):
    """Items found by the initialization. CREATE (a part of a page), CREATED (the same, or a part of it)."""

    batch_operation_key: int = -1
    items: tuple[BatchItem, ...] = ()
    cursor: int = -1
    next_cursor: int = -1
    last: bool = False
    facts: tuple[ItemFacts, ...] = ()
    more: bool = False
