"""Every error is a problem detail, whatever is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from camunda_orchestration_sdk.models.problem_detail import ProblemDetail

from engine.core.faults import Unavailable
from gateway.app import SECURITY_HEADERS
from gateway.operations import OperationDescription
from gateway.routes.batch_creation import BatchOperationBody
from gateway.settings import GatewaySettings
from tests.unit.gateway.fakes import FakeSearch, World
from tests.unit.gateway.test_gateway_routes import created_batch, run


def check(response: Any, status: int) -> ProblemDetail:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = ProblemDetail.from_dict(response.json())
    assert problem.status == status
    assert problem.instance == response.request.url.path
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("GET", "/v2/nowhere", {}, 404),
        ("DELETE", "/v2/process-instances", {}, 405),
        ("DELETE", "/v2/process-instances/7", {}, 405),
        ("POST", "/v2/process-instances/unknown", {"json": {}}, 404),
        ("POST", "/v2/process-instances/7/unknown", {"json": {}}, 404),
        ("POST", "/v2/process-instances", {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/v2/process-instances", {"content": b"a=b", "headers": {"content-type": "text/plain"}}, 415),
        ("POST", "/v2/process-instances", {"json": {"processDefinitionId": "x" * 3000}}, 413),
        ("POST", "/v2/process-instances?x=1", {"json": {"processDefinitionId": "p"}}, 400),
        ("POST", "/v2/process-instances/search", {"json": []}, 400),
        ("POST", "/v2/deployments", {"json": {}}, 415),
        ("POST", "/v2/deployments", {"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, 400),
        (
            "POST",
            "/v2/deployments",
            {"content": b"?", "headers": {"content-type": "multipart/form-data; boundary=x"}},
            400,
        ),
        ("POST", "/v2/deployments", {"files": {"resources": ("a", b"x" * 3000)}}, 413),
        (
            "POST",
            "/v2/process-instances",
            {"json": {"processDefinitionId": "p"}, "headers": {"Idempotency-Key": "k" * 129}},
            400,
        ),
    ],
)
def test_malformed_requests(method: str, path: str, options: dict[str, Any], status: int) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.request(method, path, **options)
        problem = check(response, status)
        assert problem.detail.startswith("expected") or ": expected" in problem.detail
        assert it.engine.commands == []
        assert {name.decode(): value.decode() for name, value in SECURITY_HEADERS}.items() <= response.headers.items()

    run(scenario, settings=GatewaySettings(body_size_max=2000, deployment_size_max=2000))


def test_back_pressure() -> None:
    async def scenario(it: World) -> None:
        body = {"processDefinitionId": "p"}
        waiting = asyncio.ensure_future(it.client.post("/v2/process-instances", json=body))
        while not it.engine.commands:
            await asyncio.sleep(0)
        refused = await it.client.post("/v2/process-instances", json=body)
        assert check(refused, 503).title == "RESOURCE_EXHAUSTED"
        assert refused.headers["retry-after"] == "1"
        waiting.cancel()

    run(scenario, settings=GatewaySettings(in_flight_max=1), partition_count=1)


def test_no_answer_in_time() -> None:
    async def scenario(it: World) -> None:
        problem = check(await it.client.post("/v2/process-instances", json={"processDefinitionId": "p"}), 504)
        assert "may still be carried out" in problem.detail

    run(scenario, settings=GatewaySettings(request_timeout_ms=1))


def test_what_storage_says_and_what_nobody_foresaw() -> None:
    class Broken(FakeSearch):
        async def search(self, entity: str, request: Any, within: Any = None, readable: Any = None) -> Any:
            raise (
                Unavailable("expected an answer of the storage, got none; try again")
                if entity == "JOB"
                else KeyError("secret")
            )

    async def scenario(it: World) -> None:
        assert check(await it.client.post("/v2/jobs/search"), 503).title == "Service Unavailable"
        assert "secret" not in check(await it.client.post("/v2/incidents/search"), 500).detail

    run(scenario, search=Broken())


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    target_key: str
    reasons: list[str] = []


def test_a_new_operation_needs_nothing_new_here() -> None:
    operation = OperationDescription(
        name="MOVE_THINGS",
        path="/process-instances/moving",
        permission="CREATE_BATCH_OPERATION_MOVE_THINGS",
        summary="Move things",
        parameters=Parameters,
        check=lambda parameters: ["targetKey: expected another"] if parameters.target_key == "bad" else [],
        encode=msgspec.json.encode,
    )

    async def scenario(it: World) -> None:
        body = {"filter": {"state": "ACTIVE"}, "targetKey": "7"}
        response = await it.client.post("/v2/process-instances/moving", json=body)
        assert response.json()["batchOperationType"] == "MOVE_THINGS"
        ((_, wish),) = it.engine.commands
        assert wish.value.parameters == b'{"target_key":"7","reasons":[]}'  # type: ignore[attr-defined]
        check(await it.client.post("/v2/process-instances/moving", json={**body, "targetKey": "bad"}), 400)
        check(await it.client.post("/v2/process-instances/moving", json={"filter": {"state": "ACTIVE"}}), 400)
        document = (await it.client.get("/openapi.json")).json()
        (schema,) = document["paths"]["/v2/process-instances/moving"]["post"]["requestBody"]["content"].values()
        name = schema["schema"]["$ref"].rsplit("/", 1)[1]
        assert set(document["components"]["schemas"][name]["properties"]) == {
            *(field.encode_name for field in msgspec.structs.fields(BatchOperationBody)),
            "targetKey",
            "reasons",
        }

    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch}, operations=[operation])
