"""Applying a batch operation to its items, a slice at a time.

Each item runs in an overlay of its own, or several together if that is set: it happens whole, or it FAILED and left
nothing. Its outcome is an event of the same step, or of the last of them when its effects span steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import cast

from msgspec import Struct

from engine.core.effects import Attempt, Effect, Effects, Event
from engine.core.faults import INVALID_STATE, NOT_FOUND, BrokenInvariant, Reject
from engine.core.record import NONE, Record
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.work import FOLLOW_UP, Work
from engine.records import BatchOperationExecution
from engine.records.batch_operation_incident import CANCEL, FAIL

from .authorization import Authorize
from .incidents import give_up, raise_incident
from .lifecycle import EXECUTION, finish_when_done
from .operation import Item, Operation
from .outcomes import outcome
from .pacing import advance, slice_effects_max, slice_size
from .plans import CHANGED, difference_of, hash_of, planned
from .rehearsal import Rehearsed, Seen, prediction, watch
from .silence import NOT_RUN
from .supervision import limit_reached, supervise
from .tables import (
    BATCHES,
    CHUNKS,
    FACTS,
    ITEM_SIZE,
    PARTITION_SILENT,
    PROGRESS,
    RETRIES,
    Batch,
    PlannedItem,
    Progress,
    Retry,
    Target,
    unpack_items,
)
from .yielding import say_yielding

#: Name under which a process instance reports that long work on it is done.
ITEM_DONE = "BATCH_ITEM"


class Running(Struct, frozen=True, kw_only=True):
    """A batch operation that is executed here: what it does, with which parameters, and whether its creator may."""

    key: int
    batch: Batch
    operation: Operation
    parameters: Struct
    authorize: Authorize


#: Of a batch operation and its key. It may fail: then the batch operation is set aside.
OpenBatch = Callable[[int, Batch], Running]


def execute(open_batch: OpenBatch, command: Record, view: View) -> Effects:
    """BATCH_OPERATION_EXECUTION EXECUTE. What is given up needs no operation, so it ends whatever is wrong with it."""
    key = command.key
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None:
        raise Reject(NOT_FOUND, f"expected a batch operation with key '{key}' that is running, got none")
    token = cast(BatchOperationExecution, command.value).token
    held = not progress.runs and not progress.abandoned
    if token != progress.token or held or progress.finished:
        raise Reject(INVALID_STATE, f"expected the current execution of batch operation '{key}', got a stale one")
    retries, fresh = _next_slice(view, key, batch, progress)
    running = None if progress.abandoned else open_batch(key, batch)
    budget = view.effort + slice_effects_max(batch, progress, view.settings)
    count = tried = 0
    # what is only tried, or held to a plan, is so one by one
    size = 1 if batch.options.foresees else view.settings.invocations_per_batch_job
    for group in (*in_groups(retries, 1), *in_groups(fresh, size)):
        if view.effort + tried >= budget or _is_held(view, key, batch):
            break
        count += len(group)
        if running is None:
            yield from (_given_up(key, batch, progress, item) for item in group)
        elif batch.options.dry_run:
            foreseen, effort = yield from _try(running, group[0], view)
            yield foreseen
            tried += effort
        else:
            number = progress.executed + count - 1
            yield from _execute_group(running, group, planned(view, batch.options.plan_key, number), view)
    if progress.abandoned:
        yield from give_up(view, key, batch, budget, FAIL if progress.was_silent else CANCEL)
    again = min(count, len(retries))
    value = BatchOperationExecution(
        batch_operation_key=key, token=progress.token, item_count=count - again, retry_count=again
    )
    yield from say_yielding(view, key, progress)
    yield Event(value_type=EXECUTION, intent="EXECUTED", key=key, value=value)
    yield from supervise(view, key)
    yield from advance(view, key)


def _given_up(key: int, batch: Batch, progress: Progress, target: Target) -> Event:
    """The outcome of an item that is not executed."""
    if progress.was_silent:
        return outcome("FAILED", key, batch, target, Reject(PARTITION_SILENT, NOT_RUN))
    return outcome("CANCELED", key, batch, target)


def _is_held(view: View, key: int, batch: Batch) -> bool:
    """Whether so many items have failed that the rest of the slice has to wait for somebody who looks at them."""
    options = batch.options
    if not (options.failures_max or options.failure_share_max) or batch.lead_partition != view.partition:
        return False
    progress = view.get(PROGRESS, key)
    return progress is not None and not progress.abandoned and bool(limit_reached(view, key, batch, progress))


def _next_slice(view: View, key: int, batch: Batch, progress: Progress) -> tuple[list[Retry], list[Retry]]:
    """Items that are to be tried again now, and then new ones, which are never of two chunks."""
    size = view.settings.step_effects_max if progress.abandoned else slice_size(batch, progress, view.settings)
    rows = view.scan(RETRIES, key, limit=size)
    retries = [retry for _, retry in rows if progress.abandoned or retry.due <= view.now]
    if progress.chunk >= progress.chunk_end:
        return retries, []
    packed = view.get(CHUNKS, key, progress.chunk)
    if packed is None:
        raise BrokenInvariant(f"expected chunk {progress.chunk} of batch operation {key}, got none")
    start, room = progress.offset * ITEM_SIZE, size - len(retries)
    room -= room % view.settings.invocations_per_batch_job
    found = unpack_items(packed[start : start + room * ITEM_SIZE])
    return retries, [
        Retry(item_key=item, process_instance_key=instance, root_process_instance_key=root, attempts=0, due=0)
        for item, instance, root in found
    ]


def in_groups(items: Sequence[Retry], size: int) -> Iterator[Sequence[Retry]]:
    """Those that succeed or fail together: so many, or what is left."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _execute_group(running: Running, group: Sequence[Retry], expected: PlannedItem | None, view: View) -> Effects:
    """All of them, or none. One that is passed over is none that fails. `expected`: what a plan says."""

    def attempt(target: Retry) -> Attempt:
        return Attempt(effects=_execute_item(running, target, expected, view))

    if len(group) == 1:
        refusal = yield attempt(group[0])
        if refusal is not None:
            failure = _failure(running, group[0], refusal, view)
            yield failure if expected is None else _held_to(expected, running, group[0], refusal, failure)
        return
    failed: dict[int, Reject] = {}

    def together() -> Effects:
        for target in group:
            refusal = yield attempt(target)
            if refusal is None:
                continue
            if not _is_passed_over(running.operation, target, refusal, view):
                failed[target.item_key] = refusal
                expected = f"expected {len(group)} items to succeed together, got item {target.item_key} that fails"
                raise Reject(refusal.code, f"{expected}: {refusal.reason}")
            yield _failure(running, target, refusal, view)

    refusal = yield Attempt(effects=together())
    if refusal is not None:
        for target in group:
            yield _failure(running, target, failed.get(target.item_key, refusal), view)


