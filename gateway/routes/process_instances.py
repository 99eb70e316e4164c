"""Process instances: search, get, cancel, give a business id; and the incidents of one."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from engine.records import ProcessInstance, ProcessInstanceBusinessId
from gateway.bodies import Body, HttpRequest
from gateway.fields import BusinessId, OperationReference
from gateway.gateway import Gateway, path_key
from gateway.responses import no_content

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "PROCESS_INSTANCE"
PATH = "/process-instances"


class OperationBody(Body, frozen=True, kw_only=True):
    """A body that says nothing but a reference to follow the operation through the log."""

    operation_reference: OperationReference | None = None


class BusinessIdBody(Body, frozen=True, kw_only=True):
    """The business id of an instance that has none yet."""

    business_id: BusinessId


async def assign_business_id(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Give a running instance its business id, once and for all."""
    key = path_key(request)
    body = await gateway.bodies.read(request, BusinessIdBody)
    value = ProcessInstanceBusinessId(business_id=body.business_id, process_instance_key=key)
    await gateway.change(request, key, "PROCESS_INSTANCE_BUSINESS_ID", "ASSIGN", value)
    return no_content()


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


ROUTES = (
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
        path=f"{PREFIX}{PATH}/{{key:str}}/business-id-assignment",
        summary="Assign a business id to a process instance",
        handle=assign_business_id,
        body=BusinessIdBody,
        status=204,
    ),
)
