"""Searches and documents: passed to secondary storage and back as they are."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.record import first_key
from tests.unit.gateway.fakes import FakeSearch, World
from tests.unit.gateway.test_gateway_routes import run

KEY = first_key(1) + 1

SEARCHES = {
    "/process-definitions": "PROCESS_DEFINITION",
    "/process-instances": "PROCESS_INSTANCE",
    "/element-instances": "ELEMENT_INSTANCE",
    "/variables": "VARIABLE",
    "/jobs": "JOB",
    "/incidents": "INCIDENT",
    "/user-tasks": "USER_TASK",
    "/batch-operations": "BATCH_OPERATION",
    "/batch-operation-items": "BATCH_OPERATION_ITEM",
}
DOCUMENT = {"name": "Ä", "value": "1"}


@pytest.mark.parametrize(("path", "entity"), SEARCHES.items())
def test_search(path: str, entity: str) -> None:
    async def scenario(it: World) -> None:
        body = {"filter": {"name": "x"}, "sort": [{"field": "name"}], "page": {"limit": 3}}
        response = await it.client.post(f"/v2{path}/search", json=body)
        assert response.json() == {
            "items": [DOCUMENT],
            "page": {"totalItems": 1, "hasMoreTotalItems": False, "startCursor": None, "endCursor": None},
        }
        ((asked, question),) = it.search.questions
        assert asked == entity
        assert {name: question[name] for name in body} == body
        assert (await it.client.post(f"/v2{path}/search")).status_code == 200
        bad = await it.client.post(f"/v2{path}/search", json={"limit": 3})
        assert (bad.status_code, bad.json()["title"]) == (400, "Bad Request")

    run(scenario, search=FakeSearch({entity: {KEY: DOCUMENT}}))


@pytest.mark.parametrize(
    ("path", "entity"),
    [(path, entity) for path, entity in SEARCHES.items() if entity not in ("JOB", "BATCH_OPERATION_ITEM")],
)
def test_get(path: str, entity: str) -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get(f"/v2{path}/{KEY}")).json() == DOCUMENT
        missing = await it.client.get(f"/v2{path}/{KEY + 1}")
        assert (missing.status_code, missing.json()["title"]) == (404, "NOT_FOUND")
        assert (await it.client.get(f"/v2{path}/abc")).status_code == 400

    run(scenario, search=FakeSearch({entity: {KEY: DOCUMENT}}))


def test_the_xml_of_a_definition() -> None:
    async def scenario(it: World) -> None:
        response = await it.client.get(f"/v2/process-definitions/{KEY}/xml")
        assert response.headers["content-type"] == "text/xml; charset=utf-8"
        assert response.content == b"<definitions/>"
        assert (await it.client.get(f"/v2/process-definitions/{KEY + 1}/xml")).status_code == 404

    run(scenario, search=FakeSearch({"PROCESS_DEFINITION": {KEY: DOCUMENT}}))


@pytest.mark.parametrize(
    ("query", "status", "truncate"),
    [("", 200, True), ("?truncateValues=false", 200, False), ("?truncateValues=maybe", 400, None), ("?x=1", 400, None)],
)
def test_whether_values_of_variables_are_cut(query: str, status: int, truncate: bool | None) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/variables/search{query}", json={})
        assert response.status_code == status
        assert [question.get("truncateValues") for _, question in it.search.questions] == (
            [] if truncate is None else [truncate]
        )
        assert (await it.client.post("/v2/variables/search", json={"truncateValues": False})).status_code == 400

    run(scenario)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (None, {"processInstanceKey": str(KEY)}),
        ({"state": "ACTIVE"}, {"state": "ACTIVE", "processInstanceKey": str(KEY)}),
        ({"processInstanceKey": str(KEY)}, {"processInstanceKey": str(KEY)}),
        ({"processInstanceKey": {"$in": ["5"]}}, {"processInstanceKey": {"$in": ["5"], "$eq": str(KEY)}}),
        ({"processInstanceKey": "5"}, {"processInstanceKey": {"$eq": str(KEY), "$neq": str(KEY)}}),
        ("nonsense", "nonsense"),
    ],
)
def test_incidents_of_an_instance(given: Any, asked: Any) -> None:
    async def scenario(it: World) -> None:
        await it.client.post(f"/v2/process-instances/{KEY}/incidents/search", json={"filter": given})
        assert it.search.questions == [("INCIDENT", {"filter": asked})]
        missing = await it.client.post(f"/v2/process-instances/{KEY + 1}/incidents/search")
        assert missing.status_code == 404

    run(scenario, search=FakeSearch({"PROCESS_INSTANCE": {KEY: DOCUMENT}}))
