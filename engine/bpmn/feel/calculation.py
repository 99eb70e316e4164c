"""What the arithmetic operators do with numbers, strings, dates, times and durations (DMN 1.5, tables 57 to 62).

Rule: whole numbers first; every operation answers None where FEEL answers null, and `why_null` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from engine.bpmn.feel import arithmetic, temporal_arithmetic
from engine.bpmn.feel.arithmetic import DECIMAL128, Number, exact, finite, limit
from engine.bpmn.feel.limits import DECIMAL_STEPS, TEMPORAL_STEPS, TRANSCENDENTAL_STEPS, Budget
from engine.bpmn.feel.syntax import ArithmeticOperator
from engine.bpmn.feel.temporal import TEMPORAL, Months
from engine.bpmn.feel.values import Data

_DURATIONS = (timedelta, Months)


def add(left: Data, right: Data, budget: Budget) -> Data:
    if type(left) is int and type(right) is int:
        return limit(left + right)
    if isinstance(left, str) and isinstance(right, str):
        budget.string(len(left) + len(right))
        return left + right
    if isinstance(left, TEMPORAL) and isinstance(right, TEMPORAL):
        budget.spend(TEMPORAL_STEPS)
        return temporal_arithmetic.add(left, right)
    return _calculate(left, right, DECIMAL128.add, budget)


def subtract(left: Data, right: Data, budget: Budget) -> Data:
    if type(left) is int and type(right) is int:
        return limit(left - right)
    if isinstance(left, TEMPORAL) and isinstance(right, TEMPORAL):
        budget.spend(TEMPORAL_STEPS)
        return temporal_arithmetic.subtract(left, right)
    return _calculate(left, right, DECIMAL128.subtract, budget)


def multiply(left: Data, right: Data, budget: Budget) -> Data:
    if type(left) is int and type(right) is int:
        return limit(left * right)
    duration, number = (left, exact(right)) if isinstance(left, _DURATIONS) else (right, exact(left))
    if isinstance(duration, _DURATIONS) and number is not None:
        budget.spend(TEMPORAL_STEPS)
        return temporal_arithmetic.multiply(duration, number)
    return _calculate(left, right, DECIMAL128.multiply, budget)


def divide(left: Data, right: Data, budget: Budget) -> Data:
    budget.spend(DECIMAL_STEPS)
    b = exact(right)
    if isinstance(left, _DURATIONS):
        budget.spend(TEMPORAL_STEPS)
        divisor = right if isinstance(right, _DURATIONS) else b
        return None if divisor is None else temporal_arithmetic.divide_duration(left, divisor)
    a = exact(left)
    return None if a is None or b is None else arithmetic.divide(a, b)


def power(left: Data, right: Data, budget: Budget) -> Data:
    a, b = exact(left), exact(right)
    budget.spend(TRANSCENDENTAL_STEPS)
    return None if a is None or b is None else arithmetic.power(a, b)


def negate(value: Data) -> Data:
    if isinstance(value, _DURATIONS):
        return temporal_arithmetic.negate(value)
    number = exact(value)
    return None if number is None else arithmetic.negate(number)


def _calculate(left: Data, right: Data, operation: Callable[[Number, Number], Decimal], budget: Budget) -> Data:
    budget.spend(DECIMAL_STEPS)
    a, b = exact(left), exact(right)
    return None if a is None or b is None else finite(operation(a, b))


ARITHMETIC: dict[ArithmeticOperator, Callable[[Data, Data, Budget], Data]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "**": power,
}


def why_null(symbol: ArithmeticOperator, left: Data, right: Data) -> str:
    """Why an operation has no answer; `{}` stands for each operand."""
    if symbol == "/" and exact(right) == 0:
        return "expected a divisor other than zero, got {} / {}"
    if exact(left) is not None and exact(right) is not None:
        return f"expected a result of an exponent up to {arithmetic.EXPONENT_MAX}, got none for {{}} {symbol} {{}}"
    if isinstance(left, TEMPORAL) and (isinstance(right, TEMPORAL) or exact(right) is not None):
        return f"expected operands of '{symbol}' that fit together and a year from 1 to 9999, got {{}} and {{}}"
    return f"expected operands of '{symbol}' that fit together, got {{}} and {{}}"
