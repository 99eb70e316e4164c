"""Filters that contradict what a type of batch operation can be about: refused by name, rather than matching nothing.

Rule: tells only what can match nothing whatever there is; what a filter may say at all is known where it is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from engine.core.patterns import is_like

if TYPE_CHECKING:
    from .operation import Operation

STATE, PARENT = "state", "parentProcessInstanceKey"


def contradictions(operation: Operation, text: str) -> list[str]:
    """What of the JSON text of a filter can never be true of an item of this type."""
    try:
        given = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return []
    return [problem for place, part in _parts(given) for problem in _problems(operation, place, part)]


def _parts(given: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The filter and its alternatives, each with its place."""
    if not isinstance(given, dict):
        return
    yield "filter", given
    alternatives = given.get("$or")
    if isinstance(alternatives, list):
        for index, alternative in enumerate(alternatives):
            if isinstance(alternative, dict):
                yield f"filter.$or[{index}]", alternative


def _problems(operation: Operation, place: str, given: Mapping[str, Any]) -> Iterator[str]:
    selects = operation.selects
    states = selects.states_named
    if STATE in given and states and not any(_allows(given[STATE], state) for state in states):
        shown = msgspec.json.encode(given[STATE]).decode()[:100]
        yield (
            f"{place}.{STATE}: expected one that {operation.name} can be about ({', '.join(states)}), got {shown}; "
            "correct it or leave it out"
        )
    if PARENT in given and selects.roots_only and not _allows_none(given[PARENT]):
        yield f"{place}.{PARENT}: expected none, because {operation.name} is about root instances only; leave it out"


def _allows(given: object, state: str) -> bool:
    """Whether a state satisfies a value or an object of operators; what is not understood is told elsewhere."""
    if not isinstance(given, dict):
        return given == state
    return all(_holds(operator, operand, state) for operator, operand in given.items())


def _holds(operator: str, operand: Any, state: str) -> bool:
    if operator == "$eq":
        return bool(operand == state)
    if operator == "$neq":
        return bool(operand != state)
    if operator == "$exists":
        return operand is not False
    if operator == "$in":
        return not isinstance(operand, list) or state in operand
    if operator == "$notIn":
        return not isinstance(operand, list) or state not in operand
    if operator == "$like" and isinstance(operand, str):
        return is_like(state, operand)
    return True


def _allows_none(given: object) -> bool:
    """Whether one without a parent satisfies it: a missing value is unequal to everything."""
    if not isinstance(given, dict):
        return False
    return all(
        operand is False if operator == "$exists" else operator in ("$neq", "$notIn")
        for operator, operand in given.items()
    )
