"""Conditions, orders and pages as SQL over `exporters/sqlite/schema.sql`.

Rule: texts of clients become parameters only. A list of terms is one parameter (a JSON array), however long.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from engine.core.ports import SelectionQuery
from engine.core.record import first_key, last_key

from .fields import BEGINNING_SIZE
from .filters import AnyOf, Compare, Condition, Conditions, Related
from .requests import Request
from .values import Operand

Parameters = list[Operand]
COMPARISONS = {"$eq": "=", "$neq": "IS NOT", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
TERMS = "(SELECT value FROM json_each(?))"


class Query(Struct, frozen=True):
    """SQL and its parameters."""

    text: str
    parameters: Parameters


class Order(Struct, frozen=True):
    """One term of ORDER BY. `value_index`: its value in a cursor; `missing`: the term says whether there is one."""

    column: str
    descending: bool
    value_index: int
    missing: bool = False


def where(conditions: Conditions, *, correlated: bool = False) -> Query:
    """All conditions. `correlated`: rows are visited in the order of their keys, so related rows are looked up one by
    one instead of being collected first."""
    parameters: Parameters = []
    texts = [_condition(condition, parameters, correlated) for condition in conditions]
    return Query(" AND ".join(texts) or "1", parameters)


def count_query(request: Request) -> Query:
    """How many rows match."""
    found = where(request.conditions)
    return Query(f"SELECT count(*) FROM {request.entity.source} WHERE {found.text}", found.parameters)


def page_query(request: Request, columns: Sequence[str]) -> Query:
    """The rows of the page: the columns, then the values that order them. Backwards if it ends `before` a row."""
    found = where(request.conditions)
    parameters = found.parameters
    paging = request.paging
    values = [*(sort.field.column for sort in request.sorts), *request.entity.identity]
    orders = orders_of(request)
    text = f"SELECT {', '.join([*columns, *values])} FROM {request.entity.source} WHERE {found.text}"
    backwards = paging.before is not None
    if backwards:
        orders = [msgspec.structs.replace(order, descending=not order.descending) for order in orders]
    beyond = paging.before if backwards else paging.after
    if beyond is not None:
        text += f" AND {_beyond(orders, beyond, parameters)}"
    directions = ", ".join(f"{order.column}{' DESC' if order.descending else ''}" for order in orders)
    parameters += [paging.limit, paging.start]
    return Query(f"{text} ORDER BY {directions} LIMIT ? OFFSET ?", parameters)


def orders_of(request: Request) -> list[Order]:
    """The terms of the order: missing values last, the identity at the end."""
    orders = []
    for index, sort in enumerate(request.sorts):
        column = sort.field.column
        if sort.field.nullable:
            orders.append(Order(f"({column} IS NULL)", False, index, missing=True))
        orders.append(Order(column, sort.descending, index))
    last = len(request.sorts)
    return [*orders, *(Order(column, False, last + index) for index, column in enumerate(request.entity.identity))]


def get_query(entity_source: str, identity: str, columns: Sequence[str], key: int | None) -> Query:
    """One row by its key."""
    return Query(f"SELECT {', '.join(columns)} FROM {entity_source} WHERE {identity} = ?", [key])


def selection_query(query: SelectionQuery, conditions: Conditions | None) -> Query:
    """Item key, process instance and root of the items of one partition; `conditions` None: only the given keys.

    Rows are visited in the order of the items' keys, so a page costs what it reads.
    """
    incidents = query.entity == "INCIDENT"
    item = "i" if incidents else "p"
    source = (
        "incidents i CROSS JOIN process_instances p ON p.key = i.process_instance_key"
        if incidents
        else "process_instances p"
    )
    texts = [f"{item}.key > ?", f"{item}.key <= ?"]
    parameters: Parameters = [
        max(query.after, first_key(query.partition)),
        min(query.key_max, last_key(query.partition)),
    ]
    chosen = []
    if conditions is not None:
        found = where(conditions, correlated=True)
        chosen.append(f"({found.text})")
        parameters += found.parameters
    if query.item_keys or conditions is None:
        chosen.append(f"p.key IN {TERMS}")
        parameters.append(_terms(query.item_keys))
    texts.append(f"({' OR '.join(chosen)})")
    if query.excluded:
        texts.append(f"p.key NOT IN {TERMS}")
        parameters.append(_terms(query.excluded))
    if query.states:
        texts.append(f"p.state IN {TERMS}")
        parameters.append(_terms(query.states))
    if query.roots_only:
        texts.append("p.parent_key IS NULL")
    if incidents:
        texts.append("i.state = 'ACTIVE'")
    parameters.append(query.limit)
    return Query(
        f"SELECT {item}.key, p.key, p.root_key FROM {source} LEFT JOIN definitions d ON d.key = p.definition_key"
        f" WHERE {' AND '.join(texts)} ORDER BY {item}.key LIMIT ?",
        parameters,
    )


def _condition(condition: Condition, parameters: Parameters, correlated: bool) -> str:
    if isinstance(condition, Compare):
        return _compare(condition, parameters)
    if isinstance(condition, Related):
        return _related(condition, parameters, correlated)
    assert isinstance(condition, AnyOf)
    alternatives = [
        " AND ".join(_condition(one, parameters, correlated) for one in alternative)
        for alternative in condition.alternatives
    ]
    return f"({' OR '.join(f'({text})' for text in alternatives)})"


def _related(related: Related, parameters: Parameters, correlated: bool) -> str:
    relation = related.relation
    conditions = " AND ".join(_compare(condition, parameters) for condition in related.conditions) or "1"
    negation = "NOT " if related.negated else ""
    if not relation.link:
        return f"{negation}EXISTS (SELECT 1 FROM {relation.source} WHERE {conditions})"
    if correlated and relation.correlated:
        link = f"{relation.link} = {relation.owner}"
        return f"{negation}EXISTS (SELECT 1 FROM {relation.correlated} WHERE {link} AND {conditions})"
    return f"{relation.owner} {negation}IN (SELECT {relation.link} FROM {relation.source} WHERE {conditions})"


def _compare(compare: Compare, parameters: Parameters) -> str:
    column, operator, term = compare.field.column, compare.operator, compare.operand
    if operator == "$exists":
        return f"{column} IS {'NOT ' if term else ''}NULL"
    if isinstance(term, tuple):
        parameters.append(_terms([one for one in term if one is not None]))
        return f"{column} IN {TERMS}" if operator == "$in" else f"({column} IS NULL OR {column} NOT IN {TERMS})"
    if operator == "$like":
        parameters.append(_glob(str(term)))
        return f"{column} GLOB ?"
    parameters.append(term)
    if operator == "$eq" and compare.field.beginning:
        parameters.insert(-1, str(term)[:BEGINNING_SIZE])
        # the + keeps SQLite from putting the whole value into the indexed expression, which then would not be found
        return f"({compare.field.beginning} = ? AND +{column} = ?)"
    return f"{column} {COMPARISONS[operator]} ?"


def _terms(terms: Sequence[Operand]) -> str:
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
    for order in orders:
        value = values[order.value_index]
        if value is None and not order.missing:
            continue
        term: Operand = int(value is None) if order.missing else value
        alternatives.append(" AND ".join([*equal, f"{order.column} {'<' if order.descending else '>'} ?"]))
        parameters += [*equal_parameters, term]
        equal.append(f"{order.column} = ?")
        equal_parameters.append(term)
    return f"({' OR '.join(f'({text})' for text in alternatives)})"
