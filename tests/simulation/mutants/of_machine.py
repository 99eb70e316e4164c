"""Bugs in what decides: the machine, its state and its parts, and in what it is promised of the log."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import msgspec

from engine.batch.tables import PROGRESS
from engine.core import machine
from engine.core.head import apply_nothing
from engine.core.idempotency import remember
from engine.core.machine import Machine
from engine.core.record import Record
from engine.core.state import State
from engine.process import jobs
from engine.process.elements import behavior
from engine.process.flows import take
from engine.shell.memory_log import MemoryLog

from .planting import APPLIERS, CODEC, PROCESSORS, patch

Effects = Generator[Any, Any, None]


def overlay_not_rolled_back() -> None:
    patch(State, "rollback", lambda _self, _mark: None)


def time_from_the_clock() -> None:
    begin: Any = Machine._begin

    def now(self: Machine, sent: Any, source: Any, *given: Any) -> Any:
        return begin(self, sent, msgspec.structs.replace(source, timestamp=time.time_ns() // 1000), *given)

    patch(Machine, "_begin", now)


def messages_taken_again() -> None:
    """A message of a partition that comes a second time: here every one does."""
    land = MemoryLog._append

    def twice(self: MemoryLog, append: Any) -> int:
        if append.topic == "internal" and any(CODEC.decode(m.value).step.sender_partition for m in append.messages):
            append = msgspec.structs.replace(append, messages=[*append.messages, *append.messages])
        return land(self, append)

    patch(MemoryLog, "_append", twice)
    patch(Machine, "_is_next_message", lambda _self, _step: True)


def fence_not_checked() -> None:
    patch(MemoryLog, "check_writer", lambda *_: None)


def loop_token_ignored() -> None:
    execute = PROCESSORS["BATCH_OPERATION_EXECUTION", "EXECUTE"]

    def any_token(command: Any, view: Any) -> Any:
        progress = view.get(PROGRESS, command.key)
        if progress is not None:
            value = msgspec.structs.replace(command.value, token=progress.token)
            command = msgspec.structs.replace(command, value=value)
        yield from execute(command, view)

    PROCESSORS["BATCH_OPERATION_EXECUTION", "EXECUTE"] = any_token


def counter_not_moved_on_cancel() -> None:
    APPLIERS["BATCH_OPERATION_ITEM", "CANCELED", 1] = apply_nothing


def job_timer_lost() -> None:
    patch(jobs, "set_due", lambda *_: None)


def item_overlay_kept() -> None:
    """What a failed item has done stays, while its step goes on."""
    attempt, rollback = Machine._attempt, State.rollback
    depth = 0

    def count(self: Machine, effects: Any) -> Any:
        nonlocal depth
        depth += 1
        try:
            return attempt(self, effects)
        finally:
            depth -= 1

    def outermost_only(self: State, mark: int) -> None:
        if depth == 1:
            rollback(self, mark)

    patch(Machine, "_attempt", count)
    patch(State, "rollback", outermost_only)


def follow_up_twice() -> None:
    follow_up = Machine.follow_up

    def twice(self: Machine, name: str, key: int, data: str) -> Effects:
        yield from follow_up(self, name, key, data)
        yield from follow_up(self, name, key, data)

    patch(Machine, "follow_up", twice)


def gap_in_idempotency() -> None:
    """One outcome in three is not remembered."""

    def now_and_then(state: State, record: Record, timeout_ms: int) -> None:
        if record.position % 3:
            remember(state, record, timeout_ms)

    patch(machine, "remember", now_and_then)


def unordered_iteration() -> None:
    def unordered(execution: Any, flow_ids: tuple[str, ...], row: Any) -> Effects:
        yield from take(execution, tuple(set(flow_ids)), row)

    patch(behavior, "take", unordered)
