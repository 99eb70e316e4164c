"""Which history is deleted by itself, and when."""

from __future__ import annotations

from engine.core.head import clear_due, set_due
from engine.core.state import State, Table

#: (resource type, key of such a one) -> when it is deleted, ms since 1970; whoever names a key names its type, so what
#: is said of a decision evaluation never meets a process instance
REMOVALS = Table(141, "REMOVALS", int)


def timer_of(resource_type: str) -> str:
    """Name of the timer that deletes what nobody wants to keep any longer."""
    return f"HISTORY_REMOVAL_{resource_type}"


def put_removal(state: State, resource_type: str, key: int, time: int) -> None:
    """For appliers: it is deleted then, and at no other time; never, if that is 0."""
    forget_removal(state, resource_type, key)
    if time:
        state.put(REMOVALS, resource_type, key, value=time)
        set_due(state, time, timer_of(resource_type), key)


def forget_removal(state: State, resource_type: str, key: int) -> None:
    """For appliers: it is deleted, or never will be."""
    time = state.get(REMOVALS, resource_type, key)
    if time is not None:
        state.delete(REMOVALS, resource_type, key)
        clear_due(state, time, timer_of(resource_type), key)
