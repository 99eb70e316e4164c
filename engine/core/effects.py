"""What a processor yields: events, messages to partitions, and attempts that may be undone."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from msgspec import Struct

from .faults import Reject
from .record import NONE, Record


class Event(Struct, frozen=True, kw_only=True):
    """A fact. It is applied at once, before the processor is asked for the next one.

    `answers` tells whether the record is part of the answer to the command's sender; `request` is set when it answers
    an older command than the one being processed. The last answering record of a step is the final one.
    `headers` are hints for readers that do not decode records.
    """

    value_type: str
    intent: str
    value: Struct
    key: int = NONE
    version: int = 1
    answers: bool = False
    request: str = ""
    headers: Mapping[str, str] | None = None


class Send(Struct, frozen=True, kw_only=True):
    """A command for the internal input of a partition, this one or another, in the same append as the step's events."""

    partition: int
    command: Record


class Attempt(Struct, frozen=True, kw_only=True):
    """Effects that happen all or not at all inside the step: the item overlay.

    Yielding it gives None when they happened, or the Reject that undid them (an exception becomes PROCESSING_ERROR).
    """

    effects: Effects


Effect = Event | Send | Attempt
Effects = Generator["Event | Send | Attempt", "Reject | None", None]
