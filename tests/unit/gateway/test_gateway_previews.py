"""Previews of batch operations: numbers, some items, and the request that would run."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.record import first_key
from exporters.search.store import SelectionGroup
from tests.unit.gateway.fakes import FakeSearch, World
from tests.unit.gateway.test_gateway_routes import run

PATH = "/v2/batch-operations/preview"
KEYS = [first_key(1) + 1, first_key(2) + 1]


def group(count: int, state: str, version: int, *, has_incident: bool = False) -> SelectionGroup:
    return SelectionGroup(
        process_definition_key=version, process_definition_id="order", version=version, state=state,
        has_incident=has_incident, count=count,
    )  # fmt: skip


def searchable() -> FakeSearch:
    search = FakeSearch({"PROCESS_INSTANCE": {key: {"processInstanceKey": str(key)} for key in KEYS}})
    search.groups = {
        1: [group(3, "ACTIVE", 1), group(2, "SUSPENDED", 2)],
        2: [group(4, "ACTIVE", 2, has_incident=True)],
    }
    return search


def test_a_preview_adds_up_what_all_partitions_have_and_creates_nothing() -> None:
    search = searchable()

    async def scenario(it: World) -> None:
        body = {"filter": {"processDefinitionId": "order"}, "ids": [str(KEYS[1]), "17"], "exclude": ["9"], "rate": 5}
        response = await it.client.post(PATH, json={"batchOperationType": "CANCEL_PROCESS_INSTANCE", **body})
        assert (response.status_code, it.engine.commands) == (200, [])
        assert response.json() == {
            "total": 9,
            "withIncidents": 4,
            "states": [{"state": "ACTIVE", "count": 7}, {"state": "SUSPENDED", "count": 2}],
            "processDefinitions": [
                {
                    "processDefinitionKey": "2",
                    "processDefinitionId": "order",
                    "processDefinitionVersion": 2,
                    "count": 6,
                },
                {
                    "processDefinitionKey": "1",
                    "processDefinitionId": "order",
                    "processDefinitionVersion": 1,
                    "count": 3,
                },
            ],
            "samples": [{"itemKey": str(key), "processInstanceKey": str(key)} for key in KEYS],
            "unknownIds": ["17"],
            "unknownCount": 1,
            "warning": None,
            "request": {"method": "POST", "path": "/v2/process-instances/cancellation", "body": body},
        }
        first = search.selections[0]
        assert (first.partition, first.excluded, first.item_keys) == (1, (9,), [])

    run(scenario, search=search)


def test_nothing_that_matches_is_told() -> None:
    async def scenario(it: World) -> None:
        given = {"batchOperationType": "CANCEL_PROCESS_INSTANCE", "filter": {"processDefinitionId": "nobody"}}
        answer = (await it.client.post(PATH, json=given)).json()
        assert (answer["total"], answer["samples"]) == (0, [])
        assert answer["warning"].startswith("nothing matches")

    run(scenario, search=FakeSearch())


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"filter": {"processDefinitionId": "x"}}, "batchOperationType"),
        ({"batchOperationType": "NOTHING", "filter": {"processDefinitionId": "x"}}, "batchOperationType"),
        ({"batchOperationType": "CANCEL_PROCESS_INSTANCE"}, "filter"),
        ({"batchOperationType": "CANCEL_PROCESS_INSTANCE", "filter": {"unknown": 1}}, "filter.unknown"),
        ({"batchOperationType": "CANCEL_PROCESS_INSTANCE", "filter": {"a": 1}, "other": 1}, "other"),
    ],
)
def test_what_could_not_be_created_is_not_previewed(body: dict[str, Any], place: str) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(PATH, json=body)
        assert response.status_code == 400
        assert response.json()["detail"].startswith(f"{place}: ")

    run(scenario)
