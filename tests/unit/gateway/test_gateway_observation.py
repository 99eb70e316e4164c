"""Health, metrics, the OpenAPI document and the status page."""

from __future__ import annotations

import re

from engine.core.faults import Unavailable
from engine.core.record import first_key
from gateway.readiness import Part
from gateway.routes import all_routes
from gateway.settings import GatewaySettings
from tests.support.prometheus import Exposition
from tests.unit.gateway.fakes import FakeSearch, World
from tests.unit.gateway.test_gateway_routes import run

BATCH = {
    "batchOperationKey": str(first_key(1) + 1),
    "batchOperationType": "<script>alert(1)</script>",
    "state": "ACTIVE",
    "operationsTotalCount": 10_000,
    "operationsCompletedCount": 2_500,
    "operationsFailedCount": 10,
}


def test_health() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get("/health/live")).status_code == 200
        ready = await it.client.get("/health/ready")
        assert (ready.status_code, ready.json()) == (
            503,
            {"status": "DOWN", "parts": {"log": "UP", "partition 1": "no such process"}},
        )

    run(scenario, parts=[Part(name="log"), Part(name="partition 1", partition=1, problem="no such process")])


def test_readiness_when_all_parts_work() -> None:
    async def scenario(it: World) -> None:
        ready = await it.client.get("/health/ready")
        assert (ready.status_code, ready.json()) == (200, {"status": "UP", "parts": {"log": "UP"}})

    run(scenario, parts=[Part(name="log")])


def test_a_machine_without_the_role_serves_health_and_metrics_only() -> None:
    async def scenario(it: World) -> None:
        for path in ("/health/live", "/health/ready", "/metrics"):
            assert (await it.client.get(path)).status_code == 200
        for path in ("/", "/v2/topology", "/v2/status"):
            assert (await it.client.get(path)).status_code == 404

    run(scenario, parts=[Part(name="log")], settings=GatewaySettings(serves_api=False))


def test_metrics_count_routes_not_paths() -> None:
    async def scenario(it: World) -> None:
        for key in range(3):
            await it.client.get(f"/v2/incidents/{key}")
        await it.client.request("GET", "/nowhere/1")
        await it.client.request("BREW", "/nowhere/2")
        answer = await it.client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "BREW" not in answer.text
        assert "nowhere" not in answer.text
        metrics = Exposition(answer.text)
        requests = "http_server_request_duration_seconds_count"
        route = {"http_route": "/v2/incidents/{key}", "http_request_method": "GET"}
        assert metrics.get(requests, **route, http_response_status_code="404") == 3
        assert metrics.get(requests, http_route="unmatched", http_request_method="_OTHER") == 2
        assert metrics.total(requests) == 5
        assert metrics.get("http_server_active_requests") == 1

    run(scenario)


def test_the_document_describes_every_route() -> None:
    async def scenario(it: World) -> None:
        document = (await it.client.get("/openapi.json")).json()
        described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
        routes = all_routes(GatewaySettings(), ())
        assert {(route.method, route.path.replace(":str", "")) for route in routes} <= described
        operation = document["paths"]["/v2/jobs/{key}"]["patch"]
        assert [one["name"] for one in operation["parameters"]] == ["key"]
        references = set(re.findall(r'"#/components/schemas/([^"]+)"', (await it.client.get("/openapi.json")).text))
        assert references == set(document["components"]["schemas"])

    run(scenario)


def test_the_status_page_shows_progress_and_escapes_everything() -> None:
    async def scenario(it: World) -> None:
        page = await it.client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text
        assert "&lt;b&gt;instances" in page.text
        assert '<progress max="10000" value="2510">' in page.text
        assert f'href="/v2/batch-operations/{first_key(1) + 1}"' in page.text
        assert "&lt;log&gt;: broken &amp; bent" in page.text
        assert (await it.client.get("/status.css")).headers["content-type"] == "text/css; charset=utf-8"

    search = FakeSearch({"BATCH_OPERATION": {1: BATCH}})
    run(scenario, search=search, parts=[Part(name="<log>", problem="broken & bent")])


def test_the_status_page_works_without_storage() -> None:
    class Broken(FakeSearch):
        async def status(self) -> dict[str, object]:
            raise Unavailable("the storage is gone; start it")

    async def scenario(it: World) -> None:
        page = await it.client.get("/")
        assert (page.status_code, "search: the storage is gone" in page.text) == (200, True)

    run(scenario, search=Broken())
