"""Search requests: filter, order and page of a body, and the cursors that say where a page begins.

A cursor holds the values by which its row is ordered and names the order it belongs to; clients must not look inside.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping

import msgspec
from msgspec import Struct

from engine.core.faults import BadRequest

from .fields import Entity, Field
from .filters import Conditions, Reading
from .resources import readable_conditions
from .store import Within
from .values import INTEGER_MAX, Operand, shown

LIMIT_DEFAULT = 100
LIMIT_MAX = 10_000
SORTS_MAX = 20
DIRECTIONS = ("ASC", "DESC")


class Sort(Struct, frozen=True):
    """One field of an order. Missing values come last in both directions."""

    field: Field
    descending: bool = False


class Paging(Struct, frozen=True, kw_only=True):
    """Which part of the result: `after` or `before` a row, given by the values it is ordered by, or from an index."""

    limit: int = LIMIT_DEFAULT
    start: int = 0
    after: tuple[Operand, ...] | None = None
    before: tuple[Operand, ...] | None = None


class Request(Struct, frozen=True, kw_only=True):
    """A search that may be run."""

    entity: Entity
    conditions: Conditions
    sorts: tuple[Sort, ...]
    paging: Paging
    truncate_values: bool = True
    within: Within | None = None

    def signature(self) -> str:
        """The order that a cursor belongs to."""
        sorts = ",".join(f"{sort.field.name} {DIRECTIONS[sort.descending]}" for sort in self.sorts)
        return f"{self.entity.name}:{sorts}"


def parse_request(
    entity: Entity,
    given: Mapping[str, object],
    within: Within | None = None,
    readable: Collection[str] | None = None,
) -> Request:
    """Read {filter?, sort?, page?}; of variables also `truncateValues`. Raises BadRequest that lists all problems.

    `readable`: ids of the only resources whose rows may be found; None for all.
    """
    reading = Reading(entity)
    problems = reading.problems
    known = ("filter", "sort", "page", *(("truncateValues",) if entity.name == "VARIABLE" else ()))
    problems += [
        f"{name}: expected a property out of {', '.join(known)}, got {name}" for name in given if name not in known
    ]
    filter_given = given.get("filter")
    conditions = reading.conditions("filter", {} if filter_given is None else filter_given)
    if readable is not None:
        conditions += readable_conditions(entity, sorted(readable))
    sorts = _sorts(entity, given.get("sort"), problems)
    truncate_values = given.get("truncateValues", True)
    if not isinstance(truncate_values, bool):
        problems.append(f"truncateValues: expected true or false, got {shown(truncate_values)}")
    request = Request(
        entity=entity,
        conditions=conditions,
        sorts=sorts,
        paging=Paging(),
        truncate_values=truncate_values is not False,
        within=within,
    )
    paging = _paging(given.get("page"), request, problems)
    if problems:
        raise BadRequest("; ".join(problems))
    return msgspec.structs.replace(request, paging=paging)


def encode_cursor(request: Request, values: tuple[Operand, ...]) -> str:
    """The cursor of a row that is ordered by these values."""
    return b64encode(msgspec.json.encode([request.signature(), *values])).decode()


def _decode_cursor(request: Request, size: int, given: object) -> tuple[Operand, ...]:
    """The values of a cursor. Raises ValueError if it is none of this order."""
    if not isinstance(given, str):
        raise ValueError(f"expected a cursor of an earlier page, got {shown(given)}")
    try:
        decoded = msgspec.json.decode(b64decode(given, validate=True))
    except (ValueError, binascii.Error) as fault:
        raise ValueError(f"expected a cursor of an earlier page, got {shown(given)}") from fault
    if not isinstance(decoded, list) or len(decoded) != size + 1 or decoded[0] != request.signature():
        raise ValueError(f"expected a cursor of the same search with the same sort, got {shown(given)}")
    values = tuple(decoded[1:])
    if any(not isinstance(value, str | int | float | None) or _too_large(value) for value in values):
        raise ValueError(f"expected a cursor of an earlier page, got {shown(given)}")
    return values


def _too_large(value: object) -> bool:
    return isinstance(value, int) and abs(value) > INTEGER_MAX


def _sorts(entity: Entity, given: object, problems: list[str]) -> tuple[Sort, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > SORTS_MAX:
        problems.append(f"sort: expected a list of at most {SORTS_MAX}, got {shown(given)}")
        return ()
    known = entity.sorts()
    sorts = []
    for index, one in enumerate(given):
        path = f"sort[{index}]"
        if not isinstance(one, Mapping):
            problems.append(f"{path}: expected an object, got {shown(one)}")
            continue
        problems += [
            f"{path}.{name}: expected field or order, got {name}" for name in one if name not in ("field", "order")
        ]
        field, order = one.get("field"), one.get("order")
        if not isinstance(field, str) or field not in known:
            problems.append(f"{path}.field: expected one of {', '.join(known)}, got {shown(field)}")
            continue
        if order is not None and order not in DIRECTIONS:
            problems.append(f"{path}.order: expected ASC or DESC, got {shown(order)}")
        sorts.append(Sort(known[field], order == "DESC"))
    return tuple(sorts)


def _paging(given: object, request: Request, problems: list[str]) -> Paging:
    if given is None:
        return Paging()
    if not isinstance(given, Mapping):
        problems.append(f"page: expected an object, got {shown(given)}")
        return Paging()
    known = ("limit", "from", "after", "before")
    problems += [f"page.{name}: expected one of {', '.join(known)}, got {name}" for name in given if name not in known]
    chosen = [name for name in known[1:] if given.get(name) is not None]
    if len(chosen) > 1:
        problems.append(f"page: expected one of from, after and before, got {' and '.join(chosen)}")
    limit = _integer("page.limit", given.get("limit"), LIMIT_DEFAULT, LIMIT_MAX, problems)
    start = _integer("page.from", given.get("from"), 0, INTEGER_MAX, problems)
    cursors = {}
    for name in ("after", "before"):
        if given.get(name) is not None:
            try:
                cursors[name] = _decode_cursor(request, len(request.sorts) + len(request.entity.identity), given[name])
            except ValueError as fault:
                problems.append(f"page.{name}: {fault}")
    return Paging(limit=limit, start=start, after=cursors.get("after"), before=cursors.get("before"))


def _integer(path: str, given: object, default: int, largest: int, problems: list[str]) -> int:
    if given is None:
        return default
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= largest:
        problems.append(f"{path}: expected an integer from 0 to {largest}, got {shown(given)}")
        return default
    return given
