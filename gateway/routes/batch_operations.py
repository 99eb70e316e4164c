"""Batch operations: search, items, suspend, resume, cancel, change how fast it runs, retry what failed, delete."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from litestar.response.base import ASGIResponse
from msgspec import Meta

from engine.core.record import partition_of
from engine.records import BatchOperationCreation, BatchOperationIncident, BatchOperationLifecycleManagement
from engine.records.batch_options import BatchOptions
from gateway.bodies import Body, HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.problems import lives_nowhere
from gateway.responses import json_response, no_content

from .batch_creation import BatchOptionsBody, PauseWindows, Rate, SliceSize, TriableBody
from .queries import PREFIX, search_route
from .route import Route

ENTITY = "BATCH_OPERATION"
MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
PATH = "/batch-operations"


class EmptyBody(Body, frozen=True, kw_only=True):
    """Nothing."""


class PhasesBody(Body, frozen=True, kw_only=True):
    """What is held or goes on; all of it if that is left out."""

    phases: Annotated[list[Literal["INITIALIZATION", "EXECUTION", "COMPLETION"]], Meta(min_length=1)] | None = None


class PaceBody(Body, frozen=True, kw_only=True):
    """How fast it runs from now on; what is left out stays as it is."""

    at_least_one_of = ("rate", "slice_size", "pause_windows")
    rate: Rate | None = None
    slice_size: SliceSize | None = None
    pause_windows: PauseWindows | None = None


class ResolutionBody(Body, frozen=True, kw_only=True):
    """What becomes of items that wait for somebody."""

    resolution: Literal["RETRY", "FAIL"] = "RETRY"


async def update_batch_operation(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Another rate, size of slices or windows of pause."""
    key = path_key(request)
    body = await gateway.bodies.read(request, PaceBody)
    value = BatchOperationLifecycleManagement(
        batch_operation_key=key,
        rate=-1.0 if body.rate is None else float(body.rate),
        slice_size=-1 if body.slice_size is None else body.slice_size,
        pause_windows=tuple(body.pause_windows or ()),
        changes_pauses=body.pause_windows is not None,
    )
    await gateway.change(request, key, MANAGEMENT, "UPDATE", value)
    return no_content()


async def delete_batch_operation(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Delete one that has ended, with its items."""
    key = path_key(request)
    value = BatchOperationLifecycleManagement(batch_operation_key=key)
    await gateway.change(request, key, MANAGEMENT, "DELETE", value)
    return no_content()


async def retry_batch_operation(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """A new batch operation of what failed in one that has ended."""
    return await _create_child(gateway, request, undoes=False)


async def undo_batch_operation(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """A new batch operation that puts back what one that has ended changed."""
    return await _create_child(gateway, request, undoes=True)


async def _create_child(gateway: Gateway, request: HttpRequest, *, undoes: bool) -> ASGIResponse:
    key = path_key(request)
    body = await gateway.bodies.read(request, TriableBody)
    options = body.options(gateway.settings.webhooks, parent_key=key, undoes=undoes)
    return await _create_from(gateway, request, key, options)


async def commit_plan(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """A new batch operation that does what a dry run foresaw."""
    key = path_key(request)
    body = await gateway.bodies.read(request, BatchOptionsBody)
    return await _create_from(gateway, request, key, body.options(gateway.settings.webhooks, plan_key=key))


async def _create_from(gateway: Gateway, request: HttpRequest, key: int, options: BatchOptions) -> ASGIResponse:
    """A batch operation that another one says what it is about."""
    partition = partition_of(key)
    if not 1 <= partition <= gateway.partition_count:
        raise lives_nowhere("batch operation", key)
    creation = BatchOperationCreation(options=options)
    record = await gateway.create(request, "BATCH_OPERATION_CREATION", "CREATE", creation, partition=partition)
    kind = cast(BatchOperationCreation, record.value).batch_operation_type
    return json_response({"batchOperationKey": str(record.key), "batchOperationType": kind})


async def resolve_incidents(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """All items that wait for somebody are executed again, or have failed."""
    key = path_key(request)
    body = await gateway.bodies.read(request, ResolutionBody)
    value = BatchOperationLifecycleManagement(batch_operation_key=key, resolution=body.resolution)
    await gateway.change(request, key, MANAGEMENT, "RESOLVE_INCIDENTS", value)
    return no_content()


async def resolve_incident(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """One of them."""
    key, incident_key = path_key(request), path_key(request, "incidentKey")
    body = await gateway.bodies.read(request, ResolutionBody)
    value = BatchOperationIncident(batch_operation_key=key, resolution=body.resolution)
    await gateway.change(request, incident_key, "BATCH_OPERATION_INCIDENT", "RESOLVE", value)
    return no_content()


def _management_route(verb: str, intent: str, path: str, wanted: type[EmptyBody | PhasesBody]) -> Route:
    async def manage(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        key = path_key(request)
        body = await gateway.bodies.read(request, wanted)
        phases = tuple(body.phases or ()) if isinstance(body, PhasesBody) else ()
        value = BatchOperationLifecycleManagement(batch_operation_key=key, phases=phases)
        await gateway.change(request, key, MANAGEMENT, intent, value, urgent=intent == "CANCEL")
        return no_content()

    return Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/{path}",
        summary=f"{verb} a batch operation",
        handle=manage,
        body=wanted,
        status=204,
    )


ROUTES = (
    search_route(ENTITY, PATH),
    search_route("BATCH_OPERATION_ITEM", "/batch-operation-items"),
    _management_route("Suspend", "SUSPEND", "suspension", PhasesBody),
    _management_route("Resume", "RESUME", "resumption", PhasesBody),
    _management_route("Cancel", "CANCEL", "cancellation", EmptyBody),
    Route(
        method="PATCH",
        path=f"{PREFIX}{PATH}/{{key:str}}",
        summary="Change how fast a batch operation runs",
        handle=update_batch_operation,
        body=PaceBody,
        status=204,
    ),
    Route(
        method="DELETE",
        path=f"{PREFIX}{PATH}/{{key:str}}",
        summary="Delete a batch operation that has ended",
        handle=delete_batch_operation,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/incident-resolution",
        summary="Resolve the incidents of a batch operation",
        handle=resolve_incidents,
        body=ResolutionBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/incidents/{{incidentKey:str}}/resolution",
        summary="Resolve an incident of a batch operation",
        handle=resolve_incident,
        body=ResolutionBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/retry",
        summary="Retry what failed in a batch operation",
        handle=retry_batch_operation,
        body=TriableBody,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/commit",
        summary="Do what a dry run that was kept foresaw",
        handle=commit_plan,
        body=BatchOptionsBody,
    ),
    _management_route("Approve the plan of", "APPROVE", "approval", EmptyBody),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/undo",
        summary="Undo a batch operation",
        handle=undo_batch_operation,
        body=TriableBody,
    ),
)
