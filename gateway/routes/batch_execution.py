"""Types of batch operations applied at once, to all of a short list of keys or to none: a route for each type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar.response.base import ASGIResponse
from msgspec import Meta

from engine.core.record import partition_of
from engine.core.settings import LIMITS
from engine.records import BatchOperationCreation
from engine.records.batch_options import REASON_LENGTH_MAX, BatchOptions
from gateway.bodies import Body, HttpRequest
from gateway.fields import Key, OperationReference
from gateway.gateway import Gateway
from gateway.operations import OperationDescription
from gateway.problems import bad_request, lives_nowhere
from gateway.responses import json_response

from .batch_creation import parameters_of, with_parameters
from .queries import PREFIX
from .route import Route

#: Whatever the setting is.
KEYS_MAX = int(LIMITS["synchronous_items_max"][1])


class ExecutionBody(Body, frozen=True, kw_only=True):
    """To what it is done, and why; all keys of one partition."""

    keys: Annotated[list[Key], Meta(min_length=1, max_length=KEYS_MAX)]
    reason: Annotated[str, Meta(max_length=REASON_LENGTH_MAX)] = ""
    operation_reference: OperationReference | None = None


def execution_routes(operations: Sequence[OperationDescription]) -> tuple[Route, ...]:
    """`POST {path}/execution` of each operation."""
    return tuple(_execution_route(operation) for operation in operations)


def _execution_route(operation: OperationDescription) -> Route:
    body_type = with_parameters(operation, ExecutionBody, "ExecutionBody")

    async def execute(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        body = await gateway.bodies.read(request, body_type)
        parameters = parameters_of(operation, body)
        if problems := operation.check(parameters):
            raise bad_request(problems)
        wish = BatchOperationCreation(
            batch_operation_type=operation.name,
            item_keys=tuple(body.keys),
            parameters=operation.encode(parameters),
            options=BatchOptions(reason=body.reason),
        )
        record = await gateway.create(
            request,
            "BATCH_OPERATION_CREATION",
            "EXECUTE",
            wish,
            partition=_partition(gateway, operation, body.keys),
            operation_reference=body.operation_reference,
        )
        return json_response(
            {
                "batchOperationType": operation.name,
                "operationsCompletedCount": len(set(body.keys)),
                "partitionId": record.step.partition_id,
                "position": record.position,
            }
        )

    return Route(
        method="POST",
        path=f"{PREFIX}{operation.path}/execution",
        summary=f"{operation.summary} at once: all of these or none",
        handle=execute,
        body=body_type,
    )


def _partition(gateway: Gateway, operation: OperationDescription, keys: Sequence[Key]) -> int:
    """The one partition where all of this lives. Raises Problem 404 or 400."""
    partitions = {partition_of(key): key for key in keys}
    for partition, key in partitions.items():
        if not 1 <= partition <= gateway.partition_count:
            raise lives_nowhere("item", key)
    if len(partitions) > 1:
        named = ", ".join(map(str, sorted(partitions)))
        raise bad_request(
            [f"keys: expected keys of one partition, got some of {named}; create a batch operation ({operation.path})"]
        )
    return partitions.popitem()[0]
