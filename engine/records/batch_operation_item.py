"""The `batch_operation_item` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "BATCH_OPERATION_ITEM"


class BatchOperationItem(Struct, frozen=True, kw_only=True):
    """The outcome of an item, in the same step as its effects or in the last of them. COMPLETED, FAILED, SKIPPED,
    CANCELED; or RETRYING, when it has failed and is tried again. The record key is the item key."""

    batch_operation_key: int = -1
    batch_operation_type: str = ""
    process_instance_key: int = -1
    root_process_instance_key: int = -1
    error_code: str = ""
    error_message: str = ""
    attempts: int = 0
    retry_at: int = 0
    prediction: str = ""
    unchanged: bool = False
    replaced: str = ""
    replaced_size: int = 0
