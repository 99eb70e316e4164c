"""Every command route: what reaches the log, and an answer that the official client's models can read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from camunda_orchestration_sdk.models.batch_operation_created_result import BatchOperationCreatedResult
from camunda_orchestration_sdk.models.create_process_instance_result import CreateProcessInstanceResult
from camunda_orchestration_sdk.models.deployment_result import DeploymentResult
from camunda_orchestration_sdk.models.license_response import LicenseResponse
from camunda_orchestration_sdk.models.topology_response import TopologyResponse

from engine.core.record import Record, first_key
from engine.records import BatchOperationCreation, Job
from engine.records.batch_options import BatchOptions
from engine.records.deployment import DeployedProcess
from gateway.readiness import Broker, Part
from tests.unit.gateway.fakes import FakeSearch, Rule, World, created_instance, event, happens, refuses, world

KEY = first_key(2) + 7
MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
Scenario = Callable[[World], Awaitable[None]]


def run(scenario: Scenario, rules: dict[tuple[str, str], Rule] | None = None, **options: Any) -> None:
    async def with_world() -> None:
        async with asyncio.timeout(20), world(rules, **options) as it:
            await scenario(it)

    asyncio.run(with_world())


def deployed(wish: Record, _: int) -> list[Record]:
    process = DeployedProcess(
        bpmn_process_id="order", version=3, process_definition_key=first_key(1) + 1, resource_name="order.bpmn"
    )
    return [event(wish, "FULLY_DISTRIBUTED", key=first_key(1) + 2, resources=(), processes=(process,))]


def test_deployment() -> None:
    async def scenario(it: World) -> None:
        files: Any = [
            ("resources", ("order.bpmn", b"<definitions/>")),
            ("tenantId", (None, b"<default>", "text/plain")),
        ]
        response = await it.client.post("/v2/deployments", files=files)
        result = DeploymentResult.from_dict(response.json())
        (only,) = result.deployments
        assert only.process_definition is not None
        assert (only.process_definition.process_definition_id, only.process_definition.process_definition_version) == (
            "order",
            3,
        )
        ((partition, wish),) = it.engine.commands
        assert partition == 1
        assert [(one.resource_name, one.resource) for one in wish.value.resources] == [  # type: ignore[attr-defined]
            ("order.bpmn", b"<definitions/>")
        ]

    run(scenario, {("DEPLOYMENT", "CREATE"): deployed})


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([("tenantId", (None, b"x"))], 2),
        ([("resources", (None, b"text"))], 1),
        ([("resources", ("a.bpmn", b"")), ("resources", ("a.bpmn", b"")), ("other", (None, b"1"))], 2),
    ],
)
def test_a_bad_deployment_is_told_all_its_problems(files: Any, told: int) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post("/v2/deployments", files=files)
        assert response.status_code == 400
        assert len(response.json()["problems"]) == told
        assert it.engine.commands == []

    run(scenario)


def test_creation_of_a_process_instance() -> None:
    async def scenario(it: World) -> None:
        body = {
            "processDefinitionId": "order",
            "variables": {"a": [1, 2.5, None]},
            "tags": ["vip"],
            "businessId": "b-1",
            "operationReference": 77,
        }
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        headers = {"traceparent": trace, "Idempotency-Key": "once"}
        response = await it.client.post("/v2/process-instances", json=body, headers=headers)
        result = CreateProcessInstanceResult.from_dict(response.json())
        assert (result.process_definition_id, result.process_definition_version) == ("order", 2)
        assert (result.tags, result.business_id) == (["vip"], "b-1")
        ((partition, wish),) = it.engine.commands
        assert int(result.process_instance_key) == first_key(partition) + 5
        assert wish.value.variables == '{"a":[1,2.5,null]}'  # type: ignore[attr-defined]
        step = wish.step
        assert (step.claims, step.trace_context, step.idempotency_key, step.operation_reference) == (
            "anonymous",
            trace,
            "once",
            77,
        )

    run(scenario, {("PROCESS_INSTANCE_CREATION", "CREATE"): created_instance})


def test_creations_go_to_the_partitions_in_turn() -> None:
    async def scenario(it: World) -> None:
        for _ in range(6):
            await it.client.post("/v2/process-instances", json={"processDefinitionKey": "2251799813685249"})
        assert sorted(partition for partition, _ in it.engine.commands) == [1, 1, 2, 2, 3, 3]

    run(scenario, {("PROCESS_INSTANCE_CREATION", "CREATE"): created_instance}, partition_count=3)


def test_a_repeated_creation_finds_the_partition_of_the_first() -> None:
    async def scenario(it: World) -> None:
        for key in ("a", "b", "c", "d", "e", "f"):
            for _ in range(2):
                body = {"processDefinitionId": "order"}
                await it.client.post("/v2/process-instances", json=body, headers={"Idempotency-Key": key})
        found = [partition for partition, _ in it.engine.commands]
        assert found[::2] == found[1::2]
        assert len(set(found)) > 1

    run(scenario, {("PROCESS_INSTANCE_CREATION", "CREATE"): created_instance}, partition_count=3)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_ARGUMENT", 400),
        ("UNAUTHORIZED", 401),
        ("FORBIDDEN", 403),
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("INVALID_STATE", 409),
        ("PROCESSING_ERROR", 500),
        ("RESOURCE_EXHAUSTED", 503),
        ("SOMETHING_NEW", 500),
    ],
)
def test_a_rejection_becomes_a_problem(code: str, status: int) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/jobs/{KEY}/completion")
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert ("retry-after" in response.headers) == (status == 503)
        assert response.json() == {
            "type": "about:blank",
            "title": code,
            "status": status,
            "detail": "expected this, got that; do so",
            "instance": f"/v2/jobs/{KEY}/completion",
        }

    run(scenario, {("JOB", "COMPLETE"): refuses(code)})


def created_batch(wish: Record, partition: int) -> list[Record]:
    return [event(wish, "CREATED", key=first_key(partition) + 3)]


@pytest.mark.parametrize(
    ("path", "name"),
    [("cancellation", "CANCEL_PROCESS_INSTANCE"), ("incident-resolution", "RESOLVE_INCIDENT")],
)
def test_creation_of_a_batch_operation(path: str, name: str) -> None:
    async def scenario(it: World) -> None:
        given = {"processDefinitionId": "order", "processInstanceKey": {"$in": ["1", "2"]}}
        body = {"filter": given, "operationReference": 5}
        response = await it.client.post(f"/v2/process-instances/{path}", json=body)
        result = BatchOperationCreatedResult.from_dict(response.json())
        assert result.batch_operation_type == name
        ((partition, wish),) = it.engine.commands
        assert int(result.batch_operation_key) == first_key(partition) + 3
        value = wish.value
        assert isinstance(value, BatchOperationCreation)
        assert (value.batch_operation_type, json.loads(value.filter)) == (name, given)
        assert wish.step.operation_reference == 5

    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch})


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, ["filter"]),
        ({"filter": None, "ids": [], "operationReference": "x"}, ["ids", "operationReference"]),
        ({"ids": ["x"]}, ["ids[0]"]),
        ({"filter": {}}, ["filter"]),
        ({"filter": {"unknownA": 1, "state": "ACTIVE", "unknownB": 2}}, ["filter.unknownA", "filter.unknownB"]),
        ({"filter": {"state": "ACTIVE"}, "reasons": "x"}, ["reasons"]),
        ({"filter": {"state": "ACTIVE"}, "rate": -1, "sliceSize": 1001}, ["rate", "sliceSize"]),
        ({"filter": {"state": "ACTIVE"}, "maxFailures": {}, "labels": [""]}, ["maxFailures", "labels[0]"]),
        ({"filter": {"state": "ACTIVE"}, "startAt": "soon", "exclude": ["x"]}, ["startAt", "exclude[0]"]),
        ({"filter": {"state": "ACTIVE"}, "retryPolicy": {"retries": 101}}, ["retryPolicy.retries"]),
    ],
)
def test_a_bad_batch_operation_is_told_all_its_problems(body: Any, problems: list[str]) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post("/v2/process-instances/cancellation", json=body)
        assert response.status_code == 400
        assert [problem.split(":")[0] for problem in response.json()["problems"]] == problems
        assert it.engine.commands == []

    run(scenario)


def test_how_a_batch_operation_shall_run() -> None:
    async def scenario(it: World) -> None:
        body = {
            "filter": {"state": "ACTIVE"},
            "exclude": ["7", "5"],
            "name": "clean-up",
            "labels": ["night"],
            "reason": "wrong price",
            "startSuspended": True,
            "startAt": "2026-03-02T15:35:00.5+01:00",
            "rate": 2.5,
            "sliceSize": 5,
            "maxFailures": {"count": 10, "share": 0.5},
            "retryPolicy": {"retries": 3, "backoff": 1000},
        }
        response = await it.client.post("/v2/process-instances/cancellation", json=body)
        assert response.status_code == 200
        ((_, wish),) = it.engine.commands
        assert wish.value.excluded_keys == (5, 7)  # type: ignore[attr-defined]
        assert wish.value.options == BatchOptions(  # type: ignore[attr-defined]
            name="clean-up",
            labels=("night",),
            reason="wrong price",
            start_suspended=True,
            start_at=1_772_462_100_500,
            rate=2.5,
            slice_size=5,
            failures_max=10,
            failure_share_max=0.5,
            item_retries=3,
            retry_backoff=1_000,
        )

    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch})


def test_a_batch_operation_is_made_faster_and_deleted() -> None:
    async def scenario(it: World) -> None:
        path = f"/v2/batch-operations/{KEY}"
        assert (await it.client.patch(path, json={"rate": 5})).status_code == 204
        assert (await it.client.delete(path)).status_code == 204
        assert (await it.client.patch(path, json={})).status_code == 400
        (_, changed), (_, deleted) = it.engine.commands
        assert (changed.intent, changed.key, changed.value.rate, changed.value.slice_size) == ("UPDATE", KEY, 5.0, -1)  # type: ignore[attr-defined]
        assert (deleted.intent, deleted.key) == ("DELETE", KEY)

    run(scenario, {(MANAGEMENT, "UPDATE"): happens("UPDATED"), (MANAGEMENT, "DELETE"): happens("DELETED")})


def test_what_failed_is_retried_where_the_batch_operation_is_led() -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/batch-operations/{KEY}/retry", json={"rate": 1})
        assert response.status_code == 200
        ((partition, wish),) = it.engine.commands
        assert (partition, wish.value.options.parent_key, wish.value.options.rate) == (2, KEY, 1.0)  # type: ignore[attr-defined]
        await it.client.post(f"/v2/batch-operations/{KEY}/undo", json={"dryRun": True, "keepPlan": True, "reason": "r"})
        wanted = BatchOptions(parent_key=KEY, undoes=True, dry_run=True, keep_plan=True, reason="r")
        assert it.engine.commands[1][1].value.options == wanted  # type: ignore[attr-defined]
        committed = await it.client.post(f"/v2/batch-operations/{KEY}/commit", json={"dryRun": True})
        assert committed.json()["problems"][0].startswith("dryRun: expected a known property")
        assert (await it.client.post("/v2/batch-operations/7/retry")).status_code == 404

    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch})


def test_resolving_the_incidents_of_one_instance() -> None:
    async def scenario(it: World) -> None:
        path = f"/v2/process-instances/{KEY}/incident-resolution"
        response = await it.client.post(path)
        assert BatchOperationCreatedResult.from_dict(response.json()).batch_operation_type == "RESOLVE_INCIDENT"
        ((partition, wish),) = it.engine.commands
        assert (partition, wish.value.filter, wish.value.item_keys) == (2, "", (KEY,))  # type: ignore[attr-defined]
        body = {"reason": "repaired", "dryRun": True, "keepPlan": True, "operationReference": 5}
        assert (await it.client.post(path, json=body)).status_code == 200
        wish = it.engine.commands[1][1]
        assert wish.value.options == BatchOptions(reason="repaired", dry_run=True, keep_plan=True)  # type: ignore[attr-defined]
        assert wish.step.operation_reference == 5
        unknown = await it.client.post(f"/v2/process-instances/{KEY + 1}/incident-resolution")
        assert unknown.status_code == 404

    search = FakeSearch({"PROCESS_INSTANCE": {KEY: {"processInstanceKey": str(KEY)}}})
    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch}, search=search)


def test_topology_status_and_license() -> None:
    async def scenario(it: World) -> None:
        topology = TopologyResponse.from_dict((await it.client.get("/v2/topology")).json())
        assert [(one.partition_id, one.health.value) for one in topology.brokers[0].partitions] == [
            (1, "healthy"),
            (2, "unhealthy"),
        ]
        assert LicenseResponse.from_dict((await it.client.get("/v2/license")).json()).is_commercial is False
        status = await it.client.get("/v2/status")
        assert (status.status_code, status.json()["detail"]) == (503, "partition 2: recovering")

    run(scenario, parts=[Part(name="log"), Part(name="partition 2", partition=2, problem="recovering")])


def test_topology_of_several_machines() -> None:
    brokers = [
        Broker(host="one", port=1, version="old", leads=(1,), follows=(2,), broken=(2,)),
        Broker(host="two", port=2, version="new", leads=(2,), follows=(1,)),
    ]

    async def scenario(it: World) -> None:
        topology = TopologyResponse.from_dict((await it.client.get("/v2/topology")).json())
        assert (topology.cluster_size, topology.replication_factor) == (2, 2)
        assert [(one.host, one.port, one.version) for one in topology.brokers] == [("one", 1, "old"), ("two", 2, "new")]
        found = [one for broker in topology.brokers for one in broker.partitions]
        assert [(one.partition_id, one.role.value, one.health.value) for one in found] == [
            (1, "leader", "unhealthy"),
            (2, "follower", "unhealthy"),
            (1, "follower", "healthy"),
            (2, "leader", "healthy"),
        ]

    run(scenario, parts=[Part(name="partition-1", partition=1, problem="is full")], brokers=lambda: brokers)


def test_status_of_a_working_installation() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get("/v2/status")).status_code == 204

    run(scenario, parts=[Part(name="log")])


def test_a_job_completion_does_not_pretend_to_know_the_job() -> None:
    """The command carries what the worker gave, nothing else: the engine knows the rest."""

    async def scenario(it: World) -> None:
        await it.client.post(f"/v2/jobs/{KEY}/completion", json={"variables": {"x": 1}})
        ((_, wish),) = it.engine.commands
        assert wish.value == Job(variables='{"x":1}')

    run(scenario, {("JOB", "COMPLETE"): happens("COMPLETED")})
