"""Process instances: search, get, cancel, suspend, resume, give a business id; and the incidents of one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

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


class CancellationBody(OperationBody, frozen=True, kw_only=True):
    """`skipSubprocesses`: instances that it has called go on, as roots; an extension, with Camunda 7's name."""

    skip_subprocesses: bool = False


class BusinessIdBody(Body, frozen=True, kw_only=True):
    """The business id of an instance that has none yet."""

    business_id: BusinessId


#: Intents whose body says more.
BODIES: Mapping[str, type[OperationBody]] = {"CANCEL": CancellationBody}


async def assign_business_id(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Give a running instance its business id, once and for all."""
    key = path_key(request)
    body = await gateway.bodies.read(request, BusinessIdBody)
    value = ProcessInstanceBusinessId(business_id=body.business_id, process_instance_key=key)
    await gateway.change(request, key, "PROCESS_INSTANCE_BUSINESS_ID", "ASSIGN", value)
    return no_content()


async def _operate(intent: str, gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    key = path_key(request)
    body = await gateway.bodies.read(request, BODIES.get(intent, OperationBody))
    skips = isinstance(body, CancellationBody) and body.skip_subprocesses
    await gateway.change(
        request,
        key,
        "PROCESS_INSTANCE",
        intent,
        ProcessInstance(process_instance_key=key, skip_subprocesses=skips),
        urgent=intent == "CANCEL",
        operation_reference=body.operation_reference,
    )
    return no_content()


def _operation(name: str, intent: str) -> Route:
    return Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/{name}",
        summary=f"{intent.capitalize()} a process instance",
        handle=partial(_operate, intent),
        body=BODIES.get(intent, OperationBody),
        status=204,
    )


ROUTES = (
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    _operation("cancellation", "CANCEL"),
    _operation("suspension", "SUSPEND"),
    _operation("resumption", "RESUME"),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/business-id-assignment",
        summary="Assign a business id to a process instance",
        handle=assign_business_id,
        body=BusinessIdBody,
        status=204,
    ),
)
