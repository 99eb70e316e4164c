"""The `batch_operation_creation` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

from .batch_operation_chunk import ItemFacts
from .batch_options import BatchOptions

VALUE_TYPE = "BATCH_OPERATION_CREATION"


class BatchOperationCreation(Struct, frozen=True, kw_only=True):
    """The start of a batch operation. CREATE (from a client, then from the lead partition to the others), CREATED; or,
    instead of one, all of it in one step: EXECUTE, EXECUTED."""

    batch_operation_key: int = -1
    batch_operation_type: str = ""
    filter: str = ""
    item_keys: tuple[int, ...] = ()
    excluded_keys: tuple[int, ...] = ()
    parameters: bytes = b""
    partition_ids: tuple[int, ...] = ()
    lead_partition: int = 0
    key_max: int = -1
    actor_type: str = ""
    actor_id: str = ""
    chunk_size: int = 0
    page_size: int = 0
    options: BatchOptions = BatchOptions()
    facts: tuple[ItemFacts, ...] = ()
