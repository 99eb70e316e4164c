"""What events of batch operations change. Numbers add up: asserted at every change (design law 10)."""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.faults import BrokenInvariant
from engine.core.principal import Principal
from engine.core.record import NONE
from engine.core.registry import Fact
from engine.core.state import State
from engine.records import (
    BatchOperationChunk,
    BatchOperationCreation,
    BatchOperationExecution,
    BatchOperationInitialization,
    BatchOperationItem,
    BatchOperationLifecycleManagement,
    BatchOperationPartitionLifecycle,
)
from engine.records.batch_error import BatchError
from engine.records.batch_operation_lifecycle_management import PHASES

from .chunks import append_items
from .ended import keep_for
from .pacing import pay, put_progress, with_rate
from .plans import EXAMPLES_MAX, keep_outcome
from .silence import arm, ended, heard, resumed, retry_later, watch_others
from .tables import (
    BATCHES,
    CHUNKS,
    FACTS,
    INITIALIZING,
    ITEM_SIZE,
    PROGRESS,
    REPORTS,
    RETRIES,
    Batch,
    Progress,
    Report,
    Retry,
    pack_items,
)
from .yielding import take_turn

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
        creator=Principal(value.actor_type, value.actor_id),
        trace_context=fact.step.trace_context,
        options=value.options,
        rate=value.options.rate,
        slice_size=value.options.slice_size,
        pause_windows=value.options.pause_windows,
    )
    state.put(BATCHES, fact.key, value=batch)
    progress = Progress(
        page_size=value.page_size,
        held=PHASES if value.options.start_suspended else (),
        rate=value.options.rate / len(value.partition_ids),
    )
    state.put(PROGRESS, fact.key, value=progress)
    if value.lead_partition == fact.step.partition_id:
        watch_others(state, fact.key, value.partition_ids, value.lead_partition, fact.now)
    if value.options.plan_key == NONE:
        state.put(INITIALIZING, fact.key, value=True)
    parent = value.options.origin_key
    if parent != NONE and value.lead_partition == fact.step.partition_id:
        keep_for(state, parent, fact.key)


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
    put_progress(state, fact.key, changed, fact.now)
    state.delete(INITIALIZING, fact.key)


def apply_initialization_failed(fact: Fact, state: State) -> None:
    value = cast(BatchOperationInitialization, fact.value)
    progress = state.require(PROGRESS, fact.key)
    error = BatchError(partition_id=fact.step.partition_id, type=value.error_type, message=value.error_message)
    put_progress(state, fact.key, structs.replace(progress, error=error, token=progress.token + 1), fact.now)
    state.delete(INITIALIZING, fact.key)


def apply_chunk(fact: Fact, state: State) -> None:
    """Items were found, by a query or in a plan: the next ones are behind them, and failures before count no more."""
    value = cast(BatchOperationChunk, fact.value)
    progress = state.require(PROGRESS, fact.key)
    changed = append_items(state, fact.key, progress, pack_items(value.items))
    total = progress.total + len(value.items)
    for item, facts in zip(value.items, value.facts, strict=False):
        state.put(FACTS, fact.key, item.item_key, value=facts)
    facts_count = progress.facts + len(value.facts)
    changed = structs.replace(changed, cursor=value.next_cursor, attempts=0, retry_at=0, total=total, facts=facts_count)
    state.put(PROGRESS, fact.key, value=changed)


def apply_outcome(intent: str, fact: Fact, state: State) -> None:
    """An item has its outcome."""
    key = cast(BatchOperationItem, fact.value).batch_operation_key
    progress = state.require(PROGRESS, key)
    counter = COUNTERS[intent]
    changed = structs.replace(progress, **{counter: getattr(progress, counter) + 1})
    if progress.facts:
        state.delete(FACTS, key, fact.key)
        changed = structs.replace(changed, facts=progress.facts - 1)
    if changed.done > changed.total:
        raise BrokenInvariant(f"expected at most {changed.total} outcomes of batch operation {key}, got {changed.done}")
    state.put(PROGRESS, key, value=changed)
    if intent != "CANCELED" and state.require(BATCHES, key).options.keep_plan:
        keep_outcome(state, key, fact.key, intent, cast(BatchOperationItem, fact.value))


