"""The official Python client of the Camunda 8 REST API, and what tests do with it.

Requests are written as their JSON and go through the client's own models, which make the same JSON of them again.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from camunda_orchestration_sdk import (
    BatchOperationItemSearchQuery,
    BatchOperationKey,
    BatchOperationResponse,
    CamundaAsyncClient,
    CamundaClient,
    IncidentResult,
    IncidentSearchQuery,
    JobActivationRequest,
    NullLogger,
    ProblemDetail,
    ProcessCreationById,
    ProcessInstanceKey,
    ProcessInstanceResult,
    ProcessInstanceSearchQuery,
)
from camunda_orchestration_sdk.client import ExtendedDeploymentResult
from camunda_orchestration_sdk.errors import ApiError
from camunda_orchestration_sdk.models import ActivatedJobResult, CreateDeploymentData
from camunda_orchestration_sdk.runtime.eventual import ConsistencyOptions
from camunda_orchestration_sdk.types import File

from tests.integration.installation import PATIENCE, Installation

PATIENCE_MS = int(PATIENCE * 1000)
FINAL_STATES = ("COMPLETED", "PARTIALLY_COMPLETED", "CANCELED", "FAILED")

_numbers = itertools.count(1)


def unique(name: str) -> str:
    """A name that no other test has."""
    return f"{name}-{next(_numbers)}"


def connect(installation: Installation) -> CamundaClient:
    return CamundaClient(configuration={"CAMUNDA_REST_ADDRESS": installation.url}, logger=NullLogger())


def connect_async(installation: Installation) -> CamundaAsyncClient:
    return CamundaAsyncClient(configuration={"CAMUNDA_REST_ADDRESS": installation.url}, logger=NullLogger())


def seen(predicate: Callable[[Any], bool] | None = None) -> ConsistencyOptions:
    """Ask again until what was written is visible; the client's default is the first item, or anything but 404."""
    return ConsistencyOptions(wait_up_to_ms=PATIENCE_MS, poll_interval_ms=20, predicate=predicate)


def counted(count: int) -> ConsistencyOptions:
    """Ask again until a search finds that many."""
    return seen(lambda result: result.page.total_items == count)


def deploy(client: CamundaClient, model: bytes, name: str = "model.bpmn") -> ExtendedDeploymentResult:
    data = CreateDeploymentData(resources=[File(payload=io.BytesIO(model), file_name=name)])
    return ExtendedDeploymentResult(client.create_deployment(data=data))


def create(client: CamundaClient, process_id: str, /, **variables: Any) -> ProcessInstanceKey:
    """Start an instance of the latest version."""
    instruction = {"processDefinitionId": process_id, "variables": variables}
    return client.create_process_instance(data=ProcessCreationById.from_dict(instruction)).process_instance_key


def activation(job_type: str, **changes: Any) -> JobActivationRequest:
    """A request for one job that waits for it."""
    request = {"type": job_type, "timeout": PATIENCE_MS, "maxJobsToActivate": 1, "requestTimeout": PATIENCE_MS}
    return JobActivationRequest.from_dict({**request, **changes})


def activate(client: CamundaClient, job_type: str, **changes: Any) -> ActivatedJobResult:
    """The next job of a type; waits for one."""
    return client.activate_jobs(data=activation(job_type, **changes)).jobs[0]


def activate_all(client: CamundaClient, job_type: str, count: int) -> Iterator[ActivatedJobResult]:
    """That many jobs, however many answers they come in."""
    while count > 0:
        jobs = client.activate_jobs(data=activation(job_type, maxJobsToActivate=count)).jobs
        count -= len(jobs)
        yield from jobs


def instance_in(client: CamundaClient, key: ProcessInstanceKey, state: str) -> ProcessInstanceResult:
    """The instance, once search knows it in this state."""
    return client.get_process_instance(key, consistency=seen(lambda instance: instance.state == state))


def instances(client: CamundaClient, wanted: dict[str, Any], count: int, **request: Any) -> list[ProcessInstanceResult]:
    """What a search for instances gives, once it finds `count`."""
    query = ProcessInstanceSearchQuery.from_dict({"filter": wanted, **request})
    return client.search_process_instances(data=query, consistency=counted(count)).items


def incident_of(client: CamundaClient, key: ProcessInstanceKey) -> IncidentResult:
    """The one active incident of an instance, once search knows it."""
    query = IncidentSearchQuery.from_dict({"filter": {"processInstanceKey": key, "state": "ACTIVE"}})
    (incident,) = client.search_incidents(data=query, consistency=seen()).items
    return incident


def batch_in(client: CamundaClient, key: BatchOperationKey, *states: str) -> BatchOperationResponse:
    """The batch operation, once search knows it in one of these states; without any, in a final one."""
    wanted = states or FINAL_STATES
    return client.get_batch_operation(key, consistency=seen(lambda batch: batch.state in wanted))


def items_of(client: CamundaClient, key: BatchOperationKey, state: str, count: int) -> list[Any]:
    """The items of a batch operation in a state, once search finds `count`."""
    query = BatchOperationItemSearchQuery.from_dict({"filter": {"batchOperationKey": key, "state": state}})
    return client.search_batch_operation_items(data=query, consistency=counted(count)).items


def refused(kind: type[ApiError], call: Callable[[], object], title: str, detail: str) -> None:
    """The call raises this exception of the client, and the problem detail in it says so."""
    with pytest.raises(kind) as caught:
        call()
    problem = caught.value.parsed
    assert isinstance(problem, ProblemDetail)
    assert (problem.type_, problem.status, problem.title) == ("about:blank", caught.value.status_code, title)
    assert detail in problem.detail, problem.detail
    assert problem.instance.startswith("/v2/")
