"""Rows that no index holds: made of several documents or of groups, then ordered and paged here.

Rule: a row is a mapping from names of properties to stored values; what is the same for all rows is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exporters.search.documents import DocumentReader
from exporters.search.requests import Request, encode_cursor
from exporters.search.store import TOTAL_MAX, SearchResult
from exporters.search.values import Operand

from .places import CONSTANTS

Row = Mapping[str, Any]


def made_page(request: Request, rows: Sequence[Row], identity: Sequence[str]) -> SearchResult:
    """The page of rows that all match. `identity`: names of what tells rows apart."""
    entity, paging = request.entity, request.paging
    constants = {field.name: CONSTANTS.get(field.column) for field in entity.fields}
    whole = [{**constants, **row} for row in rows]
    directions = [(sort.field.name, sort.descending) for sort in request.sorts] + [(name, False) for name in identity]
    ordered = _in_order(whole, directions)
    if paging.before is not None:
        earlier = [row for row in ordered if _is_before(row, paging.before, directions)]
        chosen = earlier[max(0, len(earlier) - paging.limit) :]
    else:
        after = paging.after
        later = ordered if after is None else [row for row in ordered if _is_after(row, after, directions)]
        chosen = later[paging.start : paging.start + paging.limit]
    reader = DocumentReader(entity, truncate_values=False)
    shown = [field.name for field in entity.shown()]
    cursors = [encode_cursor(request, _values(row, directions)) for row in (chosen[:1] + chosen[-1:])]
    return SearchResult(
        items=[reader.read([row[name] for name in shown]) for row in chosen],
        total=min(len(rows), TOTAL_MAX),
        has_more_total=len(rows) > TOTAL_MAX,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def _in_order(rows: list[dict[str, Any]], directions: Sequence[tuple[str, bool]]) -> list[dict[str, Any]]:
    """Missing values last in both directions."""
    for name, descending in reversed(directions):
        present = [row for row in rows if row[name] is not None]
        present.sort(key=lambda row: row[name], reverse=descending)
        rows = present + [row for row in rows if row[name] is None]
    return rows


def _values(row: Row, directions: Sequence[tuple[str, bool]]) -> tuple[Operand, ...]:
    return tuple(row[name] for name, _ in directions)


def _is_after(row: Row, values: Sequence[Operand], directions: Sequence[tuple[str, bool]]) -> bool:
    """Whether the row comes after one with these values."""
    for (name, descending), other in zip(directions, values, strict=True):
        value = row[name]
        if value != other:
            if value is None or other is None:
                return value is None
            return bool(value < other) if descending else bool(value > other)
    return False


def _is_before(row: Row, values: Sequence[Operand], directions: Sequence[tuple[str, bool]]) -> bool:
    """Whether the row comes before one with these values."""
    return _values(row, directions) != tuple(values) and not _is_after(row, values, directions)
