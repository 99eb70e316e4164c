"""Spans as plain values, and where they go. They are made when what they tell of is over, a group at a time.

Ids that mark a step or an item on the log are derived from its place there, so that whoever reads the log later (the
exporter) knows them, and a step that is decided again after a crash is the same span. Others are random. None of them
reaches the pure part of the engine: a command's trace context is carried through it as it came.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Protocol

from msgspec import Struct

from engine.core.record import Record, Step
from engine.shell.trace_context import TraceContext

from .attributes import AttributeValue

SERVER = "SERVER"
CLIENT = "CLIENT"
PRODUCER = "PRODUCER"
CONSUMER = "CONSUMER"
INTERNAL = "INTERNAL"

#: Spreads neighbouring numbers over 64 bits (the golden ratio, as Knuth's multiplicative hashing does).
_SPREAD = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1

#: Gives a random number of so many bits: ids must differ, nobody needs to be unable to guess them.
RandomBits = Callable[[int], int]


class Span(Struct, frozen=True, kw_only=True):
    """Something that took time. `began` and `ended` in ns since 1970 (UTC); `error`: why it failed, empty if not."""

    name: str
    kind: str
    context: TraceContext
    parent: TraceContext | None = None
    began: int
    ended: int
    attributes: Mapping[str, AttributeValue]
    links: tuple[TraceContext, ...] = ()
    error: str = ""


class Spans(Protocol):
    """Takes spans. Must return at once, whatever becomes of them."""

    sample_ratio: float
    item_sample_ratio: float

    def admit(self) -> bool:
        """Whether one more may be made now; false beyond the limit for each second."""

    def take(self, span: Span) -> None: ...


class Budget:
    """So many a second and, after a pause, those of a few seconds at once."""

    #: seconds whose share may be used at once
    BURST = 5

    def __init__(self, per_second: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._monotonic = monotonic
        self._left = float(per_second * self.BURST)
        self._at = monotonic()

    def take(self) -> bool:
        """One of them, unless none is left."""
        now = self._monotonic()
        self._left = min(self._left + (now - self._at) * self._per_second, self._per_second * self.BURST)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def new_trace(random_bits: RandomBits = random.getrandbits) -> TraceContext:
    """A place in a trace that nobody has begun yet."""
    return TraceContext(trace_id=random_bits(128) or 1, span_id=new_span_id(random_bits), is_sampled=True)


def new_span_id(random_bits: RandomBits = random.getrandbits) -> int:
    return random_bits(64) or 1


def step_context(parent: TraceContext, step: Step) -> TraceContext:
    """The span of a step, whose place is its command's."""
    return _derived(
        parent, "step", step.partition_id, step.source_input, step.source_generation, str(step.source_offset)
    )


def item_context(parent: TraceContext, record: Record) -> TraceContext:
    """The span of an item, whose place is its outcome's."""
    return _derived(parent, "item", record.step.partition_id, record.position)


def _derived(parent: TraceContext, *place: str | int) -> TraceContext:
    text = "/".join(map(str, (parent.trace_id, *place)))
    span_id = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") or 1
    return parent.sibling(span_id)


def is_chosen(number: int, ratio: float) -> bool:
    """Whether this number is among the share `ratio` of all; the same answer everywhere."""
    return (number * _SPREAD & _MASK) < ratio * (_MASK + 1)
