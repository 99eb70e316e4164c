"""Conditions on values that are here and in no index: constants, and rows that are made of several documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exporters.search.filters import Compare

ANY_RUN, ANY_ONE = "any run", "any one"
WILDCARDS = {"*": ANY_RUN, "?": ANY_ONE}

#: A missing value is unequal to everything: `$neq` and `$notIn` match it, the others do not.
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, term: value is not None and value == term,
    "$neq": lambda value, term: value != term or value is None,
    "$exists": lambda value, term: (value is not None) == term,
    "$in": lambda value, terms: value is not None and value in terms,
    "$notIn": lambda value, terms: value is None or value not in terms,
    "$like": lambda value, pattern: value is not None and is_like(str(value), pattern),
    "$gt": lambda value, term: value is not None and value > term,
    "$gte": lambda value, term: value is not None and value >= term,
    "$lt": lambda value, term: value is not None and value < term,
    "$lte": lambda value, term: value is not None and value <= term,
}


def holds(compare: Compare, value: object) -> bool:
    """Whether the value satisfies the condition."""
    return OPERATORS[compare.operator](value, compare.operand)


def all_hold(compares: Sequence[Compare], row: Mapping[str, object]) -> bool:
    """Whether a row, by names of properties, satisfies all conditions."""
    return all(holds(compare, row.get(compare.field.name)) for compare in compares)


def is_like(text: str, pattern: str) -> bool:
    """Whether a text is like a `$like` pattern: `*` any run, `?` one character, a backslash takes the next literally.

    Goes back to the last run only, so the time is at most the product of both lengths.
    """
    wanted = _parts(pattern)
    at = part = 0
    run, run_end = -1, 0
    while at < len(text):
        if part < len(wanted) and wanted[part] == ANY_RUN:
            run, run_end, part = part, at, part + 1
        elif part < len(wanted) and wanted[part] in (ANY_ONE, text[at]):
            at, part = at + 1, part + 1
        elif run >= 0:
            run_end += 1
            at, part = run_end, run + 1
        else:
            return False
    return all(one == ANY_RUN for one in wanted[part:])


def literal(pattern: str) -> str | None:
    """The only text that is like the pattern, None if there may be more."""
    parts = _parts(pattern)
    return None if ANY_RUN in parts or ANY_ONE in parts else "".join(parts)


def _parts(pattern: str) -> list[str]:
    """What must come one after another: characters, or names of what stands for others, which are longer."""
    found = []
    characters = iter(pattern)
    for character in characters:
        if character in WILDCARDS:
            found.append(WILDCARDS[character])
        else:
            found.append(next(characters, "\\") if character == "\\" else character)
    return found
