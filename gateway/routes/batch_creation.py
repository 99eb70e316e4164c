"""Creation of batch operations: one route for each description, and the one for a single process instance."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Struct
from msgspec.structs import FieldInfo

from engine.records import BatchOperationCreation
from gateway.authorization import CREATE
from gateway.bodies import Body, HttpRequest
from gateway.fields import DEPTH_MAX, OperationReference, is_too_deep
from gateway.gateway import Gateway, path_key
from gateway.operations import RESOLVE_INCIDENT, OperationDescription
from gateway.problems import bad_request
from gateway.responses import json_response
from gateway.selection import KEY_PROPERTIES, Selection, is_long_list, select_filter, select_keys

from .queries import PREFIX
from .route import Route


class BatchOperationBody(Body, frozen=True, kw_only=True):
    """What every creation has: which process instances or jobs, and a reference to follow it through the log."""

    filter: dict[str, Any]
    operation_reference: OperationReference | None = None


def creation_routes(operations: Sequence[OperationDescription]) -> tuple[Route, ...]:
    """`POST {path}` of each operation."""
    routes = [_creation_route(operation) for operation in operations]
    routes += [_single_route(operation) for operation in operations if operation.name == RESOLVE_INCIDENT.name]
    return tuple(routes)


async def create_batch_operation(
    gateway: Gateway,
    request: HttpRequest,
    operation: OperationDescription,
    wanted: Mapping[str, Any],
    parameters: Struct,
    operation_reference: int | None = None,
) -> ASGIResponse:
    """Create a batch operation over what a filter selects; answered before any item is known."""
    claims = gateway.authorize(CREATE, operation.name)
    selection = await _selection(gateway, operation, wanted, operation.check(parameters))
    creation = BatchOperationCreation(
        batch_operation_type=operation.name,
        filter=selection.filter,
        item_keys=selection.item_keys,
        excluded_keys=selection.excluded_keys,
        parameters=operation.encode(parameters),
        actor_type=claims.actor_type,
        actor_id=claims.actor_id,
    )
    record = await gateway.create(
        request,
        "BATCH_OPERATION_CREATION",
        "CREATE",
        creation,
        claims=claims,
        operation_reference=operation_reference,
    )
    return json_response({"batchOperationKey": str(record.key), "batchOperationType": operation.name})


async def _selection(
    gateway: Gateway, operation: OperationDescription, wanted: Mapping[str, Any], problems: Sequence[str]
) -> Selection:
    """What is selected, once neither the filter nor the parameters (`problems`) are wrong. Raises Problem 400."""
    key_property = KEY_PROPERTIES[operation.entity]
    if is_long_list(wanted, key_property):
        if problems:
            raise bad_request(problems)
        return await asyncio.to_thread(select_keys, wanted, key_property)  # half a second for the longest: others go on
    problems = [*_filter_problems(gateway, operation, wanted), *problems]
    if problems:
        raise bad_request(problems)
    return select_filter(wanted, key_property)


def _filter_problems(gateway: Gateway, operation: OperationDescription, wanted: Mapping[str, Any]) -> Sequence[str]:
    if not wanted:
        meant = operation.entity.lower().replace("_", " ") + "s"
        return [f"filter: expected at least one condition, got an empty filter; say which {meant} are meant"]
    if is_too_deep(wanted):
        return [f"filter: expected at most {DEPTH_MAX} levels of nesting, got more; flatten it"]
    return gateway.search.check_filter(operation.entity, wanted)


def _creation_route(operation: OperationDescription) -> Route:
    fields = msgspec.structs.fields(operation.parameters)
    body_type = cast(
        type[BatchOperationBody],
        msgspec.defstruct(
            f"{operation.name.title().replace('_', '')}Body",
            [(field.name, field.type, _default(field)) for field in fields],
            bases=(BatchOperationBody,),
            frozen=True,
            kw_only=True,
        ),
    )

    async def create(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        body = await gateway.bodies.read(request, body_type)
        parameters = operation.parameters(**{field.name: getattr(body, field.name) for field in fields})
        return await create_batch_operation(
            gateway, request, operation, body.filter, parameters, body.operation_reference
        )

    return Route(
        method="POST", path=f"{PREFIX}{operation.path}", summary=operation.summary, handle=create, body=body_type
    )


def _default(field: FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return field.default


def _single_route(operation: OperationDescription) -> Route:
    async def resolve(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        key = path_key(request)
        await gateway.get("PROCESS_INSTANCE", key)
        wanted = {KEY_PROPERTIES[operation.entity]: str(key)}
        return await create_batch_operation(gateway, request, operation, wanted, operation.parameters())

    return Route(
        method="POST",
        path=f"{PREFIX}/process-instances/{{key:str}}/incident-resolution",
        summary="Resolve the incidents of a process instance",
        handle=resolve,
    )
