"""Batch operations: get, search, items, suspend, resume, cancel."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from engine.records import BatchOperationLifecycleManagement
from gateway.bodies import Body, HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.responses import no_content

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "BATCH_OPERATION"
PATH = "/batch-operations"


class EmptyBody(Body, frozen=True, kw_only=True):
    """Nothing."""


def _management_route(verb: str, intent: str, path: str) -> Route:
    async def manage(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        key = path_key(request)
        await gateway.bodies.read(request, EmptyBody)
        value = BatchOperationLifecycleManagement(batch_operation_key=key)
        await gateway.change(
            request, key, "BATCH_OPERATION_LIFECYCLE_MANAGEMENT", intent, value, urgent=intent == "CANCEL"
        )
        return no_content()

    return Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/{path}",
        summary=f"{verb} a batch operation",
        handle=manage,
        body=EmptyBody,
        status=204,
    )


ROUTES = (
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    search_route("BATCH_OPERATION_ITEM", "/batch-operation-items"),
    _management_route("Suspend", "SUSPEND", "suspension"),
    _management_route("Resume", "RESUME", "resumption"),
    _management_route("Cancel", "CANCEL", "cancellation"),
)
