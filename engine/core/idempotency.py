"""Commands that are sent again: the first outcome stands, for a stated time.

A command with an idempotency key whose first outcome was an event is remembered. The same key again is refused with
ALREADY_EXISTS, which names that outcome, so a client that lost an answer learns what became of its command.
"""

from __future__ import annotations

from msgspec import Struct

from .faults import ALREADY_EXISTS, Reject
from .record import EVENT, Record
from .state import State, Table, View

#: Expired keys that one new key clears away, so that the table shrinks faster than it grows.
CLEARED_PER_KEY = 4


class Remembered(Struct, frozen=True, kw_only=True, array_like=True):
    """The first outcome of a command with an idempotency key. `expires` in ms since 1970 (UTC)."""

    idempotency_key: str
    position: int
    key: int
    expires: int


#: (idempotency key,)
IDEMPOTENCY = Table(8, "IDEMPOTENCY", Remembered)
#: (expiry, idempotency key) -> the idempotency key
IDEMPOTENCY_EXPIRIES = Table(9, "IDEMPOTENCY_EXPIRIES", str)


def refusal_of(view: View, idempotency_key: str) -> Reject | None:
    """Why a command with this key is not processed again; None if it is the first."""
    if not idempotency_key:
        return None
    first = view.get(IDEMPOTENCY, idempotency_key)
    if first is None or first.expires <= view.now:
        return None
    return Reject(
        ALREADY_EXISTS,
        f"expected a new idempotency key, got '{idempotency_key}', whose command was processed before: "
        f"its outcome is the record at position {first.position} of partition {view.partition}, key {first.key}",
    )


def remember(state: State, record: Record, timeout_ms: int) -> None:
    """The first record of a step is on its way to the log: remember it by its idempotency key, forget old ones."""
    name, now = record.step.idempotency_key, record.step.timestamp
    if not name or record.record_type != EVENT:
        return
    for row, old in state.scan(IDEMPOTENCY_EXPIRIES, limit=CLEARED_PER_KEY, until=(now + 1).to_bytes(8, "big")):
        state.delete_row(IDEMPOTENCY_EXPIRIES, row)
        remembered = state.get(IDEMPOTENCY, old)
        if remembered is not None and remembered.expires <= now:
            state.delete(IDEMPOTENCY, old)
    expires = now + timeout_ms
    value = Remembered(idempotency_key=name, position=record.position, key=record.key, expires=expires)
    state.put(IDEMPOTENCY, name, value=value)
    state.put(IDEMPOTENCY_EXPIRIES, expires, name, value=name)
