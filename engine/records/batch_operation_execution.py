"""The `batch_operation_execution` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "BATCH_OPERATION_EXECUTION"


class BatchOperationExecution(Struct, frozen=True, kw_only=True):
    """One slice of items. EXECUTE (a command to oneself), EXECUTED, CONTINUED (what was waited for has come), PAUSED
    (until a window of pause ends), YIELDING (slices are further apart, for the sake of clients), YIELDING_ENDED."""

    batch_operation_key: int = -1
    token: int = 0
    item_count: int = 0
    retry_count: int = 0
    paused_until: int = 0
    yield_pause: int = 0
    latency: int = 0