def _execute_item(running: Running, target: Retry, expected: PlannedItem | None, view: View) -> Effects:
    deciding = _decide(running, target, view)
    replaced, size = _replaced(running, target, view)
    before = view.effort
    if (yield from (deciding if expected is None else _hold_to(expected, deciding))):
        yield outcome(
            "COMPLETED",
            running.key,
            running.batch,
            target,
            unchanged=view.effort == before,
            replaced=replaced,
            replaced_size=size,
        )


def _replaced(running: Running, target: Target, view: View) -> tuple[str, int]:
    """What the item keeps of what is about to be replaced, and how many bytes that has; -1 if that is too much."""
    replaces = running.operation.replaces
    if not running.batch.options.undoable or replaces is None:
        return "", 0
    text = replaces(running.parameters, target.item_key, view)
    size = len(text.encode())
    return (text, size) if size <= view.settings.undo_size_max else ("", -1)


def _decide(running: Running, target: Target, view: View) -> Deciding:
    """What the operation does to one item, if its creator may."""
    key, batch, operation = running.key, running.batch, running.operation
    if _is_unknown(operation, target):
        raise Reject(NOT_FOUND, f"expected a key that is known, got {target.item_key}, given by hand; check it")
    told = f"{key} {target.process_instance_key} {target.root_process_instance_key}"
    item = Item(
        key=target.item_key,
        process_instance_key=target.process_instance_key,
        root_process_instance_key=target.root_process_instance_key,
        at_end=Work(FOLLOW_UP, target.item_key, ITEM_DONE, told),
        facts=view.get(FACTS, key, target.item_key) if operation.variables or batch.options.undoes else None,
    )
    running.authorize(batch.creator, operation, item, view)
    decide = operation.restore if batch.options.undoes and operation.restore else operation.decide
    return (yield from decide(running.parameters, item, view))


