"""The official client over HTTP: process instances that go on with another definition; and the plans for it."""

from __future__ import annotations

from typing import Any

import httpx
from camunda_orchestration_sdk import (
    BatchOperationCreatedResult,
    CamundaClient,
    ElementInstanceSearchQuery,
    IncidentSearchQuery,
    JobFailRequest,
    JobSearchQuery,
    ProcessDefinitionKey,
    ProcessInstanceKey,
    ProcessInstanceMigrationBatchOperationRequest,
    ProcessInstanceMigrationInstruction,
)
from camunda_orchestration_sdk.errors import BadRequestError, ConflictError, NotFoundError

from engine.core.record import first_key
from tests.integration.installation import Installation
from tests.integration.official_client import (
    activate,
    activate_all,
    batch_in,
    counted,
    create,
    deploy,
    instance_in,
    instances,
    items_of,
    refused,
)
from tests.support import models as m

NOBODY = str(first_key(1) + (1 << 40))


def renamed(client: CamundaClient, name: str) -> ProcessDefinitionKey:
    """The next version of the process `name`, whose task has another id."""
    deployed = deploy(client, m.straight(name, m.job("renamed", name), names=["renamed"]))
    return deployed.processes[0].process_definition_key


def begin(client: CamundaClient, name: str) -> tuple[ProcessInstanceKey, ProcessDefinitionKey]:
    """An instance, once it is searchable, and its definition."""
    key = create(client, name)
    return key, instance_in(client, key, "ACTIVE").process_definition_key


def plan(target: str, *mapping: tuple[str, str]) -> dict[str, Any]:
    return {
        "targetProcessDefinitionKey": target,
        "mappingInstructions": [{"sourceElementId": a, "targetElementId": b} for a, b in mapping],
    }


def migrate(client: CamundaClient, key: ProcessInstanceKey, target: str, *mapping: tuple[str, str]) -> None:
    data = ProcessInstanceMigrationInstruction.from_dict(plan(target, *mapping))
    client.migrate_process_instance(key, data=data)


def migrate_all(
    client: CamundaClient, wanted: dict[str, Any], target: str, *mapping: tuple[str, str]
) -> BatchOperationCreatedResult:
    request = ProcessInstanceMigrationBatchOperationRequest.from_dict(
        {"filter": wanted, "migrationPlan": plan(target, *mapping), "operationReference": 12}
    )
    return client.migrate_process_instances_batch_operation(data=request)


def test_an_instance_migrates_with_its_job_and_its_incident(client: CamundaClient, name: str) -> None:
    key, _ = begin(client, name)
    target = renamed(client, name)
    job = activate(client, name)
    client.fail_job(job.job_key, data=JobFailRequest(retries=0, error_message="no"))
    migrate(client, key, target, ("task", "renamed"))
    moved = {"processDefinitionKey": target}
    (found,) = instances(client, moved, 1)
    assert (found.process_instance_key, found.process_definition_version) == (key, 2)
    elements = client.search_element_instances(
        data=ElementInstanceSearchQuery.from_dict({"filter": {**moved, "state": "ACTIVE"}}), consistency=counted(1)
    )
    assert [element.element_id for element in elements.items] == ["renamed"]
    jobs = client.search_jobs(data=JobSearchQuery.from_dict({"filter": moved}), consistency=counted(1))
    assert [(one.job_key, one.element_id) for one in jobs.items] == [(job.job_key, "renamed")]
    incidents = client.search_incidents(data=IncidentSearchQuery.from_dict({"filter": moved}), consistency=counted(1))
    assert [one.element_id for one in incidents.items] == ["renamed"]
    client.resolve_process_instance_incidents(key)
    client.complete_job(activate(client, name).job_key)
    assert instance_in(client, key, "COMPLETED").process_definition_key == target


def test_many_instances_migrate(client: CamundaClient, name: str) -> None:
    keys = {create(client, name) for _ in range(5)}
    target = renamed(client, name)
    instances(client, {"processDefinitionId": name, "processDefinitionVersion": 1}, 5)
    made = migrate_all(client, {"processDefinitionId": name}, target, ("task", "renamed"))
    assert made.batch_operation_type == "MIGRATE_PROCESS_INSTANCE"
    batch = batch_in(client, made.batch_operation_key)
    assert (batch.state, batch.operations_completed_count) == ("COMPLETED", 5)
    items = items_of(client, made.batch_operation_key, "COMPLETED", 5)
    assert {item.item_key for item in items} == keys
    assert {one.process_instance_key for one in instances(client, {"processDefinitionKey": target}, 5)} == keys
    for job in activate_all(client, name, 5):
        assert job.element_id == "renamed"
        client.complete_job(job.job_key)
    instances(client, {"processDefinitionKey": target, "state": "COMPLETED"}, 5)


