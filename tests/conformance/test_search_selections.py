"""What initializers ask: items of one partition, in the order of their keys."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.ports import SelectionQuery
from engine.core.record import first_key, partition_of
from exporters.search import SearchStore
from tests.conformance.conftest import OpenStore
from tests.conformance.search_model import Json, Told, matches, selected, worlds
from tests.conformance.test_search import all_of, generated, plain_filters, play, related_filters, some_of


@given(told=worlds, data=st.data())
@generated
def test_selections_page_by_key_within_their_bounds(
    open_store: OpenStore, tmp_path_factory: pytest.TempPathFactory, told: Told, data: st.DataObject
) -> None:
    keys = [int(instance.key) for instance in told.instances]
    some_keys = st.lists(st.sampled_from([*keys, 17]), max_size=3).map(tuple)

    async def scenario(search: SearchStore) -> None:
        found = await all_of(search, "PROCESS_INSTANCE", {})
        documents = {document["processInstanceKey"]: document for document in found}
        properties = plain_filters("PROCESS_INSTANCE", found) | related_filters()
        bounds = st.sampled_from([*keys, first_key(1), first_key(3)])
        for _ in range(6):
            filters = data.draw(st.none() | some_of(properties, 1))
            query = SelectionQuery(
                entity=data.draw(st.sampled_from(("PROCESS_INSTANCE", "INCIDENT"))),
                partition=data.draw(st.integers(1, 2)),
                filter="" if filters is None else msgspec.json.encode(filters).decode(),
                item_keys=data.draw(some_keys),
                excluded=data.draw(some_keys),
                states=data.draw(st.sampled_from(((), ("ACTIVE",), ("ACTIVE", "TERMINATED")))),
                roots_only=data.draw(st.booleans()),
                after=data.draw(st.just(-1) | bounds),
                key_max=data.draw(st.just(1 << 62) | bounds),
                limit=data.draw(st.integers(1, 4)),
            )
            items = await search.select(query)
            rows = [(item.item_key, item.process_instance_key, item.root_process_instance_key) for item in items]
            assert rows == selected(told, documents, query), query

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
        some_keys = st.lists(st.sampled_from([*keys, 17]), max_size=3).map(tuple)
        bounds = st.sampled_from([*keys, first_key(1), first_key(3)])
        properties = plain_filters("JOB", jobs)
        states = sorted({job["state"] for job in jobs})
        for _ in range(6):
            filters = data.draw(st.none() | some_of(properties, 1))
            query = SelectionQuery(
                entity="JOB",
                partition=data.draw(st.integers(1, 2)),
                filter="" if filters is None else msgspec.json.encode(filters).decode(),
                item_keys=data.draw(some_keys),
                excluded=data.draw(some_keys),
                states=data.draw(st.sampled_from(((), ("CREATED",), *[(state,) for state in states]))),
                after=data.draw(st.just(-1) | bounds),
                key_max=data.draw(st.just(1 << 62) | bounds),
                limit=data.draw(st.integers(1, 4)),
            )
            items = await search.select(query)
            rows = [(item.item_key, item.process_instance_key, item.root_process_instance_key) for item in items]
            assert rows == selected_jobs(jobs, filters, query), query

    play(open_store, tmp_path_factory.mktemp("search"), told, scenario)


def selected_jobs(jobs: list[Json], filters: Json | None, query: SelectionQuery) -> list[tuple[int, int, int]]:
    """What a selection of jobs must give."""
    found = []
    for job in jobs:
        key = int(job["jobKey"])
        chosen = (filters is not None and matches(job, None, filters)) or key in query.item_keys
        in_state = not query.states or job["state"] in query.states
        if chosen and in_state and key not in query.excluded and partition_of(key) == query.partition:
            found.append((key, int(job["processInstanceKey"]), int(job["rootProcessInstanceKey"])))
    return [row for row in sorted(found) if query.after < row[0] <= query.key_max][: query.limit]
