"""Filters: from the JSON of the API to a small tree that every store can evaluate.

Rule: all problems are told at once, each with its place; what is unknown is refused by name. Between properties there
is AND; alternatives (`$or`) cannot nest. Source: Camunda 8 REST API, spec sections 7.4 and 7.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from engine.core.faults import BadRequest
from engine.core.ports import FILTERED, SearchRefused, SelectionQuery

from .entities import ENTITIES
from .fields import (
    BASIC_KEY,
    BOOLEAN,
    DATE,
    ENUM,
    INTEGER,
    KEY,
    STRING,
    STRING_KEY,
    Entity,
    Field,
    Owner,
    RelatedField,
    Relation,
)
from .identities import INTERNAL
from .instances import TAG, VARIABLE_NAME, VARIABLE_VALUE
from .statistics import STATISTICS
from .values import Operand, WrongValue, operand, pattern, shown

TERMS_MAX = 100_000
ALTERNATIVES_MAX = 100
VARIABLES_MAX = 100
TAGS_MAX = 100
#: More conditions than this in one filter are refused.
CONDITIONS_MAX = 1_000

EQ, NEQ, EXISTS, IN, NOT_IN, LIKE = "$eq", "$neq", "$exists", "$in", "$notIn", "$like"
ORDER_OPERATORS = ("$gt", "$gte", "$lt", "$lte")
OPERATORS: Mapping[str, tuple[str, ...]] = {
    KEY: (EQ, NEQ, EXISTS, IN, NOT_IN),
    BASIC_KEY: (EQ, NEQ, EXISTS, IN, NOT_IN),
    STRING_KEY: (EQ, NEQ, EXISTS, IN, NOT_IN, LIKE),
    STRING: (EQ, NEQ, EXISTS, IN, NOT_IN, LIKE),
    ENUM: (EQ, NEQ, EXISTS, IN, NOT_IN, LIKE),
    INTEGER: (EQ, NEQ, EXISTS, *ORDER_OPERATORS, IN),
    DATE: (EQ, NEQ, EXISTS, *ORDER_OPERATORS, IN),
    BOOLEAN: (),
}
#: A list of terms may be empty: nothing is in it.
TERMS = "terms"
#: What means "none is equal" when an owner has many values.
OPPOSITES = {NEQ: EQ, NOT_IN: IN}


class Compare(Struct, frozen=True):
    """`field operator operand`. `$exists`: a bool; `$in`, `$notIn`: a tuple; `$like`: the pattern as given.

    A missing value is unequal to everything: `$neq` and `$notIn` match it, the others do not.
    """

    field: Field
    operator: str
    operand: Operand | tuple[Operand, ...]


class Related(Struct, frozen=True):
    """Some related row satisfies all conditions; `negated`: none does."""

    relation: Relation
    conditions: tuple[Compare, ...] = ()
    negated: bool = False


class AnyOf(Struct, frozen=True):
    """At least one of the alternatives holds."""

    alternatives: tuple[tuple[Compare | Related, ...], ...]


class Owned(Struct, frozen=True):
    """What the row belongs to satisfies all conditions."""

    owner: Owner
    conditions: Conditions


Condition = Compare | Related | AnyOf | Owned
#: All of them hold.
Conditions = tuple[Condition, ...]


def check_filter(entity: str, given: Mapping[str, object]) -> list[str]:
    """The problems of a filter; empty if it may be used."""
    reading = Reading(entity_named(entity))
    reading.conditions("filter", given)
    return reading.problems


def parse_filter(entity: Entity, given: object) -> Conditions:
    """The conditions of a filter. Raises BadRequest that lists all problems."""
    reading = Reading(entity)
    conditions = reading.conditions("filter", given)
    if reading.problems:
        raise BadRequest("; ".join(reading.problems))
    return conditions


def selection_conditions(query: SelectionQuery) -> Conditions | None:
    """The conditions of an initializer's filter, None without one. Raises SearchRefused."""
    if query.entity not in FILTERED:
        raise SearchRefused(f"expected items out of {', '.join(FILTERED)}, got {query.entity}")
    filtered = ENTITIES[FILTERED[query.entity]]
    if not query.filter:
        return None
    try:
        return parse_filter(filtered, msgspec.json.decode(query.filter))
    except (BadRequest, msgspec.DecodeError) as fault:
        raise SearchRefused(f"expected the JSON of a filter of {filtered.name}: {fault}") from fault


