"""What events of batch operations change. Numbers add up: asserted at every change (design law 10)."""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.faults import BrokenInvariant
from engine.core.head import SETTINGS
from engine.core.registry import Fact
from engine.core.settings import MachineSettings
from engine.core.state import State
from engine.records import (
    BatchOperationChunk,
    BatchOperationCreation,
    BatchOperationExecution,
    BatchOperationInitialization,
    BatchOperationItem,
    BatchOperationPartitionLifecycle,
)
from engine.records.batch_error import BatchError

from .tables import (
    BATCHES,
    CHUNKS,
    INITIALIZING,
    ITEM_SIZE,
    PROGRESS,
    REPORTS,
    Batch,
    Progress,
    Report,
    pack_items,
)

COUNTERS = {"COMPLETED": "completed", "FAILED": "failed", "SKIPPED": "skipped", "CANCELED": "canceled"}


def apply_created(fact: Fact, state: State) -> None:
    value = cast(BatchOperationCreation, fact.value)
    batch = Batch(
        type=value.batch_operation_type,
        filter=value.filter,
        item_keys=value.item_keys,
        excluded_keys=value.excluded_keys,
        parameters=value.parameters,
        partition_ids=value.partition_ids,
        lead_partition=value.lead_partition,
        key_max=value.key_max,
        position=fact.position,
        actor_id=value.actor_id,
        trace_context=fact.step.trace_context,
    )
    state.put(BATCHES, fact.key, value=batch)
    state.put(PROGRESS, fact.key, value=Progress(page_size=value.page_size))
    state.put(INITIALIZING, fact.key, value=True)


def apply_initializing(fact: Fact, state: State) -> None:
    value = cast(BatchOperationInitialization, fact.value)
    progress = state.require(PROGRESS, fact.key)
    changed = structs.replace(progress, cursor=value.cursor, page_size=value.page_size, attempts=0, retry_at=0)
    state.put(PROGRESS, fact.key, value=changed)


def apply_retrying(fact: Fact, state: State) -> None:
    value = cast(BatchOperationInitialization, fact.value)
    progress = state.require(PROGRESS, fact.key)
    changed = structs.replace(progress, attempts=value.attempts, retry_at=value.retry_at)
    state.put(PROGRESS, fact.key, value=changed)


def apply_initialized(fact: Fact, state: State) -> None:
    value = cast(BatchOperationInitialization, fact.value)
    progress = state.require(PROGRESS, fact.key)
    if value.total != progress.total:
        raise BrokenInvariant(f"expected {progress.total} items of batch operation {fact.key}, got {value.total}")
    changed = structs.replace(progress, cursor=value.cursor, initialized=True, attempts=0, retry_at=0)
    state.put(PROGRESS, fact.key, value=changed)
    state.delete(INITIALIZING, fact.key)


def apply_initialization_failed(fact: Fact, state: State) -> None:
    value = cast(BatchOperationInitialization, fact.value)
    progress = state.require(PROGRESS, fact.key)
    error = BatchError(partition_id=fact.step.partition_id, type=value.error_type, message=value.error_message)
    state.put(PROGRESS, fact.key, value=structs.replace(progress, error=error, token=progress.token + 1))
    state.delete(INITIALIZING, fact.key)


def apply_chunk(fact: Fact, state: State) -> None:
    """Keep the items as pending, in rows of at most `dbChunkSize` keys."""
    value = cast(BatchOperationChunk, fact.value)
    progress = state.require(PROGRESS, fact.key)
    size = _db_chunk_size(state) * ITEM_SIZE
    packed = pack_items(value.items)
    end = progress.chunk_end
    last = state.get(CHUNKS, fact.key, end - 1) if end > progress.chunk else None
    if last is not None and len(last) < size:
        room = size - len(last)
        state.put(CHUNKS, fact.key, end - 1, value=last + packed[:room])
        packed = packed[room:]
    for start in range(0, len(packed), size):
        state.put(CHUNKS, fact.key, end, value=packed[start : start + size])
        end += 1
    total = progress.total + len(value.items)
    state.put(PROGRESS, fact.key, value=structs.replace(progress, chunk_end=end, total=total))


