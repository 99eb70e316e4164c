"""The machine: commands in, steps out. Pure: time, keys and settings come from the log and the state.

A step is decided on overlays above the state: the processor yields events, each is applied at once, so later decisions
of the same step see it. Nothing here is durable: the runner appends the step, then commits the state (law 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from engine.records.partition_message import PartitionMessage

from .draft import Draft, Encoder, Outcome
from .effects import Attempt, Effects, Event, Send
from .faults import EXCEEDED_LIMIT, INVALID_ARGUMENT, PROCESSING_ERROR, BrokenInvariant, MessageGap, Reject
from .head import GENERATIONS, HEAD, RECEIVED, SENT, SETTINGS, SOURCES, Head, Source
from .idempotency import refusal_of, remember
from .ports import INTERNAL
from .record import EVENT, Record, Step, first_key, partition_of
from .registry import Fact, Registry
from .settings import MachineSettings
from .state import State

#: Families whose records have keys that somebody gave, who may have made them up: none of them was given out here.
OF_GIVEN_KEYS = frozenset({"BATCH_OPERATION_ITEM", "HISTORY_DELETION"})


class Input(Struct, frozen=True, kw_only=True):
    """Where a command lies, the log's stamp of it (ms since 1970 UTC), and the SHA-256 of its bytes.

    The offset is that in the log generation that the state is in.
    """

    name: str
    offset: int
    timestamp: int
    hash: bytes


def chain_after(previous_hash: bytes, partition: int, command_hash: bytes, values: Sequence[bytes]) -> bytes:
    """The hash of the chain behind a step with these records."""
    digest = sha256(previous_hash)
    digest.update(partition.to_bytes(4, "big") + command_hash)
    digest.update(b"".join(values))
    return digest.digest()


class Machine:
    """One partition's machine. It is the View that its processors get."""

    def __init__(
        self, *, registry: Registry, state: State, encoder: Encoder, partition: int, partition_count: int, build: str
    ) -> None:
        self.partition = partition
        self.partition_count = partition_count
        self._registry = registry
        self._state = state
        self._build = build
        self._draft = Draft(encoder)
        self._draws = 0
        self.get = state.get
        self.scan = state.scan
        self.reload()

    def pose_as(self, build: str, encoder: Encoder) -> None:
        """Decide from now on under the name of another build and with its schemas: to decide a log again."""
        self._build = build
        self._draft = Draft(encoder)

    def reload(self) -> None:
        """Take the head from the state: at the start, and after overlays were dropped."""
        self.head = self._state.get(HEAD) or Head(last_key=first_key(self.partition))
        self.now = self.head.timestamp
        self.last_key = self.head.last_key
        self._take_settings()

    def _take_settings(self) -> None:
        self.settings = self._state.get(SETTINGS) or MachineSettings()

    @property
    def effort(self) -> int:
        return self._draft.effort

    def next_key(self) -> int:
        self.last_key += 1
        return self.last_key

    def draw(self) -> bytes:
        self._draws += 1
        place = b"".join(number.to_bytes(8, "big") for number in (self.partition, self.now, self._draws))
        return sha256(self.head.chain_hash + place).digest()[:16]

    def follow_up(self, name: str, key: int, data: str) -> Effects:
        return self._registry.follow_ups[name](key, data, self)

    def quarantine(self, command: Record, refusal: Reject) -> Effects:
        return self._registry.quarantine(command, refusal, self)

    # deciding

    def step(self, command: Record, source: Input) -> Outcome | None:
        """Decide one command. None: it is a message from a partition that was received before."""
        if not self._is_next_message(command.step):
            return None
        self._begin(command.step, source)
        refusal = self._decide(command, source)
        return self._finish(command, source) if refusal is None else self._reject(command, source, refusal)

    def refuse(self, command: Record, refusal: Reject, source: Input) -> Outcome:
        """The outcome of a command that the intake refused (unreadable, unverified): one rejection."""
        step = msgspec.structs.replace(command.step, sender_partition=0, sender_number=0)
        self._begin(step, source)
        return self._reject(command, source, refusal)

    def _decide(self, command: Record, source: Input) -> Reject | None:
        processor = self._registry.processors.get((command.value_type, command.intent))
        if processor is None:
            return Reject(INVALID_ARGUMENT, self._describe_intents(command))
        if self.settings.authorization_enabled and source.name not in (INTERNAL, GENERATIONS):
            refusal = self._attempt(self._authorize(command))
            if refusal is not None:
                return refusal
        return refusal_of(self, command.step.idempotency_key) or self._attempt(processor(command, self))

    def _authorize(self, command: Record) -> Effects:
        self._registry.authorize(command, self)
        yield from ()

    def _begin(self, sent: Step, source: Input) -> None:
        self.now = max(self.head.timestamp, source.timestamp)
        self._draws = 0
        before = self._state.get(SOURCES, source.name) or Source()
        if source.offset <= before.offset:
            raise BrokenInvariant(f"expected a command of {source.name} beyond {before.offset}, got {source.offset}")
        step = msgspec.structs.replace(
            sent,
            partition_id=self.partition,
            timestamp=self.now,
            source_input=source.name,
            source_ordinal=before.ordinal + 1,
            source_offset=source.offset,
            source_generation=before.generation,
            previous_hash=self.head.chain_hash,
            build=self._build,
        )
        self._draft.begin(step)

    def _is_next_message(self, step: Step) -> bool:
        """Law 7: the next number of a sender, once; a gap stops the partition."""
        if step.sender_partition == 0:
            return True
        expected = (self._state.get(RECEIVED, step.sender_partition) or 0) + 1
        if step.sender_number > expected:
            raise MessageGap(step.sender_partition, expected, step.sender_number)
        return step.sender_number == expected

    def _attempt(self, effects: Effects) -> Reject | None:
        """Run effects to their end inside a savepoint; undo them if they end in a refusal or an error."""
        mark, drafted, last_key = self._state.mark(), self._draft.mark(), self.last_key
        try:
            self._run(effects)
            return None
        except Reject as refusal:
            outcome = refusal
        except BrokenInvariant:
            raise
        except Exception as error:  # noqa: BLE001 - law 12: an exception while deciding undoes this overlay only
            outcome = Reject(PROCESSING_ERROR, f"the engine failed with {type(error).__name__} while deciding")
            outcome.__cause__ = error
        self._state.rollback(mark)
        self._draft.cut(drafted)
        self.last_key = last_key
        self._take_settings()
        return outcome

    def _run(self, effects: Effects) -> None:
        answer: Reject | None = None
        while True:
            try:
                effect = effects.send(answer)
            except StopIteration:
                return
            answer = None
            if type(effect) is Event:
                self._happen(effect)
            elif type(effect) is Send:
                self._send(effect)
            elif type(effect) is Attempt:
                answer = self._attempt(effect.effects)

    def _happen(self, event: Event) -> None:
        applier = self._registry.appliers.get((event.value_type, event.intent, event.version))
        if applier is None:
            raise LookupError(f"no applier for {event.value_type} {event.intent} version {event.version}")
        draft = self._draft
        draft.add(event)
        fact = Fact(event.key, event.value, self.head.position + len(draft.events), self.now, draft.step)
        try:
            applier(fact, self._state)
        except Exception as error:
            raise self._broken(event, error) from error
        if event.value_type == "SETTINGS":
            self._take_settings()

    def _broken(self, event: Event | Record, error: Exception) -> BrokenInvariant:
        return BrokenInvariant(
            f"applying {event.value_type} {event.intent} (key {event.key}) after position {self.head.position} failed "
            f"with {type(error).__name__}: {error}"
        )

    def _send(self, send: Send) -> None:
        """A message to another partition is a SENT event too; one to this partition is on `internal` only.

        Either belongs to the trace and to the operation of the command that is being decided.
        """
        draft = self._draft
        caused = draft.step
        step = msgspec.structs.replace(
            send.command.step, trace_context=caused.trace_context, operation_reference=caused.operation_reference
        )
        if send.partition == self.partition:
            message = draft.encode_message(msgspec.structs.replace(send.command, step=step))
            draft.add_message(send.partition, message)
            return
        number = (self._state.get(SENT, send.partition) or 0) + 1
        step = msgspec.structs.replace(step, sender_partition=self.partition, sender_number=number)
        message = draft.encode_message(msgspec.structs.replace(send.command, step=step))
        value = PartitionMessage(receiver_partition=send.partition, number=number, message=message)
        self._happen(Event(value_type="PARTITION_MESSAGE", intent="SENT", value=value))
        draft.add_message(send.partition, message)

    def _describe_intents(self, command: Record) -> str:
        known = sorted(intent for family, intent in self._registry.processors if family == command.value_type)
        return f"expected an intent of {command.value_type} that is a command {known}, got '{command.intent}'"

    # the outcome

    def _reject(self, command: Record, source: Input, refusal: Reject) -> Outcome:
        """The rejection, and what sets an instance aside that cannot go on."""
        self._draft.begin(self._draft.step)
        self._draft.add_rejected(command)
        if refusal.code in (PROCESSING_ERROR, EXCEEDED_LIMIT):
            self._attempt(self.quarantine(command, refusal))
        return self._finish(command, source, refusal)

    def _finish(self, command: Record, source: Input, refusal: Reject | None = None) -> Outcome:
        # A key that was taken but appears in no event is given back, so that replay counts the same.
        self.last_key = self.head.last_key
        for event in self._draft.events[0 if refusal is None else 1 :]:
            if event.key > self.last_key:
                self._count_key(event)
        outcome = self._draft.seal(command, self.head.position, source.hash, refusal)
        self._book(outcome.records[0], outcome.values, source.hash)
        return outcome

    def _count_key(self, event: Event | Record) -> None:
        if partition_of(event.key) == self.partition and event.value_type not in OF_GIVEN_KEYS:
            self.last_key = event.key

    # what a step leaves behind, live and in replay

    def _book(self, first: Record, values: Sequence[bytes], command_hash: bytes) -> None:
        step = first.step
        if step.sender_partition:
            self._state.put(RECEIVED, step.sender_partition, value=step.sender_number)
        source = Source(
            ordinal=step.source_ordinal,
            offset=step.source_offset,
            generation=step.source_generation,
            hash=command_hash,
        )
        self._state.put(SOURCES, step.source_input, value=source)
        self.head = Head(
            position=first.position + len(values) - 1,
            timestamp=step.timestamp,
            chain_hash=chain_after(self.head.chain_hash, self.partition, command_hash, values),
            last_key=self.last_key,
        )
        self._state.put(HEAD, value=self.head)
        remember(self._state, first, self.settings.idempotency_timeout_ms)

    def replay(self, records: Sequence[Record], values: Sequence[bytes]) -> None:
        """Apply one whole step from the log. Appliers only: nothing is decided."""
        first = records[0]
        if first.position != self.head.position + 1:
            raise BrokenInvariant(f"expected position {self.head.position + 1}, got {first.position}")
        if first.step.previous_hash != self.head.chain_hash:
            raise BrokenInvariant(f"the chain is broken before position {first.position}: a record was changed or lost")
        before = self._state.get(SOURCES, first.step.source_input) or Source()
        if first.step.source_ordinal != before.ordinal + 1:
            raise BrokenInvariant(
                f"expected the outcome of command {before.ordinal + 1} of {first.step.source_input} at position "
                f"{first.position}, got that of {first.step.source_ordinal}"
            )
        self.now = first.step.timestamp
        appliers = self._registry.appliers
        for record in records:
            if record.record_type != EVENT:
                continue
            applier = appliers.get((record.value_type, record.intent, record.version))
            if applier is None:
                raise BrokenInvariant(f"no applier for {record.value_type} {record.intent} version {record.version}")
            try:
                applier(Fact(record.key, record.value, record.position, self.now, first.step), self._state)
            except Exception as error:
                raise self._broken(record, error) from error
            if record.value_type == "SETTINGS":
                self._take_settings()
            if record.key > self.last_key:
                self._count_key(record)
        self._book(first, values, first.command_hash)
