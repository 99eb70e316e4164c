"""Jobs: activation with long polling, completion, failure, error, update, search."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Raw, structs

from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.records import Job, JobBatch
from gateway.activation import Activation
from gateway.bodies import Body, HttpRequest
from gateway.fields import (
    BusinessId,
    Count,
    Document,
    Int32,
    Milliseconds,
    Name,
    OperationReference,
    PositiveCount,
    PositiveMilliseconds,
    Tenant,
    Text,
    Unsupported,
)
from gateway.gateway import Gateway, path_key
from gateway.responses import json_response, no_content

from .queries import PREFIX, search_route
from .route import Route

PATH = "/jobs"


class JobActivationBody(Body, frozen=True, kw_only=True):
    """Give me jobs. `requestTimeout` in ms: 0 waits the default time, less than 0 not at all."""

    type: Name
    timeout: PositiveMilliseconds
    max_jobs_to_activate: PositiveCount
    worker: Text | None = None
    fetch_variable: list[Name] | None = None
    request_timeout: int | None = None
    tenant_ids: list[Tenant] | None = None
    tenant_filter: Literal["PROVIDED", "ASSIGNED"] | None = None
    with_lease: Unsupported | None = None


class ElementToActivateBody(Body, frozen=True, kw_only=True):
    """An element that is to begin in an ad-hoc sub-process; `variables` are those of this activation."""

    element_id: Name
    variables: Document | None = None


class JobResultBody(Body, frozen=True, kw_only=True):
    """What the worker of an ad-hoc sub-process decides; results of listeners are not supported."""

    type: Literal["adHocSubProcess"] | None = None
    activate_elements: list[ElementToActivateBody] | None = None
    is_completion_condition_fulfilled: bool | None = None
    is_cancel_remaining_instances: bool | None = None
    denied: Unsupported | None = None
    denied_reason: Unsupported | None = None
    corrections: Unsupported | None = None


class JobCompletionBody(Body, frozen=True, kw_only=True):
    """The job is done; its instance may get a business id with it."""

    variables: Document | None = None
    result: JobResultBody | None = None
    job_lease_token: Unsupported | None = None
    business_id: BusinessId | None = None


class JobFailureBody(Body, frozen=True, kw_only=True):
    """The job was tried in vain; without retries left it raises an incident. `retryBackOff` in ms."""

    retries: Count | None = None
    error_message: Text | None = None
    retry_back_off: Milliseconds | None = None
    variables: Document | None = None
    job_lease_token: Unsupported | None = None


class JobErrorBody(Body, frozen=True, kw_only=True):
    """A BPMN error for the model to catch."""

    error_code: Text
    error_message: Text | None = None
    variables: Document | None = None
    job_lease_token: Unsupported | None = None


class JobChangeset(Body, frozen=True, kw_only=True):
    """What to change; `timeout` in ms from now."""

    at_least_one_of: ClassVar[tuple[str, ...]] = ("retries", "timeout", "priority")

    retries: PositiveCount | None = None
    timeout: Milliseconds | None = None
    priority: Int32 | None = None


class JobUpdateBody(Body, frozen=True, kw_only=True):
    """Change a job."""

    changeset: JobChangeset
    operation_reference: OperationReference | None = None
    job_lease_token: Unsupported | None = None


async def activate_jobs(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Activate jobs of a type on any partition; waits for some when there are none."""
    body = await gateway.bodies.read(request, JobActivationBody)
    settings = gateway.settings
    wanted = JobBatch(
        type=body.type,
        worker=body.worker or "",
        timeout=body.timeout,
        jobs_max=body.max_jobs_to_activate,
        fetch_variables=tuple(body.fetch_variable or ()),
        tenant_id=DEFAULT_TENANT,
    )
    step = gateway.step(request)
    wait_ms = min(body.request_timeout or settings.long_poll_ms, settings.long_poll_ms_max)
    jobs = await Activation(gateway, step, wanted).run(request, wait_ms)
    return json_response({"jobs": [activated_job(record) for record in jobs]})


