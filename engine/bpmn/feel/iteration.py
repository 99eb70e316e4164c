"""The closures of what repeats or is called: `for`, `some`, `every`, filters, functions.

Rule: before a body runs once more, its weight (the number of its syntax nodes) is spent from the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from engine.bpmn.feel.arithmetic import DECIMAL128, Number, exact
from engine.bpmn.feel.builtin import Builtin
from engine.bpmn.feel.errors import EvaluationFailure
from engine.bpmn.feel.limits import RANGE_LENGTH_MAX, STEP_CHARACTERS, STEP_REFERENCES, Budget
from engine.bpmn.feel.operators import Code
from engine.bpmn.feel.scopes import Local, item_scope
from engine.bpmn.feel.syntax import Quantifier
from engine.bpmn.feel.values import Data, Function, Scope, is_index

PARTIAL = "partial"
"""The name under which the body of `for` sees the results so far (DMN 1.5, 10.3.2.14)."""

Source = Callable[[Scope, Budget], "Iterable[Data] | None"]
"""What an iterator runs over; None if that is no list."""


class _NotIterable(Exception):
    """An iterator's source is no list: the whole expression is null."""


def items_source(code: Code) -> Source:
    def run(scope: Scope, budget: Budget) -> Iterable[Data] | None:
        value = code(scope, budget)
        return value if isinstance(value, list) else None

    return run


def range_source(start: Code, end: Code) -> Source:
    """`start..end`, upwards or downwards by one."""

    def run(scope: Scope, budget: Budget) -> Iterable[Data] | None:
        first, last = exact(start(scope, budget)), exact(end(scope, budget))
        return None if first is None or last is None else _count(first, last)

    return run


def _count(first: Number, last: Number) -> Sequence[Data]:
    distance = abs(DECIMAL128.subtract(last, first))
    if distance >= RANGE_LENGTH_MAX:
        raise EvaluationFailure(
            f"expected a range of at most {RANGE_LENGTH_MAX} numbers, got {first}..{last}; iterate over fewer"
        )
    step = 1 if first <= last else -1
    if isinstance(first, int):
        return range(first, first + step * (int(distance) + 1), step)
    return [DECIMAL128.add(first, step * index) for index in range(int(distance) + 1)]


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


def loop(iterators: tuple[tuple[str, Source], ...], body: Code, weight: int, *, reads_partial: bool) -> Code:
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
        return results

    return run


def quantified(quantifier: Quantifier, iterators: tuple[tuple[str, Source], ...], condition: Code, weight: int) -> Code:
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
        except _NotIterable:
            return None
        return result

    return run


def pick(items: list[Data], index: Data) -> Data:
    """The item at a position: 1 is the first, -1 the last; null if there is none."""
    position = is_index(index)
    if position is None or position == 0 or abs(position) > len(items):
        return None
    return items[position - 1 if position > 0 else position]


def index_filter(base: Code, index: Data) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        items = base(scope, budget)
        return pick(items, index) if isinstance(items, list) else None

    return run


def item_filter(base: Code, condition: Code, weight: int, *, may_be_index: bool) -> Code:
    """`base[condition]`. A condition that is a number is a position.

    With `may_be_index` the condition is first tried without an item (as feel-scala does for names and arithmetic);
    otherwise the first item tells.
    """

    def run(scope: Scope, budget: Budget) -> Data:
        items = base(scope, budget)
        if not isinstance(items, list):
            return None
        if may_be_index:
            index = condition(scope, budget)
            if _is_number(index):
                return pick(items, index)
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


def function_literal(parameters: tuple[str, ...], body: Code, weight: int, height: int) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        def invoke(arguments: list[Data]) -> Data:
            budget.spend(weight)
            budget.enter(height)
            value = body(Local(dict(zip(parameters, arguments, strict=True)), scope), budget)
            budget.leave(height)
            return value

        return Function(parameters=parameters, invoke=invoke)

    return run


def call_function(name: str, arguments: tuple[Code, ...]) -> Code:
    """Call a function that the expression bound to a name; null if it is none, or takes other arguments."""

    def run(scope: Scope, budget: Budget) -> Data:
        function = scope.get(name)
        if not isinstance(function, Function) or len(function.parameters) != len(arguments):
            return None
        return function.invoke([argument(scope, budget) for argument in arguments])

    return run


def call_builtin(builtin: Builtin, arguments: tuple[Code, ...]) -> Code:
    """Call a built-in, after spending what it may look at: its lists and strings."""
    function, spends = builtin.run, builtin.spends

    def run(scope: Scope, budget: Budget) -> Data:
        values = [argument(scope, budget) for argument in arguments]
        for value in values:
            if isinstance(value, list | dict):
                budget.spend(len(value))
            elif isinstance(value, str):
                budget.spend(len(value) // STEP_CHARACTERS)
        budget.spend(1)
        return function(budget, *values) if spends else function(*values)

    return run