def apply_validated(fact: Fact, state: State) -> None:
    """A slice of the items of a plan was tried."""
    value = cast(BatchOperationInitialization, fact.value)
    progress = state.require(PROGRESS, fact.key)
    changes = (*progress.changes, *value.changes)
    changed = structs.replace(
        progress,
        validated=value.last,
        changed=progress.changed + len(value.changes),
        changes=changes[:EXAMPLES_MAX],
    )
    state.put(PROGRESS, fact.key, value=changed)


def apply_partition_validated(fact: Fact, state: State) -> None:
    """The lead partition keeps how many items of a part would come out otherwise."""
    if state.require(BATCHES, fact.key).lead_partition == fact.step.partition_id:
        _put_report(fact, state, ended=False)
        heard(state, fact.key, cast(BatchOperationPartitionLifecycle, fact.value), fact.now)


def apply_judged(fact: Fact, state: State) -> None:
    """The lead partition has said whether the items of a plan begin."""
    state.put(PROGRESS, fact.key, value=structs.replace(state.require(PROGRESS, fact.key), judged=True))


def apply_retrying_item(fact: Fact, state: State) -> None:
    """An item has failed and is tried again, behind all that wait for that already: the pause is always the same."""
    value = cast(BatchOperationItem, fact.value)
    key = value.batch_operation_key
    progress = state.require(PROGRESS, key)
    retry = Retry(
        item_key=fact.key,
        process_instance_key=value.process_instance_key,
        root_process_instance_key=value.root_process_instance_key,
        attempts=value.attempts,
        due=value.retry_at,
    )
    state.put(RETRIES, key, progress.retry_end, value=retry)
    state.put(PROGRESS, key, value=structs.replace(progress, retry_end=progress.retry_end + 1))


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
    retry = progress.retry + value.retry_count
    for number in range(progress.retry, retry):
        state.delete(RETRIES, fact.key, number)
    executed = progress.executed + value.item_count
    changed = structs.replace(
        progress, chunk=chunk, offset=offset, retry=retry, executed=executed, token=progress.token + 1
    )
    changed = pay(changed, value.item_count + value.retry_count, fact.now)
    put_progress(state, fact.key, take_turn(state, changed, fact.now), fact.now)


def apply_continued(fact: Fact, state: State) -> None:
    """The time that the part waited for has come."""
    put_progress(state, fact.key, state.require(PROGRESS, fact.key), fact.now)


def apply_paused(fact: Fact, state: State) -> None:
    """A window of pause has begun."""
    until = cast(BatchOperationExecution, fact.value).paused_until
    progress = state.require(PROGRESS, fact.key)
    put_progress(state, fact.key, structs.replace(progress, paused_until=until), fact.now)


def apply_suspended(fact: Fact, state: State) -> None:
    value = cast(BatchOperationLifecycleManagement, fact.value)
    progress = state.require(PROGRESS, fact.key)
    held = tuple(phase for phase in PHASES if phase in progress.held or phase in value.phases)
    put_progress(state, fact.key, structs.replace(progress, held=held, token=progress.token + 1), fact.now)
    arm(state, fact.key)


def apply_resumed(fact: Fact, state: State) -> None:
    """Failures so far are forgiven: what counts towards the limit are those from now on."""
    value = cast(BatchOperationLifecycleManagement, fact.value)
    progress = state.require(PROGRESS, fact.key)
    reports = [report for _, report in state.scan(REPORTS, fact.key) if report.partition != fact.step.partition_id]
    failed = progress.failed + sum(report.failed for report in reports)
    held = tuple(phase for phase in progress.held if phase not in value.phases)
    changed = structs.replace(progress, held=held, token=progress.token + 1, forgiven=failed)
    put_progress(state, fact.key, changed, fact.now)
    resumed(state, fact.key, fact.now)


def apply_updated(fact: Fact, state: State) -> None:
    """Another rate, size of slices or windows of pause, for this partition and for what it leads."""
    value = cast(BatchOperationLifecycleManagement, fact.value)
    batch = state.require(BATCHES, fact.key)
    changed = structs.replace(batch, rate=value.rate, slice_size=value.slice_size, pause_windows=value.pause_windows)
    state.put(BATCHES, fact.key, value=changed)
    progress = state.require(PROGRESS, fact.key)
    state.put(PROGRESS, fact.key, value=structs.replace(progress, paused_until=0))  # the windows are asked anew
    even = value.rate / len(batch.partition_ids)
    for row, report in state.scan(REPORTS, fact.key):
        state.put_row(REPORTS, row, structs.replace(report, rate=0.0 if report.ended else even))
    _change_rate(fact, state, value.partition_rate)


