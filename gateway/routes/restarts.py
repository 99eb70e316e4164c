"""Restarting one process instance that has ended: secondary storage knows what the engine no longer has of it."""

from __future__ import annotations

from typing import Annotated

from litestar.response.base import ASGIResponse
from msgspec import Meta, structs

from engine.core.faults import EXCEEDED_LIMIT, INVALID_STATE
from engine.core.ports import INITIAL_VARIABLES, LAST_VARIABLES
from engine.core.record import DEFAULT_TENANT, partition_of
from engine.records import ProcessInstanceCreation
from engine.records.process_instance_creation import StartInstruction
from gateway.bodies import Body, HttpRequest
from gateway.fields import Name, OperationReference
from gateway.gateway import Gateway, path_key
from gateway.problems import Problem
from gateway.responses import json_response

from .process_instance_creation import FAMILY, shown_creation
from .queries import PREFIX
from .route import Route

ENDED = ("COMPLETED", "TERMINATED")


class StartBody(Body, frozen=True, kw_only=True):
    """Start before an element, behind one, or over a sequence flow."""

    exactly_one_of = ("element_id", "after_element_id", "sequence_flow_id")
    element_id: Name | None = None
    after_element_id: Name | None = None
    sequence_flow_id: Name | None = None

    def instruction(self) -> StartInstruction:
        """The same as the log has it."""
        return StartInstruction(**{name: value or "" for name, value in structs.asdict(self).items()})


class RestartBody(Body, frozen=True, kw_only=True):
    """Where to start and with what; as the batch operation RESTART_PROCESS_INSTANCE has it."""

    start_instructions: Annotated[list[StartBody], Meta(max_length=1_000)] | None = None
    initial_variables: bool = False
    without_business_id: bool = False
    operation_reference: OperationReference | None = None


async def restart_process_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Start a new instance with what the old one had."""
    key = path_key(request)
    body = await gateway.bodies.read(request, RestartBody)
    await gateway.get("PROCESS_INSTANCE", key)
    values = INITIAL_VARIABLES if body.initial_variables else LAST_VARIABLES
    (facts,) = await gateway.search.facts("PROCESS_INSTANCE", [key], values, gateway.settings.variables_size_max)
    if facts.state not in ENDED:
        raise Problem(
            409, f"expected a process instance that has ended, got {key}, which runs; cancel it", title=INVALID_STATE
        )
    if facts.variables_size and not facts.variables:
        got = f"got {facts.variables_size} characters; start it anew by hand"
        raise Problem(400, f"expected the variables of {key} to fit one command, {got}", title=EXCEEDED_LIMIT)
    creation = ProcessInstanceCreation(
        process_definition_key=facts.process_definition_key,
        variables=facts.variables,
        start_instructions=tuple(start.instruction() for start in body.start_instructions or ()),
        tags=facts.tags,
        business_id="" if body.without_business_id else facts.business_id,
        restarted_process_instance_key=key,
        tenant_id=DEFAULT_TENANT,
    )
    record = await gateway.create(
        request,
        FAMILY,
        "CREATE",
        creation,
        partition=partition_of(key),
        operation_reference=body.operation_reference,
    )
    return json_response({**shown_creation(record), "restartedProcessInstanceKey": str(key)})


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}/process-instances/{{key:str}}/restart",
        summary="Restart a process instance that has ended",
        handle=restart_process_instance,
        body=RestartBody,
    ),
)
