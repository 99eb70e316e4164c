"""A batch operation whose own command failed: this partition's part of it fails visibly, and the batch operation ends.

An item that fails is FAILED and the rest goes on; this is for what no item can be blamed for. Rule: what is set aside
needs neither the operation nor its parameters again, so it cannot fail the same way twice.
"""

from __future__ import annotations

from typing import cast

from engine.core.effects import Effects, Event, Send
from engine.core.faults import Reject
from engine.core.record import Record
from engine.core.record import command as make_command
from engine.core.state import View
from engine.records import BatchOperationCreation, BatchOperationInitialization, BatchOperationPartitionLifecycle
from engine.records.batch_error import BatchError

from .lifecycle import CHUNK, CREATION, EXECUTION, INITIALIZATION, PARTITION_LIFECYCLE, step_of
from .pacing import WAKE, advance
from .plans import judge
from .tables import PROGRESS

#: The type of a partition's error when the engine failed, rather than a query.
UNKNOWN = "UNKNOWN"


def quarantine(command: Record, refusal: Reject, view: View) -> Effects:
    """Law 12, after a PROCESSING_ERROR or EXCEEDED_LIMIT of a command that the batch operation depends on.

    Pending items are CANCELED from here on, then the partition reports PARTITION_FAILED with the reason.
    """
    message = f"{command.value_type} {command.intent} failed: {refusal.reason}"
    if command.value_type in (INITIALIZATION, CHUNK, EXECUTION) or command.intent == WAKE:
        yield from _fail_part(command.key, message, view)
    elif command.value_type == CREATION and command.step.sender_partition:
        yield _report_none(command, message, view)


def _fail_part(key: int, message: str, view: View) -> Effects:
    progress = view.get(PROGRESS, key)
    if progress is None or progress.abandoned or progress.finished:
        return
    value = BatchOperationInitialization(
        batch_operation_key=key,
        cursor=progress.cursor,
        page_size=progress.page_size,
        error_type=UNKNOWN,
        error_message=message,
        total=progress.total,
    )
    yield Event(value_type=INITIALIZATION, intent="FAILED", key=key, value=value)
    yield from advance(view, key)
    yield from judge(view, key)


def _report_none(command: Record, message: str, view: View) -> Send:
    """This partition could not even take the batch operation up: it has no items, and the lead partition is told."""
    key = command.key
    error = BatchError(partition_id=view.partition, type=UNKNOWN, message=message)
    value = BatchOperationPartitionLifecycle(
        batch_operation_key=key, source_partition_id=view.partition, errors=(error,)
    )
    report = make_command(PARTITION_LIFECYCLE, "FAIL_PARTITION", value, key=key, step=step_of(key))
    return Send(partition=cast(BatchOperationCreation, command.value).lead_partition, command=report)
