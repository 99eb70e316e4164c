"""When a partition goes on with its part of a batch operation: at once, or when its rate, its start, a retry, a window
of pause or clients that wait allow.

Rule: time comes with commands. Waiting is a due time in the state; appliers set it, and clear it whenever the part no
longer waits, so a part is either waiting or has one EXECUTE under way.
"""

from __future__ import annotations

import math

from msgspec import structs

from engine.core.effects import Effects, Event, Send
from engine.core.head import clear_due, set_due
from engine.core.settings import MachineSettings
from engine.core.state import State, View
from engine.records import BatchOperationExecution

from .lifecycle import EXECUTION, execute_later, finish_if_all_reported, finish_when_done
from .tables import BATCHES, PROGRESS, RETRIES, Batch, Progress
from .windows import paused_until

#: Name of the timer that goes on with a part that waits.
WAKE = "BATCH_OPERATION_WAKE"
#: What a part that could not keep up with its rate may catch up with, in ms of its rate.
BURST_MS = 100


def slice_size(batch: Batch, progress: Progress, settings: MachineSettings) -> int:
    """Items of the next slice: with a rate no more than a second of it, but never a part of those that go together."""
    size = batch.slice_size or settings.slice_size
    size = min(size, max(1, math.floor(progress.rate))) if progress.rate else size
    together = settings.invocations_per_batch_job
    return max(together, size - size % together)


def slice_effects_max(batch: Batch, progress: Progress, settings: MachineSettings) -> int:
    """Effects at which the next slice ends: few, so that clients hardly wait, unless a larger one was asked for."""
    is_large = progress.abandoned or batch.slice_size > settings.slice_size
    return settings.step_effects_max if is_large else min(settings.slice_effects_max, settings.step_effects_max)


def pay(progress: Progress, item_count: int, now: int) -> Progress:
    """Items were executed: the next ones have to wait until the rate allows them."""
    if not progress.rate:
        return progress
    begin = max(progress.paid_until, now - BURST_MS)
    return structs.replace(progress, paid_until=begin + item_count * 1000 / progress.rate)


def with_rate(progress: Progress, rate: float, now: int) -> Progress:
    """Another rate from now on; what was executed already is waited for at the new one."""
    paid_until = progress.paid_until
    if paid_until > now:
        paid_until = now + (paid_until - now) * progress.rate / rate if rate else 0.0
    return structs.replace(progress, rate=rate, paid_until=paid_until)


def put_progress(state: State, key: int, progress: Progress, now: int) -> None:
    """For appliers: keep the row, and the due time of the part if it has to wait."""
    due = _waits_until(state, key, progress, now)
    if due != progress.wakes_at:
        if progress.wakes_at:
            clear_due(state, progress.wakes_at, WAKE, key)
        if due:
            set_due(state, due, WAKE, key)
        progress = structs.replace(progress, wakes_at=due)
    state.put(PROGRESS, key, value=progress)


def _waits_until(state: State, key: int, progress: Progress, now: int) -> int:
    """0: it does not wait for a time."""
    if not progress.runs or progress.abandoned or not progress.has_pending:
        return 0
    due = max(math.ceil(progress.paid_until), progress.paused_until, progress.yields_until)
    due = max(due, state.require(BATCHES, key).options.start_at)
    if progress.chunk == progress.chunk_end:
        due = max(due, state.require(RETRIES, key, progress.retry).due)
    return due if due > now else 0


def advance(view: View, key: int) -> Effects:
    """After an event that may let this part go on: the next slice, the end, or nothing while it has to wait."""
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None or progress.wakes_at:
        return
    if progress.finished:
        yield from finish_if_all_reported(view, key, batch)
    elif not progress.has_pending:
        yield from finish_when_done(view, key)
    elif progress.runs or progress.abandoned:
        yield _execute_or_pause(view, key, batch, progress)


def _execute_or_pause(view: View, key: int, batch: Batch, progress: Progress) -> Event | Send:
    until = 0 if progress.abandoned else paused_until(batch.pause_windows, view.now)
    if not until:
        return execute_later(view, key)
    value = BatchOperationExecution(batch_operation_key=key, token=progress.token, paused_until=until)
    return Event(value_type=EXECUTION, intent="PAUSED", key=key, value=value)


def wake(key: int, view: View) -> Effects:
    """The time has come that this part waited for."""
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None:
        return
    value = BatchOperationExecution(batch_operation_key=key, token=progress.token)
    yield Event(value_type=EXECUTION, intent="CONTINUED", key=key, value=value)
    yield _execute_or_pause(view, key, batch, progress)
