"""The format of the state: what tells a state that this build can read from one of another build.

It follows from the tables, so nobody has to remember to raise a number when one is added or a field changes. Rule: a
state of another format is never read; it is replayed from the log, or restored from a snapshot of this format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import get_args

import msgspec
from msgspec import Struct

from .state import Table

#: Raise it when rows mean something else though their fields are the same, or when keys are made otherwise.
MEANING = 1

#: Characters of a format.
LENGTH = 16


def state_format(tables: Sequence[Table[object]]) -> str:
    """The name of the format: of the numbers and names of the tables, and of all fields of their values."""
    lines = [f"{MEANING}"]
    known: set[type[Struct]] = set()
    for table in sorted(tables, key=lambda table: table.number):
        lines.append(f"{table.number} {table.name} {table.value}")
        lines += _fields_of(table.value, known)
    return sha256("\n".join(lines).encode()).hexdigest()[:LENGTH]


def _fields_of(kind: object, known: set[type[Struct]]) -> Iterable[str]:
    """A line for each field of a Struct and of those within it, each Struct once."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        if kind in known:
            return
        known.add(kind)
        yield f"{kind} {kind.__struct_config__.array_like} {kind.__struct_config__.tag}"
        for field in msgspec.structs.fields(kind):
            yield f"{field.encode_name} {field.type}"
            yield from _fields_of(field.type, known)
    for inner in get_args(kind):
        yield from _fields_of(inner, known)
