"""Operands of filters and values of documents: between JSON and what is stored.

Stored: keys and dates as 64-bit integers (dates in milliseconds since 1970), everything else as in JSON.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

import msgspec

from .fields import BASIC_KEY, BOOLEAN, DATE, ENUM, INTEGER, KEY, STRING, STRING_KEY

Operand = str | int | float | bool | None

INTEGER_MAX = (1 << 63) - 1
TEXT_SHOWN_MAX = 60
#: Longer patterns are refused, in characters.
PATTERN_SIZE_MAX = 10_000

#: RFC 3339; the fraction may have more digits than are stored.
DATE_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d+)?(?:[Zz]|([+-])(\d{2}):?(\d{2}))", re.ASCII
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = EPOCH.replace(tzinfo=None)

EXPECTED = {
    KEY: "a key (a string of digits)",
    BASIC_KEY: "a string",
    STRING_KEY: "a string",
    STRING: "a string",
    INTEGER: "an integer of 64 bits",
    BOOLEAN: "true or false",
    DATE: 'a date-time of RFC 3339 such as "2026-01-31T12:00:00Z"',
}


class WrongValue(ValueError):
    """A value of another type or range; the text says what was expected and what came."""


def shown(value: object) -> str:
    """A value for an error text, cut when it is long."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        text = ascii(value)
    return text if len(text) <= TEXT_SHOWN_MAX else f"{text[:TEXT_SHOWN_MAX]}…"


def wrong(expected: str, value: object) -> WrongValue:
    """The error for a value."""
    return WrongValue(f"expected {expected}, got {shown(value)}")


def operand(kind: str, values: tuple[str, ...], value: object) -> Operand:
    """What to compare with. Raises WrongValue. None: a text that no key is equal to."""
    if kind == ENUM:
        if value in values and isinstance(value, str):
            return value
        raise wrong(f"one of {', '.join(values)}", value)
    if kind == BOOLEAN and isinstance(value, bool):
        return value
    if kind == INTEGER and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= INTEGER_MAX:
        return value
    if isinstance(value, str):
        if kind == STRING:
            return _unicode(value)
        if kind in (KEY, BASIC_KEY, STRING_KEY):
            key = _key(value)
            if key is not None or kind != KEY:
                return key
        if kind == DATE:
            return date_operand(value)
    raise wrong(EXPECTED[kind], value)


def _unicode(text: str) -> str:
    """The text, if it can be stored. Raises WrongValue for halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise wrong("Unicode text", text) from fault
    return text


def _key(text: str) -> int | None:
    """The key of these digits, None if they are none."""
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(INTEGER_MAX))
    key = int(text) if digits else -1
    return key if 0 <= key <= INTEGER_MAX else None


def date_operand(text: str) -> int | float:
    """Milliseconds since 1970, with a fraction if the text is more precise than what is stored. Raises WrongValue."""
    found = DATE_TIME.fullmatch(text)
    if not found:
        raise wrong(EXPECTED[DATE], text)
    *date, fraction, sign, hours, minutes = found.groups()
    try:
        instant = datetime(*map(int, date), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError as fault:
        raise wrong(EXPECTED[DATE], text) from fault
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    milliseconds = ((instant - EPOCH) - (offset if sign == "+" else -offset)) // timedelta(milliseconds=1)
    part = float(fraction or 0) * 1000
    return milliseconds + (math.floor(part) if part.is_integer() else part)


def date_text(milliseconds: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    instant = NAIVE_EPOCH + timedelta(milliseconds=milliseconds)
    return f"{instant.isoformat(timespec='milliseconds')}Z"


def pattern(value: object) -> str:
    """The text of a `$like`: `*` any run, `?` one character, a backslash takes the next one literally."""
    if not isinstance(value, str):
        raise wrong("a string with the wildcards * and ?", value)
    if len(value) > PATTERN_SIZE_MAX:
        raise WrongValue(f"expected at most {PATTERN_SIZE_MAX} characters, got {len(value)}")
    return _unicode(value)
