"""The `batch_operation_initialization` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "BATCH_OPERATION_INITIALIZATION"


class BatchOperationInitialization(Struct, frozen=True, kw_only=True):
    """Progress of the search for items on one partition. Commands INITIALIZE (another page size), FAIL; events
    INITIALIZING, RETRYING, INITIALIZED, FAILED."""

    batch_operation_key: int = -1
    cursor: int = -1
    page_size: int = 0
    attempts: int = 0
    retry_at: int = 0
    error_type: str = ""
    error_message: str = ""
    retryable: bool = False
    total: int = 0
    changes: tuple[str, ...] = ()
    last: bool = False
