"""Process instances: create, search, get, cancel, and the incidents of one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta

from engine.core.record import DEFAULT_TENANT, NONE
from engine.records import ProcessInstance, ProcessInstanceCreation
from gateway.bodies import Body, HttpRequest, read_object
from gateway.fields import BusinessId, Document, Key, Name, OperationReference, Tags, Tenant, Unsupported
from gateway.gateway import Gateway, path_key
from gateway.responses import json_response, no_content, page_response

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "PROCESS_INSTANCE"
PATH = "/process-instances"
LATEST_VERSION = -1

Version = Annotated[int, Meta(ge=LATEST_VERSION, le=(1 << 31) - 1)]


class ProcessInstanceCreationBody(Body, frozen=True, kw_only=True):
    """Start the process with an id (and version, -1 for the latest), or the definition with a key."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("process_definition_id", "process_definition_key")

    process_definition_id: Name | None = None
    process_definition_version: Version | None = None
    process_definition_key: Key | None = None
    variables: Document | None = None
    tenant_id: Tenant | None = None
    operation_reference: OperationReference | None = None
    tags: Tags | None = None
    business_id: BusinessId | None = None
    start_instructions: Unsupported | None = None
    runtime_instructions: Unsupported | None = None
    await_completion: Unsupported | None = None
    fetch_variables: Unsupported | None = None
    request_timeout: Unsupported | None = None
    process_definition_version_tag: Unsupported | None = None


class OperationBody(Body, frozen=True, kw_only=True):
    """A body that says nothing but a reference to follow the operation through the log."""

    operation_reference: OperationReference | None = None


async def create_process_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Start an instance; answered when it has started, not when it has ended."""
    body = await gateway.bodies.read(request, ProcessInstanceCreationBody)
    version = body.process_definition_version
    creation = ProcessInstanceCreation(
        bpmn_process_id=body.process_definition_id or "",
        bpmn_version=LATEST_VERSION if version is None else version,
        process_definition_key=NONE if body.process_definition_key is None else body.process_definition_key,
        variables=body.variables or "{}",
        tags=tuple(body.tags or ()),
        business_id=body.business_id or "",
        tenant_id=DEFAULT_TENANT,
    )
    record = await gateway.create(
        request, "PROCESS_INSTANCE_CREATION", "CREATE", creation, operation_reference=body.operation_reference
    )
    created = msgspec.convert(record.value, ProcessInstanceCreation)
    return json_response(
        {
            "processDefinitionId": created.bpmn_process_id,
            "processDefinitionVersion": created.bpmn_version,
            "tenantId": DEFAULT_TENANT,
            "variables": {},
            "processDefinitionKey": str(created.process_definition_key),
            "processInstanceKey": str(created.process_instance_key),
            "tags": body.tags or [],
            "businessId": body.business_id,
        }
    )


async def cancel_process_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Cancel an instance."""
    key = path_key(request)
    body = await gateway.bodies.read(request, OperationBody)
    await gateway.change(
        request,
        key,
        "PROCESS_INSTANCE",
        "CANCEL",
        ProcessInstance(process_instance_key=key),
        urgent=True,
        operation_reference=body.operation_reference,
    )
    return no_content()


async def search_incidents(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The incidents of an instance. A `processInstanceKey` in the filter narrows them further."""
    key = path_key(request)
    question = await read_object(request)
    await gateway.get(ENTITY, key)
    given = question.get("filter") or {}
    if isinstance(given, dict):
        question["filter"] = {**given, "processInstanceKey": _narrowed(given.get("processInstanceKey"), str(key))}
    return page_response(await gateway.find("INCIDENT", question))


def _narrowed(given: Any, key: str) -> Any:
    if given is None or given == key:
        return key
    operators = dict(given) if isinstance(given, dict) else {"$eq": given}
    if operators.get("$eq", key) != key:
        operators["$neq"] = key  # two different keys at once: nothing matches
    return {**operators, "$eq": key}


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}",
        summary="Start a process instance",
        handle=create_process_instance,
        body=ProcessInstanceCreationBody,
    ),
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/cancellation",
        summary="Cancel a process instance",
        handle=cancel_process_instance,
        body=OperationBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/incidents/search",
        summary="Search the incidents of a process instance",
        handle=search_incidents,
        search=True,
    ),
)
