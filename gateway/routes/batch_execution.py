"""Types of batch operations applied at once, to all of a short list of keys or to none: a route for each type."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

from litestar.response.base import ASGIResponse
from msgspec import Meta

from engine.core.faults import EXCEEDED_LIMIT, RecordTooLarge
from engine.core.ports import NO_VARIABLES
from engine.core.record import partition_of
from engine.core.settings import LIMITS
from engine.records import BatchOperationCreation
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.batch_options import REASON_LENGTH_MAX, BatchOptions
from gateway.access import READS
from gateway.bodies import Body, HttpRequest
from gateway.fields import Key, OperationReference
from gateway.gateway import Gateway
from gateway.operations import OperationDescription
from gateway.problems import Problem, bad_request, forbidden, lives_nowhere
from gateway.responses import json_response

from .batch_creation import parameters_of, with_parameters
from .queries import PREFIX
from .route import Route

#: Whatever the setting is.
KEYS_MAX = int(LIMITS["synchronous_items_max"][1])
#: What is looked up in secondary storage, because the engine forgets it when it ends.
HISTORY = ("PROCESS_INSTANCE", "DECISION_INSTANCE")


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
        keys = tuple(dict.fromkeys(map(int, body.keys)))
        partition = _partition(gateway, operation, keys)
        wish = BatchOperationCreation(
            batch_operation_type=operation.name,
            item_keys=keys,
            parameters=operation.encode(parameters),
            options=BatchOptions(reason=body.reason),
            facts=await _facts(gateway, operation, operation.facts(parameters), keys),
        )
        try:
            record = await gateway.create(
                request,
                "BATCH_OPERATION_CREATION",
                "EXECUTE",
                wish,
                partition=partition,
                operation_reference=body.operation_reference,
            )
        except RecordTooLarge as error:
            raise _too_large(operation, error.message) from error
        return json_response(
            {
                "batchOperationType": operation.name,
                "operationsCompletedCount": len(keys),
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


def _partition(gateway: Gateway, operation: OperationDescription, keys: Sequence[int]) -> int:
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


async def _facts(
    gateway: Gateway, operation: OperationDescription, variables: str, keys: Sequence[int]
) -> tuple[ItemFacts, ...]:
    """What the engine no longer has of what has ended: of what is not there, or not to be seen, nothing but its key.

    Raises Problem 400 EXCEEDED_LIMIT, or Reject FORBIDDEN. What is not there is refused by the engine, which knows
    whether the same request has been answered before.
    """
    entity = operation.item_entity
    if operation.only_running or entity not in HISTORY:
        return ()
    seen = await _readable(gateway, entity, keys)
    facts = await gateway.search.facts(entity, keys, variables or NO_VARIABLES, gateway.settings.variables_size_max)
    if len(facts) < len(keys):
        raise _too_large(operation, f"those of {len(facts)} that do")
    told = (one if one.item_key in seen else ItemFacts(item_key=one.item_key) for one in facts)
    return tuple(one for one in told if variables or not one.state)


async def _readable(gateway: Gateway, entity: str, keys: Sequence[int]) -> Collection[int]:
    """Those that the caller may read; of decisions all or none, as when a batch operation looks for them."""
    readable = await gateway.readable(entity)
    if readable is None:
        return keys
    if entity != "PROCESS_INSTANCE" or not readable:
        raise forbidden(*READS[entity])
    wanted = {"filter": {"processInstanceKey": {"$in": [str(key) for key in keys]}}, "page": {"limit": len(keys)}}
    return {int(one["processInstanceKey"]) for one in (await gateway.find(entity, wanted)).items}


def _too_large(operation: OperationDescription, got: str) -> Problem:
    expected = "expected what process instances begin with to fit one command"
    way_out = f"name fewer, or create a batch operation ({operation.path})"
    return Problem(400, f"{expected}, got {got}; {way_out}", title=EXCEEDED_LIMIT)
