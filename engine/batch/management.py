"""What is done to a batch operation as a whole: suspended, resumed, canceled, made faster or slower, deleted.

A client's command is decided on the lead partition by the table in `life`; the others follow it by partition messages.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, Reject
from engine.core.record import Record
from engine.core.state import View, key_tail
from engine.process.removals import CALCULATED, REMOVAL_TIME_MAX
from engine.records import BatchOperationLifecycleManagement
from engine.records.batch_operation_lifecycle_management import PHASES

from .incidents import check_resolution, resolve_all
from .life import event_of, state_of
from .lifecycle import MANAGEMENT, removal_time_of, tell, tell_all
from .options import problems_of_pace, problems_of_windows
from .pacing import advance
from .supervision import shares
from .tables import BATCHES, ENDED_BATCHES, PROGRESS, RETRIED_BY, Batch
from .webhooks import give_up_webhook

#: Name of the timer that deletes a batch operation whose time is over.
RETENTION = "BATCH_OPERATION_RETENTION"


def manage(command: Record, view: View) -> Effects:
    """SUSPEND, RESUME, CANCEL: from a client on the lead partition, from there on the others."""
    batch = _open_batch(command, view)
    follows = _follows(command)
    wish = cast(BatchOperationLifecycleManagement, command.value)
    value = BatchOperationLifecycleManagement(
        batch_operation_key=command.key,
        batch_operation_type=batch.type,
        reason=wish.reason if follows else "",
        phases=wish.phases if follows else _phases(command, wish, view),
    )
    yield _event(command, view, value)
    if not follows:
        yield from tell_all(view, command.intent, value)
    yield from advance(view, command.key)


def _phases(command: Record, wish: BatchOperationLifecycleManagement, view: View) -> tuple[str, ...]:
    """The phases that a client's command is about; all that it may be about if it names none. Raises Reject."""
    if command.intent == "CANCEL":
        return ()
    if unknown := [phase for phase in wish.phases if phase not in PHASES]:
        raise Reject(INVALID_ARGUMENT, f"phases: expected some of {', '.join(PHASES)}, got {', '.join(unknown)}")
    progress = view.get(PROGRESS, command.key)
    held = progress.held if progress else ()
    wanted = [phase for phase in PHASES if phase in (wish.phases or PHASES)]
    changed = tuple(phase for phase in wanted if (phase in held) == (command.intent == "RESUME"))
    if not changed:
        is_so = "is" if command.intent == "SUSPEND" else "is not"
        raise Reject(
            INVALID_STATE, f"expected a phase to {command.intent.lower()}, but {' and '.join(wanted)} {is_so} held"
        )
    return changed


def update(command: Record, view: View) -> Effects:
    """UPDATE: another rate, size of slices or windows of pause from the next slice on; what is not said stays."""
    key, wish = command.key, cast(BatchOperationLifecycleManagement, command.value)
    batch = _open_batch(command, view)
    if _follows(command):
        yield _event(command, view, wish)
    else:
        rate = wish.rate if wish.rate >= 0 else batch.rate
        size = wish.slice_size if wish.slice_size >= 0 else batch.slice_size
        windows = wish.pause_windows if wish.changes_pauses else batch.pause_windows
        if problems := [*problems_of_pace(rate, size), *problems_of_windows(windows)]:
            raise Reject(INVALID_ARGUMENT, "; ".join(problems))
        value = BatchOperationLifecycleManagement(
            batch_operation_key=key,
            batch_operation_type=batch.type,
            rate=rate,
            slice_size=size,
            pause_windows=windows,
        )
        rates = shares(view, key, batch, rate)
        yield _event(command, view, structs.replace(value, partition_rate=rates[view.partition]))
        for partition, share in rates.items():
            if partition != view.partition:
                yield tell(partition, command.intent, structs.replace(value, partition_rate=share))
    yield from advance(view, key)


