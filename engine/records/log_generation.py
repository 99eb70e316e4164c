"""The `log_generation` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "LOG_GENERATION"
RAISE = "RAISE"


class InputPlace(Struct, frozen=True, kw_only=True):
    """Where an input stands in the topic that is there now."""

    input: str = ""
    ordinal: int = 0
    offset: int = -1
    first_ordinal: int = 1


class LogGeneration(Struct, frozen=True, kw_only=True):
    """Topics were restored or moved, so commands have other offsets: the engine found them again. RAISE, RAISED."""

    generation: int = 0
    inputs: tuple[InputPlace, ...] = ()
