"""Camunda's built-in functions that look random: `uuid()` and `random number()`.

An expression has no randomness: what is drawn comes with the evaluation, and is the same when a log is decided again.
"""

from __future__ import annotations

from engine.bpmn.feel.builtin import Builtin, builtin
from engine.bpmn.feel.limits import DRAW_STEPS, Budget
from engine.bpmn.feel.values import Data

#: Where a UUID says that it is of version 4 and of the variant of RFC 9562: the bits, and what they are set to.
VERSION_MASK, VERSION = 0xF << 76, 4 << 76
VARIANT_MASK, VARIANT = 0b11 << 62, 0b10 << 62

#: Bits that a binary floating point number can hold.
MANTISSA_BITS = 53


def uuid(budget: Budget) -> Data:
    drawn = budget.draw()
    if drawn is None:
        return None
    number = int.from_bytes(drawn[:16], "big") & ~(VERSION_MASK | VARIANT_MASK) | VERSION | VARIANT
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def random_number(budget: Budget) -> Data:
    """From 0 up to below 1."""
    drawn = budget.draw()
    return None if drawn is None else (int.from_bytes(drawn[:8], "big") >> 64 - MANTISSA_BITS) / (1 << MANTISSA_BITS)


CHANCE_FUNCTIONS: tuple[Builtin, ...] = (
    builtin("uuid", "", uuid, spends=True, steps=DRAW_STEPS),
    builtin("random number", "", random_number, spends=True, steps=DRAW_STEPS),
)
