"""Planted bugs that the simulation must find, each within `SEEDS_MAX` seeds: the test of the test.

`python -m tests.simulation --mutants [NAME ...]` plants each in a process of its own and runs seeds until one fails.
A new mutant is one function that patches something for good, and its entry in `MUTANTS`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.faults import AppendUnknown, Unavailable
from engine.core.head import apply_nothing
from engine.core.machine import Machine
from engine.core.state import State
from engine.process import jobs
from engine.roles.supervisor import Child
from engine.shell.background import BackgroundDriver
from engine.shell.memory_log import MemoryLog
from engine.shell.runner import Runner
from exporters.contract import ExportedPosition
from exporters.pump import Pump
from exporters.sqlite import SqliteExporter
from gateway.gateway import Gateway
from tests.simulation.installation import ASSEMBLY

#: Every mutant must be found within so many seeds.
SEEDS_MAX = 200
PROCESSORS: dict[Any, Any] = ASSEMBLY.registry.processors
APPLIERS: dict[Any, Any] = ASSEMBLY.registry.appliers


class Mutant(Struct, frozen=True, kw_only=True):
    """A bug and how to plant it into this process, for good."""

    name: str
    plant: Callable[[], None]


def patch(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


# the runner


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
            self._current, self._journal = {number: {} for number in self._current}, []
            self._current_keys = {number: [] for number in self._current}

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
    import engine.shell.runner as module

    class OnePage:
        """A log that has one page."""

        def __init__(self, log: Any) -> None:
            self._log = log
            self._count = 0

        async def read(self, *given: Any, **named: Any) -> Any:
            page = await self._log.read(*given, **named)
            self._count += 1
            return page if self._count == 1 else msgspec.structs.replace(page, entries=[])

    replay = module.replay

    async def short(log: Any, *given: Any, **named: Any) -> int:
        first: Any = OnePage(log)
        return await replay(first, *given, **named)

    patch(module, "replay", short)


# the machine


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
        if append.topic == "internal" and any(
            ASSEMBLY.codec.decode(m.value).step.sender_partition for m in append.messages
        ):
            append = msgspec.structs.replace(append, messages=[*append.messages, *append.messages])
        return land(self, append)

    patch(MemoryLog, "_append", twice)
    patch(Machine, "_is_next_message", lambda _self, _step: True)


def fence_not_checked() -> None:
    patch(MemoryLog, "check_writer", lambda *_: None)


def loop_token_ignored() -> None:
    from engine.batch.tables import PROGRESS

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


# background work, exporter, gateway, supervisor


def watermark_not_waited_for() -> None:
    async def at_once(_self: BackgroundDriver, _query: Any) -> None:
        """Ask although the projection is behind."""

    patch(BackgroundDriver, "_wait_for_watermark", at_once)


def position_before_the_write() -> None:
    write = SqliteExporter._write

    def early(self: SqliteExporter, connection: Any, partition: int, records: Any, exported: ExportedPosition) -> None:
        place = (partition, exported.position, exported.offset, records[-1].step.timestamp)
        connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", place)
        self._positions[partition] = exported
        write(self, connection, partition, records, exported)

    patch(SqliteExporter, "_write", early)


def stored_position_not_checked() -> None:
    patch(SqliteExporter, "_check_stored", lambda *_: None)


def failed_export_skipped() -> None:
    async def once(self: Pump, _partition: int, call: Any) -> Any:
        while True:
            try:
                return await call()
            except Unavailable:
                if getattr(call, "func", None) == self._exporter.export:
                    return None
                await self._clock.sleep(0.05)

    patch(Pump, "_retry", once)


def acknowledged_before_the_append() -> None:
    change = Gateway.change
    background: set[Any] = set()

    def forget(task: Any) -> None:
        background.discard(task)
        if not task.cancelled():
            task.exception()

    async def at_once(
        self: Gateway, request: Any, key: int, value_type: str, intent: str, value: Any, **named: Any
    ) -> Any:
        sending = change(self, request, key, value_type, intent, value, **named)
        if (value_type, intent) != ("JOB", "COMPLETE"):
            return await sending
        task = asyncio.ensure_future(sending)
        task.add_done_callback(forget)
        background.add(task)
        return None

    patch(Gateway, "change", at_once)


def not_started_again() -> None:
    run_once = Child._run_once

    async def once(self: Child) -> int:
        code = await run_once(self)
        return 3 if self.role.startswith("partition") and self._worked.is_set() else code

    patch(Child, "_run_once", once)


MUTANTS = (
    Mutant(name="commit before append", plant=commit_before_append),
    Mutant(name="recovery without the source check", plant=recover_without_sources),
    Mutant(name="queues kept at recovery", plant=queues_kept_at_recovery),
    Mutant(name="overlays kept at recovery", plant=overlays_kept_at_recovery),
    Mutant(name="AppendUnknown taken for not appended", plant=unknown_is_not_appended),
    Mutant(name="timers lost after the first", plant=ticks_end_after_one),
    Mutant(name="replay that ends at the first page", plant=replay_ends_at_the_first_page),
    Mutant(name="an overlay not rolled back", plant=overlay_not_rolled_back),
    Mutant(name="time from the clock", plant=time_from_the_clock),
    Mutant(name="messages taken again", plant=messages_taken_again),
    Mutant(name="fence not checked", plant=fence_not_checked),
    Mutant(name="a loop token that is ignored", plant=loop_token_ignored),
    Mutant(name="a counter not moved on cancel", plant=counter_not_moved_on_cancel),
    Mutant(name="a job timer that is lost", plant=job_timer_lost),
    Mutant(name="watermark not waited for", plant=watermark_not_waited_for),
    Mutant(name="exporter position before the write", plant=position_before_the_write),
    Mutant(name="stored position not checked", plant=stored_position_not_checked),
    Mutant(name="a failed export skipped", plant=failed_export_skipped),
    Mutant(name="acknowledged before the append", plant=acknowledged_before_the_append),
    Mutant(name="a partition not started again", plant=not_started_again),
)


def find(name: str) -> tuple[str, int, str]:
    """Plant a mutant in this process; gives its name, the seed that found it (0: none did) and what that said."""
    from tests.simulation.run import simulate

    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    mutant.plant()
    for seed in range(1, SEEDS_MAX + 1):
        report = simulate(seed).report
        if report:
            return name, seed, report.partition("--- what is wrong\n")[2].partition("\n")[0][:110]
    return name, 0, f"nothing failed in {SEEDS_MAX} seeds"
