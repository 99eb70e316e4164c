"""The closures of operators, paths and literals. Each takes the closures of its operands and returns its own.

Rule: a closure answers null where FEEL does, says why with a warning at its place (`at`), never raises but for a limit,
and tries whole numbers first, because those are most common and need no decimals.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

from engine.bpmn.feel.calculation import ARITHMETIC, negate, why_null
from engine.bpmn.feel.errors import EvaluationFailure
from engine.bpmn.feel.limits import DECIMAL_STEPS, TEMPORAL_STEPS, Budget, check_value_depth
from engine.bpmn.feel.scopes import Local
from engine.bpmn.feel.syntax import ArithmeticOperator, CompareOperator, TypeName
from engine.bpmn.feel.temporal import TEMPORAL, properties
from engine.bpmn.feel.type_names import conforms
from engine.bpmn.feel.values import Data, Range, Scope, as_point, compare, equal, within

Code: TypeAlias = Callable[[Scope, Budget], Data]
"""A compiled expression: what it evaluates to in a scope, paid from a budget."""

INPUT = "?"
"""The name of the tested value, as FEEL writes it; no variable can be called so."""


def constant(value: Data) -> Code:
    return lambda _scope, _budget: value


def unreadable(text: str, at: int) -> Code:
    """The null of `@"text"` when the text is no date, time or duration."""

    def run(_scope: Scope, budget: Budget) -> Data:
        budget.warn(at, f"expected a date, time or duration in years 1 to 9999, got '{text}'")
        return None

    return run


def variable(name: str, at: int) -> Code:
    missing = f"expected the variable '{name}' to have a value, got none"

    def run(scope: Scope, budget: Budget) -> Data:
        value = scope.get(name)
        if value is None:
            budget.warn(at, missing)
        return value

    return run


def tested_input() -> Code:
    return lambda scope, _budget: scope.get(INPUT)


def silent(code: Code) -> Code:
    """The same without its warnings, where null is as good an answer as any."""

    def run(scope: Scope, budget: Budget) -> Data:
        warnings = budget.silence()
        value = code(scope, budget)
        budget.listen(warnings)
        return value

    return run


def path(base: Code, names: tuple[str, ...], at: int) -> Code:
    if len(names) == 1:
        name = names[0]

        def one(scope: Scope, budget: Budget) -> Data:
            value = base(scope, budget)
            if type(value) is dict and name in value:
                return value[name]
            return _field(value, name, budget, at)

        return one

    def many(scope: Scope, budget: Budget) -> Data:
        value = base(scope, budget)
        for name in names:
            value = value[name] if type(value) is dict and name in value else _field(value, name, budget, at)
        return value

    return many


def _field(value: Data, name: str, budget: Budget, at: int, depth: int = 0) -> Data:
    """`value.name` of anything: of a list it is the list of its items' fields."""
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, list):
        check_value_depth(depth)
        budget.spend(len(value))
        return [_field(item, name, budget, at, depth + 1) for item in value]
    if isinstance(value, TEMPORAL):
        budget.spend(TEMPORAL_STEPS)
        found = properties(value)
        if name in found:
            return found[name]
    if isinstance(value, Range):
        ends = {"start": value.start, "end": value.end}
        included = {"start included": value.start_included, "end included": value.end_included}
        if name in ends or name in included:
            return ends[name] if name in ends else included[name]
    budget.warn(at, f"expected an entry or property of {{}}, got none called '{name}'", value)
    return None


def arithmetic(first: Code, rest: tuple[tuple[ArithmeticOperator, Code, int], ...]) -> Code:
    operations = tuple((ARITHMETIC[symbol], operand, symbol, at) for symbol, operand, at in rest)
    if len(operations) == 1:
        operation, second, symbol, at = operations[0]

        def one(scope: Scope, budget: Budget) -> Data:
            left, right = first(scope, budget), second(scope, budget)
            try:
                value = operation(left, right, budget)
            except EvaluationFailure as failure:
                failure.locate(at)
                raise
            if value is None:
                budget.warn(at, why_null(symbol, left, right), left, right)
            return value

        return one

    def run(scope: Scope, budget: Budget) -> Data:
        value = first(scope, budget)
        for operation, operand, symbol, at in operations:
            left, right = value, operand(scope, budget)
            try:
                value = operation(left, right, budget)
            except EvaluationFailure as failure:
                failure.locate(at)
                raise
            if value is None:
                budget.warn(at, why_null(symbol, left, right), left, right)
        return value

    return run


def negation(operand: Code, at: int) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        value = operand(scope, budget)
        result = negate(value)
        if result is None:
            budget.warn(at, "expected a number or a duration to negate, got {}", value)
        return result

    return run


