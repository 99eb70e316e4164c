"""Queries in the language of OpenSearch.

Rule: texts of clients become values only, never names; everything is a filter, nothing is scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Query = dict[str, Any]

EVERYTHING: Query = {"match_all": {}}
NOTHING: Query = {"match_none": {}}

#: Terms in one clause, as many as an index allows by default (`index.max_terms_count`).
TERMS_MAX = 65_536


def all_of(*queries: Query) -> Query:
    """Documents that match all of these."""
    wanted = [query for query in queries if query != EVERYTHING]
    if NOTHING in wanted:
        return NOTHING
    if len(wanted) < 2:
        return wanted[0] if wanted else EVERYTHING
    return {"bool": {"filter": wanted}}


def any_of(*queries: Query) -> Query:
    """Documents that match at least one of these."""
    possible = [query for query in queries if query != NOTHING]
    if EVERYTHING in possible:
        return EVERYTHING
    if len(possible) < 2:
        return possible[0] if possible else NOTHING
    return {"bool": {"should": possible, "minimum_should_match": 1}}


def none_of(*queries: Query) -> Query:
    """Documents that match none of these."""
    refused = [query for query in queries if query != NOTHING]
    if EVERYTHING in refused:
        return NOTHING
    return {"bool": {"must_not": refused}} if refused else EVERYTHING


def term(path: str, value: object) -> Query:
    """The field has this value; a list has it among its values."""
    return {"term": {path: {"value": value}}}


def terms(path: str, values: Iterable[object], size_max: int = TERMS_MAX) -> Query:
    """The field has one of these values, of which `size_max` are in one clause."""
    listed: Sequence[object] = list(values)
    size = min(size_max, TERMS_MAX)
    return any_of(*({"terms": {path: listed[at : at + size]}} for at in range(0, len(listed), size)))


def within(path: str, **bounds: object) -> Query:
    """The field is within bounds: `gt`, `gte`, `lt`, `lte`."""
    return {"range": {path: bounds}}


def exists(path: str) -> Query:
    """The field has a value."""
    return {"exists": {"field": path}}


def wildcard(path: str, pattern: str) -> Query:
    """The field is like a pattern of `*`, `?` and a backslash before what is meant literally."""
    return {"wildcard": {path: {"value": pattern}}}


def has_child(kind: str, query: Query) -> Query:
    """Process instances with such a document of this kind."""
    return NOTHING if query == NOTHING else {"has_child": {"type": kind, "query": query}}


def has_parent(kind: str, query: Query) -> Query:
    """Documents of such a process instance."""
    return NOTHING if query == NOTHING else {"has_parent": {"parent_type": kind, "query": query}}
