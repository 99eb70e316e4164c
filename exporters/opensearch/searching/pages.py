"""Orders, pages and cursors of entities whose rows are documents.

Rule: missing values come last in both directions and the identity ends every order, so no two rows are equal and a
cursor does not shift. Cursors hold what the embedded store's hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from exporters.search.fields import BASIC_KEY, BOOLEAN, DATE, INTEGER, KEY
from exporters.search.requests import Request
from exporters.search.store import TOTAL_MAX
from exporters.search.values import Operand

from .indices import WINDOW_MAX, Hit, Indices
from .places import CONSTANTS, is_constant, place_of, sorted_path
from .queries import Query

#: What the node says of a missing number that is last, or first: nothing else is above, or below.
LARGEST, SMALLEST = (1 << 63) - 1, -(1 << 63)
NUMBERS = (KEY, BASIC_KEY, INTEGER, DATE, BOOLEAN)


class Order(Struct, frozen=True):
    """One term of the order. `is_number`: of its field; `missing_first`: where documents without a value are."""

    path: str
    descending: bool = False
    is_number: bool = True
    missing_first: bool = False

    def reversed(self) -> Order:
        """The other way round."""
        return Order(self.path, not self.descending, self.is_number, not self.missing_first)

    def clause(self) -> dict[str, Any]:
        """The term for the node."""
        missing = "_first" if self.missing_first else "_last"
        return {self.path: {"order": "desc" if self.descending else "asc", "missing": missing}}

    def told(self, value: Operand) -> Operand:
        """A value of a cursor as the node wants it."""
        return self._missing() if value is None and self.is_number else value

    def heard(self, value: Any) -> Operand:
        """A value of the node for a cursor."""
        if self.is_number and value == self._missing():
            return None
        return int(value) if isinstance(value, bool) else value

    def _missing(self) -> int:
        return LARGEST if self.missing_first == self.descending else SMALLEST


class Page(Struct, frozen=True):
    """Hits in their order, with the values of a cursor for each, and how many match as far as they were counted."""

    hits: list[Hit]
    values: list[tuple[Operand, ...]]
    total: int


async def read_page(indices: Indices, request: Request, query: Query, paths: Sequence[str]) -> Page:
    """The page of a request, of the documents that match, with these fields of them."""
    paging = request.paging
    backwards = paging.before is not None
    orders = [order.reversed() if backwards else order for order in _orders(request)]
    beyond = paging.before if backwards else paging.after
    body: dict[str, Any] = {
        "query": query,
        "size": paging.limit,
        "sort": [order.clause() for order in orders],
        "_source": list(paths),
        "track_total_hits": TOTAL_MAX + 1,
    }
    if beyond is not None:
        values = [value for value, constant in zip(beyond, _constants(request), strict=True) if not constant]
        body["search_after"] = [order.told(value) for order, value in zip(orders, values, strict=True)]
    index = place_of(request.entity).index
    if paging.start + paging.limit <= WINDOW_MAX:
        answer = await indices.search(index, {**body, "from": paging.start})
        hits, total = answer.hits.hits, answer.hits.total.value
    else:
        hits, total = await _far_page(indices, index, body, paging.start)
    if backwards:
        hits.reverse()
    return Page(hits, [_cursor(request, orders, hit) for hit in hits], total)


async def _far_page(indices: Indices, index: str, body: dict[str, Any], start: int) -> tuple[list[Hit], int]:
    """A page beyond the window of an index: what lies before it is walked over."""
    total = 0
    skipped = 0
    while skipped < start:
        step = {**body, "size": min(WINDOW_MAX, start - skipped), "_source": False}
        found = (await indices.search(index, step)).hits
        total = total or found.total.value
        skipped += len(found.hits)
        if len(found.hits) < step["size"]:
            return [], total
        body = {**body, "search_after": found.hits[-1].sort, "track_total_hits": False}
    hits = (await indices.search(index, body)).hits
    return hits.hits, total or hits.total.value


def _orders(request: Request) -> list[Order]:
    """The terms of the order but those that are the same for all rows."""
    sorts = [
        Order(sorted_path(sort.field), sort.descending, sort.field.kind in NUMBERS)
        for sort in request.sorts
        if not is_constant(sort.field)
    ]
    return sorts + [Order(path) for path in place_of(request.entity).identity]


def _constants(request: Request) -> list[bool]:
    """Of each value of a cursor, whether it is the same for all rows."""
    return [is_constant(sort.field) for sort in request.sorts] + [False] * len(request.entity.identity)


def _cursor(request: Request, orders: Sequence[Order], hit: Hit) -> tuple[Operand, ...]:
    heard = iter([order.heard(value) for order, value in zip(orders, hit.sort, strict=True)])
    sorts = [CONSTANTS[sort.field.column] if is_constant(sort.field) else next(heard) for sort in request.sorts]
    return (*sorts, *heard)
