"""Searches in OpenSearch without a node: every property has a place, and what is evaluated here means the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporters.opensearch import mappings
from exporters.opensearch.searching.made_entities import IDENTITIES
from exporters.opensearch.searching.places import (
    FLAGS,
    LATEST,
    PLACES,
    RELATIONS,
    WAIT_STATE_TYPE,
    is_constant,
    path_of,
    sorted_path,
)
from exporters.opensearch.searching.queries import EVERYTHING, NOTHING, all_of, any_of, none_of, term, terms
from exporters.search.entities import ENTITIES
from exporters.search.fields import Field
from exporters.search.filters import entity_named
from exporters.search.identities import INTERNAL
from exporters.search.statistics import STATISTICS

SPECIAL = {*FLAGS, *LATEST, WAIT_STATE_TYPE, "details"}
#: Nothing of these exists yet.
EMPTY = {"RESOURCE"}


def fields() -> Iterator[tuple[str, Field]]:
    for name, place in PLACES.items():
        entity = entity_named(name)
        related = [one.field for one in entity.related.values() if one.field]
        yield from ((place.index, field) for field in (*entity.fields, *related))


@pytest.mark.parametrize(("index", "field"), list(fields()))
def test_every_property_has_a_place(index: str, field: Field) -> None:
    known = mappings.FIELDS[index]
    assert is_constant(field) or path_of(field) in SPECIAL or path_of(field) in known


@pytest.mark.parametrize("name", PLACES)
def test_every_order_has_a_field(name: str) -> None:
    known = mappings.FIELDS[PLACES[name].index]
    ordered = [field for field in entity_named(name).sorts().values() if not is_constant(field)]
    assert {sorted_path(field) for field in ordered} | {*PLACES[name].identity} <= set(known)


def test_every_entity_and_relation_has_a_place() -> None:
    assert {*PLACES, *IDENTITIES, *EMPTY} == {*ENTITIES, *STATISTICS, *INTERNAL}
    found = [entity for entity in ENTITIES.values() if not entity.made]  # what is made is compared when it is made
    relations = {one.relation.name for entity in found for one in entity.related.values()}
    relations |= {relation.name for entity in found for relation in entity.variables.values()}
    relations |= {entity.tags.name for entity in found if entity.tags}
    assert relations == set(RELATIONS)


def test_queries_are_as_short_as_they_can_be() -> None:
    one, other = term("a", 1), term("b", 2)
    assert all_of(EVERYTHING, one) == any_of(NOTHING, one) == one
    assert all_of(one, NOTHING) == any_of() == none_of(EVERYTHING) == terms("a", []) == NOTHING
    assert any_of(one, EVERYTHING) == all_of() == none_of(NOTHING) == EVERYTHING
    assert none_of(one, other) == {"bool": {"must_not": [one, other]}}


def test_long_lists_of_terms_are_divided() -> None:
    clauses = terms("a", range(5), 2)["bool"]["should"]
    assert [clause["terms"]["a"] for clause in clauses] == [[0, 1], [2, 3], [4]]
