"""Built-in functions on ranges and points (DMN 1.5, 10.3.4.1 and 10.3.4.9, table 78).

Rule: an end is a point and on which side of it the end lies, so that comparing two ends says all about them: `(1`
begins after `[1`, and `1)` ends before `1]`. A point is the range from itself to itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from engine.bpmn.feel.arithmetic import parse_number
from engine.bpmn.feel.builtin import Builtin, builtin
from engine.bpmn.feel.limits import TEMPORAL_STEPS
from engine.bpmn.feel.temporal_text import parse_temporal
from engine.bpmn.feel.values import Data, Point, Range, as_point, compare

_RANGE = re.compile(r"([\[(\]])\s*(.+?)\s*\.\.\s*(.+?)\s*([\])\[])", re.DOTALL)
_TEMPORAL = re.compile(r'(?:@|(?:date and time|date|time|duration)\()"([^"]*)"\)?')
_NUMBER = re.compile(r"-?(?:[0-9]{1,34}(?:\.[0-9]{1,34})?|\.[0-9]{1,34})")


class End(msgspec.Struct, frozen=True):
    """The start or end of a range; `side` is -1, 0 or 1 if it lies just before the point, at it or just after it."""

    point: Point
    side: int

    def order(self, other: End) -> int:
        """Negative, zero or positive as this end lies before, at or after the other."""
        return (compare(self.point, other.point) or 0) or self.side - other.side


class Span(msgspec.Struct, frozen=True):
    """From where to where a range or a point goes."""

    start: End
    end: End


Relation: TypeAlias = Callable[[Span, Span], bool]


def _span(value: Data) -> Span | None:
    if isinstance(value, Range):
        start = End(value.start, 0 if value.start_included else 1)
        return Span(start, End(value.end, 0 if value.end_included else -1))
    point = as_point(value)
    return None if point is None else Span(End(point, 0), End(point, 0))


def before(a: Span, b: Span) -> bool:
    return a.end.order(b.start) < 0


def meets(a: Span, b: Span) -> bool:
    return a.end.order(b.start) == 0


def overlaps(a: Span, b: Span) -> bool:
    return a.end.order(b.start) >= 0 and b.end.order(a.start) >= 0


def overlaps_before(a: Span, b: Span) -> bool:
    return a.start.order(b.start) < 0 and a.end.order(b.start) >= 0 and a.end.order(b.end) <= 0


def finishes(a: Span, b: Span) -> bool:
    return a.end.order(b.end) == 0 and a.start.order(b.start) >= 0


def includes(a: Span, b: Span) -> bool:
    return a.start.order(b.start) <= 0 and a.end.order(b.end) >= 0


def starts(a: Span, b: Span) -> bool:
    return a.start.order(b.start) == 0 and a.end.order(b.end) <= 0


def coincides(a: Span, b: Span) -> bool:
    return a.start.order(b.start) == 0 and a.end.order(b.end) == 0


POINT, RANGE = "point", "range"
_SAME, _RANGES = ((POINT, POINT), (RANGE, RANGE)), ((RANGE, RANGE),)
_INSIDE, _AROUND = ((POINT, RANGE), (RANGE, RANGE)), ((RANGE, POINT), (RANGE, RANGE))
_ANY = (*_SAME, (POINT, RANGE), (RANGE, POINT))


def _reversed(relation: Relation) -> Relation:
    return lambda a, b: relation(b, a)


RELATIONS: dict[str, tuple[Relation, tuple[tuple[str, str], ...]]] = {
    "before": (before, _ANY),
    "after": (_reversed(before), _ANY),
    "meets": (meets, _RANGES),
    "met by": (_reversed(meets), _RANGES),
    "overlaps": (overlaps, _RANGES),
    "overlaps before": (overlaps_before, _RANGES),
    "overlaps after": (_reversed(overlaps_before), _RANGES),
    "finishes": (finishes, _INSIDE),
    "finished by": (_reversed(finishes), _AROUND),
    "includes": (includes, _AROUND),
    "during": (_reversed(includes), _INSIDE),
    "starts": (starts, _INSIDE),
    "started by": (_reversed(starts), _AROUND),
    "coincides": (coincides, _SAME),
}
"""Each relation, and between what it is defined."""


def _relate(name: str) -> Builtin:
    relation, kinds = RELATIONS[name]

    def run(first: Data, second: Data) -> Data:
        a, b = _span(first), _span(second)
        kind = (RANGE if isinstance(first, Range) else POINT, RANGE if isinstance(second, Range) else POINT)
        if a is None or b is None or kind not in kinds or compare(a.start.point, b.start.point) is None:
            return None
        return relation(a, b)

    return builtin(name, ";".join(_parameters(*pair) for pair in kinds), run, steps=TEMPORAL_STEPS)


def _parameters(first: str, second: str) -> str:
    return f"{first}1, {second}2" if first == second else f"{first}, {second}"


def make_range(text: Data) -> Data:
    """The range that a text is: between numbers, strings, or dates, times and durations, written as literals."""
    match = _RANGE.fullmatch(text) if isinstance(text, str) else None
    start, end = (_literal(match[2]), _literal(match[3])) if match else (None, None)
    if match is None or start is None or end is None or compare(start, end) is None:
        return None
    return Range(start=start, end=end, start_included=match[1] == "[", end_included=match[4] == "]")


def _literal(text: str) -> Point | None:
    if _NUMBER.fullmatch(text):
        return parse_number(text)
    match = _TEMPORAL.fullmatch(text)
    if match:
        return parse_temporal(match[1])
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1] else None


RANGE_FUNCTIONS: tuple[Builtin, ...] = (
    *map(_relate, RELATIONS),
    builtin("range", "from", make_range, steps=TEMPORAL_STEPS),
)
