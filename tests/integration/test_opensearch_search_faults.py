"""Searches in OpenSearch that cannot be answered: what is said, and what is retried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.core.faults import BadRequest, Unavailable
from engine.core.ports import SearchRefused, SelectionQuery
from engine.shell.clock import SystemClock
from exporters.opensearch import OpensearchConnection, open_exporter
from exporters.opensearch.searching import OpensearchSearch
from exporters.search.filters import CONDITIONS_MAX

Scenario = Callable[[OpensearchSearch], Awaitable[None]]


def run(connection: OpensearchConnection, scenario: Scenario, *, exporter: bool = False) -> None:
    async def play() -> None:
        if exporter:
            opened = open_exporter(connection, SystemClock())
            await opened.open()
            await opened.close()
        search = OpensearchSearch(connection)
        try:
            await scenario(search)
        finally:
            await search.close()

    asyncio.run(play())


def selection(filters: str) -> SelectionQuery:
    return SelectionQuery(entity="PROCESS_INSTANCE", partition=1, filter=filters, key_max=1 << 62, limit=1)


def test_before_the_exporter_nothing_is_searchable(opensearch: str, index_prefix: str) -> None:
    async def scenario(search: OpensearchSearch) -> None:
        assert await search.watermark(1) == 0
        for question in (search.search("JOB", {}), search.status(), search.select(selection("{}"))):
            with pytest.raises(Unavailable, match="is the exporter running"):
                await question

    run(OpensearchConnection(urls=(opensearch,), index_prefix=index_prefix), scenario)


def test_a_node_that_is_not_there_is_unavailable() -> None:
    async def scenario(search: OpensearchSearch) -> None:
        for question in (search.watermark(1), search.search("BATCH_OPERATION", {}), search.select(selection("{}"))):
            with pytest.raises(Unavailable, match="is the node running"):
                await question

    # a port that nobody may listen at
    run(OpensearchConnection(urls=("http://127.0.0.1:1",), index_prefix="test"), scenario)


def test_what_can_never_be_answered_is_refused(opensearch: str, index_prefix: str) -> None:
    hard = '{"businessId":{"$like":"*a' + "?" * 60 + 'b"}}'

    async def scenario(search: OpensearchSearch) -> None:
        for filters, expected in (("{", "expected the JSON"), ('{"stat":1}', "filter.stat"), (hard, "answer")):
            with pytest.raises(SearchRefused, match=expected):
                await search.select(selection(filters))
        with pytest.raises(BadRequest, match="Determinizing automaton"):
            await search.search("PROCESS_INSTANCE", {"filter": {"businessId": {"$like": "*a" + "?" * 60 + "b"}}})

    run(OpensearchConnection(urls=(opensearch,), index_prefix=index_prefix), scenario, exporter=True)


def test_a_search_is_bounded_in_time(opensearch: str, index_prefix: str) -> None:
    async def scenario(search: OpensearchSearch) -> None:
        names = [{"name": str(number), "value": {"$like": f"*{number}*"}} for number in range(CONDITIONS_MAX // 10)]
        with pytest.raises(Unavailable):
            await search.search("PROCESS_INSTANCE", {"filter": {"variables": names}})

    connection = OpensearchConnection(urls=(opensearch,), index_prefix=index_prefix, request_seconds=0.000_1)
    run(connection, scenario)


def test_what_exists_not_yet_is_found_empty(opensearch: str, index_prefix: str) -> None:
    async def scenario(search: OpensearchSearch) -> None:
        assert (await search.search("RESOURCE", {})).items == []
        assert (await search.search("MESSAGE_SUBSCRIPTIONS_BY_DEFINITION", {})).items == []
        assert await search.get("PROCESS_INSTANCE", 1 << 70) is None
        assert await search.definition_xml(7) is None
        assert await search.report("ELEMENTS", 7) == []
        assert (await search.status()) == {"partitions": {}, "counts": {"process_definitions": 0}}
        with pytest.raises(BadRequest, match="expected an entity with a key of its own"):
            await search.get("BATCH_OPERATION_ITEM", 7)

    run(OpensearchConnection(urls=(opensearch,), index_prefix=index_prefix), scenario, exporter=True)
