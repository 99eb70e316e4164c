"""What every search store promises, judged against a plain evaluation in Python: random worlds, filters and orders."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.record import first_key
from exporters.facts import java_hash
from exporters.search import SearchStore
from exporters.search.entities import ENTITIES
from exporters.search.fields import BASIC_KEY, BOOLEAN, DATE, ENUM, INTEGER, KEY, STRING, STRING_KEY, Field
from tests.conformance.conftest import OpenStore
from tests.conformance.search_model import (
    BATCHES,
    ELEMENTS,
    MESSAGES,
    NAMES,
    PATTERNS,
    PEOPLE,
    RICH,
    TEXTS,
    Json,
    Told,
    matches,
    ordered,
    tell,
    worlds,
)
from tests.unit.exporters.stories import DEFINITION, date, export

generated = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# --- requests


def terms_of(kind: str, values: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """Every operator of the kind, and what it may be given."""
    if kind == BOOLEAN:
        return {}
    lists = [[], *([value] for value in values), list(values[:2])]
    operators: dict[str, Sequence[Any]] = {"$eq": values, "$neq": values, "$exists": (True, False), "$in": lists}
    if kind in (KEY, BASIC_KEY, STRING_KEY, STRING, ENUM):
        operators["$notIn"] = lists
    if kind in (STRING, STRING_KEY, ENUM):
        operators["$like"] = (*PATTERNS, "*T*", "2*")
    if kind in (INTEGER, DATE):
        operators |= dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), values)
    return operators


def conditions(kind: str, values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """A plain value, or one or two operators of the kind."""
    if kind == BOOLEAN:
        return st.booleans()
    operators = {operator: st.sampled_from(terms) for operator, terms in terms_of(kind, values).items()}
    several = st.lists(st.sampled_from(sorted(operators)), min_size=1, max_size=2, unique=True)
    return st.sampled_from(values) | several.flatmap(
        lambda names: st.fixed_dictionaries({name: operators[name] for name in names})
    )


def single_filters(name: str, kind: str, values: Sequence[Any]) -> list[Json]:
    """The property with every plain value, and with every operator and every term."""
    plain = [{name: value} for value in values]
    return plain + [{name: {operator: term}} for operator, terms in terms_of(kind, values).items() for term in terms]


def domain(field: Field, documents: Sequence[Json]) -> list[Any]:
    """Values that occur, and some that may not."""
    found = [document[field.name] for document in documents if document.get(field.name) is not None]
    foreign: dict[str, tuple[Any, ...]] = {
        INTEGER: (0, 1, 5),
        DATE: (date(3), date(7)),
        ENUM: field.values,
        STRING: TEXTS,
        BOOLEAN: (True, False),
    }
    return sorted({*found, *foreign.get(field.kind, ("1", str(first_key(1) + 101)))}, key=str)


def plain_filters(entity: str, documents: Sequence[Json]) -> dict[str, st.SearchStrategy[Any]]:
    """What a filter of shown properties may hold."""
    shown = set(documents[0]) if documents else set()
    return {
        name: conditions(field.kind, domain(field, documents))
        for name, field in ENTITIES[entity].filters().items()
        if name in shown
    }


QUOTED = [msgspec.json.encode(text).decode() for text in TEXTS]
#: Properties of process instances that ask about related rows: their kind, and values for them.
RELATED: dict[str, tuple[str, Sequence[Any]]] = {
    "hasRetriesLeft": (BOOLEAN, (True, False)),
    "errorMessage": (STRING, (*MESSAGES, "z")),
    "incidentErrorHashCode": (INTEGER, [java_hash(text) for text in (*MESSAGES, "z")]),
    "elementId": (STRING, (*ELEMENTS, "z")),
    "elementInstanceState": (ENUM, ("ACTIVE", "TERMINATED", "COMPLETED")),
    "hasElementInstanceIncident": (BOOLEAN, (True, False)),
    "batchOperationKey": (STRING_KEY, (*BATCHES, "12", "no key")),
}


#: The same of user tasks.
RELATED_OF_TASKS: dict[str, tuple[str, Sequence[Any]]] = dict.fromkeys(
    ("candidateGroup", "candidateUser"), (STRING, (*PEOPLE, "z"))
)
#: Entity -> its properties about related rows, and its lists of variables.
OWNERS: dict[str, tuple[dict[str, tuple[str, Sequence[Any]]], Sequence[str]]] = {
    "PROCESS_INSTANCE": (RELATED, ("variables",)),
    "USER_TASK": (RELATED_OF_TASKS, ("processInstanceVariables", "localVariables")),
}


def related_filters() -> dict[str, st.SearchStrategy[Any]]:
    """What a filter of process instances may hold beside its own properties."""
    return related_of("PROCESS_INSTANCE")


def related_of(entity: str) -> dict[str, st.SearchStrategy[Any]]:
    """What a filter may ask about related rows."""
    properties, lists = OWNERS[entity]

    names = st.sampled_from((*NAMES, "z"))
    variable = st.fixed_dictionaries({"name": names, "value": conditions(STRING, QUOTED)})
    return {
        **{name: conditions(kind, values) for name, (kind, values) in properties.items()},
        "tags": st.lists(st.sampled_from(("a", "b", "z")), min_size=1, max_size=2),
        **{name: st.lists(variable, min_size=1, max_size=2) for name in lists},
    }


def some_of(properties: Mapping[str, st.SearchStrategy[Any]], least: int = 0) -> st.SearchStrategy[Json]:
    names = st.lists(st.sampled_from(sorted(properties)), min_size=least, max_size=3, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: properties[name] for name in chosen}))


def sorts_of(entity: str, documents: Sequence[Json]) -> st.SearchStrategy[list[Json]]:
    names = sorted(name for name in ENTITIES[entity].sorts() if name in documents[0])
    if not names:
        return st.just([])
    sort = st.fixed_dictionaries(
        {"field": st.sampled_from(names)}, optional={"order": st.sampled_from(("ASC", "DESC"))}
    )
    return st.lists(sort, max_size=3)


async def all_of(search: SearchStore, entity: str, request: Json) -> list[Json]:
    result = await search.search(entity, {**request, "page": {"limit": 10_000}})
    assert result.total == len(result.items)
    assert not result.has_more_total
    return result.items


async def gathered(questions: Sequence[Coroutine[Any, Any, list[Json]]]) -> list[list[Json]]:
    """The answers, some questions at a time."""
    turns = asyncio.Semaphore(8)

    async def ask(question: Coroutine[Any, Any, list[Json]]) -> list[Json]:
        async with turns:
            return await question

    return await asyncio.gather(*map(ask, questions))


async def paged(search: SearchStore, entity: str, request: Json, limit: int) -> list[Json]:
    """All pages forwards; on the way every page is also asked for by its index, and from behind by `before`."""
    found: list[Json] = []
    page: Json = {"limit": limit}
    while True:
        result = await search.search(entity, {**request, "page": page})
        by_index = await search.search(entity, {**request, "page": {"from": len(found), "limit": limit}})
        assert by_index.items == result.items
        if found:
            before = await search.search(entity, {**request, "page": {"before": result.start_cursor, "limit": limit}})
            assert not result.items or before.items == found[-limit:]
        if not result.items:
            assert (result.start_cursor, result.end_cursor) == (None, None)
            assert result.total == len(found)
            return found
        found += result.items
        page = {"after": result.end_cursor, "limit": limit}


def play(open_store: OpenStore, folder: Path, told: Told, scenario: Callable[[SearchStore], Any]) -> None:
    async def run() -> None:
        async with open_store(folder) as (exporter, search):
            await export(exporter, *told.stories)
            await scenario(search)

    asyncio.run(run())


# --- the promises


def test_every_operator_of_every_property(open_store: OpenStore, tmp_path: Path) -> None:
    told = tell(RICH)
    by_key = {instance.key: instance for instance in told.instances}

    async def scenario(search: SearchStore) -> None:
        for entity, description in ENTITIES.items():
            documents = await all_of(search, entity, {})
            properties: dict[str, tuple[str, Sequence[Any]]] = {
                name: (field.kind, domain(field, documents))
                for name, field in description.filters().items()
                if documents and name in documents[0]
            }
            related, lists = OWNERS.get(entity, ({}, ()))
            properties |= related
            filters = [one for name, (kind, values) in properties.items() for one in single_filters(name, kind, values)]
            values = [one["value"] for one in single_filters("value", STRING, QUOTED)]
            filters += [{name: [{"name": "x", "value": value}]} for name in lists for value in values]
            found = await gathered([all_of(search, entity, {"filter": one}) for one in filters])
            for one, items in zip(filters, found, strict=True):
                expected = [
                    document
                    for document in documents
                    if matches(document, by_key[document["processInstanceKey"]] if lists else None, one)
                ]
                assert items == expected, (entity, one)

    play(open_store, tmp_path, told, scenario)


@given(told=worlds, data=st.data())
@generated
def test_process_instances_are_filtered_as_told(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, data: st.DataObject
) -> None:
    by_key = {instance.key: instance for instance in told.instances}

    async def scenario(search: SearchStore) -> None:
        documents = await all_of(search, "PROCESS_INSTANCE", {})
        assert [document["processInstanceKey"] for document in documents] == sorted(by_key, key=int)
        for document in documents:
            instance = by_key[document["processInstanceKey"]]
            assert document["hasIncident"] == bool(instance.incidents)
            assert document["state"] == instance.state
            assert (document["businessId"], document["tags"]) == (instance.business_id, list(instance.tags))
        properties = plain_filters("PROCESS_INSTANCE", documents) | related_filters()
        for _ in range(6):
            filters = data.draw(some_of(properties))
            if data.draw(st.booleans()):
                filters = {**filters, "$or": data.draw(st.lists(some_of(properties, 1), min_size=1, max_size=3))}
            expected = [one for one in documents if matches(one, by_key[one["processInstanceKey"]], filters)]
            assert await all_of(search, "PROCESS_INSTANCE", {"filter": filters}) == expected, filters
            assert search.check_filter("PROCESS_INSTANCE", filters) == []

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


@given(told=worlds.filter(lambda told: bool(told.instances)), data=st.data())
@generated
def test_every_entity_is_filtered_sorted_and_paged_as_told(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, data: st.DataObject
) -> None:
    by_key = {instance.key: instance for instance in told.instances}

    async def scenario(search: SearchStore) -> None:
        for entity in ENTITIES:
            documents = await all_of(search, entity, {})
            if not documents:
                continue
            properties = plain_filters(entity, documents)
            tasks = entity == "USER_TASK"
            if tasks:
                properties |= related_of(entity)
            filters = data.draw(some_of(properties))
            sorts = data.draw(sorts_of(entity, documents))
            chosen = [
                one for one in documents if matches(one, by_key[one["processInstanceKey"]] if tasks else None, filters)
            ]
            expected = ordered(chosen, entity, sorts)
            request = {"filter": filters, "sort": sorts}
            assert await all_of(search, entity, request) == expected, (entity, request)
            # some pages, not one for each row of many
            limit = data.draw(st.integers(1, 3)) + len(expected) // 5
            assert await paged(search, entity, request, limit) == expected

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


def test_a_hundred_thousand_terms(open_store: OpenStore, tmp_path: Path) -> None:
    told = tell([])
    key, _, _ = told.stories[0].start()

    async def scenario(search: SearchStore) -> None:
        terms = [str(number) for number in range(99_999)]
        found = await all_of(
            search, "PROCESS_INSTANCE", {"filter": {"processInstanceKey": {"$in": [*terms, str(key)]}}}
        )
        assert [document["processInstanceKey"] for document in found] == [str(key)]

    play(open_store, tmp_path, told, scenario)


def test_the_latest_version_of_every_process(open_store: OpenStore, tmp_path: Path) -> None:
    told = tell([])
    told.stories[0].define("order", version=7, key=DEFINITION + 50)

    async def scenario(search: SearchStore) -> None:
        found = await all_of(search, "PROCESS_DEFINITION", {"filter": {"isLatestVersion": True}})
        assert [(one["processDefinitionId"], one["version"]) for one in found] == [
            ("Order", 2),
            ("a*b", 3),
            ("order", 7),
        ]

    play(open_store, tmp_path, told, scenario)


def test_decisions_their_files_and_their_accounts(open_store: OpenStore, tmp_path: Path) -> None:
    told = tell([])
    decision, requirements = told.stories[0].define_decision("wine", version=4)
    evaluation = told.stories[0].evaluate(decision, requirements, failure="no rule")

    async def scenario(search: SearchStore) -> None:
        latest = await all_of(search, "DECISION_DEFINITION", {"filter": {"isLatestVersion": True}})
        assert sorted((one["decisionDefinitionId"], one["version"]) for one in latest) == [("dish", 2), ("wine", 4)]
        assert await search.decision_requirements_xml(requirements) == b"<dmn/>"
        assert await search.decision_requirements_xml(decision) is None
        wanted = {
            "filter": {"decisionEvaluationInstanceKey": f"{evaluation}-2", "decisionRequirementsKey": str(requirements)}
        }
        (account,) = await all_of(search, "DECISION_INSTANCE_DETAILS", wanted)
        assert (account["state"], account["evaluationFailure"], account["result"]) == ("FAILED", "no rule", "null")
        assert account["evaluatedInputs"] == [{"inputId": "i", "inputName": "Season", "inputValue": '"winter"'}]
        (rule,) = account["matchedRules"]
        assert (rule["ruleId"], rule["ruleIndex"], rule["evaluatedOutputs"][0]["outputValue"]) == ("r", 1, '"roast"')
        assert "evaluatedInputs" not in (await all_of(search, "DECISION_INSTANCE", wanted))[0]

    play(open_store, tmp_path, told, scenario)


def test_watermarks_tell_what_is_searchable(open_store: OpenStore, tmp_path: Path) -> None:
    told = tell([])

    async def scenario(search: SearchStore) -> None:
        assert [await search.watermark(partition) for partition in (1, 2, 3)] == [
            told.stories[0].position,
            told.stories[1].position,
            0,
        ]
        assert await search.get("PROCESS_INSTANCE", 12) is None

    play(open_store, tmp_path, told, scenario)
