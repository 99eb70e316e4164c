"""The official client over HTTP: history is deleted, one at a time and by batch operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from camunda_orchestration_sdk import (
    CamundaClient,
    DecisionInstanceDeletionBatchOperationRequest,
    DeleteDecisionInstanceRequest,
    DeleteProcessInstanceRequest,
    JobCompletionRequest,
    ProcessInstanceDeletionBatchOperationRequest,
    VariableSearchQuery,
)
from camunda_orchestration_sdk.errors import BadRequestError, ConflictError, NotFoundError
from camunda_orchestration_sdk.models import DecisionInstanceSearchQuery

from tests.integration.official_client import (
    activate_all,
    batch_in,
    counted,
    create,
    instance_in,
    instances,
    items_of,
    refused,
    unique,
)
from tests.integration.test_official_client_decisions import deploy_files, evaluate, menu


def finish(client: CamundaClient, name: str, count: int) -> None:
    for job in activate_all(client, name, count):
        client.complete_job(job.job_key, data=JobCompletionRequest())


def delete(client: CamundaClient, wanted: dict[str, Any], **more: Any) -> Any:
    request = ProcessInstanceDeletionBatchOperationRequest.from_dict({"filter": wanted, **more})
    return client.delete_process_instances_batch_operation(data=request)


def evaluations(client: CamundaClient, name: str, count: int) -> list[Any]:
    query = DecisionInstanceSearchQuery.from_dict({"filter": {"decisionDefinitionId": name}})
    return client.search_decision_instances(data=query, consistency=counted(count)).items


def test_instances_that_have_ended_are_deleted_by_a_batch_operation(client: CamundaClient, name: str) -> None:
    ended = [create(client, name, secret=number) for number in range(3)]
    finish(client, name, 3)
    running = create(client, name)
    for key in ended:
        instance_in(client, key, "COMPLETED")
    made = delete(client, {"processDefinitionId": name}, operationReference=7)
    assert made.batch_operation_type == "DELETE_PROCESS_INSTANCE"
    batch = batch_in(client, made.batch_operation_key)
    assert (batch.state, batch.operations_completed_count, batch.operations_failed_count) == ("COMPLETED", 3, 1)
    # what is COMPLETED is gone: nothing is waited for here
    query = VariableSearchQuery.from_dict({"filter": {"name": "secret", "processInstanceKey": {"$in": ended}}})
    assert client.search_variables(data=query, consistency=counted(0)).items == []
    assert [one.process_instance_key for one in instances(client, {"processDefinitionId": name}, 1)] == [running]
    items = items_of(client, made.batch_operation_key, "COMPLETED", 3)
    assert {item.process_instance_key for item in items} == set(ended)
    (failed,) = items_of(client, made.batch_operation_key, "FAILED", 1)
    assert failed.error_message.startswith("INVALID_STATE: expected a process instance that has ended")


def test_one_instance_is_deleted_when_it_has_ended(client: CamundaClient, name: str) -> None:
    key = create(client, name)
    instance_in(client, key, "ACTIVE")
    request = DeleteProcessInstanceRequest.from_dict({"operationReference": 9})

    def attempt() -> object:
        client.delete_process_instance(key, data=request)
        return None

    refused(ConflictError, attempt, "INVALID_STATE", "which runs; cancel it")
    finish(client, name, 1)
    instance_in(client, key, "COMPLETED")
    attempt()
    assert instances(client, {"processDefinitionId": name}, 0) == []
    refused(NotFoundError, attempt, "NOT_FOUND", "process instance")


def test_evaluations_are_deleted(client: CamundaClient, tmp_path: Path) -> None:
    name = unique("menu")
    deploy_files(client, tmp_path, menu_dmn=menu(name))
    keys = [evaluate(client, name, season="winter", guests=3).decision_evaluation_key for _ in range(3)]
    evaluations(client, name, 3)
    client.delete_decision_instance(keys[0], data=DeleteDecisionInstanceRequest())
    evaluations(client, name, 2)
    evaluations(client, f"{name}-dish", 2)
    request = DecisionInstanceDeletionBatchOperationRequest.from_dict({"filter": {"decisionDefinitionId": name}})
    made = client.delete_decision_instances_batch_operation(data=request)
    assert made.batch_operation_type == "DELETE_DECISION_INSTANCE"
    batch = batch_in(client, made.batch_operation_key)
    assert (batch.state, batch.operations_completed_count) == ("COMPLETED", 2)
    assert evaluations(client, name, 0) == []
    assert evaluations(client, f"{name}-dish", 0) == []
    assert {item.item_key for item in items_of(client, made.batch_operation_key, "COMPLETED", 2)} == set(keys[1:])


def test_what_makes_no_sense_is_refused(client: CamundaClient, name: str) -> None:
    refused(BadRequestError, lambda: delete(client, {}), "Bad Request", "which process instances are meant")
    refused(
        BadRequestError, lambda: delete(client, {"decisionDefinitionId": name}), "Bad Request", "expected a property"
    )
