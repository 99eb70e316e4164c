"""The official client over HTTP: jobs changed by a batch operation."""

from __future__ import annotations

from camunda_orchestration_sdk import (
    BatchOperationCreatedResult,
    CamundaClient,
    JobBatchUpdateRequest,
    JobSearchQuery,
    JobUpdateRequest,
)
from camunda_orchestration_sdk.errors import BadRequestError

from tests.integration.official_client import (
    activate_all,
    batch_in,
    counted,
    create,
    items_of,
    refused,
)


def update(client: CamundaClient, wanted: dict[str, object], **changes: object) -> BatchOperationCreatedResult:
    request = JobBatchUpdateRequest.from_dict({"filter": wanted, "changeset": changes})
    return client.update_jobs_batch_operation(data=request)


def test_jobs_of_a_type_get_retries(client: CamundaClient, name: str) -> None:
    for _ in range(3):
        create(client, name)
    query = JobSearchQuery.from_dict({"filter": {"type": name, "state": "CREATED"}})
    jobs = client.search_jobs(data=query, consistency=counted(3)).items
    made = update(client, {"type": name}, retries=9, timeout=None, priority=None)
    assert made.batch_operation_type == "UPDATE_JOB"
    batch = batch_in(client, made.batch_operation_key)
    assert (batch.state, batch.operations_completed_count) == ("COMPLETED", 3)
    items = items_of(client, made.batch_operation_key, "COMPLETED", 3)
    assert {item.item_key for item in items} == {job.job_key for job in jobs}
    assert {item.process_instance_key for item in items} == {job.process_instance_key for job in jobs}
    assert [job.retries for job in activate_all(client, name, 3)] == [9, 9, 9]


def test_jobs_of_a_type_get_a_priority(client: CamundaClient, name: str) -> None:
    create(client, name)
    client.search_jobs(data=JobSearchQuery.from_dict({"filter": {"type": name}}), consistency=counted(1))
    made = update(client, {"type": name}, priority=-5)
    assert batch_in(client, made.batch_operation_key).operations_completed_count == 1
    (job,) = client.search_jobs(
        data=JobSearchQuery.from_dict({"filter": {"type": name, "priority": -5}}), consistency=counted(1)
    ).items
    assert (job.priority, job.state) == (-5, "PRIORITY_UPDATED")
    client.update_job(job_key=job.job_key, data=JobUpdateRequest.from_dict({"changeset": {"priority": 2147483647}}))
    assert [job.priority for job in activate_all(client, name, 1)] == [2147483647]


def test_jobs_of_the_process_instances_that_a_filter_selects(client: CamundaClient, name: str) -> None:
    keys = [create(client, name) for _ in range(3)]
    client.search_jobs(data=JobSearchQuery.from_dict({"filter": {"type": name}}), consistency=counted(3))
    made = update(client, {"processInstance": {"processInstanceKey": {"$in": keys[:2]}}}, retries=7)
    assert batch_in(client, made.batch_operation_key).operations_completed_count == 2
    assert sorted(job.retries for job in activate_all(client, name, 3)) == [3, 7, 7]


def test_what_makes_no_sense_is_refused(client: CamundaClient, name: str) -> None:
    refused(BadRequestError, lambda: update(client, {"type": name}), "Bad Request", "expected at least one of")
    refused(BadRequestError, lambda: update(client, {}, retries=1), "Bad Request", "which jobs are meant")
    nothing = {"processInstance": {}}
    refused(BadRequestError, lambda: update(client, nothing, retries=1), "Bad Request", "filter.processInstance")
    refused(
        BadRequestError,
        lambda: update(client, {"hasIncident": True}, retries=1),
        "Bad Request",
        "filter.hasIncident: expected a property",
    )
    refused(BadRequestError, lambda: update(client, {"type": name}, retries=0), "Bad Request", "changeset.retries")
