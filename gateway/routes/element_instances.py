"""Element instances: search, get, set variables in their scope."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from engine.core.record import DEFAULT_TENANT
from engine.records import VariableDocument
from gateway.bodies import Body, HttpRequest
from gateway.fields import Document, OperationReference
from gateway.gateway import Gateway, path_key
from gateway.responses import no_content

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "ELEMENT_INSTANCE"
PATH = "/element-instances"


class SetVariablesBody(Body, frozen=True, kw_only=True):
    """Variables for a scope; not `local`, they go to the nearest scope that has them, else to the process instance."""

    variables: Document
    local: bool | None = None
    operation_reference: OperationReference | None = None


async def set_variables(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Set variables of an element instance or process instance."""
    key = path_key(request)
    body = await gateway.bodies.read(request, SetVariablesBody)
    document = VariableDocument(
        scope_key=key, variables=body.variables, local=bool(body.local), tenant_id=DEFAULT_TENANT
    )
    await gateway.change(
        request, key, "VARIABLE_DOCUMENT", "UPDATE", document, operation_reference=body.operation_reference
    )
    return no_content()


ROUTES = (
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    Route(
        method="PUT",
        path=f"{PREFIX}{PATH}/{{key:str}}/variables",
        summary="Set variables",
        handle=set_variables,
        body=SetVariablesBody,
        status=204,
    ),
)