def try_item(
    open_batch: OpenBatch, key: int, batch: Batch, target: Retry, view: View
) -> Generator[Effect, Reject | None, tuple[Event, int]]:
    """The outcome that an item would have now, and how many effects were tried; nothing has happened."""
    return (yield from _try(open_batch(key, batch), target, view))


def _try(running: Running, target: Retry, view: View) -> Generator[Effect, Reject | None, tuple[Event, int]]:
    seen: Seen = Counter()

    def effects() -> Effects:
        ends = yield from watch(_decide(running, target, view), seen)
        raise Rehearsed(prediction(seen, ends=ends))

    refusal = yield Attempt(effects=effects())
    if isinstance(refusal, Rehearsed):
        foreseen = outcome("COMPLETED", running.key, running.batch, target, prediction=refusal.reason)
        return foreseen, seen.total()
    if refusal is None:
        raise BrokenInvariant(f"expected what is tried on item {target.item_key} to be undone, got nothing")
    return _failure(running, target, refusal, view), seen.total()


def _hold_to(expected: PlannedItem, deciding: Deciding) -> Deciding:
    """The same effects, undone at their end if they are not those of the plan."""
    seen: Seen = Counter()
    ends = yield from watch(deciding, seen)
    text = prediction(seen, ends=ends)
    if hash_of("COMPLETED", "", text) != expected.outcome:
        raise Reject(CHANGED, f"expected what the plan foresees, got another outcome: {text}")
    return ends


def _held_to(expected: PlannedItem, running: Running, target: Retry, refusal: Reject, failure: Event) -> Event:
    """The outcome of an item that was refused, if the plan foresees it; else it has CHANGED."""
    different = difference_of(expected, failure)
    if refusal.code == CHANGED or not different:
        return failure
    changed = Reject(CHANGED, f"expected what the plan foresees, got another outcome: {different[0]}")
    return outcome("FAILED", running.key, running.batch, target, changed)


def _is_unknown(operation: Operation, target: Target) -> bool:
    """Whether its key was given by hand, and nothing was found that has it."""
    return target.process_instance_key == NONE and operation.selects.is_of_instances


def _is_passed_over(operation: Operation, target: Retry, refusal: Reject, view: View) -> bool:
    skips = operation.skips_missing or view.settings.skip_vanished_items
    return refusal.code == NOT_FOUND and (skips or (operation.skips_unknown and _is_unknown(operation, target)))


def _failure(running: Running, target: Retry, refusal: Reject, view: View) -> Event:
    """What becomes of an item that was refused."""
    key, batch = running.key, running.batch
    if _is_passed_over(running.operation, target, refusal, view):
        return outcome("SKIPPED", key, batch, target, refusal)
    if batch.options.foresees:
        return outcome("FAILED", key, batch, target, refusal)
    if target.attempts < batch.options.item_retries:
        due = view.now + batch.options.retry_backoff
        return outcome("RETRYING", key, batch, target, refusal, attempts=target.attempts + 1, at=due)
    if batch.options.raises_incidents:
        return raise_incident(view, key, batch, target, refusal)
    return outcome("FAILED", key, batch, target, refusal)


def item_done(item_key: int, data: str, view: View) -> Effects:
    """The last step of an item whose effects span steps: its outcome."""
    key, instance_key, root_key = map(int, data.split())
    batch = view.get(BATCHES, key)
    if batch is not None:
        target = Target(item_key=item_key, process_instance_key=instance_key, root_process_instance_key=root_key)
        yield outcome("COMPLETED", key, batch, target)
        yield from finish_when_done(view, key)
