"""A step while it is decided: its events and messages, their bytes and what they weigh; then its sealed outcome.

A value is encoded when its event happens, so that a step is bounded in bytes while it grows (design law 11), and what
no record can hold is refused where it came about. Rule: knows neither state nor appliers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from .effects import Event
from .faults import EXCEEDED_LIMIT, BadRequest, BrokenInvariant, Reject
from .ports import VALUE_SIZE_MAX
from .record import EVENT, REJECTION, Record, Step

#: Header that tells a gateway which of its requests a record answers, and the one that says nothing more will come.
REQUEST_HEADER = "request"
FINAL_HEADER = "final"

#: Bounds of one step against a processor gone wild, far above what a good one yields: effects, and their bytes.
EFFECTS_PER_STEP_MAX = 50_000
STEP_SIZE_MAX = 32 * 1024 * 1024

#: An effect of up to this many bytes counts as one; a larger one as one more for each time they are full.
EFFECT_SIZE_BITS = 12

#: Bytes of a record beside its value and the texts of its step, at most.
METADATA_SIZE_MAX = 512
#: Bytes of a character in UTF-8, at most.
CHARACTER_SIZE_MAX = 4

#: What a client causes stays this far below the largest record, so that every partition that it is sent to can hold it.
HEADROOM = 4096

#: A rejection repeats the refused command's value up to this many bytes; a larger one is left out.
REJECTED_VALUE_SIZE_MAX = 64 * 1024

#: Characters of a rejection's reason: a model may have thousands of problems.
REJECTION_REASON_LENGTH_MAX = 64 * 1024


class Encoder(Protocol):
    """Turns records into bytes; the records of one step share their `step`."""

    def encode(self, record: Record) -> bytes: ...

    @property
    def value_encoders(self) -> Mapping[str, Callable[[Struct], bytes]]:
        """By value type, what gives the last part of a record's bytes; it raises BadRequest."""

    def encode_step(self, records: Sequence[Record], values: Sequence[bytes]) -> list[bytes]:
        """`values[i]`: what the encoder of its value gave for `records[i]`."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What a command caused: `values[i]` are the bytes of `records[i]`; messages are for internal topics.

    `size`: the bytes of all of them, at most.
    """

    command: Record
    records: list[Record]
    values: list[bytes]
    headers: list[dict[str, str]]
    messages: list[tuple[int, bytes]]
    size: int


