"""What batch operations have to do on a partition, counted when somebody looks."""

from __future__ import annotations

from engine.core.background import BatchWork
from engine.core.state import View

from .tables import PROGRESS, Progress

INITIALIZING, EXECUTING, WAITING, SUSPENDED = "initializing", "executing", "waiting", "suspended"
PHASES = (INITIALIZING, EXECUTING, WAITING, SUSPENDED)


def batch_work(view: View) -> BatchWork:
    """Of all parts that have not ended."""
    parts = dict.fromkeys(PHASES, 0)
    pending, rate, pause = 0, 0.0, 0
    for _, progress in view.scan(PROGRESS):
        if not progress.finished:
            parts[phase_of(progress)] += 1
            pending += progress.total - progress.done
            rate += progress.rate if progress.runs else 0.0
            pause = max(pause, progress.yield_pause if progress.runs and not progress.abandoned else 0)
    return BatchWork(parts=parts, pending=pending, rate=rate, yield_pause=pause / 1000)


def phase_of(progress: Progress) -> str:
    """What a part does now. One that waits has nothing to do before its rate, its start or a retry allows it."""
    if progress.suspended and not progress.abandoned:
        return SUSPENDED
    if not progress.initialized and not progress.abandoned:
        return INITIALIZING
    return WAITING if progress.wakes_at else EXECUTING
