"""The values of FEEL: what they are, when they are equal, how they leave as JSON.

Rule: `Value` is what comes in and goes out (JSON); `Data` is what exists in between, with decimals, dates, times,
durations, ranges and functions. Nothing here changes a value: lists and contexts are shared between variables and
results.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from typing import Protocol, TypeAlias, cast

import msgspec

from engine.bpmn.feel import temporal
from engine.bpmn.feel.arithmetic import Number, exact, export_number, format_number, plain
from engine.bpmn.feel.limits import DECIMAL_STEPS, Budget, check_value_depth
from engine.bpmn.feel.temporal import TEMPORAL, Temporal
from engine.bpmn.feel.temporal_text import export_temporal, format_temporal

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Data: TypeAlias = (
    "bool | int | float | Decimal | str | list[Data] | dict[str, Data] | Temporal | Range | Function | None"
)
Point: TypeAlias = Number | str | Temporal
"""What has an order: both ends of a range are points of one type."""
_POINTS = (str, *TEMPORAL)
BRIEF_LENGTH_MAX = 40
"""Characters of a value that a warning shows."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """`[start..end]` as a value: what `in` tests against."""

    start: Point
    end: Point
    start_included: bool
    end_included: bool


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """`function(x, y) …` as a value. `invoke` takes as many arguments as there are parameters."""

    parameters: tuple[str, ...]
    invoke: Callable[[list[Data]], Data]


class Scope(Protocol):
    """Where names are looked up. Absent and null are the same: None."""

    def get(self, name: str, /) -> Data: ...


def as_point(value: Data) -> Point | None:
    """A value that can be the end of a range; None for any other."""
    return value if isinstance(value, _POINTS) else exact(value)


def compare(left: Data, right: Data) -> int | None:
    """-1, 0 or 1 as `left` is less than, equal to or greater than `right`; None if they have no order.

    Numbers, strings, and dates, times and durations of one type have one.
    """
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    a, b = exact(left), exact(right)
    if a is not None and b is not None:
        return (a > b) - (a < b)
    return temporal.order(left, right) if isinstance(left, TEMPORAL) and isinstance(right, TEMPORAL) else None


def equal(left: Data, right: Data, budget: Budget) -> bool | None:
    """DMN 1.5, table 53: null equals null only; values of different kinds do not compare (null)."""
    kind = type(left)
    if kind is type(right) and (kind is str or kind is int or kind is bool):
        return left == right
    if left is None or right is None:
        return left is right
    for container in (list, dict, Range, Function):
        if isinstance(left, container):
            return identity(left, budget) == identity(right, budget) if isinstance(right, container) else None
    if isinstance(left, bool) or isinstance(right, bool):
        return None
    budget.spend(DECIMAL_STEPS)
    order = compare(left, right)
    return None if order is None else order == 0


def identity(value: Data, budget: Budget, depth: int = 0) -> Hashable:
    """A key that two values share exactly if they are equal; the cost is counted."""
    budget.spend(1 + DECIMAL_STEPS)
    if value is None or isinstance(value, bool | str):
        # bool: True == 1 in Python, not in FEEL.
        return ("boolean", value) if isinstance(value, bool) else value
    if isinstance(value, list):
        check_value_depth(depth)
        return ("list", *(identity(item, budget, depth + 1) for item in value))
    if isinstance(value, dict):
        check_value_depth(depth)
        return ("context", frozenset((key, identity(item, budget, depth + 1)) for key, item in value.items()))
    if isinstance(value, TEMPORAL):
        return temporal.key(value)
    if isinstance(value, Range):
        ends = identity(value.start, budget), identity(value.end, budget)
        return ("range", *ends, value.start_included, value.end_included)
    number = exact(value)
    if number is not None:
        return number
    # Functions equal only themselves; a number that is not finite equals nothing, itself included.
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
    return temporal.TYPE_NAMES.get(type(value), "number")


def export(value: Data, budget: Budget, depth: int = 0) -> Value:
    """The value as JSON: whole numbers as int, others as float, times as ISO 8601, ranges and functions as null."""
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return cast("Value", value)
    budget.spend(DECIMAL_STEPS)
    if isinstance(value, list):
        check_value_depth(depth)
        return [export(item, budget, depth + 1) for item in value]
    if isinstance(value, dict):
        check_value_depth(depth)
        return {key: export(item, budget, depth + 1) for key, item in value.items()}
    if isinstance(value, TEMPORAL):
        return export_temporal(value)
    number = exact(value)
    return None if number is None else export_number(number)


def describe(value: Data, budget: Budget, depth: int = 0) -> str:
    """The text of a value inside a list or context, as `string()` writes it."""
    budget.spend(1 + DECIMAL_STEPS)
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
        case Range():
            ends = f"{describe(value.start, budget, depth + 1)}..{describe(value.end, budget, depth + 1)}"
            text = f"{'[' if value.start_included else '('}{ends}{']' if value.end_included else ')'}"
        case Function():
            text = f"function({', '.join(value.parameters)})"
        case _:
            text = format_temporal(value) if isinstance(value, TEMPORAL) else _describe_number(value)
    budget.string(len(text))
    return text


def _describe_number(value: int | float | Decimal) -> str:
    number = exact(value)
    return "null" if number is None else format_number(number)


def brief(value: object) -> str:
    """A value as a warning tells it: its type, and itself if it is short. Of several: each."""
    if isinstance(value, tuple):
        return ", ".join(map(brief, value))
    data = cast("Data", value)
    if data is None or isinstance(data, list | dict | Function | Range) or len(str(data)) > BRIEF_LENGTH_MAX:
        return type_of(data)
    return f"{type_of(data)} {describe(data, Budget())}"


def tell(message: str, values: tuple[object, ...]) -> str:
    """The text of a warning: the first `{}` are replaced by the values, later ones are part of a name."""
    first, *rest = message.split("{}", len(values))
    return first + "".join(brief(value) + part for value, part in zip(values, rest, strict=False))


def is_index(value: Data) -> int | None:
    """A whole number as a position in a list; None for anything else."""
    number = exact(value)
    if number is None:
        return None
    number = plain(number)
    return number if isinstance(number, int) else None