class Draft:
    """The effects of one step so far. `effort` is what bounds it: see `EFFECT_SIZE_BITS`."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._value_encoders = encoder.value_encoders
        self.begin(Step())

    def begin(self, step: Step) -> None:
        """Begin the next step."""
        self.step = step
        self.events: list[Event] = []
        self.messages: list[tuple[int, bytes]] = []
        self.effort = 0
        self._size = 0
        self._values: list[bytes] = []
        #: the last value of a family and its bytes: the events of a thing's life share one
        self._last: dict[str, tuple[Struct, bytes]] = {}
        texts = (step.claims, step.trace_context, step.request, step.idempotency_key, step.build, step.source_input)
        self._metadata_size = METADATA_SIZE_MAX + CHARACTER_SIZE_MAX * sum(map(len, texts))
        headroom = 0 if step.sender_partition else HEADROOM
        self._value_size_max = VALUE_SIZE_MAX - self._metadata_size - headroom

    def mark(self) -> tuple[int, int, int, int]:
        """A place to cut back to."""
        return len(self.events), len(self.messages), self.effort, self._size

    def cut(self, mark: tuple[int, int, int, int]) -> None:
        """Forget every effect since `mark`."""
        event_count, message_count, self.effort, self._size = mark
        del self.events[event_count:]
        del self._values[event_count:]
        del self.messages[message_count:]

    def add(self, event: Event) -> None:
        """Take what happens next. Raises Reject if no record can hold it, or if the step is full."""
        last = self._last.get(event.value_type)
        value = last[1] if last is not None and last[0] is event.value else self._encode_value(event)
        size = len(value)
        if size > self._value_size_max:
            raise _too_large(size + self._metadata_size)
        self.events.append(event)
        self._values.append(value)
        self.effort += 1 + (size >> EFFECT_SIZE_BITS)
        self._size += size + self._metadata_size
        if self.effort > EFFECTS_PER_STEP_MAX or self._size > STEP_SIZE_MAX:
            raise _too_much()

    def _encode_value(self, event: Event) -> bytes:
        try:
            value = self._value_encoders[event.value_type](event.value)
        except BadRequest as error:
            raise Reject(EXCEEDED_LIMIT, error.message) from error
        self._last[event.value_type] = (event.value, value)
        return value

    def encode_message(self, command: Record) -> bytes:
        """The bytes of a command to a partition. Raises Reject if no record can hold it."""
        try:
            message = self._encoder.encode(command)
        except BadRequest as error:
            raise Reject(EXCEEDED_LIMIT, error.message) from error
        if len(message) > VALUE_SIZE_MAX:
            raise _too_large(len(message))
        return message

    def add_message(self, partition: int, message: bytes) -> None:
        """Take a command to a partition. Raises Reject if the step is full."""
        self.messages.append((partition, message))
        self.effort += 1 + (len(message) >> EFFECT_SIZE_BITS)
        self._size += len(message)
        if self.effort > EFFECTS_PER_STEP_MAX or self._size > STEP_SIZE_MAX:
            raise _too_much()

    def add_rejected(self, command: Record) -> None:
        """The refused command: the first record of the step, which nothing is applied for."""
        value = command.value
        if len(self._value_encoders[command.value_type](value)) > REJECTED_VALUE_SIZE_MAX:
            value = type(value)()
        rejected = Event(
            value_type=command.value_type, intent=command.intent, value=value, key=command.key, answers=True
        )
        self.add(rejected)

    # the outcome

    def seal(self, command: Record, position: int, command_hash: bytes, refusal: Reject | None) -> Outcome:
        """Number the records, from the one after `position` on, and encode them."""
        events = self.events
        if not events:
            raise BrokenInvariant(f"expected an event after position {position}, got a step without any")
        step = msgspec.structs.replace(self.step, step_count=len(events))
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
        records[0] = _mark_first(records[0], command_hash, refusal)
        values = self._encoder.encode_step(records, self._values)
        headers = self._headers()
        return Outcome(
            command=command, records=records, values=values, headers=headers, messages=self.messages, size=self._size
        )

    def _headers(self) -> list[dict[str, str]]:
        headers: list[dict[str, str]] = [{**event.headers} if event.headers else {} for event in self.events]
        final: dict[str, int] = {}
        for index, event in enumerate(self.events):
            if event.answers or event.request:
                request = event.request or self.step.request
                if request:
                    headers[index][REQUEST_HEADER] = request
                    final[request] = index
        for index in final.values():
            headers[index][FINAL_HEADER] = "1"
        return headers


def _mark_first(record: Record, command_hash: bytes, refusal: Reject | None) -> Record:
    if refusal is None:
        return msgspec.structs.replace(record, command_hash=command_hash)
    return msgspec.structs.replace(
        record,
        record_type=REJECTION,
        command_hash=command_hash,
        rejection_code=refusal.code,
        rejection_reason=refusal.reason[:REJECTION_REASON_LENGTH_MAX],
    )


def _too_large(size: int) -> Reject:
    return Reject(
        EXCEEDED_LIMIT, f"expected records of at most {VALUE_SIZE_MAX} bytes, got one of {size}; send less data at once"
    )


def _too_much() -> Reject:
    return Reject(
        EXCEEDED_LIMIT,
        f"expected a step of at most {EFFECTS_PER_STEP_MAX} effects and {STEP_SIZE_MAX} bytes, got more; "
        "do or send less at once",
    )
