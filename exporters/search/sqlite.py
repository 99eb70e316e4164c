"""Conditions, orders and pages as SQL over `exporters/sqlite/schema.sql`.

Rule: texts of clients become parameters only. A list of terms is one parameter (a JSON array), however long. Before a
search its plan is made: what is few is collected and drives the query, what is many is looked up row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from .fields import BEGINNING_SIZE, ENUM, Entity
from .filters import AnyOf, Compare, Condition, Conditions, Owned, Related
from .requests import Request
from .store import TOTAL_MAX
from .values import Operand

Parameters = list[Operand]
Row = tuple[Any, ...]
COMPARISONS = {"$eq": "=", "$neq": "IS NOT", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
TERMS = "(SELECT value FROM json_each(?))"

#: Related rows up to this number are collected; when there are more, every owner is looked up by itself.
COLLECTED_MAX = 10_000


class Query(Struct, frozen=True):
    """SQL and its parameters."""

    text: str
    parameters: Parameters


class Order(Struct, frozen=True):
    """One term of ORDER BY. `value_index`: its value in a cursor; `missing_first`: only of what may be missing."""

    column: str
    descending: bool
    value_index: int
    nullable: bool = False
    missing_first: bool = False

    def text(self) -> str:
        """The term."""
        missing = (" NULLS FIRST" if self.missing_first else " NULLS LAST") if self.nullable else ""
        return f"{self.column}{' DESC' if self.descending else ''}{missing}"

    def reversed(self) -> Order:
        """The other way round."""
        return msgspec.structs.replace(self, descending=not self.descending, missing_first=not self.missing_first)


class Plan(Struct, frozen=True):
    """What was found out before a search. `looked_up`: conditions that are asked of one owner at a time, None for all.

    `definitions`: the keys of the definitions that match, if conditions are about them; `many`: they have so many rows
    that it is better to visit rows in their order.
    """

    looked_up: frozenset[Related] | None = None
    definitions: tuple[int, ...] | None = None
    many: bool = False


def plan_of(request: Request, ask: Callable[[Query], list[Row]], collected_max: int = COLLECTED_MAX) -> Plan:
    """The plan of a search; counts what may be many, up to `collected_max`."""

    def is_large(source: str, found: Query) -> bool:
        counted = f"SELECT 1 FROM {source} WHERE {found.text} LIMIT {collected_max + 1}"
        return bool(ask(Query(f"SELECT count(*) FROM ({counted})", found.parameters))[0][0] > collected_max)

    entity = request.entity
    definitions, many = None, False
    about = [condition for condition in request.conditions if _is_about_definition(entity, condition)]
    if about:
        found = where(tuple(about))
        rows = ask(Query(f"SELECT d.key FROM definitions d WHERE {found.text}", found.parameters))
        definitions = tuple(int(row[0]) for row in rows)
        table = entity.source.partition(" LEFT JOIN ")[0]
        many = len(definitions) > 1 and is_large(table, Query(_one_of(entity.definition, definitions), []))
    looked_up = frozenset(
        related
        for related in _related_in(request.conditions)
        if is_large(related.relation.source, _all_of(related.conditions))
    )
    return Plan(looked_up, definitions, many)


def where(conditions: Conditions, plan: Plan | None = None, entity: Entity | None = None) -> Query:
    """All conditions. Without a plan rows are visited in the order of their keys, so related rows are looked up."""
    plan = plan or Plan()
    parameters: Parameters = []
    texts = []
    if plan.definitions is not None and entity is not None:
        conditions = tuple(condition for condition in conditions if not _is_about_definition(entity, condition))
        # the + keeps SQLite from going by the index of definitions
        texts.append(_one_of(f"{'+' if plan.many else ''}{entity.definition}", plan.definitions))
    texts += [_condition(condition, parameters, plan) for condition in conditions]
    return Query(" AND ".join(texts) or "1", parameters)


def count_query(request: Request, plan: Plan) -> Query:
    """A row for each that matches, up to one more than TOTAL_MAX."""
    # nothing has to come in an order here
    source, found = _matching(request, msgspec.structs.replace(plan, many=False))
    return Query(f"SELECT 1 FROM {source} WHERE {found.text} LIMIT {TOTAL_MAX + 1}", found.parameters)


def page_query(request: Request, columns: Sequence[str], plan: Plan) -> Query:
    """The rows of the page: the columns, then the values that order them. Backwards if it ends `before` a row."""
    entity, paging = request.entity, request.paging
    source, found = _matching(request, plan)
    parameters = found.parameters
    orders = orders_of(request)
    backwards = paging.before is not None
    if backwards:
        orders = [order.reversed() for order in orders]
    text = found.text
    beyond = paging.before if backwards else paging.after
    if beyond is not None:
        text += f" AND {_beyond(orders, beyond, parameters)}"
    ordered = f"ORDER BY {', '.join(order.text() for order in orders)}"
    parameters += [paging.limit, paging.start]
    shown = ", ".join([*columns, *(sort.field.column for sort in request.sorts), *entity.identity])
    if entity.made:
        return Query(f"SELECT {shown} FROM {source} WHERE {text} {ordered} LIMIT ? OFFSET ?", parameters)
    # first which rows, by as little of them as it takes; then what is shown of these
    names = [f"key_{index}" for index in range(len(entity.identity))]
    same = " AND ".join(f"{column} = page.{name}" for column, name in zip(entity.identity, names, strict=True))
    chosen = f"SELECT {', '.join(entity.identity)} FROM {source} WHERE {text} {ordered} LIMIT ? OFFSET ?"
    return Query(
        f"WITH page ({', '.join(names)}) AS MATERIALIZED ({chosen})"
        f" SELECT {shown} FROM page CROSS JOIN {source} WHERE {same} {ordered}",
        parameters,
    )


def orders_of(request: Request) -> list[Order]:
    """The terms of the order: missing values last, the identity at the end."""
    orders = [
        Order(sort.field.column, sort.descending, index, sort.field.nullable)
        for index, sort in enumerate(request.sorts)
    ]
    last = len(request.sorts)
    return [*orders, *(Order(column, False, last + index) for index, column in enumerate(request.entity.identity))]


def get_query(entity_source: str, identity: str, columns: Sequence[str], key: int | None) -> Query:
    """One row by its key."""
    return Query(f"SELECT {', '.join(columns)} FROM {entity_source} WHERE {identity} = ?", [key])


def _matching(request: Request, plan: Plan) -> tuple[str, Query]:
    """What to search in, and the conditions; of rows that are made by grouping, these are inside."""
    entity, within = request.entity, request.within
    found = where(request.conditions, plan, entity)
    source = entity.source
    if within is not None:
        source = source.replace("{key}", str(within.key))
        place = entity.within[within.name].replace("{key}", str(within.key))
        found = Query(f"({place}) AND {found.text}", found.parameters)
    if "{matching}" in source:
        return source.replace("{matching}", found.text), Query("1", found.parameters)
    return source, found


def _is_about_definition(entity: Entity, condition: Condition) -> bool:
    """True for conditions on columns of the definition that a missing one does not satisfy."""
    return (
        bool(entity.definition)
        and isinstance(condition, Compare)
        and condition.field.column.startswith("d.")
        and condition.operator not in ("$neq", "$notIn", "$exists")
    )


def _one_of(column: str, keys: Sequence[int]) -> str:
    if len(keys) == 1:
        return f"{column} = {keys[0]}"
    return f"{column} IN ({', '.join(map(str, keys))})"


def _related_in(conditions: Conditions) -> Iterator[Related]:
    for condition in conditions:
        if isinstance(condition, Related):
            yield condition
        elif isinstance(condition, AnyOf):
            for alternative in condition.alternatives:
                yield from _related_in(alternative)


def _condition(condition: Condition, parameters: Parameters, plan: Plan) -> str:
    if isinstance(condition, Compare):
        return _compare(condition, parameters)
    if isinstance(condition, Related):
        return _related(condition, parameters, plan)
    if isinstance(condition, Owned):
        # looked up by its key for each row: whoever visits rows in their order reads no more than he needs
        found = where(condition.conditions)
        parameters += found.parameters
        owner = condition.owner
        return f"EXISTS (SELECT 1 FROM {owner.entity.source} WHERE {owner.match} AND {found.text})"
    alternatives = [
        " AND ".join(_condition(one, parameters, plan) for one in alternative) for alternative in condition.alternatives
    ]
    return f"({' OR '.join(f'({text})' for text in alternatives)})"


def _all_of(conditions: Sequence[Compare]) -> Query:
    parameters: Parameters = []
    return Query(" AND ".join(_compare(condition, parameters) for condition in conditions) or "1", parameters)


def _related(related: Related, parameters: Parameters, plan: Plan) -> str:
    relation = related.relation
    found = _all_of(related.conditions)
    parameters += found.parameters
    negation = "NOT " if related.negated else ""
    if plan.looked_up is None or related in plan.looked_up:
        match = relation.match or f"{relation.link} = {relation.owner}"
        return f"{negation}EXISTS (SELECT 1 FROM {relation.correlated} WHERE {match} AND {found.text})"
    return f"{relation.owner} {negation}IN (SELECT {relation.link} FROM {relation.source} WHERE {found.text})"


def _compare(compare: Compare, parameters: Parameters) -> str:
    column, operator, term = compare.field.column, compare.operator, compare.operand
    if operator == "$exists":
        return f"{column} IS {'NOT ' if term else ''}NULL"
    if compare.field.kind == ENUM and operator in ("$eq", "$in"):
        # words of ours, not of a client: as literals they let SQLite use partial indexes
        words = term if isinstance(term, tuple) else (term,)
        return (
            f"{column} IN ({', '.join(repr(word) for word in words)})"
            if len(words) != 1
            else f"{column} = {words[0]!r}"
        )
    if isinstance(term, tuple):
        parameters.append(terms_of([one for one in term if one is not None]))
        return f"{column} IN {TERMS}" if operator == "$in" else f"({column} IS NULL OR {column} NOT IN {TERMS})"
    if operator == "$like":
        parameters.append(_glob(str(term)))
        return f"{column} GLOB ?"
    parameters.append(term)
    if operator == "$eq" and compare.field.beginning:
        if len(str(term)) < BEGINNING_SIZE:
            return f"{compare.field.beginning} = ?"
        parameters.insert(-1, str(term)[:BEGINNING_SIZE])
        # the + keeps SQLite from putting the whole value into the indexed expression, which then would not be found
        return f"({compare.field.beginning} = ? AND +{column} = ?)"
    return f"{column} {COMPARISONS[operator]} ?"


def terms_of(terms: Sequence[Operand]) -> str:
    return msgspec.json.encode(terms).decode()


def _glob(pattern: str) -> str:
    """A `$like` pattern as SQLite's GLOB, which tells upper from lower case: what is literal goes into brackets."""
    found = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            character = next(characters, "\\")
            found.append(f"[{character}]" if character in "*?[" else character)
        else:
            found.append("[[]" if character == "[" else character)
    return "".join(found)


def _beyond(orders: Sequence[Order], values: Sequence[Operand], parameters: Parameters) -> str:
    """Rows that come after the row with these values in this order."""
    alternatives = []
    equal: list[str] = []
    equal_parameters: Parameters = []
    found: Parameters = []
    for order in orders:
        column, value = order.column, values[order.value_index]
        after = f"{column} {'<' if order.descending else '>'} ?"
        if value is None:
            after = f"{column} IS NOT NULL" if order.missing_first else "0"
        elif order.nullable and not order.missing_first:
            after = f"({after} OR {column} IS NULL)"
        alternatives.append(" AND ".join([*equal, after]))
        found += [*equal_parameters, *([] if value is None else [value])]
        equal.append(f"{column} IS ?")
        equal_parameters.append(value)
    text = f"({' OR '.join(f'({text})' for text in alternatives)})"
    first = orders[0]
    if not first.nullable:
        # the same once more, in a form that is a range of an index
        text = f"{first.column} {'<' if first.descending else '>'}= ? AND {text}"
        found.insert(0, values[first.value_index])
    parameters += found
    return text
