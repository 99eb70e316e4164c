"""Conditions on values that are here and in no index: constants, and rows that are made of several documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.core.patterns import is_like
from exporters.search.filters import Compare

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
