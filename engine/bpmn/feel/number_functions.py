"""Built-in functions on numbers, and on lists of numbers (DMN 1.5, 10.3.4.4 and 10.3.4.5)."""

from __future__ import annotations

import decimal
from datetime import timedelta
from decimal import Decimal

from engine.bpmn.feel import temporal_arithmetic
from engine.bpmn.feel.arithmetic import DECIMAL128, Number, divide, exact, finite, limit, negate, whole
from engine.bpmn.feel.builtin import Builtin, builtin, variadic
from engine.bpmn.feel.limits import DECIMAL_STEPS, TRANSCENDENTAL_STEPS, Budget
from engine.bpmn.feel.temporal import Months
from engine.bpmn.feel.values import Data, compare

# The scales that a decimal128 can have (DMN 1.5, 10.3.2.3.1).
SCALE_MIN, SCALE_MAX = -6111, 6176

NUMBER_STEPS = 1 + DECIMAL_STEPS

ROUNDINGS = {
    "UP": decimal.ROUND_UP,
    "DOWN": decimal.ROUND_DOWN,
    "CEILING": decimal.ROUND_CEILING,
    "FLOOR": decimal.ROUND_FLOOR,
    "HALF_UP": decimal.ROUND_HALF_UP,
    "HALF_DOWN": decimal.ROUND_HALF_DOWN,
    "HALF_EVEN": decimal.ROUND_HALF_EVEN,
}


def _round(value: Data, scale: Data, rounding: str) -> Data:
    number, digits = exact(value), whole(scale)
    if number is None or digits is None or not SCALE_MIN <= digits <= SCALE_MAX:
        return None
    if isinstance(number, int):
        if digits >= 0:
            return number
        number = Decimal(number)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -digits:
        return number
    return finite(number.quantize(Decimal((0, (1,), -digits)), rounding=rounding, context=DECIMAL128))


def decimal_places(n: Data, scale: Data, mode: Data = "HALF_EVEN") -> Data:
    rounding = ROUNDINGS.get(mode.upper()) if isinstance(mode, str) else None
    return None if rounding is None else _round(n, scale, rounding)


def floor(n: Data, scale: Data = 0) -> Data:
    return _round(n, scale, decimal.ROUND_FLOOR)


def ceiling(n: Data, scale: Data = 0) -> Data:
    return _round(n, scale, decimal.ROUND_CEILING)


def round_up(n: Data, scale: Data) -> Data:
    return _round(n, scale, decimal.ROUND_UP)


def round_down(n: Data, scale: Data) -> Data:
    return _round(n, scale, decimal.ROUND_DOWN)


def round_half_up(n: Data, scale: Data) -> Data:
    return _round(n, scale, decimal.ROUND_HALF_UP)


def round_half_down(n: Data, scale: Data) -> Data:
    return _round(n, scale, decimal.ROUND_HALF_DOWN)


def absolute(n: Data) -> Data:
    """Of a number or a duration."""
    if isinstance(n, timedelta | Months):
        negative = n.months < 0 if isinstance(n, Months) else n < timedelta()
        return temporal_arithmetic.negate(n) if negative else n
    number = exact(n)
    if number is None:
        return None
    return negate(number) if number < 0 else number


def _remainder(dividend: Number, divisor: Number) -> Number | None:
    """What is left of a division rounded down: it has the sign of the divisor."""
    if divisor == 0:
        return None
    if isinstance(dividend, int) and isinstance(divisor, int):
        return dividend % divisor
    rest = DECIMAL128.remainder(dividend, divisor)
    if not rest.is_finite():
        return None
    if rest != 0 and (rest < 0) != (divisor < 0):
        rest = DECIMAL128.add(rest, divisor)
    return finite(rest)


def modulo(dividend: Data, divisor: Data) -> Data:
    a, b = exact(dividend), exact(divisor)
    return None if a is None or b is None else _remainder(a, b)


def sqrt(n: Data) -> Data:
    number = exact(n)
    return None if number is None else finite(DECIMAL128.sqrt(number))


def log(budget: Budget, n: Data) -> Data:
    number = exact(n)
    budget.spend(TRANSCENDENTAL_STEPS)
    return None if number is None else finite(DECIMAL128.ln(number))


def exp(budget: Budget, n: Data) -> Data:
    number = exact(n)
    budget.spend(TRANSCENDENTAL_STEPS)
    return None if number is None else finite(DECIMAL128.exp(number))


def odd(n: Data) -> Data:
    number = exact(n)
    return None if number is None else _remainder(number, 2) == 1


def even(n: Data) -> Data:
    number = exact(n)
    return None if number is None else _remainder(number, 2) == 0


def spread(arguments: tuple[Data, ...]) -> list[Data]:
    """The items of a variadic call: of the one list it was called with, or its arguments."""
    if len(arguments) == 1 and isinstance(arguments[0], list):
        return arguments[0]
    return list(arguments)


