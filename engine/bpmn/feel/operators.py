"""The closures of operators, paths and literals. Each takes the closures of its operands and returns its own.

Rule: a closure answers null where FEEL does, never raises but for a limit, and tries whole numbers first, because
those are most common and need no decimals.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from engine.bpmn.feel.arithmetic import DECIMAL128, Number, divide, exact, finite, limit, negate, power
from engine.bpmn.feel.limits import TRANSCENDENTAL_STEPS, Budget, check_value_depth
from engine.bpmn.feel.scopes import Local
from engine.bpmn.feel.syntax import ArithmeticOperator, CompareOperator
from engine.bpmn.feel.values import Data, Range, Scope, compare, equal, type_of, within

Code: TypeAlias = Callable[[Scope, Budget], Data]
"""A compiled expression: what it evaluates to in a scope, paid from a budget."""

INPUT = "?"
"""The name of the tested value, as FEEL writes it; no variable can be called so."""


def constant(value: Data) -> Code:
    return lambda _scope, _budget: value


def variable(name: str) -> Code:
    return lambda scope, _budget: scope.get(name)


def path(base: Code, names: tuple[str, ...]) -> Code:
    if len(names) == 1:
        name = names[0]

        def one(scope: Scope, budget: Budget) -> Data:
            value = base(scope, budget)
            return value.get(name) if type(value) is dict else _field(value, name, budget)

        return one

    def many(scope: Scope, budget: Budget) -> Data:
        value = base(scope, budget)
        for name in names:
            value = value.get(name) if type(value) is dict else _field(value, name, budget)
        return value

    return many


def _field(value: Data, name: str, budget: Budget, depth: int = 0) -> Data:
    """`value.name` of anything: of a list it is the list of its items' fields."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list):
        check_value_depth(depth)
        budget.spend(len(value))
        return [_field(item, name, budget, depth + 1) for item in value]
    return None


def add(left: Data, right: Data, budget: Budget) -> Data:
    if type(left) is int and type(right) is int:
        return limit(left + right)
    if isinstance(left, str) and isinstance(right, str):
        budget.string(len(left) + len(right))
        return left + right
    return _calculate(left, right, DECIMAL128.add)


def subtract(left: Data, right: Data, _budget: Budget) -> Data:
    if type(left) is int and type(right) is int:
        return limit(left - right)
    return _calculate(left, right, DECIMAL128.subtract)


def multiply(left: Data, right: Data, _budget: Budget) -> Data:
    if type(left) is int and type(right) is int:
        return limit(left * right)
    return _calculate(left, right, DECIMAL128.multiply)


def _divide(left: Data, right: Data, _budget: Budget) -> Data:
    a, b = exact(left), exact(right)
    return None if a is None or b is None else divide(a, b)


def _power(left: Data, right: Data, budget: Budget) -> Data:
    a, b = exact(left), exact(right)
    budget.spend(TRANSCENDENTAL_STEPS)
    return None if a is None or b is None else power(a, b)


def _calculate(left: Data, right: Data, operation: Callable[[Number, Number], Decimal]) -> Data:
    a, b = exact(left), exact(right)
    if a is None or b is None:
        return None
    return finite(operation(a, b))


ARITHMETIC: dict[ArithmeticOperator, Callable[[Data, Data, Budget], Data]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": _divide,
    "**": _power,
}


def arithmetic(first: Code, rest: tuple[tuple[ArithmeticOperator, Code], ...]) -> Code:
    operations = tuple((ARITHMETIC[symbol], operand) for symbol, operand in rest)
    if len(operations) == 1:
        operation, second = operations[0]
        return lambda scope, budget: operation(first(scope, budget), second(scope, budget), budget)

    def run(scope: Scope, budget: Budget) -> Data:
        value = first(scope, budget)
        for operation, operand in operations:
            value = operation(value, operand(scope, budget), budget)
        return value

    return run


def negation(operand: Code) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        number = exact(operand(scope, budget))
        return None if number is None else negate(number)

    return run


ORDERS: dict[CompareOperator, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def comparison(symbol: CompareOperator, left: Code, right: Code) -> Code:
    if symbol == "=":
        return lambda scope, budget: equal(left(scope, budget), right(scope, budget), budget)
    if symbol == "!=":
        return lambda scope, budget: _invert(equal(left(scope, budget), right(scope, budget), budget))
    test = ORDERS[symbol]

    def run(scope: Scope, budget: Budget) -> Data:
        a, b = left(scope, budget), right(scope, budget)
        if type(a) is int and type(b) is int:
            return test(a, b)
        order = compare(a, b)
        return None if order is None else test(order, 0)

    return run


def _invert(value: bool | None) -> bool | None:
    return None if value is None else not value


def between(value: Code, low: Code, high: Code) -> Code:
    return conjunction((comparison(">=", value, low), comparison("<=", value, high)))


def conjunction(operands: tuple[Code, ...]) -> Code:
    """DMN 1.5, table 50: false if any is false, else null if any is not true."""

    def run(scope: Scope, budget: Budget) -> Data:
        result: Data = True
        for operand in operands:
            value = operand(scope, budget)
            if value is False:
                return False
            if value is not True:
                result = None
        return result

    return run


def disjunction(operands: tuple[Code, ...]) -> Code:
    """DMN 1.5, table 50: true if any is true, else null if any is not false."""

    def run(scope: Scope, budget: Budget) -> Data:
        result: Data = False
        for operand in operands:
            value = operand(scope, budget)
            if value is True:
                return True
            if value is not False:
                result = None
        return result

    return run


def conditional(condition: Code, then: Code, otherwise: Code) -> Code:
    """A condition that is not true, null included, takes the `else` branch."""
    return lambda scope, budget: (then if condition(scope, budget) is True else otherwise)(scope, budget)


def interval(start: Code, end: Code, *, start_included: bool, end_included: bool) -> Code:
    def run(scope: Scope, budget: Budget) -> Data:
        low, high = _range_end(start(scope, budget)), _range_end(end(scope, budget))
        if low is None or high is None or isinstance(low, str) != isinstance(high, str):
            return None
        return Range(start=low, end=high, start_included=start_included, end_included=end_included)

    return run


def _range_end(value: Data) -> Number | str | None:
    return value if isinstance(value, str) else exact(value)


def membership(value: Code, tests: tuple[Code, ...]) -> Code:
    """`value in (tests)`: each test sees the value as INPUT and answers true, false or null."""
    any_test = disjunction(tests)
    return lambda scope, budget: any_test(Local({INPUT: value(scope, budget)}, scope), budget)


def matching(test: Code) -> Code:
    """The test of an expression that does not mention the input: equal to it, or containing it, or just true.

    DMN 1.5, 10.3.2.7 and table 55, as feel-scala reads them.
    """

    def run(scope: Scope, budget: Budget) -> Data:
        result, value = test(scope, budget), scope.get(INPUT)
        if result is True:
            return True
        if isinstance(result, Range):
            return within(value, result)
        if isinstance(result, list):
            return any(_matches_item(value, item, budget) for item in result)
        same = equal(value, result, budget)
        return False if result is False and same is None else same

    return run


def _matches_item(value: Data, item: Data, budget: Budget) -> bool:
    budget.spend(1)
    if isinstance(item, Range):
        return within(value, item) is True
    return equal(value, item, budget) is True


def instance_of(value: Code, type_name: str) -> Code:
    if type_name == "Any":
        return lambda scope, budget: value(scope, budget) is not None
    return lambda scope, budget: type_of(value(scope, budget)) == type_name


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
