"""Parsed filters as queries.

What no document tells of itself is looked up first: which version is the newest, and the scopes of local variables.
Rule: the same meaning as `exporters/search/filters.py` says: a missing value is unequal to everything.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from engine.core.patterns import literal
from exporters.opensearch import mappings
from exporters.search.fields import STRING_KEY
from exporters.search.filters import Compare, Condition, Conditions, Owned, Related
from exporters.search.values import Operand

from .evaluation import holds
from .indices import Indices
from .places import (
    CONSTANTS,
    FLAGS,
    LATEST,
    OF_OWNER,
    PROCESS_INSTANCES,
    RELATIONS,
    WAIT_STATE_TYPE,
    WAIT_STATES,
    Children,
    Siblings,
    Values,
    is_constant,
    is_long_text,
    of_kind,
    path_of,
)
from .queries import (
    EVERYTHING,
    NOTHING,
    TERMS_MAX,
    Query,
    all_of,
    any_of,
    exists,
    has_child,
    has_parent,
    none_of,
    term,
    terms,
    wildcard,
    within,
)

#: Local variables that a condition of user tasks may match; it is refused when there are more.
SCOPES_MAX = 200_000

#: Operators that hold where their opposite does not.
NEGATIONS = {"$neq": "$eq", "$notIn": "$in"}
ORDER_OPERATORS = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}


class Translation:
    """Makes queries of conditions. `terms_max`: terms in one clause."""

    def __init__(self, indices: Indices, terms_max: int = TERMS_MAX) -> None:
        self._indices = indices
        self._terms_max = terms_max

    async def query_of(self, conditions: Conditions) -> Query:
        """What matches all conditions."""
        return all_of(*[await self._condition(condition) for condition in conditions])

    def keys(self, path: str, keys: Sequence[object]) -> Query:
        """Documents whose field has one of these values."""
        return terms(path, keys, self._terms_max)

    async def _condition(self, condition: Condition) -> Query:
        if isinstance(condition, Compare):
            return await self._compare(condition)
        if isinstance(condition, Related):
            return await self._related(condition)
        if isinstance(condition, Owned):
            # the only owner that there is
            return has_parent(mappings.PROCESS_INSTANCE, await self.query_of(condition.conditions))
        return any_of(*[await self.query_of(alternative) for alternative in condition.alternatives])

    async def _related(self, related: Related) -> Query:
        place = RELATIONS[related.relation.name]
        if isinstance(place, Values):
            # what is asked of a value of a list is asked of the list: some value satisfies it
            compares = [self._operator(place.path, compare) for compare in related.conditions]
            found = all_of(*compares) if compares else exists(place.path)
        else:
            of_row = all_of(*[await self._compare(compare) for compare in related.conditions])
            if isinstance(place, Children):
                found = has_child(place.kind, all_of(place.rows, of_row))
            elif isinstance(place, Siblings):
                some = has_child(place.kind, all_of(place.rows, of_row))
                found = has_parent(mappings.PROCESS_INSTANCE, all_of(PROCESS_INSTANCES, some))
            else:
                found = self.keys(place.path, await self._scopes(of_row))
        return none_of(found) if related.negated else found

    async def _scopes(self, of_row: Query) -> list[int]:
        """Scopes inside of process instances with user tasks, in which some variable matches."""
        with_tasks = has_parent(mappings.PROCESS_INSTANCE, has_child(mappings.USER_TASK, EVERYTHING))
        rows = all_of(of_kind(mappings.VARIABLE), term("of_instance", False), of_row, with_tasks)
        found = await self._indices.all_of(mappings.INSTANCES, rows, ["scope_key"], size_max=SCOPES_MAX)
        return sorted({source["scope_key"] for source in found})

    async def _compare(self, compare: Compare) -> Query:
        field = compare.field
        if is_constant(field):
            return EVERYTHING if holds(compare, CONSTANTS[field.column]) else NOTHING
        path = path_of(field)
        if path == WAIT_STATE_TYPE:
            return any_of(*(of_kind(kind) for name, kind in WAIT_STATES.items() if holds(compare, name)))
        if path in OF_OWNER:
            return has_parent(mappings.PROCESS_INSTANCE, self._operator(OF_OWNER[path], compare))
        if path in FLAGS or path in LATEST:
            found = await self._latest(*LATEST[path]) if path in LATEST else FLAGS[path]
            return found if compare.operand else none_of(found)
        return self._operator(path, compare)

    async def _latest(self, index: str, identity: str) -> Query:
        """The newest versions of all processes, or of all decisions."""
        newest = {"top_hits": {"size": 1, "sort": [{"version": "desc"}], "_source": ["key"]}}
        groups = await self._indices.groups(
            index, EVERYTHING, {"id": {"terms": {"field": identity}}}, {"newest": newest}
        )
        return self.keys("key", [group["newest"]["hits"]["hits"][0]["_source"]["key"] for group in groups])

    def _operator(self, path: str, compare: Compare) -> Query:
        operator, operand = compare.operator, compare.operand
        opposite = NEGATIONS.get(operator)
        if opposite:
            return none_of(self._operator(path, Compare(compare.field, opposite, operand)))
        if isinstance(operand, tuple):
            return self._one_of(path, operand)
        if operator == "$eq":
            return self._one_of(path, (operand,))
        if operator == "$exists":
            found = exists(_start_of(path))
            return found if operand else none_of(found)
        if operator == "$like":
            return self._like(f"{path}.digits" if compare.field.kind == STRING_KEY else path, str(operand))
        assert isinstance(operand, int | float)
        return _in_order(path, operator, operand)

    def _one_of(self, path: str, operands: tuple[Operand, ...]) -> Query:
        """None is what no key is equal to, and no stored number has a fraction."""
        possible = [one for one in operands if one is not None and not isinstance(one, float)]
        if is_long_text(path):
            return self._one_text_of(path, [str(one) for one in possible])
        return term(path, possible[0]) if len(possible) == 1 else self.keys(path, possible)

    def _one_text_of(self, path: str, texts: list[str]) -> Query:
        """A text that is longer than its indexed beginning is found by its hash."""
        short = [text for text in texts if len(text) < mappings.WORD_SIZE_MAX]
        whole = [text for text in texts if len(text) == mappings.WORD_SIZE_MAX]
        hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts if len(text) > mappings.WORD_SIZE_MAX]
        return any_of(
            self.keys(f"{path}_start", short),
            all_of(self.keys(f"{path}_start", whole), none_of(exists(f"{path}_hash"))),
            self.keys(f"{path}_hash", hashes),
        )

    def _like(self, path: str, pattern: str) -> Query:
        # the node finds no empty text by a pattern
        text = literal(pattern)
        if text is not None:
            return self._one_of(path, (text,))
        if not is_long_text(path):
            return wildcard(path, pattern)
        return any_of(
            all_of(wildcard(f"{path}_start", pattern), none_of(exists(f"{path}_hash"))),
            wildcard(f"{path}_long", pattern),
        )


def _start_of(path: str) -> str:
    return f"{path}_start" if is_long_text(path) else path


def _in_order(path: str, operator: str, operand: int | float) -> Query:
    """What is stored is whole: a fraction is above it or below it."""
    whole = operand
    if isinstance(operand, float):
        # above a fraction is from the next number on, below it is up to the number before
        above = operator in ("$gt", "$gte")
        operator = "$gte" if above else "$lte"
        whole = math.ceil(operand) if above else math.floor(operand)
    return within(path, **{ORDER_OPERATORS[operator]: whole})