def _numbers(arguments: tuple[Data, ...]) -> list[Number]:
    """The numbers of a variadic call; empty if there are none, or something else among them."""
    items = spread(arguments)
    numbers = [number for number in map(exact, items) if number is not None]
    return numbers if len(numbers) == len(items) else []


def _total(numbers: list[Number]) -> Number:
    total: Number = 0
    for number in numbers:
        if isinstance(total, int) and isinstance(number, int):
            total = limit(total + number)
        else:
            total = DECIMAL128.add(total, number)
    return total


def sum_numbers(*arguments: Data) -> Data:
    """Null of an empty list, as all of these."""
    numbers = _numbers(arguments)
    return exact(_total(numbers)) if numbers else None


def product(*arguments: Data) -> Data:
    numbers = _numbers(arguments)
    result = Decimal(1)
    for number in numbers:
        result = DECIMAL128.multiply(result, number)
    return finite(result) if numbers else None


def mean(*arguments: Data) -> Data:
    numbers = _numbers(arguments)
    return divide(_total(numbers), len(numbers)) if numbers else None


def median(*arguments: Data) -> Data:
    numbers = sorted(_numbers(arguments))
    if not numbers:
        return None
    middle = len(numbers) // 2
    if len(numbers) % 2 == 1:
        return numbers[middle]
    return divide(DECIMAL128.add(numbers[middle - 1], numbers[middle]), 2)


def stddev(*arguments: Data) -> Data:
    """The standard deviation of a sample; null of fewer than two numbers."""
    numbers = _numbers(arguments)
    average = divide(_total(numbers), len(numbers)) if len(numbers) > 1 else None
    if average is None:
        return None
    deviations = [DECIMAL128.subtract(number, average) for number in numbers]
    variance = divide(_total([DECIMAL128.multiply(part, part) for part in deviations]), len(numbers) - 1)
    return None if variance is None else finite(DECIMAL128.sqrt(variance))


def mode(*arguments: Data) -> Data:
    """The most frequent numbers in ascending order; of an empty list an empty list."""
    numbers = _numbers(arguments)
    if not numbers:
        return None if spread(arguments) else []
    counts: dict[Number, int] = {}
    for number in numbers:
        counts[number] = counts.get(number, 0) + 1
    most = max(counts.values())
    frequent: list[Data] = []
    frequent += sorted(number for number, count in counts.items() if count == most)
    return frequent


def _extreme(arguments: tuple[Data, ...], wanted: int) -> Data:
    """The first item that no other beats; null unless all are numbers, or all are strings."""
    items = spread(arguments)
    if not items:
        return None
    best = items[0]
    for item in items:
        order = compare(item, best)
        if order is None:
            return None
        if order == wanted:
            best = item
    return best


def minimum(*arguments: Data) -> Data:
    return _extreme(arguments, -1)


def maximum(*arguments: Data) -> Data:
    return _extreme(arguments, 1)


NUMBER_FUNCTIONS: tuple[Builtin, ...] = (
    builtin("decimal", "n, scale, [mode]", decimal_places, steps=NUMBER_STEPS),
    builtin("floor", "n, [scale]", floor, steps=NUMBER_STEPS),
    builtin("ceiling", "n, [scale]", ceiling, steps=NUMBER_STEPS),
    builtin("round up", "n, scale", round_up, steps=NUMBER_STEPS),
    builtin("round down", "n, scale", round_down, steps=NUMBER_STEPS),
    builtin("round half up", "n, scale", round_half_up, steps=NUMBER_STEPS),
    builtin("round half down", "n, scale", round_half_down, steps=NUMBER_STEPS),
    builtin("abs", "n|number", absolute, steps=NUMBER_STEPS),
    builtin("modulo", "dividend, divisor", modulo, steps=NUMBER_STEPS),
    builtin("sqrt", "number", sqrt, steps=NUMBER_STEPS),
    builtin("log", "number", log, spends=True, steps=NUMBER_STEPS),
    builtin("exp", "number", exp, spends=True, steps=NUMBER_STEPS),
    builtin("odd", "number", odd, steps=NUMBER_STEPS),
    builtin("even", "number", even, steps=NUMBER_STEPS),
    variadic("sum", "list", sum_numbers, steps=NUMBER_STEPS),
    variadic("product", "list", product, steps=NUMBER_STEPS),
    variadic("mean", "list", mean, steps=NUMBER_STEPS),
    variadic("median", "list", median, steps=NUMBER_STEPS),
    variadic("stddev", "list", stddev, steps=NUMBER_STEPS),
    variadic("mode", "list", mode, steps=NUMBER_STEPS),
    variadic("min", "list", minimum, steps=NUMBER_STEPS),
    variadic("max", "list", maximum, steps=NUMBER_STEPS),
)
