"""What the operations that set removal times have in common: a time, none, or one that follows from the end.

Source: Camunda 7, "Set removal time": exactly one of the three is given.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from engine.core.effects import Effects
from engine.core.faults import NOT_FOUND, Reject
from engine.core.ports import NO_VARIABLES
from engine.core.state import View
from engine.process.execution import Deciding
from engine.process.removals import CALCULATED, CLEARED, REMOVAL_TIME_MAX, problems_of, schedule_removal
from engine.records import HistoryDeletion

from .operation import Item, Operation, Selects

#: `schedule(parameters, item, view)`: the effects on one item.
Schedule = Callable[["Parameters", Item, View], Effects]

NAMES = ("absoluteRemovalTime", "clearedRemovalTime", "calculatedRemovalTime")
#: The parameter of what is no right time.
WRONG = -2


class Body(Struct, frozen=True, kw_only=True):
    """What clients give: exactly one. `absolute_removal_time` as RFC 3339 has it."""

    absolute_removal_time: Annotated[
        str, Meta(description="When they are deleted, such as 2027-01-31T00:00:00Z; one of the three is given.")
    ] = ""
    cleared_removal_time: Annotated[bool, Meta(description="They are never deleted by themselves.")] = False
    calculated_removal_time: Annotated[
        bool, Meta(description="They are deleted as long after their end as the settings say.")
    ] = False


class Parameters(Struct, frozen=True, kw_only=True):
    """Ms since 1970 (UTC); 0: never; -1: as long after the end as the settings say. `given`: what clients gave."""

    removal_time: int = WRONG
    given: tuple[str, ...] = ()


def read(body: Body) -> Parameters:
    values = (body.absolute_removal_time, body.cleared_removal_time, body.calculated_removal_time)
    given = tuple(name for name, value in zip(NAMES, values, strict=True) if value)
    time = CLEARED if body.cleared_removal_time else CALCULATED
    return Parameters(
        removal_time=_milliseconds(body.absolute_removal_time) if body.absolute_removal_time else time, given=given
    )


def _milliseconds(text: str) -> int:
    try:
        date = datetime.fromisoformat(text)
        return int(date.timestamp() * 1000) if date.tzinfo is not None else WRONG
    except (ValueError, OverflowError):
        return WRONG


def check(parameters: Parameters) -> list[str]:
    if len(parameters.given) != 1:
        return [f"expected one of {', '.join(NAMES)}, got {len(parameters.given)} of them; give one"]
    if parameters.given[0] not in NAMES:
        return [f"given: expected one of {', '.join(NAMES)}, got '{parameters.given[0][:60]}'; correct it"]
    is_absolute = parameters.given == NAMES[:1]
    if is_absolute and not 0 < parameters.removal_time <= REMOVAL_TIME_MAX:
        return [
            "absoluteRemovalTime: expected a date after 1970 with an offset, such as 2027-01-31T00:00:00Z; give one"
        ]
    if not is_absolute and parameters.removal_time != (CLEARED if parameters.given == NAMES[1:2] else CALCULATED):
        return [f"removalTime: expected 0 or -1 with {parameters.given[0]}, got {parameters.removal_time}; correct it"]
    return []


def admit(parameters: Parameters, view: View) -> list[str]:
    return problems_of(parameters.removal_time, view)


def facts_of(parameters: Parameters) -> str:
    """Only what is calculated needs to know when the items ended."""
    return NO_VARIABLES if parameters.removal_time == CALCULATED else ""


def removal_time_operation(
    *,
    name: str,
    path: str,
    doc: str | None,
    selects: Selects,
    permission: str,
    schedule: Schedule,
    admit: Callable[[Parameters, View], list[str]] = admit,
    variables: Callable[[Parameters], str] | None = facts_of,
) -> Operation:
    """The type that says so of what it selects. `doc`: of its module; `schedule`: the effects on one item."""

    def decide(parameters: Parameters, item: Item, view: View) -> Deciding:
        """The event says when; it is deleted by itself then."""
        yield from schedule(parameters, item, view)
        return True

    return Operation(
        name=name,
        path=path,
        help=(doc or "").splitlines()[0],
        parameters=Parameters,
        check=check,
        selects=selects,
        decide=decide,
        skips_missing=True,
        admit=admit,
        body=Body,
        read=read,
        permission=permission,
        variables=variables,
    )


def schedule_history(resource_type: str, parameters: Parameters, item: Item, view: View) -> Effects:
    """The effects on one process instance or one decision evaluation."""
    facts = item.facts
    if parameters.removal_time == CALCULATED and (facts is None or not facts.state):
        raise Reject(
            NOT_FOUND, f"expected something that has ended, got {item.key}, of which nothing is known; check it"
        )
    wish = HistoryDeletion(
        resource_key=item.key,
        resource_type=resource_type,
        removal_time=parameters.removal_time,
        end_time=facts.end_time if facts else 0,
    )
    yield from schedule_removal(view, wish)
