"""Searches and documents: passed to secondary storage and back as they are."""

from __future__ import annotations

import pytest

from engine.core.record import first_key
from exporters.search.store import Within
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
    "/decision-definitions": "DECISION_DEFINITION",
    "/decision-requirements": "DECISION_REQUIREMENTS",
    "/decision-instances": "DECISION_INSTANCE",
    "/message-subscriptions": "MESSAGE_SUBSCRIPTION",
    "/correlated-message-subscriptions": "CORRELATED_MESSAGE_SUBSCRIPTION",
    "/batch-operations": "BATCH_OPERATION",
    "/batch-operation-items": "BATCH_OPERATION_ITEM",
}
#: There is no document of one, it is not asked for by a number, or it can be waited for (`test_gateway_watching`).
WITHOUT_KEY = (
    "BATCH_OPERATION",
    *("JOB", "DECISION_INSTANCE", "BATCH_OPERATION_ITEM"),
    *("MESSAGE_SUBSCRIPTION", "CORRELATED_MESSAGE_SUBSCRIPTION"),
)
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
    [(path, entity) for path, entity in SEARCHES.items() if entity not in WITHOUT_KEY],
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
    ("path", "owner", "entity", "within"),
    [
        ("process-instances/{key}/incidents/search", "PROCESS_INSTANCE", "INCIDENT", "PROCESS_INSTANCE"),
        ("element-instances/{key}/incidents/search", "ELEMENT_INSTANCE", "INCIDENT", "ELEMENT_INSTANCE"),
        ("user-tasks/{key}/variables/search", "USER_TASK", "VARIABLE", "USER_TASK"),
        ("user-tasks/{key}/effective-variables/search", "USER_TASK", "VARIABLE", "EFFECTIVE"),
        ("process-definitions/{key}/variable-names/search", None, "VARIABLE_NAME", "PROCESS_DEFINITION"),
    ],
)
def test_searches_below_something(path: str, owner: str | None, entity: str, within: str) -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.post(f"/v2/{path.format(key=KEY)}", json={"filter": {"name": "a"}})
        assert answer.status_code == 200
        ((asked, question),) = it.search.questions
        assert (asked, question["filter"], it.search.within) == (entity, {"name": "a"}, [Within(within, KEY)])
        missing = await it.client.post(f"/v2/{path.format(key=KEY + 1)}")
        assert missing.status_code == (404 if owner else 200)

    run(scenario, search=FakeSearch({owner or "": {KEY: DOCUMENT}}))


@pytest.mark.parametrize(
    ("path", "report"),
    [
        ("process-instances/{key}/sequence-flows", "SEQUENCE_FLOWS"),
        ("process-instances/{key}/statistics/element-instances", "ELEMENTS"),
        ("process-instances/{key}/statistics/wait-states", "WAIT_STATES"),
    ],
)
def test_reports_about_a_process_instance(path: str, report: str) -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.get(f"/v2/{path.format(key=KEY)}")
        assert answer.json() == {"items": [{"name": report}]}
        assert it.search.questions == [(report, {"key": KEY})]

    run(scenario)


def test_the_callers_of_a_process_instance() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get(f"/v2/process-instances/{KEY}/call-hierarchy")).json() == [
            {"name": "CALL_HIERARCHY"}
        ]
        assert (await it.client.get(f"/v2/process-instances/{KEY + 1}/call-hierarchy")).status_code == 404

    run(scenario, search=FakeSearch({"PROCESS_INSTANCE": {KEY: DOCUMENT}}))


def test_there_are_no_resources() -> None:
    async def scenario(it: World) -> None:
        for path in ("", "/content", "/content/binary"):
            assert (await it.client.get(f"/v2/resources/{KEY}{path}")).status_code == 404

    run(scenario)


def test_element_statistics_have_a_filter_and_nothing_else() -> None:
    async def scenario(it: World) -> None:
        path = f"/v2/process-definitions/{KEY}/statistics/element-instances"
        assert (await it.client.post(path, json={"filter": {"state": "ACTIVE"}})).json() == {"items": []}
        assert it.search.questions == [("ELEMENT_STATISTICS", {"state": "ACTIVE"})]
        refused = await it.client.post(path, json={"page": {}})
        assert refused.json()["problems"] == ["page: expected filter, got page; leave it out"]

    run(scenario)


def test_global_job_statistics_ask_in_the_query_string() -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.get("/v2/jobs/statistics/global?from=2026-01-01T00:00:00Z&to=x&jobType=pay")
        assert answer.json() == {"created": 1, "isIncomplete": False}
        window = {"from": "2026-01-01T00:00:00Z", "to": "x", "jobType": "pay"}
        assert it.search.questions == [("JOBS_IN_ALL", {"filter": window})]

    run(scenario, search=FakeSearch({"JOBS_IN_ALL": {1: {"created": 1}}}))


@pytest.mark.parametrize(
    ("resolution", "milliseconds"),
    [(None, 60_000), ("PT1H", 3_600_000), ("P1DT1S", 86_401_000), ("PT2M30S", 150_000)],
)
def test_time_series_have_a_resolution(resolution: str | None, milliseconds: int) -> None:
    async def scenario(it: World) -> None:
        given = {} if resolution is None else {"resolution": resolution}
        await it.client.post("/v2/jobs/statistics/time-series", json={"filter": {"jobType": "pay", **given}})
        assert it.search.questions == [("JOBS_BY_TIME", {"filter": {"jobType": "pay"}})]
        assert it.search.within == [Within("RESOLUTION", milliseconds)]

    run(scenario)


@pytest.mark.parametrize("resolution", ["P", "PT0S", "1 minute", "P1M", 60, ""])
def test_a_resolution_that_is_no_duration_is_refused(resolution: object) -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.post("/v2/jobs/statistics/time-series", json={"filter": {"resolution": resolution}})
        assert answer.status_code == 400
        assert answer.json()["problems"][0].startswith("filter.resolution: expected a duration of ISO 8601")

    run(scenario)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"a": 1e999}', "a"),
        ('{"filter": {"x": 1, "variables": [{}, {"value": 1e999}]}}', "filter.variables[1].value"),
        ("[1]", "body"),
        ("{", "body"),
    ],
)
def test_what_is_wrong_has_its_place(body: str, place: str) -> None:
    async def scenario(it: World) -> None:
        headers = {"content-type": "application/json"}
        answer = await it.client.post("/v2/jobs/search", content=body, headers=headers)
        assert answer.status_code == 400
        (problem,) = answer.json()["problems"]
        assert problem.startswith(f"{place}: ")

    run(scenario)
