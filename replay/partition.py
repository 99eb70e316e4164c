"""One partition audited in one pass over its events, with its commands beside them and a new state behind them.

Rule: memory does not grow with the log, but for hashes of messages between partitions. The state is replayed by
appliers, as after a crash, into a store of its own; of a log whose beginning is gone, on top of a snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from engine.core.faults import BrokenInvariant
from engine.core.head import GENERATIONS, HEAD, Head
from engine.core.machine import Machine
from engine.core.ports import EVENTS, Entry, Store
from engine.core.record import EVENT, Record
from engine.core.state import State
from engine.shell.codec import Codec, Reader, Undecodable

from . import states
from .counters import Counters, PartitionCounters
from .entries import first_offset
from .generations import generations_of
from .inputs import InputAudit
from .messages import SENT, Mailbox, Tallies
from .ports import ABSENT, READ_SIZE_MAX, Assembled, LogReading, Progress
from .report import OUTCOMES, RECORDS, STATE, Check, CheckReport, PartitionReport
from .steps import Steps, WholeStep

#: Records of steps that are written to the store together: small enough that the overlay stays in the caches.
RECORDS_PER_COMMIT = 2_000


class PartitionFindings(Struct, frozen=True, kw_only=True):
    """What was found on one partition, and what only all partitions together can judge."""

    partition: PartitionReport
    checks: Sequence[CheckReport]
    sent: Tallies
    received: Tallies
    counters: PartitionCounters


class Stored(Struct, frozen=True, kw_only=True):
    """What the replayed state is compared with: a store, or why it cannot be read, or why there is none.

    `name`: what it is; `note`: why it is this one, for a person.
    """

    name: str = ""
    store: Store | None = None
    problem: str = ""
    note: str = "there is no state; the engine replays it from the log"


class PartitionAudit:
    """One partition. `fresh`: a store to replay into, empty or a snapshot; `stored`: what it is compared with.

    `settled`: see `cut`; None for a log that does not grow.
    """

    def __init__(
        self,
        log: LogReading,
        assembly: Assembled,
        partition: int,
        fresh: Store,
        stored: Stored | Store | None,
        progress: Progress,
        *,
        settled: int | None = None,
    ) -> None:
        self._log = log
        self._codec = assembly.codec
        self._partition = partition
        self._progress = progress
        self._records = Check(RECORDS)
        self._outcomes = Check(OUTCOMES)
        self._steps = Steps(partition)
        self._counters = Counters(partition)
        self._mailbox = Mailbox()
        self._settled = settled
        if not isinstance(stored, Stored):
            stored = Stored() if stored is None else Stored(name="state", store=stored, note="")
        self._replay = ReplayAudit(assembly, partition, log.partition_count, fresh, stored)
        self._inputs = {topic: self._input(topic, assembly.codec) for topic in log.inputs}
        self._reader = Reader(assembly.codec)
        self._record_count = 0
        self._step_count = 0
        self._time = 0
        self._last_end = 0
        self._good = 0
        self._damaged = False

    async def run(self) -> PartitionFindings:
        """Read everything once."""
        generations = await generations_of(self._log, self._codec, self._partition)
        for audit in self._inputs.values():
            audit.generations = generations
        place = (EVENTS, self._partition)
        offset = begin = await first_offset(self._log, *place)
        while (page := await self._log.read(*place, offset, size_max=READ_SIZE_MAX)).entries:
            offset = page.next_offset
            for entry in page.entries:
                await self._add(entry)
            self._progress(len(page.entries))
        self._steps.finish()
        if begin and not self._record_count:
            self._begin_late()
            self._replay.give_up()
        for audit in self._inputs.values():
            await audit.finish()
        self._replay.finish(damaged=self._is_damaged())
        counters = self._counters.finish()
        self._records.count("records", self._record_count)
        self._steps.positions.count("steps", self._step_count)
        checks = (
            self._records,
            self._steps.positions,
            self._steps.chain,
            self._outcomes,
            self._replay.check,
            self._counters.check,
        )
        return PartitionFindings(
            partition=self._report(),
            checks=[check.report() for check in checks],
            sent=self._mailbox.sent,
            received=self._mailbox.received,
            counters=counters,
        )

    def _input(self, topic: str, codec: Codec) -> InputAudit:
        return InputAudit(
            self._log,
            codec,
            topic,
            self._partition,
            records=self._records,
            outcomes=self._outcomes,
            mailbox=self._mailbox,
            settled=self._settled,
        )

    def _report(self) -> PartitionReport:
        inputs = self._inputs.values()
        return PartitionReport(
            partition=self._partition,
            last_position=self._steps.last_position,
            last_good_position=self._good if self._is_damaged() else self._last_end,
            records=self._record_count,
            steps=self._step_count,
            commands=sum(audit.commands for audit in inputs),
            pending_commands=sum(audit.pending for audit in inputs),
            first_position=self._steps.first_position or 1,
            replayed_from=self._replay.begin,
            compared_with=self._replay.compared_with,
            state_position=self._replay.stored_position,
        )

    async def _add(self, entry: Entry) -> None:
        try:
            record = self._reader.decode(entry.value)
        except Undecodable as error:
            text = f"the record at offset {entry.offset} of {EVENTS} does not decode: {error}"
            self._records.fail(text, self._partition)
            return
        self._record_count += 1
        if self._record_count == 1 and record.position > 1:
            self._begin_late()
        if record.value_type == SENT and record.record_type == EVENT:
            self._mailbox.send(record)
        handler = self._counters.handlers.get(record.value_type)
        if handler is not None:
            handler(record)
        whole = self._steps.add(record, entry.value)
        if whole is not None:
            await self._add_step(whole)

    def _begin_late(self) -> None:
        """What lay before the first record is gone."""
        self._mailbox.sent = Tallies(is_late=True)
        self._counters.is_late = True
        for audit in self._inputs.values():
            audit.is_late = True

    async def _add_step(self, whole: WholeStep) -> None:
        first = whole.records[0]
        self._step_count += 1
        chain_failures = self._steps.chain.failure_count
        await self._meet(first)
        self._time = first.step.timestamp
        if not self._is_damaged():
            self._replay.apply(whole)
        if self._damaged:
            return
        # a step is good when the next one carries its hash; the last one when the stored state does
        if chain_failures == 0:
            self._good = self._last_end
        self._last_end = whole.records[-1].position
        self._damaged = self._is_damaged()

    async def _meet(self, first: Record) -> None:
        audit = self._inputs.get(first.step.source_input)
        if first.step.source_input == GENERATIONS:
            self._outcomes.count("log generations")
        elif audit is None:
            text = (
                f"expected an input {' or '.join(self._inputs)} as the source, got '{first.step.source_input}'{ABSENT}"
            )
            self._outcomes.fail(text, self._partition, first.position)
        else:
            await audit.meet(first, self._time)

    def _is_damaged(self) -> bool:
        checks = (self._records, self._steps.positions, self._steps.chain, self._outcomes)
        return self._replay.stopped or any(check.failure_count for check in checks)


class ReplayAudit:
    """Replays steps into a new state, or on top of a snapshot, and compares it with a stored one where that stands."""

    def __init__(self, assembly: Assembled, partition: int, partition_count: int, fresh: Store, stored: Stored) -> None:
        self.check = Check(STATE)
        if stored.problem:
            self.check.fail(stored.problem, partition)
        self._partition = partition
        self._fresh = fresh
        self._state, self._machine = assembly.machine(fresh, partition, partition_count)
        #: The position that the replay begins with; None when there is none.
        self.begin: int | None = self._machine.head.position
        self._note = stored.note
        self._stored = stored.store
        self._stored_state = None if stored.store is None else State(stored.store, self._state.tables)
        self.stored_position = None if self._stored_state is None else position_of(self._stored_state)
        self.compared_with = stored.name
        self.stopped = False
        self._uncommitted = 0
        self._compared = False
        if self.stored_position == self.begin:
            self._compare()

    def apply(self, whole: WholeStep) -> None:
        """Replay one step; nothing if a snapshot has it, or if the state before it is not known."""
        machine: Machine = self._machine
        first, last = whole.records[0], whole.records[-1]
        if machine.head.position == 0 and first.position > 1:
            self.give_up()
        if self.begin is None or last.position <= self.begin:
            return
        try:
            machine.replay(whole.records, whole.values)
        except BrokenInvariant as error:
            self.stopped = True
            self.check.fail(f"replay stopped: {error.message}", self._partition, first.position)
            return
        position = machine.head.position
        self._uncommitted += len(whole.records)
        if position == self.stored_position or self._uncommitted >= RECORDS_PER_COMMIT:
            self._commit()
        if position == self.stored_position:
            self._compare()

    def give_up(self) -> None:
        """Nobody knows the state before the first step."""
        self.begin = None

    def finish(self, *, damaged: bool) -> None:
        """The log ends here, or could not be replayed further."""
        self._commit()
        if self.begin is None:
            self._skip(self._told("nothing was replayed: the log begins later, and no snapshot reaches there"))
            return
        self.check.count("records replayed", self._machine.head.position - self.begin)
        if self._compared:
            self.check.note = self._note
        elif self.stored_position is None:
            self._skip(self._note)
        elif damaged:
            self._skip(self._told(f"compared with nothing: the log is damaged before {self.stored_position}"))
        elif self.stored_position < self.begin:
            self._skip(self._told(f"the state ends at {self.stored_position}, and the replay began at {self.begin}"))
        else:
            text = f"expected a state at the end of a step of the log, got position {self.stored_position}"
            self.check.fail(text, self._partition)

    def _skip(self, note: str) -> None:
        if not self.check.failure_count:
            self.check.skip(note)

    def _told(self, note: str) -> str:
        return f"partition {self._partition}: {note}"

    def _commit(self) -> None:
        self._state.freeze()
        self._state.commit()
        self._uncommitted = 0

    def _compare(self) -> None:
        self._compared = True
        if self._stored is not None and self._stored_state is not None:
            states.compare(self.check, self._state, self._fresh, self._stored_state, self._stored, self._partition)


def position_of(state: State) -> int:
    """The position up to which a state has applied the log."""
    return (state.get(HEAD) or Head()).position
