"""What is said of an item of a batch operation: its outcome, or that it is tried again."""

from __future__ import annotations

from engine.core.draft import REJECTION_REASON_LENGTH_MAX
from engine.core.effects import Event
from engine.core.faults import Reject
from engine.records import BatchOperationItem

from .tables import Batch, Target

ITEM = "BATCH_OPERATION_ITEM"


def outcome(
    intent: str,
    key: int,
    batch: Batch,
    target: Target,
    refusal: Reject | None = None,
    *,
    attempts: int = 0,
    at: int = 0,
    unchanged: bool = False,
    prediction: str = "",
    replaced: str = "",
    replaced_size: int = 0,
) -> Event:
    """The event; `attempts` and `at` (ms since 1970) of one that is tried again; `unchanged` of one that
    was so already; `prediction` of one that is only tried; `replaced` of one that can be undone."""
    value = BatchOperationItem(
        batch_operation_key=key,
        batch_operation_type=batch.type,
        process_instance_key=target.process_instance_key,
        root_process_instance_key=target.root_process_instance_key,
        error_code=refusal.code if refusal else "",
        error_message=refusal.reason[:REJECTION_REASON_LENGTH_MAX] if refusal else "",
        attempts=attempts,
        retry_at=at,
        unchanged=unchanged,
        prediction=prediction,
        replaced=replaced,
        replaced_size=replaced_size,
    )
    return Event(value_type=ITEM, intent=intent, key=target.item_key, value=value)
