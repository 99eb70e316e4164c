"""The closures of what repeats: `for`, `some`, `every`, filters.

Rule: before a body runs once more, its weight (the number of its syntax nodes) is spent from the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

from engine.bpmn.feel.arithmetic import DECIMAL128, Number, exact
from engine.bpmn.feel.errors import EvaluationFailure
from engine.bpmn.feel.limits import RANGE_LENGTH_MAX, STEP_REFERENCES, Budget
from engine.bpmn.feel.operators import Code
from engine.bpmn.feel.scopes import Local, item_scope
from engine.bpmn.feel.syntax import Quantifier
from engine.bpmn.feel.values import Data, Range, Scope, is_index

PARTIAL = "partial"
"""The name under which the body of `for` sees the results so far (DMN 1.5, 10.3.2.14)."""

Source = Callable[[Scope, Budget], "Iterable[Data] | None"]
"""What an iterator runs over; None if that is nothing to run over."""


class _NotIterable(Exception):
    """An iterator's source is no list: the whole expression is null."""


def items_source(code: Code, at: int) -> Source:
    """The items of a list, or what lies in a range of whole numbers or dates."""

    def run(scope: Scope, budget: Budget) -> Iterable[Data] | None:
        value = code(scope, budget)
        items = value if isinstance(value, list) else _inside(value) if isinstance(value, Range) else None
        if items is None:
            budget.warn(at, "expected a list or a range of whole numbers or dates, got {}", value)
        return items

    return run


def range_source(start: Code, end: Code, at: int) -> Source:
    """`start..end`, numbers upwards or downwards by one, dates by a day."""

    def run(scope: Scope, budget: Budget) -> Iterable[Data] | None:
        first, last = start(scope, budget), end(scope, budget)
        items = _count(first, last)
        if items is None:
            budget.warn(at, "expected two numbers or two dates around '..', got {} and {}", first, last)
        return items

    return run


def _inside(interval: Range) -> Sequence[Data] | None:
    first, last = interval.start, interval.end
    if not isinstance(first, date) and is_index(first) is None:
        return None
    items = _count(first, last) if first <= last else ()  # type: ignore[operator]
    if items is None:
        return None
    start = 0 if interval.start_included else 1
    end = len(items) if interval.end_included or not items or items[-1] != last else len(items) - 1
    return items[start:end]


def _count(first: Data, last: Data) -> Sequence[Data] | None:
    if isinstance(first, date) and isinstance(last, date):
        days = (last - first).days
        _check_length(abs(days), first, last)
        step = timedelta(days=1 if days >= 0 else -1)
        return [first + step * index for index in range(abs(days) + 1)]
    start, end = exact(first), exact(last)
    return None if start is None or end is None else _count_numbers(start, end)


def _count_numbers(first: Number, last: Number) -> Sequence[Data]:
    distance = abs(DECIMAL128.subtract(last, first))
    _check_length(distance, first, last)
    step = 1 if first <= last else -1
    if isinstance(first, int):
        return range(first, first + step * (int(distance) + 1), step)
    return [DECIMAL128.add(first, step * index) for index in range(int(distance) + 1)]


def _check_length(distance: Number, first: object, last: object) -> None:
    if distance >= RANGE_LENGTH_MAX:
        raise EvaluationFailure(
            f"expected a range of at most {RANGE_LENGTH_MAX} items, got {first}..{last}; iterate over fewer"
        )


def _bindings(iterators: tuple[tuple[str, Source], ...], scope: Scope, budget: Budget) -> Iterator[Local]:
    """A scope for every combination of items, the last iterator fastest; later iterators see earlier names."""
    name, source = iterators[0]
    items = source(scope, budget)
    if items is None:
        raise _NotIterable
    rest = iterators[1:]
    for item in items:
        budget.spend(1)
        inner = Local({name: item}, scope)
        if rest:
            yield from _bindings(rest, inner, budget)
        else:
            yield inner


def loop(iterators: tuple[tuple[str, Source], ...], body: Code, weight: int, at: int, *, reads_partial: bool) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        results: list[Data] = []
        try:
            for inner in _bindings(iterators, scope, budget):
                budget.spend(weight)
                if reads_partial:
                    budget.spend(len(results) // STEP_REFERENCES)
                    # A copy: the body may keep it, and results grow on.
                    inner.names = {PARTIAL: list(results), **inner.names}
                results.append(body(inner, budget))
        except _NotIterable:
            return None
        except EvaluationFailure as failure:
            failure.locate(at)
            raise
        return results

    return run


def quantified(
    quantifier: Quantifier, iterators: tuple[tuple[str, Source], ...], condition: Code, weight: int, at: int
) -> Code:
    """True or false as soon as one item decides; else null if any condition was neither."""
    deciding = quantifier == "some"

    def run(scope: Scope, budget: Budget) -> Data:
        result: Data = not deciding
        try:
            for inner in _bindings(iterators, scope, budget):
                budget.spend(weight)
                value = condition(inner, budget)
                if value is deciding:
                    return deciding
                if not isinstance(value, bool):
                    result = None
                    budget.warn(at, "expected a boolean after 'satisfies', got {}", value)
        except _NotIterable:
            return None
        except EvaluationFailure as failure:
            failure.locate(at)
            raise
        return result

    return run


def pick(items: list[Data], index: Data) -> Data:
    """The item at a position: 1 is the first, -1 the last; null if there is none."""
    position = is_index(index)
    if position is None or position == 0 or abs(position) > len(items):
        return None
    return items[position - 1 if position > 0 else position]


def index_filter(base: Code, index: Data, at: int) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        items = base(scope, budget)
        if not isinstance(items, list):
            budget.warn(at, "expected a list to take an item of, got {}", items)
            return None
        return pick(items, index)

    return run


def item_filter(base: Code, condition: Code, weight: int, at: int, *, may_be_index: bool) -> Code:
    """`base[condition]`. A condition that is a number is a position.

    With `may_be_index` the condition is first tried without an item (as feel-scala does for names and arithmetic);
    otherwise the first item tells.
    """

    def run(scope: Scope, budget: Budget) -> Data:
        items = base(scope, budget)
        if not isinstance(items, list):
            budget.warn(at, "expected a list to filter, got {}", items)
            return None
        try:
            if may_be_index:
                warnings = budget.silence()
                index = condition(scope, budget)
                budget.listen(warnings)
                if _is_number(index):
                    return pick(items, index)
            return keep(items, scope, budget)
        except EvaluationFailure as failure:
            failure.locate(at)
            raise

    def keep(items: list[Data], scope: Scope, budget: Budget) -> Data:
        kept: list[Data] = []
        for position, item in enumerate(items):
            budget.spend(weight + 1)
            value = condition(item_scope(item, scope), budget)
            if value is True:
                kept.append(item)
            elif position == 0 and _is_number(value):
                return pick(items, value)
        return kept

    return run


def _is_number(value: Data) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
