"""Numbers: exact and the same on every machine.

A FEEL number is a decimal of 34 digits (DMN 1.5, 10.3.2.3.1: IEEE 754-2008 decimal128), so that 0.1 + 0.2 = 0.3. Here
it is an `int` while it is whole and small enough, else a `Decimal`; a `float` comes in from JSON only and means its
shortest decimal notation. Every operation answers null (None) instead of raising or yielding infinity. Square roots,
logarithms and powers are decimal too: those of the C library differ between machines.
"""

from __future__ import annotations

import decimal
import math
from decimal import Decimal

DIGITS_MAX = 34
EXPONENT_MAX = 6144
INTEGER_LIMIT = 10**DIGITS_MAX
# JSON and MessagePack readers agree on 64-bit integers only.
WHOLE_MIN, WHOLE_MAX = -(2**63), 2**63 - 1

DECIMAL128 = decimal.Context(
    prec=DIGITS_MAX, rounding=decimal.ROUND_HALF_EVEN, Emin=-6143, Emax=EXPONENT_MAX, capitals=1, clamp=0, traps=[]
)

Number = int | Decimal


def parse_number(text: str) -> Number | None:
    """The number that `text` denotes in FEEL's notation; None if it is none, or too large."""
    value = DECIMAL128.create_decimal(text)
    if not value.is_finite():
        return None
    return int(value) if text.isdigit() and value < INTEGER_LIMIT else value


def exact(value: object) -> Number | None:
    """The number a value is; None if it is none. Booleans are no numbers."""
    kind = type(value)
    if kind is int:
        return limit(value)  # type: ignore[arg-type]
    if kind is float:
        return Decimal(repr(value)) if math.isfinite(value) else None  # type: ignore[arg-type]
    return finite(value) if isinstance(value, Decimal) else None


def limit(value: int) -> Number:
    """A whole number, rounded to 34 digits if it has more."""
    return value if -INTEGER_LIMIT < value < INTEGER_LIMIT else DECIMAL128.plus(Decimal(value))


def finite(value: Decimal) -> Decimal | None:
    """The result of a decimal operation; null if there is none."""
    return value if value.is_finite() else None


def negate(number: Number) -> Number:
    """-number"""
    return -number if isinstance(number, int) else DECIMAL128.minus(number)


def divide(left: Number, right: Number) -> Number | None:
    """left / right; null if right is zero. Whole if it comes out even."""
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return finite(DECIMAL128.divide(left, right))


def power(base: Number, exponent: Number) -> Number | None:
    """base ** exponent; null where it is undefined or too large. 0 ** 0 is 1."""
    if exponent == 0:
        return 1
    if isinstance(base, int) and isinstance(exponent, int) and 0 < exponent * base.bit_length() <= 128:
        return limit(base**exponent)
    return finite(DECIMAL128.power(base, exponent))


def whole(value: object) -> int | None:
    """A number without its fraction, as positions and scales are read; None if it is no number or out of range."""
    number = exact(value)
    if number is None or not WHOLE_MIN <= number <= WHOLE_MAX:
        return None
    return int(number)


def plain(number: Number) -> Number:
    """The same number as an int if it is whole and in the range of 64 bits."""
    if isinstance(number, Decimal) and WHOLE_MIN <= number <= WHOLE_MAX and number == number.to_integral_value():
        return int(number)
    return number


def export_number(number: Number) -> int | float | None:
    """A number for JSON: int if it is whole and fits 64 bits, else the nearest float; null if none is that large."""
    number = plain(number)
    if isinstance(number, int) and WHOLE_MIN <= number <= WHOLE_MAX:
        return number
    result = float(Decimal(number))
    return result if math.isfinite(result) else None


def format_number(number: Number) -> str:
    """A number as `string()` writes it: plain digits, no exponent, no trailing zeros."""
    number = plain(number)
    if isinstance(number, int):
        return str(number)
    text = format(DECIMAL128.normalize(number), "f")
    return "0" if text == "-0" else text
