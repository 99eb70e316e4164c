"""Log generations: topics were restored or moved, so that commands have other offsets than their outcomes say.

The shell finds the commands again, by their hashes; what it found is a command of an input of its own, which lies on no
topic, and an event. From there on offsets are those of the new topics. Rule: nothing but offsets changes.
"""

from __future__ import annotations

from typing import cast

import msgspec

from engine.records.log_generation import LogGeneration

from .effects import Effects, Event
from .faults import INVALID_STATE, BrokenInvariant, Reject
from .head import SOURCES, Source
from .record import Record
from .registry import Fact, Part
from .state import State, View


def generation_of(view: View | State) -> int:
    """The log generation of a state."""
    return max((source.generation for _, source in view.scan(SOURCES)), default=0)


def raise_generation(command: Record, view: View) -> Effects:
    """LOG_GENERATION RAISE: the next generation, with the place of every input."""
    value = cast(LogGeneration, command.value)
    expected = generation_of(view) + 1
    if value.generation != expected:
        raise Reject(INVALID_STATE, f"expected generation {expected}, got {value.generation}: it was raised before")
    yield Event(value_type="LOG_GENERATION", intent="RAISED", value=value)


def _apply_raised(fact: Fact, state: State) -> None:
    value = cast(LogGeneration, fact.value)
    for place in value.inputs:
        source = state.get(SOURCES, place.input) or Source()
        if source.ordinal != place.ordinal:
            raise BrokenInvariant(f"expected command {source.ordinal} of {place.input}, got {place.ordinal}")
        moved = msgspec.structs.replace(source, offset=place.offset, generation=value.generation)
        state.put(SOURCES, place.input, value=moved)


PART = Part(
    processors={("LOG_GENERATION", "RAISE"): raise_generation},
    appliers={("LOG_GENERATION", "RAISED"): _apply_raised},
)