ORDERS: dict[CompareOperator, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def comparison(symbol: CompareOperator, left: Code, right: Code, at: int) -> Code:
    if symbol == "=":
        return equality(left, right, at)
    if symbol == "!=":
        same = equality(left, right, at)
        return lambda scope, budget: None if (value := same(scope, budget)) is None else not value
    test = ORDERS[symbol]

    def run(scope: Scope, budget: Budget) -> Data:
        a, b = left(scope, budget), right(scope, budget)
        if type(a) is int and type(b) is int:
            return test(a, b)
        order = compare(a, b)
        if order is None:
            budget.warn(at, "expected two values of one type that has an order, got {} and {}", a, b)
            return None
        return test(order, 0)

    return run


def equality(left: Code, right: Code, at: int) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        a, b = left(scope, budget), right(scope, budget)
        same = equal(a, b, budget)
        if same is None:
            budget.warn(at, "expected two values of one type to compare, got {} and {}", a, b)
        return same

    return run


def between(value: Code, low: Code, high: Code, at: int) -> Code:
    return conjunction((comparison(">=", value, low, at), comparison("<=", value, high, at)), at)


def conjunction(operands: tuple[Code, ...], at: int) -> Code:
    """DMN 1.5, table 50: false if any is false, else null if any is not true."""

    def run(scope: Scope, budget: Budget) -> Data:
        result: Data = True
        for operand in operands:
            value = operand(scope, budget)
            if value is False:
                return False
            if value is not True:
                result = None
                if value is not None:
                    budget.warn(at, "expected booleans around 'and', got {}", value)
        return result

    return run


def disjunction(operands: tuple[Code, ...], at: int) -> Code:
    """DMN 1.5, table 50: true if any is true, else null if any is not false."""

    def run(scope: Scope, budget: Budget) -> Data:
        result: Data = False
        for operand in operands:
            value = operand(scope, budget)
            if value is True:
                return True
            if value is not False:
                result = None
                if value is not None:
                    budget.warn(at, "expected booleans around 'or', got {}", value)
        return result

    return run


def conditional(condition: Code, then: Code, otherwise: Code, at: int) -> Code:
    """A condition that is not true, null included, takes the `else` branch."""

    def run(scope: Scope, budget: Budget) -> Data:
        value = condition(scope, budget)
        if value is True:
            return then(scope, budget)
        if value is not False:
            budget.warn(at, "expected a boolean between 'if' and 'then', got {}", value)
        return otherwise(scope, budget)

    return run


def interval(start: Code, end: Code, at: int, *, start_included: bool, end_included: bool) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        low, high = as_point(start(scope, budget)), as_point(end(scope, budget))
        budget.spend(DECIMAL_STEPS)
        if low is None or high is None or compare(low, high) is None:
            budget.warn(at, "expected a range between values of one type that has an order, got {} and {}", low, high)
            return None
        return Range(start=low, end=high, start_included=start_included, end_included=end_included)

    return run


def membership(value: Code, tests: tuple[Code, ...], at: int) -> Code:
    """`value in (tests)`: each test sees the value as INPUT and answers true, false or null."""
    any_test = disjunction(tests, at)
    return lambda scope, budget: any_test(Local({INPUT: value(scope, budget)}, scope), budget)


def matching(test: Code, at: int) -> Code:
    """The test of an expression that does not mention the input: equal to it, or containing it, or just true.

    DMN 1.5, 10.3.2.7 and table 55, as feel-scala reads them.
    """

    def run(scope: Scope, budget: Budget) -> Data:
        result, value = test(scope, budget), scope.get(INPUT)
        if result is True:
            return True
        if isinstance(result, Range) and not isinstance(value, Range):
            inside = within(value, result)
            if inside is None:
                budget.warn(at, "expected a value of the type of the range's ends, got {}", value)
            return inside
        if isinstance(result, list):
            return any(_matches_item(value, item, budget) for item in result)
        same = equal(value, result, budget)
        if same is None:
            budget.warn(at, "expected two values of one type to compare, got {} and {}", value, result)
        return False if result is False and same is None else same

    return run


def _matches_item(value: Data, item: Data, budget: Budget) -> bool:
    budget.spend(1)
    if isinstance(item, Range):
        return within(value, item) is True
    return equal(value, item, budget) is True


def instance_of(value: Code, wanted: TypeName) -> Code:
    return lambda scope, budget: conforms(value(scope, budget), wanted, budget)


def list_literal(items: tuple[Code, ...]) -> Code:
    return lambda scope, budget: [item(scope, budget) for item in items]


def context_literal(entries: tuple[tuple[str, Code], ...]) -> Code:
    """Later entries see earlier ones (DMN 1.5, 10.3.2.6)."""

    def run(scope: Scope, budget: Budget) -> Data:
        context: dict[str, Data] = {}
        inner = Local(context, scope)
        for key, code in entries:
            context[key] = code(inner, budget)
        return context

    return run
