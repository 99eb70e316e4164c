"""The official client over HTTP: process instances suspended and resumed, one and many."""

from __future__ import annotations

from camunda_orchestration_sdk import (
    CamundaClient,
    CancelProcessInstanceRequest,
    JobCompletionRequest,
    ProcessInstanceResumptionBatchOperationRequest,
    ProcessInstanceSuspensionBatchOperationRequest,
    ResumeProcessInstanceRequest,
    SuspendProcessInstanceRequest,
)
from camunda_orchestration_sdk.errors import ConflictError, NotFoundError

from tests.integration.official_client import (
    activate_all,
    batch_in,
    create,
    instance_in,
    instances,
    items_of,
    refused,
)


def test_one_is_suspended_resumed_and_then_completed(client: CamundaClient, name: str) -> None:
    key = create(client, name)
    (job,) = activate_all(client, name, 1)
    client.suspend_process_instance(key, data=SuspendProcessInstanceRequest())
    assert instance_in(client, key, "SUSPENDED").end_date is None
    done = JobCompletionRequest()
    refused(ConflictError, lambda: client.complete_job(job.job_key, data=done), "INVALID_STATE", "resume it first")
    again = SuspendProcessInstanceRequest()
    refused(
        ConflictError, lambda: client.suspend_process_instance(key, data=again), "INVALID_STATE", "suspended already"
    )
    client.resume_process_instance(key, data=ResumeProcessInstanceRequest())
    instance_in(client, key, "ACTIVE")
    client.complete_job(job.job_key, data=done)
    instance_in(client, key, "COMPLETED")
    refused(
        NotFoundError,
        lambda: client.resume_process_instance(key, data=ResumeProcessInstanceRequest()),
        "NOT_FOUND",
        "expected a running process instance",
    )


def test_many_are_suspended_and_resumed(client: CamundaClient, name: str) -> None:
    keys = [create(client, name) for _ in range(5)]
    instances(client, {"processDefinitionId": name, "state": "ACTIVE"}, 5)
    wanted = {"filter": {"processDefinitionId": name}}
    made = client.suspend_process_instances_batch_operation(
        data=ProcessInstanceSuspensionBatchOperationRequest.from_dict(wanted)
    )
    assert made.batch_operation_type == "SUSPEND_PROCESS_INSTANCE"
    assert batch_in(client, made.batch_operation_key).operations_completed_count == 5
    items = items_of(client, made.batch_operation_key, "COMPLETED", 5)
    assert {item.process_instance_key for item in items} == set(keys)
    instances(client, {"processDefinitionId": name, "state": "SUSPENDED"}, 5)
    instances(client, {"processDefinitionId": name, "state": "ACTIVE"}, 0)
    client.cancel_process_instance(keys[0], data=CancelProcessInstanceRequest())
    instance_in(client, keys[0], "TERMINATED")
    made = client.resume_process_instances_batch_operation(
        data=ProcessInstanceResumptionBatchOperationRequest.from_dict(wanted)
    )
    assert batch_in(client, made.batch_operation_key).operations_completed_count == 4
    assert len(list(activate_all(client, name, 4))) == 4