async def complete_job(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Complete a job."""
    key = path_key(request)
    body = await gateway.bodies.read(request, JobCompletionBody)
    done = Job(
        variables=body.variables or "{}",
        result=_result_text(body.result) if body.result is not None else "",
        business_id=body.business_id or "",
    )
    await gateway.change(request, key, "JOB", "COMPLETE", done, urgent=True)
    return no_content()


def _result_text(result: JobResultBody) -> str:
    """The JSON text of a result, as the log has it; empty for one that says nothing."""
    if not (
        result.activate_elements or result.is_completion_condition_fulfilled or result.is_cancel_remaining_instances
    ):
        return ""
    elements = [
        {"elementId": element.element_id, "variables": Raw((element.variables or "{}").encode())}
        for element in result.activate_elements or ()
    ]
    decided = {
        "activateElements": elements,
        "isCompletionConditionFulfilled": bool(result.is_completion_condition_fulfilled),
        "isCancelRemainingInstances": bool(result.is_cancel_remaining_instances),
    }
    return msgspec.json.encode(decided).decode()


async def fail_job(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Fail a job."""
    key = path_key(request)
    body = await gateway.bodies.read(request, JobFailureBody)
    failure = Job(
        retries=body.retries or 0,
        error_message=body.error_message or "",
        retry_backoff=body.retry_back_off or 0,
        variables=body.variables or "{}",
    )
    await gateway.change(request, key, "JOB", "FAIL", failure, urgent=True)
    return no_content()


async def throw_error(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Throw a BPMN error."""
    key = path_key(request)
    body = await gateway.bodies.read(request, JobErrorBody)
    error = Job(error_code=body.error_code, error_message=body.error_message or "", variables=body.variables or "{}")
    await gateway.change(request, key, "JOB", "THROW_ERROR", error, urgent=True)
    return no_content()


async def update_job(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Change retries, time-out or priority of a job."""
    key = path_key(request)
    body = await gateway.bodies.read(request, JobUpdateBody)
    given = {name: value for name, value in structs.asdict(body.changeset).items() if value is not None}
    update = Job(changed_attributes=tuple(given), **{"timeout": NONE, **given})
    await gateway.change(request, key, "JOB", "UPDATE", update, operation_reference=body.operation_reference)
    return no_content()


def activated_job(record: Record) -> dict[str, object]:
    """A JOB ACTIVATED record in the shape of the API; its JSON texts go through as they are."""
    job = msgspec.convert(record.value, Job)
    return {
        "type": job.type,
        "processDefinitionId": job.bpmn_process_id,
        "processDefinitionVersion": job.bpmn_version,
        "elementId": job.element_id,
        "customHeaders": Raw(job.custom_headers.encode() or b"{}"),
        "worker": job.worker,
        "retries": job.retries,
        "deadline": job.deadline,
        "variables": Raw(job.variables.encode() or b"{}"),
        "tenantId": DEFAULT_TENANT,
        "physicalTenantId": "default",
        "jobKey": str(record.key),
        "processInstanceKey": str(job.process_instance_key),
        "processDefinitionKey": str(job.process_definition_key),
        "elementInstanceKey": str(job.element_instance_key),
        "kind": job.kind or "BPMN_ELEMENT",
        "listenerEventType": "UNSPECIFIED",
        "userTask": None,
        "tags": job.tags,
        "rootProcessInstanceKey": str(job.root_process_instance_key),
        "businessId": job.business_id or None,
        "priority": job.priority,
        "jobLeaseToken": None,
    }


ROUTES = (
    search_route("JOB", PATH),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/activation",
        summary="Activate jobs",
        handle=activate_jobs,
        body=JobActivationBody,
    ),
    Route(
        method="PATCH",
        path=f"{PREFIX}{PATH}/{{key:str}}",
        summary="Change a job",
        handle=update_job,
        body=JobUpdateBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/completion",
        summary="Complete a job",
        handle=complete_job,
        body=JobCompletionBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/failure",
        summary="Fail a job",
        handle=fail_job,
        body=JobFailureBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/error",
        summary="Throw a BPMN error",
        handle=throw_error,
        body=JobErrorBody,
        status=204,
    ),
)