def apply_paced(fact: Fact, state: State) -> None:
    """Another share of the rate, of this partition or, where it is led, of another one."""
    value = cast(BatchOperationPartitionLifecycle, fact.value)
    if value.source_partition_id == fact.step.partition_id:
        _change_rate(fact, state, value.rate)
        return
    report = state.require(REPORTS, fact.key, value.source_partition_id)
    state.put(REPORTS, fact.key, value.source_partition_id, value=structs.replace(report, rate=value.rate))


def _change_rate(fact: Fact, state: State, rate: float) -> None:
    progress = state.require(PROGRESS, fact.key)
    changed = structs.replace(with_rate(progress, rate, fact.now), token=progress.token + 1)
    put_progress(state, fact.key, changed, fact.now)


def apply_canceling(fact: Fact, state: State) -> None:
    progress = state.require(PROGRESS, fact.key)
    changed = structs.replace(progress, canceling=True, held=(), token=progress.token + 1)
    put_progress(state, fact.key, changed, fact.now)
    resumed(state, fact.key, fact.now)
    if state.get(INITIALIZING, fact.key) is not None:
        state.delete(INITIALIZING, fact.key)


def apply_progress_report(fact: Fact, state: State) -> None:
    """How far a part is: of this partition, or of another one that this partition leads."""
    value = cast(BatchOperationPartitionLifecycle, fact.value)
    if value.source_partition_id == fact.step.partition_id:
        progress = state.require(PROGRESS, fact.key)
        changed = structs.replace(progress, reported_at=fact.now, reported_failed=progress.failed)
        state.put(PROGRESS, fact.key, value=changed)
    else:
        _put_report(fact, state, ended=False)
        heard(state, fact.key, value, fact.now)


def apply_report(failed_partition: bool, fact: Fact, state: State) -> None:
    """A part has ended: of this partition, or of another one that this partition leads."""
    value = cast(BatchOperationPartitionLifecycle, fact.value)
    batch = state.require(BATCHES, fact.key)
    if batch.lead_partition == fact.step.partition_id:
        _put_report(fact, state, failed_partition=failed_partition, ended=True)
        ended(state, fact.key, value.source_partition_id)
    if value.source_partition_id == fact.step.partition_id:
        _end_part(fact, state, batch.lead_partition == fact.step.partition_id)


def _put_report(fact: Fact, state: State, *, failed_partition: bool = False, ended: bool) -> None:
    value = cast(BatchOperationPartitionLifecycle, fact.value)
    before = state.get(REPORTS, fact.key, value.source_partition_id)
    batch = state.require(BATCHES, fact.key)
    rate = before.rate if before else batch.rate / len(batch.partition_ids)
    report = Report(
        partition=value.source_partition_id,
        failed_partition=failed_partition,
        total=value.total,
        completed=value.completed,
        failed=value.failed,
        skipped=value.skipped,
        canceled=value.canceled,
        errors=value.errors,
        ended=ended,
        changed=value.changed,
        rate=0.0 if ended else rate,
    )
    state.put(REPORTS, fact.key, value.source_partition_id, value=report)


def _end_part(fact: Fact, state: State, leads: bool) -> None:
    progress = state.require(PROGRESS, fact.key)
    if state.get(INITIALIZING, fact.key) is not None:
        state.delete(INITIALIZING, fact.key)
    for key, _ in state.scan(CHUNKS, fact.key):
        state.delete_row(CHUNKS, key)
    if progress.facts:
        for key, _ in state.scan(FACTS, fact.key):
            state.delete_row(FACTS, key)
    if leads:
        state.put(PROGRESS, fact.key, value=structs.replace(progress, finished=True, token=progress.token + 1))
    else:
        retry_later(state, fact.key, fact.position)
        state.delete(BATCHES, fact.key)
        state.delete(PROGRESS, fact.key)
