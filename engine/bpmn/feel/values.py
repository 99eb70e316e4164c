"""The values of FEEL: what they are, when they are equal, how they leave as JSON.

Rule: `Value` is what comes in and goes out (JSON); `Data` is what exists in between, with decimals, ranges and
functions. Nothing here changes a value: lists and contexts are shared between variables and results.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from typing import Protocol, TypeAlias, cast

import msgspec

from engine.bpmn.feel.arithmetic import Number, exact, export_number, format_number, plain
from engine.bpmn.feel.limits import Budget, check_value_depth

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Data: TypeAlias = "bool | int | float | Decimal | str | list[Data] | dict[str, Data] | Range | Function | None"


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """`[start..end]` as a value: what `in` tests against. Both ends are numbers, or both are strings."""

    start: Number | str
    end: Number | str
    start_included: bool
    end_included: bool


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """`function(x, y) …` as a value. `invoke` takes as many arguments as there are parameters."""

    parameters: tuple[str, ...]
    invoke: Callable[[list[Data]], Data]


class Scope(Protocol):
    """Where names are looked up. Absent and null are the same: None."""

    def get(self, name: str, /) -> Data: ...


def compare(left: Data, right: Data) -> int | None:
    """-1, 0 or 1 as `left` is less than, equal to or greater than `right`; None unless both are numbers or strings."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    a, b = exact(left), exact(right)
    return None if a is None or b is None else (a > b) - (a < b)


def equal(left: Data, right: Data, budget: Budget) -> bool | None:
    """DMN 1.5, table 53: null equals null only; values of different kinds do not compare (null)."""
    kind = type(left)
    if kind is type(right) and (kind is str or kind is int or kind is bool):
        return left == right
    if left is None or right is None:
        return left is right
    if isinstance(left, list):
        return identity(left, budget) == identity(right, budget) if isinstance(right, list) else None
    if isinstance(left, dict):
        return identity(left, budget) == identity(right, budget) if isinstance(right, dict) else None
    if isinstance(left, bool) or isinstance(right, bool):
        return None
    order = compare(left, right)
    return None if order is None else order == 0


def identity(value: Data, budget: Budget, depth: int = 0) -> Hashable:
    """A key that two values share exactly if they are equal; the cost is counted."""
    budget.spend(1)
    if value is None or isinstance(value, bool | str):
        # bool: True == 1 in Python, not in FEEL.
        return ("boolean", value) if isinstance(value, bool) else value
    if isinstance(value, list):
        check_value_depth(depth)
        return ("list", *(identity(item, budget, depth + 1) for item in value))
    if isinstance(value, dict):
        check_value_depth(depth)
        return ("context", frozenset((key, identity(item, budget, depth + 1)) for key, item in value.items()))
    number = exact(value)
    if number is not None:
        return number
    # Ranges and functions equal only themselves; a number that is not finite equals nothing, itself included.
    return ("other", id(value))


def within(value: Data, interval: Range) -> bool | None:
    """Whether `value` lies in the range; null if it does not compare with its ends."""
    after_start, before_end = compare(value, interval.start), compare(value, interval.end)
    if after_start is None or before_end is None:
        return None
    return (after_start > 0 or (after_start == 0 and interval.start_included)) and (
        before_end < 0 or (before_end == 0 and interval.end_included)
    )


def type_of(value: Data) -> str:
    """The name of the value's FEEL type."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case list():
            return "list"
        case dict():
            return "context"
        case Range():
            return "range"
        case Function():
            return "function"
        case _:
            return "number"


def export(value: Data, budget: Budget, depth: int = 0) -> Value:
    """The value as JSON: whole numbers as int, others as float, ranges and functions as null."""
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return cast("Value", value)
    budget.spend(1)
    if isinstance(value, list):
        check_value_depth(depth)
        return [export(item, budget, depth + 1) for item in value]
    if isinstance(value, dict):
        check_value_depth(depth)
        return {key: export(item, budget, depth + 1) for key, item in value.items()}
    number = exact(value)
    return None if number is None else export_number(number)


def describe(value: Data, budget: Budget, depth: int = 0) -> str:
    """The text of a value inside a list or context, as `string()` writes it."""
    budget.spend(1)
    check_value_depth(depth)
    match value:
        case None:
            text = "null"
        case bool():
            text = "true" if value else "false"
        case str():
            text = f'"{value}"'
        case list():
            text = f"[{', '.join(describe(item, budget, depth + 1) for item in value)}]"
        case dict():
            text = f"{{{', '.join(f'{key}:{describe(item, budget, depth + 1)}' for key, item in value.items())}}}"
        case _:
            number = exact(value)
            text = "null" if number is None else format_number(number)
    budget.string(len(text))
    return text


def is_index(value: Data) -> int | None:
    """A whole number as a position in a list; None for anything else."""
    number = exact(value)
    if number is None:
        return None
    number = plain(number)
    return number if isinstance(number, int) else None
