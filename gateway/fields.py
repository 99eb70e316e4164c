"""Types of the properties of request bodies that JSON alone cannot say, and how a JSON value becomes one of them.

Rule: `convert` either gives a value of the type or raises ValueError with the whole text "expected X, got Y; do Z".
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from engine.core.record import DEFAULT_TENANT

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)")

KEY_MAX: Final = (1 << 63) - 1
DEPTH_MAX: Final = 100

Count = Annotated[int, Meta(ge=0, le=(1 << 31) - 1)]
PositiveCount = Annotated[int, Meta(ge=1, le=(1 << 31) - 1)]
#: Milliseconds that can be added to a time and still fit a long.
Milliseconds = Annotated[int, Meta(ge=0, le=1 << 53)]
PositiveMilliseconds = Annotated[int, Meta(ge=1, le=1 << 53)]
OperationReference = Annotated[int, Meta(ge=1, le=KEY_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=8192)]
Text = Annotated[str, Meta(max_length=1 << 20)]
BusinessId = Annotated[str, Meta(min_length=1, max_length=256)]
#: A user or a group.
Identity = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"\S", examples=["ada"])]
Identities = Annotated[list[Identity], Meta(max_length=1_000)]
Int32 = Annotated[int, Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
Priority = Annotated[int, Meta(ge=0, le=100)]
Tag = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_\-:.]{0,99}$", examples=["priority:high"])]
Tags = Annotated[list[Tag], Meta(max_length=10)]


class Key(int):
    """A 64-bit key; decimal digits in a JSON string."""


class DateTime(str):
    """A date and time with an offset from UTC (RFC 3339), or empty for none."""


class Document(str):
    """The compact JSON text of an object, such as variables."""


class Tenant(str):
    """The one tenant there is."""


class Unsupported:
    """A property that the API knows and this engine does not serve yet: refused by name unless it says nothing."""


def parse_key(text: object) -> int:
    """The key that a text is. Raises ValueError."""
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) <= KEY_MAX:
        return int(text)
    shown = repr(text[:40]) if isinstance(text, str) else _kind(text)
    raise ValueError(f"expected a key (a 64-bit number as decimal digits in a string), got {shown}; correct it")


def convert(wanted: type, value: object, document_size_max: int) -> object:
    """A decoded JSON value as one of the types of this module. Raises ValueError."""
    if wanted is Key:
        return Key(parse_key(value))
    if wanted is DateTime:
        return _date_time(value)
    if wanted is Document:
        return _document(value, document_size_max)
    if wanted is Tenant:
        if value != DEFAULT_TENANT:
            shown = repr(value[:40]) if isinstance(value, str) else _kind(value)
            raise ValueError(f"expected tenant '{DEFAULT_TENANT}', got {shown}; there is no other, leave it out")
        return Tenant(value)
    if wanted is Unsupported:
        if value:
            raise ValueError("expected no value, got one; this property is not supported yet, leave it out")
        return Unsupported()
    raise NotImplementedError(f"expected a type of {__name__}, got {wanted!r}; convert it here")


def schema_of(wanted: type) -> dict[str, Any]:
    """The JSON schema of a type of this module."""
    schemas: dict[type, dict[str, Any]] = {
        Key: {"type": "string", "pattern": "^[0-9]{1,19}$"},
        DateTime: {"type": "string", "format": "date-time"},
        Document: {"type": "object"},
        Tenant: {"type": "string", "enum": [DEFAULT_TENANT]},
        Unsupported: {"description": "Not supported yet: leave it out"},
    }
    return schemas[wanted]


def is_too_deep(value: object) -> bool:
    """True if a decoded JSON value is nested more than DEPTH_MAX levels."""
    level = [value]
    for _ in range(DEPTH_MAX):
        containers = [item for item in level if isinstance(item, (dict, list))]
        if not containers:
            return False
        level = [child for item in containers for child in (item.values() if isinstance(item, dict) else item)]
    return any(isinstance(item, (dict, list)) for item in level)


def _date_time(value: object) -> DateTime:
    if value == "":
        return DateTime("")
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value)
            return DateTime(value)
        except ValueError:
            pass
    shown = repr(value[:40]) if isinstance(value, str) else _kind(value)
    raise ValueError(f"expected a date and time such as 2026-03-02T15:35:00+01:00, got {shown}; correct it")


def _document(value: object, size_max: int) -> Document:
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, got {_kind(value)}; put it into an object under a name")
    if is_too_deep(value):
        raise ValueError(f"expected at most {DEPTH_MAX} levels of nesting, got more; flatten it")
    encoded = msgspec.json.encode(value)
    if len(encoded) > size_max:
        raise ValueError(
            f"expected at most {size_max} bytes of JSON, got {len(encoded)}; keep large data elsewhere and refer to it"
        )
    return Document(encoded.decode())


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
