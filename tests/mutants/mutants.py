"""The planted bugs. Each is planted by patching this process, and must make its check fail."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from engine.batch import authorization
from engine.batch.tables import PROGRESS
from engine.core.faults import RetoldError
from engine.core.head import apply_nothing
from engine.core.machine import Machine
from engine.core.state import State
from engine.process import jobs
from engine.shell.runner import Runner
from tests.support.scenario import ASSEMBLY

from . import checks

Patch = pytest.MonkeyPatch
PROCESSORS: dict[Any, Any] = ASSEMBLY.registry.processors
APPLIERS: dict[Any, Any] = ASSEMBLY.registry.appliers


class Mutant(Struct, frozen=True, kw_only=True):
    """A bug, how to plant it, and the check that must fail with it."""

    name: str
    plant: Callable[[Patch], None]
    check: Callable[[], None]


def notices(mutant: Mutant) -> str:
    """What the check says with the bug planted; empty if it says nothing. Without the bug it must say nothing."""
    with pytest.MonkeyPatch.context() as patch:
        mutant.plant(patch)
        try:
            mutant.check()
        except (AssertionError, RetoldError) as error:
            return (str(error).splitlines() or [type(error).__name__])[0][:100]
    return ""


def commit_before_append(patch: Patch) -> None:
    append = Runner._append

    async def committing(self: Runner, outcomes: Any) -> Any:
        self.state.commit()
        return await append(self, outcomes)

    patch.setattr(Runner, "_append", committing)
    patch.setattr(Runner, "_commit", lambda _self: None)


def recover_without_sources(patch: Patch) -> None:
    recover = Runner.recover

    async def from_the_beginning(self: Runner) -> int:
        count = await recover(self)
        self._next["commands"] = 0
        return count

    patch.setattr(Runner, "recover", from_the_beginning)


def random_number_in_a_processor(patch: Patch) -> None:
    complete = PROCESSORS["JOB", "COMPLETE"]

    def random_priority(command: Any, view: Any) -> Any:
        for effect in complete(command, view):
            if getattr(effect, "value_type", "") == "JOB":
                effect = msgspec.structs.replace(
                    effect, value=msgspec.structs.replace(effect.value, worker=str(random.random()))
                )
            yield effect

    patch.setitem(PROCESSORS, ("JOB", "COMPLETE"), random_priority)


def skipped_applier_in_replay(patch: Patch) -> None:
    replay = Machine.replay

    def skipping(self: Machine, records: Any, values: Any) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setitem(APPLIERS, ("JOB", "UPDATED", 1), apply_nothing)
            inner.setitem(APPLIERS, ("VARIABLE", "UPDATED", 1), apply_nothing)
            replay(self, records, values)

    patch.setattr(Machine, "replay", skipping)


def overlay_not_rolled_back(patch: Patch) -> None:
    patch.setattr(State, "rollback", lambda _self, _mark: None)


def counter_not_moved_on_cancel(patch: Patch) -> None:
    patch.setitem(APPLIERS, ("BATCH_OPERATION_ITEM", "CANCELED", 1), apply_nothing)


def loop_token_ignored(patch: Patch) -> None:
    execute = PROCESSORS["BATCH_OPERATION_EXECUTION", "EXECUTE"]

    def any_token(command: Any, view: Any) -> Any:
        progress = view.get(PROGRESS, command.key)
        if progress is not None:
            view = _Unsuspended(view)
            value = msgspec.structs.replace(command.value, token=progress.token)
            command = msgspec.structs.replace(command, value=value)
        yield from execute(command, view)

    patch.setitem(PROCESSORS, ("BATCH_OPERATION_EXECUTION", "EXECUTE"), any_token)


class _Unsuspended:
    """A view that does not see that a batch operation is suspended."""

    def __init__(self, view: Any) -> None:
        self._view = view

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def get(self, table: Any, *key: Any) -> Any:
        row = self._view.get(table, *key)
        return msgspec.structs.replace(row, held=()) if table is PROGRESS and row else row


def order_by_hash(patch: Patch) -> None:
    scan = State.scan

    def unordered(self: State, table: Any, *prefix: Any, **named: Any) -> Any:
        rows = scan(self, table, *prefix, **named)
        return sorted(rows, key=lambda row: hash(row[0])) if table.name == "CHILDREN" else rows

    patch.setattr(State, "scan", unordered)


def time_from_the_clock(patch: Patch) -> None:
    begin = Machine._begin

    def now(self: Machine, sent: Any, source: Any) -> int:
        return begin(self, sent, msgspec.structs.replace(source, timestamp=time.time_ns() // 1000))

    patch.setattr(Machine, "_begin", now)


def messages_taken_again(patch: Patch) -> None:
    patch.setattr(Machine, "_is_next_message", lambda _self, _step: True)


def timer_not_cleared(patch: Patch) -> None:
    patch.setattr(jobs, "clear_due", lambda *_: None)


def authorization_kept(patch: Patch) -> None:
    patch.setitem(APPLIERS, ("AUTHORIZATION", "DELETED", 1), apply_nothing)


def items_not_authorized(patch: Patch) -> None:
    patch.setattr(authorization, "require", lambda *_arguments, **_named: None)


MUTANTS = (
    Mutant(name="commit before append", plant=commit_before_append, check=checks.appends_fail),
    Mutant(name="recovery without the source check", plant=recover_without_sources, check=checks.appends_fail),
    Mutant(
        name="a random number in a processor", plant=random_number_in_a_processor, check=checks.same_commands_same_bytes
    ),
    Mutant(name="a skipped applier", plant=skipped_applier_in_replay, check=checks.story_obeys_the_laws),
    Mutant(
        name="an overlay not rolled back", plant=overlay_not_rolled_back, check=checks.refused_commands_leave_nothing
    ),
    Mutant(name="a counter not moved on cancel", plant=counter_not_moved_on_cancel, check=checks.cancel_ends),
    Mutant(name="a loop token that is ignored", plant=loop_token_ignored, check=checks.suspended_does_nothing),
    Mutant(name="unordered iteration", plant=order_by_hash, check=checks.same_bytes_whatever_the_hash_seed),
    Mutant(name="time from the clock", plant=time_from_the_clock, check=checks.same_commands_same_bytes),
    Mutant(name="messages taken again", plant=messages_taken_again, check=checks.messages_are_taken_once),
    Mutant(name="a timer that is not cleared", plant=timer_not_cleared, check=checks.timers_end),
    Mutant(name="an authorization that is not taken back", plant=authorization_kept, check=checks.rights_end),
    Mutant(name="items with nobody's rights", plant=items_not_authorized, check=checks.items_are_authorized),
)