def _db_chunk_size(state: State) -> int:
    return (state.get(SETTINGS) or MachineSettings()).db_chunk_size


def apply_outcome(counter: str, fact: Fact, state: State) -> None:
    """An item has its outcome."""
    key = cast(BatchOperationItem, fact.value).batch_operation_key
    progress = state.require(PROGRESS, key)
    changed = structs.replace(progress, **{counter: getattr(progress, counter) + 1})
    if changed.done > changed.total:
        raise BrokenInvariant(f"expected at most {changed.total} outcomes of batch operation {key}, got {changed.done}")
    state.put(PROGRESS, key, value=changed)


def apply_executed(fact: Fact, state: State) -> None:
    """A slice is done: move on, and give up a chunk that is used up."""
    value = cast(BatchOperationExecution, fact.value)
    progress = state.require(PROGRESS, fact.key)
    offset, chunk = progress.offset + value.item_count, progress.chunk
    packed = state.get(CHUNKS, fact.key, chunk)
    if packed is not None and offset * ITEM_SIZE >= len(packed):
        if offset * ITEM_SIZE > len(packed):
            raise BrokenInvariant(f"expected at most {len(packed) // ITEM_SIZE} items in a chunk, got {offset}")
        state.delete(CHUNKS, fact.key, chunk)
        chunk, offset = chunk + 1, 0
    changed = structs.replace(progress, chunk=chunk, offset=offset, token=progress.token + 1)
    state.put(PROGRESS, fact.key, value=changed)


def apply_suspended(fact: Fact, state: State) -> None:
    progress = state.require(PROGRESS, fact.key)
    state.put(PROGRESS, fact.key, value=structs.replace(progress, suspended=True, token=progress.token + 1))


def apply_resumed(fact: Fact, state: State) -> None:
    progress = state.require(PROGRESS, fact.key)
    state.put(PROGRESS, fact.key, value=structs.replace(progress, suspended=False, token=progress.token + 1))


def apply_canceling(fact: Fact, state: State) -> None:
    progress = state.require(PROGRESS, fact.key)
    changed = structs.replace(progress, canceling=True, suspended=False, token=progress.token + 1)
    state.put(PROGRESS, fact.key, value=changed)
    if state.get(INITIALIZING, fact.key) is not None:
        state.delete(INITIALIZING, fact.key)


def apply_report(failed_partition: bool, fact: Fact, state: State) -> None:
    """A part has ended: of this partition, or of another one that this partition leads."""
    value = cast(BatchOperationPartitionLifecycle, fact.value)
    batch = state.require(BATCHES, fact.key)
    if batch.lead_partition == fact.step.partition_id:
        report = Report(
            partition=value.source_partition_id,
            failed_partition=failed_partition,
            total=value.total,
            completed=value.completed,
            failed=value.failed,
            skipped=value.skipped,
            canceled=value.canceled,
            errors=value.errors,
        )
        state.put(REPORTS, fact.key, value.source_partition_id, value=report)
    if value.source_partition_id == fact.step.partition_id:
        _end_part(fact, state, batch.lead_partition == fact.step.partition_id)


def _end_part(fact: Fact, state: State, leads: bool) -> None:
    progress = state.require(PROGRESS, fact.key)
    if state.get(INITIALIZING, fact.key) is not None:
        state.delete(INITIALIZING, fact.key)
    for key, _ in state.scan(CHUNKS, fact.key):
        state.delete_row(CHUNKS, key)
    if leads:
        state.put(PROGRESS, fact.key, value=structs.replace(progress, finished=True, token=progress.token + 1))
    else:
        state.delete(BATCHES, fact.key)
        state.delete(PROGRESS, fact.key)


def apply_final(fact: Fact, state: State) -> None:
    """The lead partition knows the end: nothing is left of the batch operation but the log."""
    for key, _ in state.scan(REPORTS, fact.key):
        state.delete_row(REPORTS, key)
    state.delete(BATCHES, fact.key)
    state.delete(PROGRESS, fact.key)
