"""Sealed plans: what a dry run foresaw, kept, so that a batch operation can be held to it.

A plan is a dry run that was kept: on each partition its items in their order, each with the hash of its outcome. Who
commits it creates a batch operation that first validates: every partition tries its items again, a slice a step, and
tells the lead partition how many would come out otherwise. If none would, the lead partition lets all begin; else all
are refused, and nothing has happened. When an item runs it is compared once more.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from hashlib import sha256
from typing import cast

import msgspec

from engine.core.effects import Effect, Effects, Event, Send
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.record import NONE, Record
from engine.core.record import command as make_command
from engine.core.state import State, View
from engine.records import (
    BatchOperationChunk,
    BatchOperationCreation,
    BatchOperationInitialization,
    BatchOperationItem,
    BatchOperationLifecycleManagement,
)
from engine.records.batch_operation_chunk import BatchItem

from .approval import refuse_unapproved
from .life import ENDED, UNKNOWN, state_of
from .lifecycle import (
    CHUNK,
    INITIALIZATION,
    MANAGEMENT,
    PARTITION_LIFECYCLE,
    part_of,
    refuse_given_up,
    step_of,
    tell_all,
    validate_later,
)
from .pacing import advance, slice_effects_max
from .tables import (
    BATCHES,
    ENDED_BATCHES,
    PLAN_ROWS,
    PLANS,
    PROGRESS,
    REPORTS,
    Batch,
    Plan,
    PlannedItem,
    PlanRow,
    Progress,
    Retry,
)

#: Items in one row: it is written anew for each of them.
ITEMS_PER_ROW = 200
#: Bytes of the hash of an outcome.
HASH_SIZE = 16
#: Items of a partition that are named when their outcome would be another, and characters of what is told of one.
EXAMPLES_MAX = 10
DIFFERENCE_LENGTH_MAX = 300
#: The code of an item, and the type of an error, whose outcome is not the one of the plan.
CHANGED = "CHANGED"
PLAN_CHANGED = "PLAN_CHANGED"
VALIDATED = "PARTITION_VALIDATED"


#: The outcome that an item would have now, and how many effects were tried.
TryItem = Callable[[int, Batch, Retry, View], "Generator[Effect, Reject | None, tuple[Event, int]]"]


def hash_of(intent: str, error_code: str, prediction: str) -> bytes:
    """Of the outcome of an item: what is compared."""
    return sha256(f"{intent}\n{error_code}\n{prediction}".encode()).digest()[:HASH_SIZE]


# appliers


def keep_outcome(state: State, key: int, item_key: int, intent: str, value: BatchOperationItem) -> None:
    """An item of a dry run that is kept has its outcome."""
    plan = state.get(PLANS, key) or Plan()
    number = plan.count // ITEMS_PER_ROW
    row = state.get(PLAN_ROWS, key, number)
    item = PlannedItem(
        item_key=item_key,
        process_instance_key=value.process_instance_key,
        root_process_instance_key=value.root_process_instance_key,
        outcome=hash_of(intent, value.error_code, value.prediction),
    )
    state.put(PLAN_ROWS, key, number, value=PlanRow(items=(*(row.items if row else ()), item)))
    digest = sha256(plan.hash + item.item_key.to_bytes(8, "big") + item.outcome).digest()
    state.put(PLANS, key, value=Plan(count=plan.count + 1, hash=digest))


def forget_plan(state: State, key: int) -> None:
    """The plan is deleted."""
    if state.get(PLANS, key) is not None:
        state.delete(PLANS, key)
        for row, _ in state.scan(PLAN_ROWS, key):
            state.delete_row(PLAN_ROWS, row)


# reading


def planned(view: View, key: int, index: int) -> PlannedItem | None:
    """The item of a plan with this number, from 0; None beyond its end, or if there is no plan."""
    if key == NONE:
        return None
    row = view.get(PLAN_ROWS, key, index // ITEMS_PER_ROW)
    place = index % ITEMS_PER_ROW
    return row.items[place] if row and place < len(row.items) else None


def as_commit(wish: BatchOperationCreation, view: View) -> BatchOperationCreation:
    """The creation of one that does what a plan foresees. Raises Reject."""
    key = wish.options.plan_key
    if wish.item_keys or wish.filter or wish.options.dry_run or wish.options.parent_key != NONE:
        raise Reject(
            INVALID_ARGUMENT, "expected nothing but how it runs for the commit of a plan, got what it is about"
        )
    if wish.options.item_retries or wish.options.raises_incidents:
        expected = "expected neither retries nor incidents of items for the commit of a plan"
        raise Reject(INVALID_ARGUMENT, f"{expected}, got some; leave them out")
    state, ended = state_of(view, key), view.get(ENDED_BATCHES, key)
    if state == UNKNOWN:
        raise Reject(NOT_FOUND, f"expected a plan to commit, got key {key} of none; check the key, it may be deleted")
    if ended is None:
        raise Reject(INVALID_STATE, f"expected plan {key} in state {ENDED} to commit, got {state}")
    if not ended.keeps_plan:
        raise Reject(INVALID_STATE, f"expected a dry run that was kept to commit, got {key}; make one with keepPlan")
    told = f"{ended.state} with the errors of {ended.errors}" if ended.errors else ended.state
    if ended.errors or ended.state not in ("COMPLETED", "FAILED"):
        raise Reject(
            INVALID_STATE, f"expected a plan that all partitions have made, got {key}, which is {told}; make another"
        )
    refuse_unapproved(ended, key, view.settings)
    return msgspec.structs.replace(wish, batch_operation_type=ended.type, parameters=ended.parameters)


# validation


def validate(try_item: TryItem, command: Record, view: View) -> Effects:
    """VALIDATE: try the next items of the plan, and find them, so that they are ready to begin."""
    key, cursor = command.key, cast(BatchOperationInitialization, command.value).cursor
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None:
        raise Reject(NOT_FOUND, f"expected a batch operation with key '{key}' that is running, got none")
    if progress.validated or progress.abandoned or progress.finished or progress.total != cursor:
        raise Reject(INVALID_STATE, f"expected the validation of batch operation '{key}' to go on, got a stale one")
    size, budget = batch.slice_size or view.settings.slice_size, slice_effects_max(batch, progress, view.settings)
    found: list[BatchItem] = []
    changes: list[str] = []
    work = 0
    while len(found) < size and work < budget:
        item = planned(view, batch.options.plan_key, cursor + len(found))
        if item is None:
            break
        target = Retry(
            item_key=item.item_key,
            process_instance_key=item.process_instance_key,
            root_process_instance_key=item.root_process_instance_key,
            attempts=0,
            due=0,
        )
        outcome, effort = yield from try_item(key, batch, target, view)
        work += effort
        changes += difference_of(item, outcome)
        found.append(_as_found(item))
    if found:
        chunk = BatchOperationChunk(batch_operation_key=key, items=tuple(found))  # in the plan's order: no cursor
        yield Event(value_type=CHUNK, intent="CREATED", key=key, value=chunk)
    last = planned(view, batch.options.plan_key, cursor + len(found)) is None
    value = BatchOperationInitialization(
        batch_operation_key=key,
        cursor=cursor + len(found),
        total=cursor + len(found),
        changes=tuple(changes),
        last=last,
    )
    yield Event(value_type=INITIALIZATION, intent="VALIDATED", key=key, value=value)
    if last:
        yield from _report(key, view)
    else:
        yield validate_later(key, cursor + len(found), view.partition)


def _as_found(item: PlannedItem) -> BatchItem:
    return BatchItem(
        item_key=item.item_key,
        process_instance_key=item.process_instance_key,
        root_process_instance_key=item.root_process_instance_key,
    )


def difference_of(item: PlannedItem, outcome: Event) -> list[str]:
    """What is told of an item whose outcome is not the one of the plan; nothing if it is."""
    value = cast(BatchOperationItem, outcome.value)
    if hash_of(outcome.intent, value.error_code, value.prediction) == item.outcome:
        return []
    told = value.prediction or f"{value.error_code}: {value.error_message}"
    return [f"item {item.item_key} would now be {outcome.intent}, {told}"[:DIFFERENCE_LENGTH_MAX]]


def _report(key: int, view: View) -> Effects:
    """This partition has tried all its items: say so here, and tell the lead partition."""
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None:
        return
    value = msgspec.structs.replace(part_of(view, key, progress), changed=progress.changed)
    yield Event(value_type=PARTITION_LIFECYCLE, intent=VALIDATED, key=key, value=value)
    if batch.lead_partition == view.partition:
        yield from judge(view, key)
    else:
        report = make_command(PARTITION_LIFECYCLE, "VALIDATE_PARTITION", value, key=key, step=step_of(key))
        yield Send(partition=batch.lead_partition, command=report)


def take_validation(command: Record, view: View) -> Effects:
    """VALIDATE_PARTITION on the lead partition."""
    batch = view.get(BATCHES, command.key)
    if batch is None or batch.lead_partition != view.partition or command.step.sender_partition == 0:
        raise Reject(NOT_FOUND, f"expected a report on a plan that this partition leads, got '{command.key}'")
    refuse_given_up(command, view)
    yield Event(value_type=PARTITION_LIFECYCLE, intent=VALIDATED, key=command.key, value=command.value)
    yield from judge(view, command.key)


def judge(view: View, key: int) -> Effects:
    """On the lead partition, once all have validated or ended: let all begin, or none."""
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None or batch.options.plan_key == NONE or batch.lead_partition != view.partition:
        return
    reports = [report for _, report in view.scan(REPORTS, key)]
    if progress.judged or progress.canceling or len(reports) < len(batch.partition_ids):
        return
    changed = sum(report.changed for report in reports)
    reason = f"{changed} items would not come out as plan {batch.options.plan_key} foresees" if changed else ""
    if any(report.ended for report in reports):
        reason = f"plan {batch.options.plan_key} could not be validated on every partition"
    value = BatchOperationLifecycleManagement(batch_operation_key=key, batch_operation_type=batch.type, reason=reason)
    yield Event(value_type=MANAGEMENT, intent="JUDGED", key=key, value=value)
    yield from tell_all(view, "START", value)
    if not (progress.abandoned or progress.finished):
        yield from _begin(view, key, progress, reason)


def begin(command: Record, view: View) -> Effects:
    """START: the lead partition has judged."""
    progress = view.get(PROGRESS, command.key)
    if command.step.sender_partition == 0 or progress is None:
        raise Reject(NOT_FOUND, f"expected a plan that is being committed here, got '{command.key}'")
    if progress.initialized or progress.abandoned or progress.finished:
        raise Reject(
            INVALID_STATE, f"expected batch operation '{command.key}' to wait for its start, got one that ends"
        )
    yield from _begin(view, command.key, progress, cast(BatchOperationLifecycleManagement, command.value).reason)


def _begin(view: View, key: int, progress: Progress, reason: str) -> Effects:
    value = BatchOperationInitialization(batch_operation_key=key, cursor=progress.total, total=progress.total)
    if reason:
        own = f"{progress.changed} of {progress.total} here: {'; '.join(progress.changes)}" if progress.changed else ""
        message = f"{reason}; {own}" if own else reason
        value = msgspec.structs.replace(value, error_type=PLAN_CHANGED, error_message=message)
    yield Event(value_type=INITIALIZATION, intent="FAILED" if reason else "INITIALIZED", key=key, value=value)
    yield from advance(view, key)
