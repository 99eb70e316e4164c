"""Incidents: search, get, resolve."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from engine.records import Incident
from gateway.bodies import HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.responses import no_content

from .process_instances import OperationBody
from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "INCIDENT"
PATH = "/incidents"


async def resolve_incident(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Resolve an incident: what failed is tried again."""
    key = path_key(request)
    body = await gateway.bodies.read(request, OperationBody)
    await gateway.change(
        request, key, ENTITY, "RESOLVE", Incident(), urgent=True, operation_reference=body.operation_reference
    )
    return no_content()


ROUTES = (
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/resolution",
        summary="Resolve an incident",
        handle=resolve_incident,
        body=OperationBody,
        status=204,
    ),
)
