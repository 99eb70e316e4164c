"""What is held while a process instance is suspended, how it is released, and who is told to wait."""

from __future__ import annotations

from collections.abc import Callable

from engine.core.effects import Effects
from engine.core.faults import INVALID_STATE, Reject
from engine.core.state import View, key_tail

from .events.message import reopen
from .events.timer import timer_event
from .execution import Execution
from .job_records import activatable
from .tables import HELD, HELD_JOB, HELD_MESSAGE, HELD_TIMER, JOBS, TIMERS, is_suspended
from .work import Work

#: Held things that one piece of work releases.
RELEASED_PER_WORK = 100


def refuse_suspended(view: View, instance_key: int, wish: str) -> None:
    """Raises Reject INVALID_STATE if the process instance is suspended."""
    if is_suspended(view, instance_key):
        raise Reject(
            INVALID_STATE, f"expected to {wish}, but process instance {instance_key} is suspended; resume it first"
        )


def release(execution: Execution, work: Work) -> Effects:
    """Work RELEASE: what was held goes on as if it came now."""
    held = execution.view.scan(HELD, work.key, limit=RELEASED_PER_WORK)
    for row_key, row in held:
        yield from _RELEASE[row.kind](execution, row.host, key_tail(row_key))
    if len(held) == RELEASED_PER_WORK:
        execution.push(work)


def _release_job(execution: Execution, _host: int, key: int) -> Effects:
    row = execution.view.get(JOBS, key)
    if row is not None:
        yield activatable(execution.view, row, "RESUMED", key)


def _release_timer(execution: Execution, _host: int, key: int) -> Effects:
    row = execution.view.get(TIMERS, key)
    if row is not None:
        yield timer_event("RESUMED", key, row, execution.process_id, execution.root_key)


_RELEASE: dict[str, Callable[[Execution, int, int], Effects]] = {
    HELD_JOB: _release_job,
    HELD_TIMER: _release_timer,
    HELD_MESSAGE: reopen,
}
