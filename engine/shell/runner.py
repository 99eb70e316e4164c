"""Runs one partition: reads its inputs, lets the machine decide, appends, then commits (design law 4).

Knows no business rule. A group of steps is decided while the group before it is being appended. Whatever goes wrong
with an append ends in `recover`: drop the overlays, replay what the log has beyond the state, go on with the first
command that has no outcome.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from engine.core.draft import Outcome
from engine.core.faults import MessageGap
from engine.core.head import GENERATIONS, SOURCES, Source
from engine.core.machine import Machine
from engine.core.ports import EVENTS, INTERNAL, Append, Clock, Entry, Log, Message, Place, Writer
from engine.core.record import Record, Step
from engine.core.state import State
from engine.core.system import due_at
from engine.records.clock import Clock as ClockValue
from engine.records.log_generation import LogGeneration

from .claims import ClaimsSeal
from .codec import Codec
from .following import Following, catch_up
from .gaps import is_forged, is_repaired
from .generations import Inputs, decide_generation
from .intake import decide, refuse_forged
from .log_time import LogTime
from .trace_context import trace_headers


class RunnerLimits(Struct, frozen=True, kw_only=True):
    """What bounds a group of steps, whichever comes first, and what is decided of it in one go."""

    group_commands_max: int = 256
    group_records_max: int = 4_000
    #: bytes of records and messages; the last step may go beyond it by its own size (`STEP_SIZE_MAX`)
    group_size_max: int = 8 << 20
    read_size_max: int = 1 << 20
    #: longest time of internal work in one go, in seconds: then it is looked whether a client has sent something
    internal_time_max: float = 0.002
    #: shortest time between two ticks, in seconds
    tick_interval: float = 0.01
    #: longest time between two looks at the clock while something will be due, in seconds: it may be set meanwhile
    clock_interval: float = 60.0


class Group:
    """Steps that are appended together.

    Once somebody waits for an answer in it, no internal work is added, for which they would have to wait as well.
    Times are those of the clock's `monotonic`: of each step, of the append, and of the commit; `sent`: when what
    others than the engine sent was appended.
    """

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.decided: list[tuple[float, float]] = []
        self.sent: list[float] = []
        self.appended = self.committed = (0.0, 0.0)
        self.records = 0
        self.size = 0
        self.is_awaited = False

    def add(self, name: str, outcome: Outcome, decided: tuple[float, float], age: float = 0.0) -> None:
        """`age`: of the command when it had been decided, in seconds."""
        self.outcomes.append(outcome)
        self.decided.append(decided)
        self.records += len(outcome.values)
        self.size += outcome.size
        if name != INTERNAL:
            self.is_awaited = True
            self.sent.append(decided[1] - age)


class Observer(Protocol):
    """Is told when the state has moved on: background work and status."""

    def committed(self) -> None: ...


class Measures(Protocol):
    """Is told what was done, once a group and once a recovery, never of a record that is replayed."""

    def group_committed(self, group: Group) -> None: ...

    def recovered(self, records: int, seconds: float) -> None: ...


class Runner:
    """One partition. `prepare` gives the commands that the shell has at the start (settings, schemas).

    `seal`: what tells whether the claims of a client's command are to be believed; without one they are. `inboxes`:
    name of the input -> claims of the principal who alone writes there, for every inbox of the log.
    """

    def __init__(
        self,
        *,
        log: Log,
        codec: Codec,
        state: State,
        machine: Machine,
        clock: Clock,
        prepare: Callable[[Machine], Sequence[Record]],
        limits: RunnerLimits | None = None,
        measures: Measures | None = None,
        seal: ClaimsSeal | None = None,
        inboxes: Mapping[str, str] | None = None,
    ) -> None:
        self.partition = machine.partition
        self.machine = machine
        self.state = state
        self.observers: list[Observer] = []
        #: whether commands are decided just now, so that nobody's state is newer than this one
        self.is_working = False
        #: by which it is known what is due
        self.time = LogTime(clock)
        self._log = log
        self._codec = codec
        self._following = Following(log, codec, state, machine)
        self._clock = clock
        self._prepare = prepare
        self._limits = limits or RunnerLimits()
        self._measures = measures
        self._seal = seal
        self._inboxes = inboxes or {}
        self.inputs = log.inputs
        self._uncommitted = Group()
        self._writer: Writer | None = None
        self._queues: dict[str, deque[Entry]] = {name: deque() for name in self.inputs}
        self._next: dict[str, int] = dict.fromkeys(self.inputs, 0)
        self._ticking: asyncio.Task[Sequence[int]] | None = None
        self._tick_offset = -1
        self._ticked_at = float("-inf")
        self._turn = 0

    def drop(self) -> int:
        """Forget all that is not in the store; gives the position up to which the state is complete."""
        self.state.drop()
        self.machine.reload()
        self._following.drop()
        self._uncommitted = Group()
        return self.machine.head.position

    async def recover(self) -> int:
        """Become the writer and bring the state up to the end of the log. Gives the number of records replayed."""
        self.drop()
        began = self._clock.monotonic()
        self._writer = await self._log.writer(self.partition)
        count = await catch_up(self._following)
        self.time.saw(self.machine.head.timestamp)
        if self._measures is not None:
            self._measures.recovered(count, self._clock.monotonic() - began)
        inputs = Inputs(self._log, self._codec, self.state, self.machine, self._clock)
        moved = await inputs.moved()
        if moved is not None:
            await self._raise_generation(moved)
        for name in self.inputs:
            self._queues[name].clear()
            self._next[name] = await inputs.begin(name)
        await self._send_internal(self._prepare(self.machine))
        self._notify()
        return count

    async def _raise_generation(self, moved: LogGeneration) -> None:
        """Put on the log where the inputs lie now, and go on from there."""
        began = self._clock.monotonic()
        outcome = decide_generation(self.machine, self._codec, moved)
        group = Group()
        group.add(GENERATIONS, outcome, (began, self._clock.monotonic()))
        await self._append_next(await self._append_next(None, group), Group())

    async def follow(self, caught_up: Callable[[], None]) -> None:
        """Apply what the writer of this partition decides, as the log grows, until cancelled. Decides nothing itself.

        `caught_up` is called whenever the state has all that is on the log.
        """
        self.drop()
        self._writer = None
        await self._log.end(EVENTS, self.partition)
        while True:
            applied = await self._following.apply_page()
            if applied is None:
                caught_up()
                await self._following.wait()
            elif applied:
                self._notify()
            await asyncio.sleep(0)  # a full read gives nobody a turn

    async def probe(self) -> None:
        """Append a tick, whose commit shows that there is space again. Raises LogFull while there is none."""
        await self._send_tick(self._clock.now())

    def next_offset(self, name: str) -> int:
        """Of this input: the offset of the first command that is not decided."""
        return self._next[name] - len(self._queues[name])

    def in_flight(self, name: str) -> int:
        """Commands of this input that are being appended."""
        return sum(outcome.records[0].step.source_input == name for outcome in self._uncommitted.outcomes)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set.

        Raises Fenced, AppendUnknown or Unavailable (recover and run again), or BrokenInvariant (stop the partition).
        """
        self.is_working = True
        stopping = asyncio.create_task(stop.wait())
        appending: asyncio.Task[Sequence[int]] | None = None
        group = Group()
        try:
            while not stop.is_set():
                self._tick_when_due()
                await self._fill()
                if self._has_next(group):
                    await self._decide(group)
                else:
                    tasks = [stopping, appending] if appending else [stopping]
                    await self._sleep(tasks, reading=not self._is_full(group))
                if appending is None or appending.done():
                    appending = await self._append_next(appending, group)
                    group = Group()
            if appending is not None:
                await self._append_next(appending, Group())
        finally:
            self.is_working = False
            open_tasks = [task for task in (stopping, appending, self._ticking) if task is not None]
            for task in open_tasks:
                task.cancel()
            await asyncio.gather(*open_tasks, return_exceptions=True)
            self._ticking = None

    async def _append_next(
        self, appending: asyncio.Task[Sequence[int]] | None, group: Group
    ) -> asyncio.Task[Sequence[int]] | None:
        """The group before is on the log: commit it, and append the next one."""
        if appending is not None:
            events_begin, *_ = await appending
            self._commit()
            self._following.passed(events_begin)
        if not group.outcomes:
            return None
        self.state.freeze()
        self._uncommitted = group
        following = asyncio.create_task(self._append(group))
        await asyncio.sleep(0)
        return following

    def _commit(self) -> None:
        group, self._uncommitted = self._uncommitted, Group()
        began = self._clock.monotonic()
        self.state.commit()
        group.committed = (began, self._clock.monotonic())
        self._notify()
        if self._measures is not None:
            self._measures.group_committed(group)

    def _notify(self) -> None:
        for observer in self.observers:
            observer.committed()

    # reading and deciding

    def _is_full(self, group: Group) -> bool:
        limits = self._limits
        return (
            len(group.outcomes) >= limits.group_commands_max
            or group.records >= limits.group_records_max
            or group.size >= limits.group_size_max
        )

    def _has_next(self, group: Group) -> bool:
        """Whether there is something that may be decided in this group."""
        wanted = (name for name in self.inputs if name != INTERNAL or not group.is_awaited)
        return any(self._queues[name] for name in wanted) and not self._is_full(group)

    async def _decide(self, group: Group) -> None:
        """Decide what has been read, and add it to the group until that is full, or internal work has taken long."""
        began, internal_time = self._clock.monotonic(), 0.0
        while not self._is_full(group) and internal_time < self._limits.internal_time_max:
            taken = self._take(internal=not group.is_awaited)
            if taken is None:
                break
            self.time.saw(taken[1].timestamp)
            try:
                claims = self._inboxes.get(taken[0])
                outcome = decide(self.machine, self._codec, *taken, claims=claims, seal=self._seal)
            except MessageGap as gap:
                if await is_repaired(self._log, self._codec, self.partition, gap, taken[1].offset):
                    continue
                if not await is_forged(self._log, self._codec, self.partition, gap, self._clock):
                    raise
                outcome = refuse_forged(self.machine, self._codec, *taken, gap)
            ended = self._clock.monotonic()
            if outcome is not None:
                group.add(taken[0], outcome, (began, ended), (self.time.now() - taken[1].timestamp) / 1000)
            internal_time += ended - began if taken[0] == INTERNAL else 0.0
            began = ended

    async def _fill(self) -> None:
        """Read what is there."""
        for name in self.inputs:
            if not self._queues[name]:
                page = await self._log.read(name, self.partition, self._next[name], size_max=self._limits.read_size_max)
                self._queues[name].extend(page.entries)
                self._next[name] = page.next_offset

    def _take(self, *, internal: bool) -> tuple[str, Entry] | None:
        """The next command: inputs take turns, so a user's command that was read waits for one internal step."""
        for _ in self.inputs:
            name = self.inputs[self._turn]
            self._turn = (self._turn + 1) % len(self.inputs)
            if self._queues[name] and (internal or name != INTERNAL):
                return name, self._queues[name].popleft()
        return None

    async def _append(self, group: Group) -> Sequence[int]:
        assert self._writer is not None
        began = self._clock.monotonic()
        events: list[Message] = []
        internal: dict[int, list[Message]] = {}
        for outcome in group.outcomes:
            traced = trace_headers(outcome.records[0].step.trace_context)
            outcome.headers[0].update(traced)
            for value, headers in zip(outcome.values, outcome.headers, strict=True):
                events.append(Message(value=value, headers=headers))
            for partition, value in outcome.messages:
                internal.setdefault(partition, []).append(Message(value=value, headers=traced))
        appends = [Append(topic=EVENTS, partition=self.partition, messages=events)]
        appends += [Append(topic=INTERNAL, partition=p, messages=messages) for p, messages in sorted(internal.items())]
        offsets = await self._writer.append(appends)
        group.appended = (began, self._clock.monotonic())
        return offsets

    # time

    async def _sleep(self, tasks: Sequence[asyncio.Task[Any]], *, reading: bool) -> None:
        """Until one of the tasks is done or, if `reading`, there is a command or something is due."""
        # A queue that holds something is not read: what lies beyond it must not wake us.
        empty = [name for name in self.inputs if not self._queues[name]]
        if not reading or not empty:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return
        due = due_at(self.state)
        timeout = None if due is None else self._seconds_until(due)
        places: Mapping[Place, int] = {(name, self.partition): self._next[name] for name in empty}
        waiting = asyncio.ensure_future(self._log.wait(places, timeout))
        try:
            await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                waiting.result()
        finally:
            waiting.cancel()

    def _seconds_until(self, due: int) -> float:
        """How long to sleep: not so long that a clock that is set, or a machine that slept, is missed."""
        seconds = (due - self.time.now()) / 1000
        return min(max(seconds, self._limits.tick_interval), self._limits.clock_interval)

    def _tick_when_due(self) -> None:
        """Tell the machine that time has passed, unless the last tick has no outcome yet; commands do not wait for it.

        Raises what became of the last one.
        """
        if self._ticking is not None:
            if not self._ticking.done():
                return
            (self._tick_offset,) = self._ticking.result()
            self._ticking = None
        due = due_at(self.state)
        if due is None or due > self.time.now():
            return
        processed = (self.state.get(SOURCES, INTERNAL) or Source()).offset
        now = self._clock.monotonic()
        if processed >= self._tick_offset and now - self._ticked_at >= self._limits.tick_interval:
            self._ticked_at = now
            self._ticking = asyncio.create_task(self._send_tick(due))

    async def _send_tick(self, due: int) -> Sequence[int]:
        tick = Record(step=Step(), intent="TICK", value_type="CLOCK", value=ClockValue(due=due))
        return await self._send_internal([tick])

    async def _send_internal(self, commands: Sequence[Record]) -> Sequence[int]:
        if not commands:
            return []
        messages = [Message(value=self._codec.encode(command)) for command in commands]
        return await self._log.append([Append(topic=INTERNAL, partition=self.partition, messages=messages)])
