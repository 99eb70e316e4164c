"""Bugs in what brings decisions to the log: the runner and its recovery."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.core.faults import AppendUnknown
from engine.core.state import State
from engine.shell import runner as module
from engine.shell.following import Following
from engine.shell.runner import Runner

from .planting import patch


def commit_before_append() -> None:
    append = Runner._append

    async def committing(self: Runner, *given: Any) -> Any:
        self.state.commit()
        return await append(self, *given)

    patch(Runner, "_append", committing)
    patch(State, "commit", _commit_if_frozen(State.commit))


def _commit_if_frozen(commit: Callable[[State], None]) -> Callable[[State], None]:
    def committing(self: State) -> None:
        if self._appending:
            commit(self)

    return committing


def recover_without_sources() -> None:
    recover = Runner.recover

    async def from_the_beginning(self: Runner) -> int:
        count = await recover(self)
        self._next["commands"] = 0
        return count

    patch(Runner, "recover", from_the_beginning)


def queues_kept_at_recovery() -> None:
    recover = Runner.recover

    async def keeping(self: Runner) -> int:
        kept = {name: deque(queue) for name, queue in self._queues.items()}
        count = await recover(self)
        self._queues = kept
        return count

    patch(Runner, "recover", keeping)


def overlays_kept_at_recovery() -> None:
    drop = State.drop

    def keeping(self: State) -> None:
        if not self._appending:
            drop(self)
        elif self._journal:
            self._reset_current()
            self._journal.clear()

    patch(State, "drop", keeping)


def unknown_is_not_appended() -> None:
    append = Runner._append

    async def again(self: Runner, *given: Any) -> Any:
        while True:
            try:
                return await append(self, *given)
            except AppendUnknown:
                await asyncio.sleep(0.05)

    patch(Runner, "_append", again)


def ticks_end_after_one() -> None:
    tick = Runner._tick_when_due

    def once(self: Runner) -> None:
        if self._ticked_at == float("-inf") or self._ticking is not None:
            tick(self)

    patch(Runner, "_tick_when_due", once)


def replay_ends_at_the_first_page() -> None:
    async def short(following: Following, *_: Any) -> int:
        return await following.apply_page() or 0

    patch(module, "catch_up", short)
