"""Partitions that tell their lead partition nothing: it asks them, and gives up those that do not answer.

Half of the limit after a partition was heard last it is asked; half of the limit later its part is given up: the batch
operation ends without it, and it is told to give up too. Rule: a part that was given up executes nothing any more once
it has heard of it. Its counts stay as it told them last, unless its end is heard before the batch operation has ended.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event, Send
from engine.core.faults import INVALID_STATE, NOT_FOUND, Reject
from engine.core.head import SETTINGS, clear_due, set_due
from engine.core.record import Record
from engine.core.record import command as make_command
from engine.core.registry import Fact
from engine.core.settings import MachineSettings
from engine.core.state import State, View, key_tail
from engine.records import BatchOperationInitialization, BatchOperationPartitionLifecycle
from engine.records.batch_error import BatchError

from .lifecycle import INITIALIZATION, PARTITION_LIFECYCLE, finish_if_all_reported, part_of, step_of
from .pacing import advance
from .plans import judge
from .tables import BATCHES, INITIALIZING, PARTITION_SILENT, PROGRESS, SILENCES, Progress, Silence

#: Name of the timer that looks for partitions that tell nothing.
SILENCE = "BATCH_OPERATION_SILENCE"
CHECKED, ANSWERED, GIVEN_UP = "PARTITION_CHECKED", "PARTITION_ANSWERED", "PARTITION_GIVEN_UP"
#: Of an item that had no outcome when its partition heard that it was given up.
NOT_RUN = "expected its partition to answer the lead partition in time, got silence: it was not executed; retry it"


# on the lead partition


def look(key: int, view: View) -> Effects:
    """The time has come to ask or to give up."""
    batch, gave_up = view.get(BATCHES, key), False
    for place, row in view.scan(SILENCES, key):
        if row.due > view.now or not row.due:
            continue
        partition, limit = key_tail(place), view.settings.partition_silence_max_ms
        value = _told_by(key, partition, row)
        was_away = view.now - row.due > limit // 2  # then the answer may lie on the log, behind this
        if row.asked_at and limit and not was_away:
            gave_up = True
            value = structs.replace(value, errors=(_error(partition, row, view.now),))
            yield Event(value_type=PARTITION_LIFECYCLE, intent=GIVEN_UP, key=key, value=value)
            yield _send(partition, "ABANDON_PARTITION", value)
        else:
            yield Event(value_type=PARTITION_LIFECYCLE, intent=CHECKED, key=key, value=value)
            yield _send(partition, "CHECK_PARTITION", value)
    if gave_up and batch is not None:
        yield from judge(view, key)
        yield from finish_if_all_reported(view, key, batch)


def take_answer(command: Record, view: View) -> Effects:
    """ANSWER_PARTITION on the lead partition."""
    value = cast(BatchOperationPartitionLifecycle, command.value)
    if command.step.sender_partition == 0 or view.get(SILENCES, command.key, value.source_partition_id) is None:
        raise Reject(NOT_FOUND, f"expected a partition that batch operation '{command.key}' waits for, got another one")
    yield Event(value_type=PARTITION_LIFECYCLE, intent=ANSWERED, key=command.key, value=value)


def _told_by(key: int, partition: int, row: Silence) -> BatchOperationPartitionLifecycle:
    return BatchOperationPartitionLifecycle(
        batch_operation_key=key,
        source_partition_id=partition,
        total=row.total,
        completed=row.completed,
        failed=row.failed,
        skipped=row.skipped,
        canceled=row.canceled,
        silent_since=row.heard_at,
    )


def _error(partition: int, row: Silence, now: int) -> BatchError:
    text = f"expected partition {partition} to tell how far it is, got nothing for {(now - row.heard_at) / 1000:g} s"
    return BatchError(
        partition_id=partition,
        type=PARTITION_SILENT,
        message=f"{text}; what it did later is not in these counts; bring it back, then retry what has failed",
    )


def _send(partition: int, intent: str, value: BatchOperationPartitionLifecycle) -> Send:
    key = value.batch_operation_key
    return Send(
        partition=partition, command=make_command(PARTITION_LIFECYCLE, intent, value, key=key, step=step_of(key))
    )


# on the others


def answer(command: Record, view: View) -> Effects:
    """CHECK_PARTITION: the lead partition wants to know whether this one is there."""
    batch, progress = _followed(command, view)
    yield _send(batch, "ANSWER_PARTITION", part_of(view, command.key, progress))


def abandon(command: Record, view: View) -> Effects:
    """ABANDON_PARTITION: the lead partition has given this one up. Items without an outcome become FAILED."""
    _, progress = _followed(command, view)
    if progress.abandoned:
        raise Reject(INVALID_STATE, f"expected batch operation '{command.key}' to run, got one that is given up")
    error = cast(BatchOperationPartitionLifecycle, command.value).errors[0]
    lost = "" if progress.initialized else "; items that were not found by now are none of its items: create another"
    value = BatchOperationInitialization(
        batch_operation_key=command.key,
        cursor=progress.cursor,
        page_size=progress.page_size,
        error_type=error.type,
        error_message=error.message + lost,
        total=progress.total,
    )
    yield Event(value_type=INITIALIZATION, intent="FAILED", key=command.key, value=value)
    yield from advance(view, command.key)


def _followed(command: Record, view: View) -> tuple[int, Progress]:
    batch, progress = view.get(BATCHES, command.key), view.get(PROGRESS, command.key)
    if batch is None or progress is None or command.step.sender_partition != batch.lead_partition:
        raise Reject(NOT_FOUND, f"expected a batch operation that runs here and is led elsewhere, got '{command.key}'")
    return batch.lead_partition, progress


# for appliers


def watch_others(state: State, key: int, partitions: tuple[int, ...], lead: int, now: int) -> None:
    """A batch operation begins on its lead partition."""
    due = _due(state, now)
    for partition in partitions:
        if partition != lead:
            state.put(SILENCES, key, partition, value=Silence(heard_at=now, due=due))
    arm(state, key)


def heard(state: State, key: int, value: BatchOperationPartitionLifecycle, now: int) -> None:
    """A partition has told how far it is."""
    before = state.get(SILENCES, key, value.source_partition_id)
    if before is None:
        return
    row = Silence(
        heard_at=now,
        due=_due(state, now),
        total=value.total,
        completed=value.completed,
        failed=value.failed,
        skipped=value.skipped,
        canceled=value.canceled,
    )
    state.put(SILENCES, key, value.source_partition_id, value=row)
    if before.due <= state.require(PROGRESS, key).checks_at:  # nobody else is due before it
        arm(state, key)


def ended(state: State, key: int, partition: int) -> None:
    """A part has ended: nothing more is waited for."""
    if state.get(SILENCES, key, partition) is not None:
        state.delete(SILENCES, key, partition)
        arm(state, key)


def ended_all(state: State, key: int) -> None:
    """The batch operation has ended."""
    for place, _ in state.scan(SILENCES, key):
        state.delete_row(SILENCES, place)
    arm(state, key)


def resumed(state: State, key: int, now: int) -> None:
    """Nobody was asked while it was suspended: who was asked before gets another chance."""
    due = _due(state, now)
    for place, row in state.scan(SILENCES, key):
        state.put_row(SILENCES, place, structs.replace(row, due=max(row.due, due)))
    arm(state, key)


def arm(state: State, key: int) -> None:
    """Keep the time at which somebody is due; none while the batch operation is suspended."""
    progress = state.require(PROGRESS, key)
    dues = [] if progress.suspended else [row.due for _, row in state.scan(SILENCES, key) if row.due]
    due = min(dues, default=0)
    if due == progress.checks_at:
        return
    if progress.checks_at:
        clear_due(state, progress.checks_at, SILENCE, key)
    if due:
        set_due(state, due, SILENCE, key)
    state.put(PROGRESS, key, value=structs.replace(progress, checks_at=due))


def apply_checked(fact: Fact, state: State) -> None:
    partition = cast(BatchOperationPartitionLifecycle, fact.value).source_partition_id
    row = state.require(SILENCES, fact.key, partition)
    due = _due(state, fact.now)
    state.put(SILENCES, fact.key, partition, value=structs.replace(row, asked_at=fact.now, due=due))
    arm(state, fact.key)


def apply_answered(fact: Fact, state: State) -> None:
    heard(state, fact.key, cast(BatchOperationPartitionLifecycle, fact.value), fact.now)


def retry_later(state: State, parent: int, position: int) -> None:
    """A part has ended here: who retries it by now, since it was given up, looks at secondary storage from here on."""
    for place, _ in state.scan(INITIALIZING):
        batch = state.require(BATCHES, key_tail(place))
        if batch.options.parent_key == parent:
            state.put(BATCHES, key_tail(place), value=structs.replace(batch, position=position))


def _due(state: State, now: int) -> int:
    limit = (state.get(SETTINGS) or MachineSettings()).partition_silence_max_ms
    return now + max(limit // 2, 1) if limit else 0
