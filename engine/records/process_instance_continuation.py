"""The `process_instance_continuation` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "PROCESS_INSTANCE_CONTINUATION"


class ProcessInstanceContinuation(Struct, frozen=True, kw_only=True):
    """Work of a process instance that did not fit a step: PAUSED keeps it, CONTINUE (a command to oneself) takes
    it up, CONTINUED drops it from the state."""

    process_instance_key: int = -1
    token: int = 0
    round: int = 0
    work: bytes = b""
    waits: bool = False