def resolve_incidents(command: Record, view: View) -> Effects:
    """RESOLVE_INCIDENTS: all that there are by now, on each partition some in a step."""
    batch, wish = _open_batch(command, view), cast(BatchOperationLifecycleManagement, command.value)
    check_resolution(wish.resolution)
    value = BatchOperationLifecycleManagement(
        batch_operation_key=command.key, batch_operation_type=batch.type, resolution=wish.resolution
    )
    yield _event(command, view, value)
    if not _follows(command):
        yield from tell_all(view, command.intent, value)
    yield from resolve_all(view, command.key, wish.resolution)


def schedule(command: Record, view: View) -> Effects:
    """SCHEDULE: when one that has ended is deleted by itself; never, or as long after its end as its retention says."""
    time = cast(BatchOperationLifecycleManagement, command.value).removal_time
    yield from schedule_removal(view, command.key, time, answers=True)


def schedule_removal(view: View, key: int, time: int, *, answers: bool = False) -> Effects:
    """The same for one with this key; `time` in ms since 1970, CLEARED or CALCULATED. Raises Reject."""
    intent = event_of("SCHEDULE", state_of(view, key), key)
    ended = view.get(ENDED_BATCHES, key)
    assert ended is not None
    if not CALCULATED <= time <= REMOVAL_TIME_MAX:
        raise Reject(INVALID_ARGUMENT, f"removalTime: expected at most {REMOVAL_TIME_MAX}, 0 or -1, got {time}")
    if time == CALCULATED:
        time = removal_time_of(view.settings, ended.type, ended.end_time)
    value = BatchOperationLifecycleManagement(
        batch_operation_key=key, batch_operation_type=ended.type, removal_time=time
    )
    yield Event(value_type=MANAGEMENT, intent=intent, key=key, value=value, answers=answers)


def delete(command: Record, view: View) -> Effects:
    """DELETE: what has ended is forgotten, and gone from secondary storage. What is on the log stays there."""
    if _follows(command):
        # a part that was given up is not over yet when it hears of this
        intent = "DELETED" if view.get(PROGRESS, command.key) is None else "DELETING"
        yield Event(value_type=MANAGEMENT, intent=intent, key=command.key, value=command.value)
        return
    key = command.key
    event_of(command.intent, state_of(view, key), key)
    if children := view.scan(RETRIED_BY, key, limit=1):
        child = key_tail(children[0][0])
        expected = f"expected that nobody needs batch operation {key}"
        got = f"got {child}, which retries, undoes or commits it"
        raise Reject(INVALID_STATE, f"{expected}, {got}; wait until that has ended, or cancel it")
    yield from _remove(key, view, answers=True)


def expire(key: int, view: View) -> Effects:
    """The time of a batch operation that has ended is over."""
    yield from _remove(key, view, answers=False)


def _remove(key: int, view: View, *, answers: bool) -> Effects:
    ended = view.get(ENDED_BATCHES, key)
    kind = ended.type if ended else ""
    value = BatchOperationLifecycleManagement(batch_operation_key=key, batch_operation_type=kind)
    yield from give_up_webhook(key, view)
    yield Event(value_type=MANAGEMENT, intent="DELETED", key=key, value=value, answers=answers)
    yield from tell_all(view, "DELETE", value)


def _open_batch(command: Record, view: View) -> Batch:
    """The batch operation that a command is about, which allows it now. Raises Reject."""
    batch = view.get(BATCHES, command.key)
    if batch is not None and not _follows(command) and batch.lead_partition != view.partition:
        raise Reject(INVALID_ARGUMENT, f"expected the command on lead partition {batch.lead_partition}")
    event_of(command.intent, state_of(view, command.key), command.key)
    assert batch is not None
    return batch


def _follows(command: Record) -> bool:
    return command.step.sender_partition != 0


def _event(command: Record, view: View, value: BatchOperationLifecycleManagement) -> Event:
    intent = event_of(command.intent, state_of(view, command.key), command.key)
    return Event(value_type=MANAGEMENT, intent=intent, key=command.key, value=value, answers=not _follows(command))
