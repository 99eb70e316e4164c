"""The life of a batch operation as one table: which command is allowed in which state, and what it makes happen.

The machine decides by it, tests go through all of it, and the documentation shows it.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.faults import INVALID_STATE, NOT_FOUND, Reject
from engine.core.state import View

from .tables import BATCHES, ENDED_BATCHES, PROGRESS

ACTIVE, HELD, SUSPENDED = "ACTIVE", "HELD", "SUSPENDED"
CANCELING, ENDED, UNKNOWN = "CANCELING", "ENDED", "UNKNOWN"
#: HELD: one or two of its phases are held, the others go on. To clients it is ACTIVE then.
STATES = (ACTIVE, HELD, SUSPENDED, CANCELING, ENDED, UNKNOWN)

#: How it ends; the final events.
FINAL_STATES = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")

#: command -> state -> event. In any other state the command is refused: with NOT_FOUND in UNKNOWN, else INVALID_STATE.
TRANSITIONS: Mapping[str, Mapping[str, str]] = {
    "SUSPEND": {ACTIVE: "SUSPENDED", HELD: "SUSPENDED"},
    "RESUME": {HELD: "RESUMED", SUSPENDED: "RESUMED"},
    "CANCEL": {ACTIVE: "CANCELING", HELD: "CANCELING", SUSPENDED: "CANCELING"},
    "UPDATE": {ACTIVE: "UPDATED", HELD: "UPDATED", SUSPENDED: "UPDATED"},
    "RESOLVE_INCIDENTS": {
        ACTIVE: "RESOLVING_INCIDENTS",
        HELD: "RESOLVING_INCIDENTS",
        SUSPENDED: "RESOLVING_INCIDENTS",
    },
    "SCHEDULE": {ENDED: "SCHEDULED"},
    "DELETE": {ENDED: "DELETED"},
}


def state_of(view: View, key: int) -> str:
    """The state in this table. That one has ended is known on its lead partition alone."""
    progress = view.get(PROGRESS, key)
    if progress is None or view.get(BATCHES, key) is None:
        return UNKNOWN if view.get(ENDED_BATCHES, key) is None else ENDED
    if progress.canceling:
        return CANCELING
    return SUSPENDED if progress.suspended else HELD if progress.held else ACTIVE


def event_of(intent: str, state: str, key: int) -> str:
    """What a command makes happen in a state. Raises Reject NOT_FOUND or INVALID_STATE."""
    allowed = TRANSITIONS[intent]
    if state in allowed:
        return allowed[state]
    if state == UNKNOWN:
        raise Reject(
            NOT_FOUND,
            f"expected a batch operation to {_words(intent)}, got key {key} of none; check the key, it may be deleted",
        )
    expected = " or ".join(allowed)
    raise Reject(INVALID_STATE, f"expected batch operation {key} in state {expected} to {_words(intent)}, got {state}")


def _words(intent: str) -> str:
    return intent.lower().replace("_", " ")
