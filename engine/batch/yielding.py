"""Batch operations yield to clients: while the commands of a partition take too long, its slices are further apart.

The shell measures, and brings the measurement to the log; what follows from it is decided here, so replay decides the
same. Rule: a pause is bounded and holds for a while only, so that items are executed whatever is measured, or is not.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_STATE, Reject
from engine.core.record import Record
from engine.core.record import command as make_command
from engine.core.registry import Fact
from engine.core.state import State, View
from engine.records import BatchOperationExecution, CommandLatency

from .lifecycle import EXECUTION
from .tables import PROGRESS, YIELDING, Progress, Yielding

LATENCY = "COMMAND_LATENCY"
#: The first pause between two slices, ms. It is doubled and halved from one measurement to the next.
PAUSE_MIN_MS = 10
#: It is halved when commands take less than this share of the limit: between the two it stays as it is.
CALM_SHARE = 0.5
#: How long a measurement holds, ms: nobody may be there to measure again.
HOLD_MS = 10_000
#: Slices of one partition take turns. No part waits longer than this for its own, ms, however many there are.
TURN_MS_MAX = 5_000
#: So many parts are asked whether they execute items.
PARTS_ASKED_MAX = 1_000


class Yields:
    """Says which measurements the machine wants to know."""

    def measurement(self, view: View, now: int, latency: int, commands: int) -> Record | None:
        """The command that tells a latency (ms), if something follows from it; `now` in ms since 1970."""
        before = _holding(view.get(YIELDING), now)
        pause = _pause_after(view, before, latency)
        renews = before is not None and now - before.measured_at >= HOLD_MS // 2
        if pause == (before.pause if before else 0) and not renews:
            return None
        if pause and not _executes(view, now):
            return None
        after = before.measured_at if before else 0
        value = CommandLatency(latency=latency, commands=commands, after=after)
        return make_command(LATENCY, "MEASURE", value)


def measure(command: Record, view: View) -> Effects:
    """COMMAND_LATENCY MEASURE, from the shell."""
    wish = cast(CommandLatency, command.value)
    before = _holding(view.get(YIELDING), view.now)
    expected = before.measured_at if before else 0
    if wish.after != expected and before is not None:
        raise Reject(INVALID_STATE, f"expected a measurement after that of {expected}, got one after {wish.after}")
    pause = _pause_after(view, before, wish.latency)
    if not pause and before is None:
        raise Reject(
            INVALID_STATE, f"expected commands that take too long, got {wish.latency} ms: nothing has to yield"
        )
    yield Event(value_type=LATENCY, intent="MEASURED", value=structs.replace(wish, pause=pause))


def apply_measured(fact: Fact, state: State) -> None:
    value = cast(CommandLatency, fact.value)
    before = state.get(YIELDING)
    if value.pause:
        row = Yielding(measured_at=fact.now, latency=value.latency, pause=value.pause)
        state.put(YIELDING, value=row if before is None else structs.replace(row, free_at=before.free_at))
    elif before is not None:
        state.delete(YIELDING)


def say_yielding(view: View, key: int, progress: Progress) -> Effects:
    """Before a slice has ended: how long the next one will wait, if that has changed."""
    row = None if progress.abandoned else _holding(view.get(YIELDING), view.now)
    pause = row.pause if row else 0
    if pause != progress.yield_pause:
        value = BatchOperationExecution(
            batch_operation_key=key, token=progress.token, yield_pause=pause, latency=row.latency if row else 0
        )
        yield Event(value_type=EXECUTION, intent="YIELDING" if pause else "YIELDING_ENDED", key=key, value=value)


def apply_yielding(fact: Fact, state: State) -> None:
    pause = cast(BatchOperationExecution, fact.value).yield_pause
    progress = state.require(PROGRESS, fact.key)
    state.put(PROGRESS, fact.key, value=structs.replace(progress, yield_pause=pause))


def take_turn(state: State, progress: Progress, now: int) -> Progress:
    """For appliers: a slice has ended; when this part's next one may begin. All parts share the times there are."""
    row = state.get(YIELDING)
    if row is None or not progress.yield_pause or progress.abandoned or not progress.has_pending:
        return progress
    turn = min(max(row.free_at, now) + progress.yield_pause, now + TURN_MS_MAX)
    state.put(YIELDING, value=structs.replace(row, free_at=turn))
    return structs.replace(progress, yields_until=turn)


def _holding(row: Yielding | None, now: int) -> Yielding | None:
    return row if row is not None and now - row.measured_at < HOLD_MS else None


def _pause_after(view: View, before: Yielding | None, latency: int) -> int:
    """0: there is no need."""
    limit, pause = view.settings.yield_latency_ms, before.pause if before else 0
    if not limit:
        return 0
    if latency > limit:
        return min(max(2 * pause, PAUSE_MIN_MS), view.settings.yield_pause_max_ms)
    if latency <= CALM_SHARE * limit:
        return pause // 2 if pause >= 2 * PAUSE_MIN_MS else 0
    return min(pause, view.settings.yield_pause_max_ms)


def _executes(view: View, now: int) -> bool:
    """Whether a part has items to execute by the time until which a measurement holds."""
    rows = view.scan(PROGRESS, limit=PARTS_ASKED_MAX)
    return any(
        part.runs and part.has_pending and not part.abandoned and part.wakes_at <= now + HOLD_MS for _, part in rows
    )
