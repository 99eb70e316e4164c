"""Applying a batch operation to its items, a slice at a time.

Each item runs in an overlay of its own: it happens whole, or it FAILED and left nothing. Its outcome is an event of the
same step, or of the last of them when its effects span steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from msgspec import Struct

from engine.core.draft import REJECTION_REASON_LENGTH_MAX
from engine.core.effects import Attempt, Effects, Event
from engine.core.faults import INVALID_STATE, NOT_FOUND, BrokenInvariant, Reject
from engine.core.record import Record
from engine.core.state import View
from engine.process.work import FOLLOW_UP, Work
from engine.records import BatchOperationExecution, BatchOperationItem

from .authorization import Authorize
from .lifecycle import EXECUTION, execute_later, finish_partition
from .operation import Item, Operation
from .tables import BATCHES, CHUNKS, ITEM_SIZE, PROGRESS, Batch, Progress, unpack_items

ITEM = "BATCH_OPERATION_ITEM"
#: Name under which a process instance reports that long work on it is done.
ITEM_DONE = "BATCH_ITEM"


#: What a batch operation does, and its parameters. It may fail: then the batch operation is set aside.
OpenOperation = Callable[[Batch], "tuple[Operation, Struct]"]


def execute(open_operation: OpenOperation, authorize: Authorize, command: Record, view: View) -> Effects:
    """BATCH_OPERATION_EXECUTION EXECUTE. What is given up needs no operation, so it ends whatever is wrong with it."""
    key = command.key
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None:
        raise Reject(NOT_FOUND, f"expected a batch operation with key '{key}' that is running, got none")
    token = cast(BatchOperationExecution, command.value).token
    held = progress.suspended and not progress.abandoned
    if token != progress.token or held or progress.finished:
        raise Reject(INVALID_STATE, f"expected the current execution of batch operation '{key}', got a stale one")
    items = _next_items(view, key, progress)
    attempt = None if progress.abandoned else partial(_execute_item, *open_operation(batch), authorize, key, batch)
    budget = view.effort + view.settings.step_effects_max
    count = 0
    for item in items:
        if view.effort >= budget:
            break
        count += 1
        if attempt is None:
            yield _outcome("CANCELED", key, batch, item)
        else:
            yield from attempt(item, view)
    value = BatchOperationExecution(batch_operation_key=key, token=progress.token, item_count=count)
    yield Event(value_type=EXECUTION, intent="EXECUTED", key=key, value=value)
    if count:
        yield execute_later(view, key)
    else:
        yield from finish_when_done(view, key)


def _next_items(view: View, key: int, progress: Progress) -> list[tuple[int, int, int]]:
    """The next slice of pending items; never across two chunks."""
    if progress.chunk >= progress.chunk_end:
        return []
    packed = view.get(CHUNKS, key, progress.chunk)
    if packed is None:
        raise BrokenInvariant(f"expected chunk {progress.chunk} of batch operation {key}, got none")
    size = view.settings.step_effects_max if progress.abandoned else view.settings.slice_size
    start = progress.offset * ITEM_SIZE
    return unpack_items(packed[start : start + size * ITEM_SIZE])


def _execute_item(
    operation: Operation,
    parameters: Struct,
    authorize: Authorize,
    key: int,
    batch: Batch,
    target: tuple[int, int, int],
    view: View,
) -> Effects:
    item_key, instance_key, root_key = target
    at_end = Work(FOLLOW_UP, item_key, ITEM_DONE, str(key))
    item = Item(key=item_key, process_instance_key=instance_key, root_process_instance_key=root_key, at_end=at_end)

    def effects() -> Effects:
        authorize(batch.actor_id, operation, item, view)
        if (yield from operation.decide(parameters, item, view)):
            yield _outcome("COMPLETED", key, batch, target)

    refusal = yield Attempt(effects=effects())
    if refusal is not None:
        vanished = refusal.code == NOT_FOUND and view.settings.skip_vanished_items
        yield _outcome("SKIPPED" if vanished else "FAILED", key, batch, target, refusal)


def _outcome(intent: str, key: int, batch: Batch, target: tuple[int, int, int], refusal: Reject | None = None) -> Event:
    item_key, instance_key, root_key = target
    value = BatchOperationItem(
        batch_operation_key=key,
        batch_operation_type=batch.type,
        process_instance_key=instance_key,
        root_process_instance_key=root_key,
        error_code=refusal.code if refusal else "",
        error_message=refusal.reason[:REJECTION_REASON_LENGTH_MAX] if refusal else "",
    )
    return Event(value_type=ITEM, intent=intent, key=item_key, value=value)


def finish_when_done(view: View, key: int) -> Effects:
    """Report this partition's part when every item has its outcome and no more will come."""
    progress = view.get(PROGRESS, key)
    if progress is None or progress.chunk < progress.chunk_end or progress.done < progress.total:
        return
    if progress.abandoned or (progress.initialized and not progress.suspended):
        yield from finish_partition(view, key)


def item_done(item_key: int, data: str, view: View) -> Effects:
    """The last step of an item whose effects span steps: its outcome."""
    key = int(data)
    batch = view.get(BATCHES, key)
    if batch is not None:
        yield _outcome("COMPLETED", key, batch, (item_key, item_key, item_key))
        yield from finish_when_done(view, key)
