"""The `command_latency` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "COMMAND_LATENCY"


class CommandLatency(Struct, frozen=True, kw_only=True):
    """How long clients' commands of a partition took, from their append to the commit of what they caused, as the shell
    measured while batch operations run. MEASURE; MEASURED: how long batch operations pause between two slices from now
    on."""

    latency: int = 0
    commands: int = 0
    after: int = 0
    pause: int = 0
