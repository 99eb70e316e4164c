"""The creation of process instances, answered when they have started, or when they have ended."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from litestar.response.base import ASGIResponse
from msgspec import Meta, Raw

from engine.core.faults import EXCEEDED_LIMIT, INVALID_STATE
from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.records import ProcessInstanceCreation, ProcessInstanceResult
from engine.records.process_instance_creation import RuntimeInstruction, StartInstruction
from gateway.bodies import Body, HttpRequest
from gateway.fields import BusinessId, Document, Key, Milliseconds, Name, OperationReference, Tags, Tenant
from gateway.gateway import Gateway
from gateway.problems import Problem, bad_request
from gateway.responses import json_response
from gateway.settings import GatewaySettings

from .queries import PREFIX
from .route import Route

FAMILY = "PROCESS_INSTANCE_CREATION"
LATEST_VERSION = -1

Version = Annotated[int, Meta(ge=LATEST_VERSION, le=(1 << 31) - 1)]


class StartInstructionBody(Body, frozen=True, kw_only=True):
    """Start before this element."""

    element_id: Name


class RuntimeInstructionBody(Body, frozen=True, kw_only=True):
    """Terminate the instance once this element has completed or was terminated."""

    after_element_id: Name
    type: Literal["TERMINATE_PROCESS_INSTANCE"] = "TERMINATE_PROCESS_INSTANCE"


class ProcessInstanceCreationBody(Body, frozen=True, kw_only=True):
    """Start the process with an id (and version, -1 for the latest, or version tag), or the definition with a key.

    `requestTimeout` in ms: how long `awaitCompletion` waits; 0 waits the default time.
    """

    exactly_one_of: ClassVar[tuple[str, ...]] = ("process_definition_id", "process_definition_key")

    process_definition_id: Name | None = None
    process_definition_version: Version | None = None
    process_definition_version_tag: Name | None = None
    process_definition_key: Key | None = None
    variables: Document | None = None
    tenant_id: Tenant | None = None
    operation_reference: OperationReference | None = None
    start_instructions: list[StartInstructionBody] | None = None
    runtime_instructions: list[RuntimeInstructionBody] | None = None
    await_completion: bool | None = None
    fetch_variables: list[Name] | None = None
    request_timeout: Milliseconds | None = None
    tags: Tags | None = None
    business_id: BusinessId | None = None


async def create_process_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Start an instance, and wait for its end if that is wanted."""
    body = await gateway.bodies.read(request, ProcessInstanceCreationBody)
    _check_version_tag(body)
    record = await gateway.create(
        request,
        FAMILY,
        "CREATE",
        _creation(body),
        place=body.business_id or "",
        operation_reference=body.operation_reference,
        wait_ms=_wait_ms(body, gateway.settings) if body.await_completion else None,
    )
    return json_response(shown_creation(record))


def _check_version_tag(body: ProcessInstanceCreationBody) -> None:
    """Raises Problem 400."""
    if body.process_definition_version_tag is None:
        return
    others = {
        "processDefinitionKey": body.process_definition_key,
        "processDefinitionVersion": body.process_definition_version,
    }
    given = ", ".join(name for name, value in others.items() if value is not None)
    if given:
        expected = "processDefinitionVersionTag: expected it with processDefinitionId alone"
        raise bad_request([f"{expected}, got {given} too; give one of them"])


def _creation(body: ProcessInstanceCreationBody) -> ProcessInstanceCreation:
    version = body.process_definition_version
    runtime = body.runtime_instructions or ()
    return ProcessInstanceCreation(
        bpmn_process_id=body.process_definition_id or "",
        bpmn_version=LATEST_VERSION if version is None else version,
        version_tag=body.process_definition_version_tag or "",
        process_definition_key=NONE if body.process_definition_key is None else body.process_definition_key,
        variables=body.variables or "{}",
        start_instructions=tuple(StartInstruction(element_id=one.element_id) for one in body.start_instructions or ()),
        runtime_instructions=tuple(
            RuntimeInstruction(type=i.type, after_element_id=i.after_element_id) for i in runtime
        ),
        await_result=bool(body.await_completion),
        fetch_variables=tuple(body.fetch_variables or ()) if body.await_completion else (),
        tags=tuple(body.tags or ()),
        business_id=body.business_id or "",
        tenant_id=DEFAULT_TENANT,
    )


def _wait_ms(body: ProcessInstanceCreationBody, settings: GatewaySettings) -> int:
    return min(body.request_timeout or settings.request_timeout_ms, settings.long_poll_ms_max)


def shown_creation(record: Record) -> dict[str, object]:
    """The answer to a creation. Raises Problem for an instance that was awaited in vain."""
    value = record.value
    assert isinstance(value, (ProcessInstanceCreation, ProcessInstanceResult))
    awaited = isinstance(value, ProcessInstanceResult)
    if awaited and record.intent == "TERMINATED":
        message = f"expected process instance {record.key} to complete, but it was terminated; look into why"
        raise Problem(409, message, title=INVALID_STATE)
    if isinstance(value, ProcessInstanceResult) and value.error_message:
        raise Problem(400, value.error_message, title=EXCEEDED_LIMIT)
    return {
        "processDefinitionId": value.bpmn_process_id,
        "processDefinitionVersion": value.bpmn_version,
        "tenantId": DEFAULT_TENANT,
        "variables": Raw(value.variables.encode() or b"{}") if awaited else {},
        "processDefinitionKey": str(value.process_definition_key),
        "processInstanceKey": str(value.process_instance_key),
        "tags": value.tags,
        "businessId": value.business_id or None,
    }


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}/process-instances",
        summary="Start a process instance",
        handle=create_process_instance,
        body=ProcessInstanceCreationBody,
    ),
)
