"""The machine: commands in, steps out. Pure: time, keys and settings come from the log and the state.

A step is decided on overlays above the state: the processor yields events, each is applied at once, so later decisions
of the same step see it. Nothing here is durable: the runner appends the step, then commits the state (law 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

import msgspec
from msgspec import Struct

from engine.records.partition_message import PartitionMessage

from .effects import Attempt, Effects, Event, Send
from .faults import (
    EXCEEDED_LIMIT,
    INVALID_ARGUMENT,
    PROCESSING_ERROR,
    BadRequest,
    BrokenInvariant,
    RecordTooLarge,
    Reject,
)
from .head import HEAD, RECEIVED, SENT, SETTINGS, SOURCES, Head, Source
from .idempotency import refusal_of, remember
from .ports import VALUE_SIZE_MAX
from .record import EVENT, REJECTION, Record, Step, first_key, partition_of
from .registry import Applier, Fact, Registry
from .settings import MachineSettings
from .state import State

#: Header that tells a gateway which of its requests a record answers, and the one that says nothing more will come.
REQUEST_HEADER = "request"
FINAL_HEADER = "final"

#: Records and messages one step may have: a bound against a processor gone wild, far above what a good one yields.
EFFECTS_PER_STEP_MAX = 50_000

#: A rejection repeats the refused command's value up to this many bytes; a larger one is left out.
REJECTED_VALUE_SIZE_MAX = 64 * 1024

#: Characters of a rejection's reason: a model may have thousands of problems.
REJECTION_REASON_LENGTH_MAX = 64 * 1024


class Encoder(Protocol):
    """Turns records into bytes; the records of one step share their `step`."""

    def encode(self, record: Record) -> bytes: ...

    def encode_step(self, records: Sequence[Record]) -> list[bytes]: ...


class Input(Struct, frozen=True, kw_only=True):
    """Where a command lies, the log's stamp of it (ms since 1970 UTC), and the SHA-256 of its bytes."""

    name: str
    offset: int
    timestamp: int
    hash: bytes
    generation: int = 0


class Outcome(Struct, frozen=True, kw_only=True):
    """What a command caused: `values[i]` are the bytes of `records[i]`; messages are for internal topics."""

    records: list[Record]
    values: list[bytes]
    headers: list[dict[str, str]]
    messages: list[tuple[int, bytes]]


