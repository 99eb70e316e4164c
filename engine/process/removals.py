"""Removal times: when history is deleted by itself. An event says when; a timer then makes the event that deletes.

Nothing expires by the wall clock alone: exporters obey DELETED and nothing else, so a projection that is built anew
equals the old one.
"""

from __future__ import annotations

from functools import partial
from typing import cast

from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, Reject
from engine.core.record import Record
from engine.core.registry import Fact, Part, table_values
from engine.core.state import State, View
from engine.records import HistoryDeletion

from .history import FAMILY, RESOURCE_TYPES, check_kept, check_resource, delete_history
from .removal_tables import REMOVALS, put_removal, timer_of

#: Why, in the event that deletes.
REASON = "its removal time has come"

#: In a command: never, and as long after the end as the settings say.
CLEARED = 0
CALCULATED = -1
#: The last moment of the year 9999, ms since 1970 (UTC).
REMOVAL_TIME_MAX = 253_402_300_799_999


def schedule(command: Record, view: View) -> Effects:
    """HISTORY_DELETION SCHEDULE."""
    wish = cast(HistoryDeletion, command.value)
    if problems := [*check_resource(wish), *problems_of(wish.removal_time, view)]:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))
    yield from schedule_removal(view, wish, answers=True)


def problems_of(removal_time: int, view: View) -> list[str]:
    """What is wrong with a removal time of a command."""
    if not CALCULATED <= removal_time <= REMOVAL_TIME_MAX:
        return [f"removalTime: expected at most {REMOVAL_TIME_MAX}, 0 or -1, got {removal_time}; correct it"]
    if removal_time == CALCULATED and not view.settings.history_time_to_live_ms:
        return ["calculatedRemovalTime: expected process.historyTimeToLive to be set, got none; set it, or give a time"]
    return []


def schedule_removal(view: View, wish: HistoryDeletion, *, answers: bool = False) -> Effects:
    """Let what has ended be deleted at a time, or never; `end_time` is when it ended, if that is to be calculated.

    Raises Reject NOT_FOUND for a key that was never given out here, INVALID_STATE for what runs.
    """
    check_kept(view, wish.resource_key)
    time = wish.removal_time
    if time == CALCULATED:
        if wish.end_time <= 0:
            raise Reject(INVALID_STATE, f"expected {wish.resource_key} to have ended, got no time of that; try later")
        time = wish.end_time + view.settings.history_time_to_live_ms
    value = HistoryDeletion(resource_key=wish.resource_key, resource_type=wish.resource_type, removal_time=time)
    yield Event(value_type=FAMILY, intent="SCHEDULED", key=wish.resource_key, value=value, answers=answers)


def remove(resource_type: str, key: int, view: View) -> Effects:
    """The time has come."""
    if view.get(REMOVALS, resource_type, key) is not None:
        yield from delete_history(view, resource_type, key, reason=REASON)


# appliers


def _apply_scheduled(fact: Fact, state: State) -> None:
    value = cast(HistoryDeletion, fact.value)
    put_removal(state, value.resource_type, fact.key, value.removal_time)


PART = Part(
    processors={(FAMILY, "SCHEDULE"): schedule},
    appliers={(FAMILY, "SCHEDULED"): _apply_scheduled},
    timers={timer_of(resource_type): partial(remove, resource_type) for resource_type in RESOURCE_TYPES},
    tables=table_values(REMOVALS),
)
