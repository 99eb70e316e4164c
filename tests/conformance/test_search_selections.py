"""What initializers ask: items of one partition, in the order of their keys."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from engine.core.ports import SelectionQuery
from engine.core.record import first_key, partition_of
from engine.shell.given_keys import select_items
from exporters.search import SearchStore
from exporters.search.store import SelectionGroup
from tests.conformance.conftest import OpenStore
from tests.conformance.search_model import RICH, Json, Told, matches, selected, tell, worlds
from tests.conformance.test_search import all_of, generated, plain_filters, play, related_filters, some_of


def draw_query(
    data: st.DataObject, keys: Sequence[int], entity: str, filters: Json | None, processes: Sequence[str], **forced: Any
) -> SelectionQuery:
    """Whatever else a query may say. `forced`: what an operation demands; `processes`: what there are."""
    some_keys = st.lists(st.sampled_from([*keys, 17]), max_size=3).map(tuple)
    bounds = st.sampled_from([*keys, first_key(1), first_key(3)])
    return SelectionQuery(
        entity=entity,
        partition=data.draw(st.integers(1, 2)),
        filter="" if filters is None else msgspec.json.encode(filters).decode(),
        item_keys=data.draw(some_keys),
        excluded=data.draw(some_keys),
        after=data.draw(st.just(-1) | bounds),
        key_max=data.draw(st.just(1 << 62) | bounds),
        limit=data.draw(st.integers(1, 4)),
        process_ids=data.draw(st.none() | st.lists(st.sampled_from([*processes, "none"]), max_size=2).map(tuple)),
        **forced,
    )


def processes_of(documents: Sequence[Json]) -> list[str]:
    """Ids of the processes of what was found."""
    return sorted({document["processDefinitionId"] for document in documents if document["processDefinitionId"]})


async def rows_of(search: SearchStore, query: SelectionQuery) -> list[tuple[int, int, int]]:
    items = await search.select(query)
    return [(item.item_key, item.process_instance_key, item.root_process_instance_key) for item in items]


@given(told=worlds, data=st.data())
@generated
def test_selections_page_by_key_within_their_bounds(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, data: st.DataObject
) -> None:
    keys = [int(instance.key) for instance in told.instances]

    async def scenario(search: SearchStore) -> None:
        found = await all_of(search, "PROCESS_INSTANCE", {})
        documents = {document["processInstanceKey"]: document for document in found}
        properties = plain_filters("PROCESS_INSTANCE", found) | related_filters()
        for _ in range(6):
            filters = data.draw(st.none() | some_of(properties, 1))
            entity = data.draw(st.sampled_from(("PROCESS_INSTANCE", "INCIDENT")))
            states = data.draw(st.sampled_from(((), ("ACTIVE",), ("ACTIVE", "SUSPENDED"), ("ACTIVE", "TERMINATED"))))
            roots_only = data.draw(st.booleans())
            query = draw_query(data, keys, entity, filters, processes_of(found), states=states, roots_only=roots_only)
            assert await rows_of(search, query) == selected(told, documents, query), query

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


@given(told=worlds, data=st.data())
@generated
def test_jobs_are_selected_by_filters_of_their_own(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, data: st.DataObject
) -> None:
    async def scenario(search: SearchStore) -> None:
        jobs = await all_of(search, "JOB", {})
        if not jobs:
            return
        keys = [int(job["jobKey"]) for job in jobs]
        properties = plain_filters("JOB", jobs)
        states = sorted({job["state"] for job in jobs})
        for _ in range(6):
            filters = data.draw(st.none() | some_of(properties, 1))
            chosen = data.draw(st.sampled_from(((), ("CREATED",), *[(state,) for state in states])))
            query = draw_query(data, keys, "JOB", filters, processes_of(jobs), states=chosen)
            assert await rows_of(search, query) == selected_jobs(jobs, filters, query), query

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


@given(told=worlds, data=st.data())
@generated
def test_jobs_are_selected_by_their_process_instances(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, data: st.DataObject
) -> None:
    async def scenario(search: SearchStore) -> None:
        jobs = await all_of(search, "JOB", {})
        if not jobs:
            return
        keys = [int(job["jobKey"]) for job in jobs]
        found = await all_of(search, "PROCESS_INSTANCE", {})
        documents = {document["processInstanceKey"]: document for document in found}
        instances = some_of(plain_filters("PROCESS_INSTANCE", found) | related_filters(), 1)
        alternatives = st.lists(instances, min_size=1, max_size=2).map(lambda given: {"$or": given})
        for _ in range(6):
            of_instances = data.draw(instances | alternatives)
            wanted = {
                instance.key for instance in told.instances if matches(documents[instance.key], instance, of_instances)
            }
            of_jobs = data.draw(some_of(plain_filters("JOB", jobs)))
            chosen = [job for job in jobs if job["processInstanceKey"] in wanted and matches(job, None, of_jobs)]
            filters = {**of_jobs, "processInstance": of_instances}
            query = draw_query(data, keys, "JOB", filters, processes_of(jobs))
            assert await rows_of(search, query) == selected_jobs(jobs, None, query, chosen), query
            assert await all_of(search, "JOB", {"filter": filters}) == chosen

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


def selected_jobs(
    jobs: list[Json], filters: Json | None, query: SelectionQuery, matching: Sequence[Json] = ()
) -> list[tuple[int, int, int]]:
    """What a selection of jobs must give. `matching`: what the filter finds, if it is not said by `filters`."""
    found = []
    for job in jobs:
        key = int(job["jobKey"])
        in_state = not query.states or job["state"] in query.states
        chosen = (in_state and filters is not None and matches(job, None, filters)) or key in query.item_keys
        chosen = chosen or job in matching
        readable = query.process_ids is None or job["processDefinitionId"] in query.process_ids
        if chosen and readable and key not in query.excluded and partition_of(key) == query.partition:
            found.append((key, int(job["processInstanceKey"]), int(job["rootProcessInstanceKey"])))
    return [row for row in sorted(found) if query.after < row[0] <= query.key_max][: query.limit]


def test_keys_given_by_hand_are_items_whatever_their_state_and_also_when_unknown(
    open_store: OpenStore, tmp_path: Path
) -> None:
    told = tell(RICH)
    known = [int(instance.key) for instance in told.instances if instance.partition == 1]
    troubled = [int(instance.key) for instance in told.instances if instance.partition == 1 and instance.incidents]
    unknown = (5, first_key(1) + 900_000, first_key(1) + 900_001)

    async def scenario(search: SearchStore) -> None:
        query = SelectionQuery(
            entity="PROCESS_INSTANCE", partition=1, filter="", item_keys=(*known, *unknown), excluded=unknown[2:],
            states=("SUSPENDED",), roots_only=True, key_max=max(known) + 100, limit=2,
        )  # fmt: skip
        found: list[tuple[int, bool]] = []
        while page := await select_items(search, query):
            found += [(item.item_key, item.process_instance_key >= 0) for item in page]
            query = structs.replace(query, after=page[-1].item_key)
        assert found == sorted([*((key, True) for key in known), *((key, False) for key in unknown[:2])])
        incidents = await select_items(search, structs.replace(query, entity="INCIDENT", after=-1, limit=1000))
        assert {item.process_instance_key for item in incidents} == {-1, *troubled}
        assert [item.item_key for item in incidents if item.process_instance_key < 0] == list(unknown[:2])

    play(open_store, tmp_path, told, scenario)


def test_issues_42721_and_43728_nothing_of_a_filter_is_left_out_of_a_selection(
    open_store: OpenStore, tmp_path: Path
) -> None:
    told = tell(RICH)

    async def scenario(search: SearchStore) -> None:
        every = {document["processInstanceKey"]: document for document in await all_of(search, "PROCESS_INSTANCE", {})}
        variables = [{"name": "x", "value": value} for instance in told.instances for _, value in instance.variables]
        for wanted in (
            {"variables": variables[:1]},
            {"processDefinitionId": "order", "$or": [{"variables": variables[:1]}, {"hasIncident": True}]},
            {"$or": [{"state": "ACTIVE"}], "variables": [{"name": "nobody", "value": "1"}]},
        ):
            query = SelectionQuery(
                entity="PROCESS_INSTANCE", partition=1, filter=msgspec.json.encode(wanted).decode(),
                key_max=1 << 62, limit=1000,
            )  # fmt: skip
            assert await rows_of(search, query) == selected(told, every, query), wanted

    play(open_store, tmp_path, told, scenario)


def test_a_selection_as_numbers_is_what_is_selected(open_store: OpenStore, tmp_path: Path) -> None:
    told = tell(RICH)
    troubled = {int(instance.key) for instance in told.instances if instance.incidents}

    async def scenario(search: SearchStore) -> None:
        documents = await all_of(search, "PROCESS_INSTANCE", {})
        by_key = {int(document["processInstanceKey"]): document for document in documents}
        for partition, states in itertools.product((1, 2), ((), ("ACTIVE", "SUSPENDED"))):
            query = SelectionQuery(
                entity="PROCESS_INSTANCE", partition=partition, filter='{"processInstanceKey": {"$exists": true}}',
                item_keys=list(by_key)[:2], excluded=list(by_key)[-1:], states=states, key_max=1 << 62, limit=1_000,
            )  # fmt: skip
            expected = Counter(
                (one["processDefinitionKey"], one["processDefinitionId"], one["processDefinitionVersion"],
                 one["state"], key in troubled)
                for key, _, _ in await rows_of(search, query) for one in [by_key[key]]
            )  # fmt: skip
            assert numbers(await search.summarize(query)) == expected
            incidents = structs.replace(query, entity="INCIDENT")
            counts = numbers(await search.summarize(incidents))
            assert counts.total() == len(await rows_of(search, incidents))
            assert all(has_incident for _, _, _, _, has_incident in counts)
        for entity in ("JOB", "DECISION_INSTANCE"):
            everything = '{"state": {"$exists": true}}'
            query = SelectionQuery(entity=entity, partition=1, filter=everything, key_max=1 << 62, limit=1_000)
            assert numbers(await search.summarize(query)).total() == len(await rows_of(search, query))

    play(open_store, tmp_path, told, scenario)


Group = tuple[str, str | None, int | None, str | None, bool]


def numbers(groups: Sequence[SelectionGroup]) -> Counter[Group]:
    found: Counter[Group] = Counter()
    for one in groups:
        key = str(one.process_definition_key)
        found[key, one.process_definition_id, one.version, one.state, one.has_incident] += one.count
    return found