class Machine:
    """One partition's machine. It is the View that its processors get."""

    def __init__(
        self, *, registry: Registry, state: State, encoder: Encoder, partition: int, partition_count: int, build: str
    ) -> None:
        self.partition = partition
        self.partition_count = partition_count
        self._registry = registry
        self._state = state
        self._encoder = encoder
        self._build = build
        self._step = Step()
        self._events: list[Event] = []
        self._messages: list[tuple[int, bytes]] = []
        #: records of the step that come before its events: the rejection, if events follow one
        self._before = 0
        self.get = state.get
        self.scan = state.scan
        self.reload()

    def reload(self) -> None:
        """Take the head from the state: at the start, and after overlays were dropped."""
        self.head = self._state.get(HEAD) or Head(last_key=first_key(self.partition))
        self.now = self.head.timestamp
        self.last_key = self.head.last_key
        self.settings = self._state.get(SETTINGS) or MachineSettings()

    @property
    def effect_count(self) -> int:
        return len(self._events) + len(self._messages)

    def next_key(self) -> int:
        self.last_key += 1
        return self.last_key

    def follow_up(self, name: str, key: int, data: str) -> Effects:
        return self._registry.follow_ups[name](key, data, self)

    # deciding

    def step(self, command: Record, source: Input) -> Outcome | None:
        """Decide one command. None: it is a message from a partition that was received before."""
        if not self._is_next_message(command.step):
            return None
        mark = self._begin(command.step, source)
        refusal = self._decide(command)
        if refusal is None:
            try:
                return self._finish(self._seal_bounded(command, source), source)
            except BadRequest as error:
                self._state.rollback(mark)
                self._events, self._messages = [], []
                refusal = Reject(EXCEEDED_LIMIT, error.message)
        return self._finish(self._reject(command, source, refusal), source)

    def refuse(self, command: Record, refusal: Reject, source: Input) -> Outcome:
        """The outcome of a command that the intake refused (unreadable, unverified): one rejection."""
        step = msgspec.structs.replace(command.step, sender_partition=0, sender_number=0)
        self._begin(step, source)
        return self._finish(self._reject(command, source, refusal), source)

    def _decide(self, command: Record) -> Reject | None:
        processor = self._registry.processors.get((command.value_type, command.intent))
        if processor is None:
            return Reject(INVALID_ARGUMENT, self._describe_intents(command))
        return refusal_of(self, command.step.idempotency_key) or self._attempt(processor(command, self))

    def _begin(self, sent: Step, source: Input) -> int:
        self._events, self._messages, self._before = [], [], 0
        self.now = max(self.head.timestamp, source.timestamp)
        before = self._state.get(SOURCES, source.name) or Source()
        if source.offset <= before.offset and source.generation == before.generation:
            raise BrokenInvariant(f"expected a command of {source.name} beyond {before.offset}, got {source.offset}")
        self._step = msgspec.structs.replace(
            sent,
            partition_id=self.partition,
            timestamp=self.now,
            source_input=source.name,
            source_ordinal=before.ordinal + 1,
            source_offset=source.offset,
            source_generation=source.generation,
            previous_hash=self.head.chain_hash,
            build=self._build,
        )
        return self._state.mark()

    def _is_next_message(self, step: Step) -> bool:
        """Law 7: the next number of a sender, once; a gap stops the partition."""
        if step.sender_partition == 0:
            return True
        expected = (self._state.get(RECEIVED, step.sender_partition) or 0) + 1
        if step.sender_number > expected:
            raise BrokenInvariant(
                f"expected message {expected} from partition {step.sender_partition}, got {step.sender_number}; "
                "the missing ones are in the SENT events of that partition"
            )
        return step.sender_number == expected

    def _attempt(self, effects: Effects) -> Reject | None:
        """Run effects to their end inside a savepoint; undo them if they end in a refusal or an error."""
        mark, last_key = self._state.mark(), self.last_key
        event_count, message_count = len(self._events), len(self._messages)
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
        self.last_key = last_key
        del self._events[event_count:]
        del self._messages[message_count:]
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
            if len(self._events) + len(self._messages) > EFFECTS_PER_STEP_MAX:
                raise Reject(EXCEEDED_LIMIT, f"expected at most {EFFECTS_PER_STEP_MAX} effects in a step, got more")

    def _happen(self, event: Event) -> None:
        applier = self._registry.appliers.get((event.value_type, event.intent, event.version))
        if applier is None:
            raise LookupError(f"no applier for {event.value_type} {event.intent} version {event.version}")
        position = self.head.position + self._before + len(self._events) + 1
        self._apply(
            applier, event.value_type, event.intent, Fact(event.key, event.value, position, self.now, self._step)
        )
        self._events.append(event)

    def _apply(self, applier: Applier, value_type: str, intent: str, fact: Fact) -> None:
        try:
            applier(fact, self._state)
        except Exception as error:
            raise BrokenInvariant(
                f"applying {value_type} {intent} (key {fact.key}) after position {self.head.position} failed with "
                f"{type(error).__name__}: {error}"
            ) from error
        if value_type == "SETTINGS":
            self.settings = self._state.get(SETTINGS) or self.settings

    def _send(self, send: Send) -> None:
        """A message to another partition is a SENT event too; one to this partition is on `internal` only."""
        if send.partition == self.partition:
            self._messages.append((send.partition, self._encoder.encode(send.command)))
            return
        number = (self._state.get(SENT, send.partition) or 0) + 1
        step = msgspec.structs.replace(send.command.step, sender_partition=self.partition, sender_number=number)
        message = self._encoder.encode(msgspec.structs.replace(send.command, step=step))
        value = PartitionMessage(receiver_partition=send.partition, number=number, message=message)
        self._happen(Event(value_type="PARTITION_MESSAGE", intent="SENT", value=value))
        self._messages.append((send.partition, message))

    def _describe_intents(self, command: Record) -> str:
        known = sorted(intent for family, intent in self._registry.processors if family == command.value_type)
        return f"expected an intent of {command.value_type} that is a command {known}, got '{command.intent}'"

    # the records of the step

    def _seal_bounded(self, command: Record, source: Input) -> Outcome:
        """Raises BadRequest if a record does not fit the log."""
        outcome = self._seal(command, source, None)
        size = max(map(len, [*outcome.values, *(message for _, message in outcome.messages)]))
        if size > VALUE_SIZE_MAX:
            raise RecordTooLarge(
                f"expected records of at most {VALUE_SIZE_MAX} bytes, got one of {size}; send less data at once"
            )
        return outcome

    def _reject(self, command: Record, source: Input, refusal: Reject) -> Outcome:
        """The rejection, and what sets an instance aside that cannot go on."""
        self._before = 1
        if refusal.code in (PROCESSING_ERROR, EXCEEDED_LIMIT):
            self._attempt(self._registry.quarantine(command, refusal, self))
        outcome = self._seal(command, source, refusal)
        if len(outcome.values[0]) > REJECTED_VALUE_SIZE_MAX:
            outcome = self._seal(msgspec.structs.replace(command, value=type(command.value)()), source, refusal)
        return outcome

    def _finish(self, outcome: Outcome, source: Input) -> Outcome:
        # A key that was taken but appears in no event is given back, so that replay counts the same.
        self.last_key = max([self.head.last_key, *(r.key for r in outcome.records if self._is_own_event(r))])
        self._book(outcome.records[0], outcome.values, source.hash)
        return outcome

    def _is_own_event(self, record: Record) -> bool:
        return record.record_type == EVENT and partition_of(record.key) == self.partition

    def _seal(self, command: Record, source: Input, refusal: Reject | None) -> Outcome:
        """Number the records of the step and encode them."""
        events = self._events
        if refusal is not None:
            value_type, intent, key = command.value_type, command.intent, command.key
            rejected = Event(value_type=value_type, intent=intent, value=command.value, key=key, answers=True)
            events = [rejected, *events]
        step = self._step = msgspec.structs.replace(self._step, step_count=len(events))
        position = self.head.position
        records = [
            Record(
                position=position + index + 1,
                index=index,
                step=step,
                record_type=EVENT,
                intent=event.intent,
                version=event.version,
                key=event.key,
                value_type=event.value_type,
                value=event.value,
            )
            for index, event in enumerate(events)
        ]
        if not records:
            raise BrokenInvariant(f"expected an event from {command.value_type} {command.intent}, got none")
        records[0] = self._mark_first(records[0], refusal, source)
        values = self._encoder.encode_step(records)
        return Outcome(records=records, values=values, headers=self._headers(events), messages=self._messages)

    @staticmethod
    def _mark_first(record: Record, refusal: Reject | None, source: Input) -> Record:
        if refusal is None:
            return msgspec.structs.replace(record, command_hash=source.hash)
        return msgspec.structs.replace(
            record,
            record_type=REJECTION,
            command_hash=source.hash,
            rejection_code=refusal.code,
            rejection_reason=refusal.reason[:REJECTION_REASON_LENGTH_MAX],
        )

    def _headers(self, events: list[Event]) -> list[dict[str, str]]:
        headers: list[dict[str, str]] = [dict(event.headers) if event.headers else {} for event in events]
        final: dict[str, int] = {}
        for index, event in enumerate(events):
            request = event.request or (self._step.request if event.answers else "")
            if request:
                headers[index][REQUEST_HEADER] = request
                final[request] = index
        for index in final.values():
            headers[index][FINAL_HEADER] = "1"
        return headers

    # what a step leaves behind, live and in replay

    def _book(self, first: Record, values: Sequence[bytes], command_hash: bytes) -> None:
        step = first.step
        digest = sha256(self.head.chain_hash)
        digest.update(self.partition.to_bytes(4, "big") + command_hash)
        digest.update(b"".join(values))
        if step.sender_partition:
            self._state.put(RECEIVED, step.sender_partition, value=step.sender_number)
        source = Source(ordinal=step.source_ordinal, offset=step.source_offset, generation=step.source_generation)
        self._state.put(SOURCES, step.source_input, value=source)
        self.head = Head(
            position=first.position + len(values) - 1,
            timestamp=step.timestamp,
            chain_hash=digest.digest(),
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
        self._step, self.now = first.step, first.step.timestamp
        appliers = self._registry.appliers
        for record in records:
            if record.record_type != EVENT:
                continue
            applier = appliers.get((record.value_type, record.intent, record.version))
            if applier is None:
                raise BrokenInvariant(f"no applier for {record.value_type} {record.intent} version {record.version}")
            fact = Fact(record.key, record.value, record.position, self.now, self._step)
            self._apply(applier, record.value_type, record.intent, fact)
            if record.key > self.last_key and self._is_own_event(record):
                self.last_key = record.key
        self._book(first, values, first.command_hash)