def entity_named(name: str) -> Entity:
    """Raises BadRequest for an unknown entity."""
    entity = ENTITIES.get(name) or STATISTICS.get(name) or INTERNAL.get(name)
    if entity is None:
        raise BadRequest(f"expected an entity out of {', '.join(ENTITIES)}, got {name}")
    return entity


class Reading:
    """Reads one filter and collects its problems."""

    def __init__(self, entity: Entity) -> None:
        self.problems: list[str] = []
        self._entity = entity
        self._fields = entity.filters()
        self._count = 0
        self._too_many = False

    def conditions(self, path: str, given: object) -> Conditions:
        """The conditions of a whole filter."""
        found = self._object(path, given)
        for name in self._entity.required:
            if found.get(name) is None:
                self._problem(f"{path}.{name}", "expected a value, got none")
        apart = {"$or", *self._entity.owners}
        conditions: list[Condition] = list(self._plain(path, {key: found[key] for key in found if key not in apart}))
        for name, owner in self._entity.owners.items():
            if name in found:
                conditions.append(self._owner(f"{path}.{name}", owner, found[name]))
        if "$or" in found:
            conditions += self._alternatives(f"{path}.$or", found["$or"])
        return tuple(conditions)

    def _owner(self, path: str, owner: Owner, given: object) -> Owned:
        """A filter of its own; what it says counts with the rest."""
        if isinstance(given, Mapping) and not given:
            self._problem(path, "expected at least one property, got {}; it would match everything")
        reading = Reading(owner.entity)
        reading.problems, reading._count, reading._too_many = self.problems, self._count, self._too_many
        conditions = reading.conditions(path, given)
        self._count, self._too_many = reading._count, reading._too_many
        return Owned(owner, conditions)

    def _alternatives(self, path: str, given: object) -> list[AnyOf]:
        if not self._entity.alternatives:
            self._problem(path, f"expected a property of {self._entity.name}, got $or")
            return []
        alternatives = []
        for at, alternative in self._list(path, given, ALTERNATIVES_MAX, "alternatives"):
            found = self._object(at, alternative)
            if isinstance(alternative, Mapping) and not found:
                self._problem(at, "expected at least one property, got {}; it would match everything")
            if "$or" in found:
                self._problem(f"{at}.$or", "expected no $or inside of $or; write its alternatives side by side")
            alternatives.append(self._plain(at, {key: found[key] for key in found if key != "$or"}))
        return [AnyOf(tuple(alternatives))]

    def _plain(self, path: str, given: Mapping[str, object]) -> tuple[Compare | Related, ...]:
        """Properties without `$or`. Those about the same relation are about the same related row."""
        entity = self._entity
        conditions: list[Compare | Related] = []
        same: dict[str, tuple[Relation, list[Compare]]] = {}
        for pair in entity.synonyms:
            if all(name in given for name in pair):
                self._problem(path, f"expected either {' or '.join(pair)}, got both")
        for name, value in given.items():
            place = f"{path}.{name}"
            if name in self._fields:
                conditions += self._compare(place, self._fields[name], value)
            elif name in entity.related:
                conditions += self._related(place, entity.related[name], value, same)
            elif name in entity.variables:
                conditions += self._variables(place, entity.variables[name], value)
            elif name == entity.tags_name and entity.tags:
                conditions += self._tags(place, entity.tags, value)
            else:
                self._problem(place, f"expected a property out of {', '.join(self._known())}, got {name}")
        asked = {Related(relation) for relation, _ in same.values()}
        # that there is one at all follows from what is asked of it
        conditions = [condition for condition in conditions if condition not in asked]
        conditions += [Related(relation, tuple(compares)) for relation, compares in same.values()]
        return tuple(conditions)

    def _known(self) -> list[str]:
        entity = self._entity
        names = [*self._fields, *entity.related, *entity.variables, *([entity.tags_name] if entity.tags else [])]
        return [*names, *entity.owners, *(["$or"] if entity.alternatives else [])]

    def _related(
        self, path: str, related: RelatedField, value: object, same: dict[str, tuple[Relation, list[Compare]]]
    ) -> list[Related]:
        relation = related.relation
        if related.field is None:
            wanted = self._try(path, lambda: operand(BOOLEAN, (), value))
            return [Related(relation, negated=not wanted)]
        conditions = []
        for compare in self._compare(path, related.field, value):
            if compare.operator == EXISTS:
                conditions.append(Related(relation, negated=not compare.operand))
            elif related.many:
                opposite = OPPOSITES.get(compare.operator)
                wanted_one = Compare(compare.field, opposite or compare.operator, compare.operand)
                conditions.append(Related(relation, (wanted_one,), negated=bool(opposite)))
            else:
                same.setdefault(relation.name, (relation, []))[1].append(compare)
        return conditions

    def _variables(self, path: str, relation: Relation, given: object) -> list[Related]:
        """Every entry: some variable of that name has such a value (its JSON text)."""
        conditions = []
        for at, entry in self._list(path, given, VARIABLES_MAX, "variables"):
            found = self._object(at, entry)
            for name in sorted({"name", "value"} - set(found)):
                self._problem(f"{at}.{name}", "expected a value, got none")
            for name in sorted(set(found) - {"name", "value"}):
                self._problem(f"{at}.{name}", f"expected name or value, got {name}")
            if not {"name", "value"} <= set(found):
                continue
            name_is = self._operator(f"{at}.name", VARIABLE_NAME, EQ, found["name"])
            values = self._compare(f"{at}.value", VARIABLE_VALUE, found["value"])
            plain = tuple(compare for compare in values if compare.operator != EXISTS)
            conditions += [
                Related(relation, name_is, not compare.operand) for compare in values if compare not in plain
            ]
            if plain:
                conditions.append(Related(relation, (*name_is, *plain)))
        return conditions

    def _tags(self, path: str, relation: Relation, given: object) -> list[Related]:
        """All given tags are there."""
        given_tags = self._list(path, given, TAGS_MAX, self._entity.tags_name)
        return [Related(relation, self._operator(at, TAG, EQ, tag)) for at, tag in given_tags]

    def _compare(self, path: str, field: Field, value: object) -> tuple[Compare, ...]:
        """A plain value, or an object of operators that all hold."""
        if field.only:
            return self._operator(path, field, field.only, value)
        if not isinstance(value, Mapping):
            if value is None and OPERATORS[field.kind]:
                self._problem(path, 'expected a value or an object of operators, got null; use {"$exists": false}')
                return ()
            return self._operator(path, field, EQ, value)
        allowed = OPERATORS[field.kind]
        if not allowed:
            self._try(path, lambda: operand(field.kind, field.values, value))
            return ()
        if not value:
            self._problem(path, f"expected at least one operator out of {', '.join(allowed)}, got {{}}")
        found: list[Compare] = []
        for operator, term in value.items():
            if operator in allowed:
                found += self._operator(f"{path}.{operator}", field, operator, term)
            else:
                self._problem(path, f"expected an operator out of {', '.join(allowed)}, got {operator}")
        return tuple(found)

    def _operator(self, path: str, field: Field, operator: str, value: object) -> tuple[Compare, ...]:
        self._count += 1
        if self._count > CONDITIONS_MAX:
            if not self._too_many:
                self._problem("filter", f"expected at most {CONDITIONS_MAX} conditions, got more")
            self._too_many = True
            return ()
        term: Operand | tuple[Operand, ...]
        if operator == EXISTS:
            term = self._try(path, lambda: operand(BOOLEAN, (), value))
        elif operator == LIKE:
            term = self._try(path, lambda: pattern(value))
        elif operator in (IN, NOT_IN):
            terms = self._list(path, value, TERMS_MAX, TERMS)
            term = tuple(self._try(at, lambda one=one: operand(field.kind, field.values, one)) for at, one in terms)  # type: ignore[misc]
        else:
            term = self._try(path, lambda: operand(field.kind, field.values, value))
        return (Compare(field, operator, term),)

    def _object(self, path: str, given: object) -> Mapping[str, object]:
        if isinstance(given, Mapping):
            return given
        self._problem(path, f"expected an object, got {shown(given)}")
        return {}

    def _list(self, path: str, given: object, size_max: int, what: str) -> list[tuple[str, object]]:
        """The items of a list, each with its place."""
        if not isinstance(given, list):
            self._problem(path, f"expected a list, got {shown(given)}")
            return []
        if not given and what != TERMS:
            self._problem(path, f"expected at least one of the {what}, got []; it would match everything")
        if len(given) > size_max:
            self._problem(path, f"expected at most {size_max} {what}, got {len(given)}")
            return []
        return [(f"{path}[{index}]", item) for index, item in enumerate(given)]

    def _try(self, path: str, read: Callable[[], Operand]) -> Operand:
        try:
            return read()
        except WrongValue as fault:
            self._problem(path, str(fault))
            return None

    def _problem(self, path: str, text: str) -> None:
        self.problems.append(f"{path}: {text}")