def test_an_item_that_does_not_fit_the_plan_fails_with_its_reason(client: CamundaClient, name: str) -> None:
    create(client, name)
    target = renamed(client, name)
    create(client, name)
    instances(client, {"processDefinitionId": name}, 2)
    made = migrate_all(client, {"processDefinitionId": name}, target, ("task", "renamed"))
    batch = batch_in(client, made.batch_operation_key)
    assert (batch.state, batch.operations_completed_count, batch.operations_failed_count) == ("COMPLETED", 1, 1)
    (failed,) = items_of(client, made.batch_operation_key, "FAILED", 1)
    assert "expected an element of the source process" in failed.error_message


def test_bad_plans_are_refused_when_the_batch_is_created(client: CamundaClient, name: str) -> None:
    wanted = {"processDefinitionId": name}
    _, source = begin(client, name)
    refused(BadRequestError, lambda: migrate_all(client, wanted, source), "Bad Request", "mappingInstructions")
    refused(
        BadRequestError,
        lambda: migrate_all(client, wanted, "-5", ("task", "task")),
        "Bad Request",
        "migrationPlan.targetProcessDefinitionKey: expected the key of a process definition",
    )
    refused(
        BadRequestError,
        lambda: migrate_all(client, wanted, NOBODY, ("task", "task")),
        "INVALID_ARGUMENT",
        "migrationPlan.targetProcessDefinitionKey: expected the key of a process definition",
    )
    refused(
        BadRequestError,
        lambda: migrate_all(client, wanted, source, ("task", "gone")),
        "INVALID_ARGUMENT",
        "expected an element of process",
    )
    refused(
        BadRequestError, lambda: migrate_all(client, {}, source, ("task", "task")), "Bad Request", "process instances"
    )


def test_what_is_wrong_with_one_migration_is_told(client: CamundaClient, name: str) -> None:
    key, source = begin(client, name)
    refused(NotFoundError, lambda: migrate(client, key, NOBODY, ("task", "task")), "NOT_FOUND", "process definition")
    nobody = ProcessInstanceKey(NOBODY)
    refused(NotFoundError, lambda: migrate(client, nobody, source, ("task", "task")), "NOT_FOUND", NOBODY)
    refused(
        BadRequestError,
        lambda: migrate(client, key, source, ("task", "end")),
        "INVALID_ARGUMENT",
        "of type SERVICE_TASK",
    )
    refused(
        ConflictError, lambda: migrate(client, key, source, ("end", "end")), "INVALID_STATE", "'task', which is active"
    )


def test_plans_are_made_and_checked(client: CamundaClient, installation: Installation, name: str) -> None:
    _, source = begin(client, name)
    target = renamed(client, name)
    instance_in(client, create(client, name), "ACTIVE")
    url = f"{installation.url}/v2/process-instances/migration/plan"
    keys = {"sourceProcessDefinitionKey": source, "targetProcessDefinitionKey": target}
    made = httpx.post(f"{url}/generation", json=keys).json()
    same = [{"sourceElementId": name, "targetElementId": name} for name in ("start", "end")]
    assert made == {**keys, "mappingInstructions": same}
    checked = httpx.post(f"{url}/validation", json=made).json()
    assert checked == {**keys, "valid": True, "instructionReports": []}
    wrong = {"sourceElementId": "task", "targetElementId": "end"}
    checked = httpx.post(f"{url}/validation", json={**keys, "mappingInstructions": [*same, wrong]}).json()
    assert checked["valid"] is False
    (report,) = checked["instructionReports"]
    assert {key: report[key] for key in wrong} == wrong
    assert "expected 'end' to be of type SERVICE_TASK" in report["failures"][0]
    unknown = httpx.post(f"{url}/generation", json={**keys, "targetProcessDefinitionKey": NOBODY})
    assert unknown.status_code == 404
