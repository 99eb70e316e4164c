"""Ad-hoc sub-processes: begin elements inside."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from engine.core.record import DEFAULT_TENANT
from engine.records import AdHocSubProcessInstruction
from engine.records.ad_hoc_sub_process_instruction import ActivateElement
from gateway.bodies import Body, HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.responses import no_content

from .jobs import ElementToActivateBody
from .queries import PREFIX
from .route import Route


class ActivationBody(Body, frozen=True, kw_only=True):
    """Elements to begin, each once, and whether what is active inside ends first."""

    elements: list[ElementToActivateBody]
    cancel_remaining_instances: bool | None = None


async def activate_elements(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Begin elements in an active ad-hoc sub-process."""
    key = path_key(request)
    body = await gateway.bodies.read(request, ActivationBody)
    elements = tuple(
        ActivateElement(element_id=each.element_id, variables=each.variables or "") for each in body.elements
    )
    wish = AdHocSubProcessInstruction(
        activate_elements=elements,
        cancel_remaining_instances=bool(body.cancel_remaining_instances),
        tenant_id=DEFAULT_TENANT,
    )
    await gateway.change(request, key, "AD_HOC_SUB_PROCESS_INSTRUCTION", "ACTIVATE", wish)
    return no_content()


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}/element-instances/ad-hoc-activities/{{key:str}}/activation",
        summary="Activate elements in an ad-hoc sub-process",
        handle=activate_elements,
        body=ActivationBody,
        status=204,
    ),
)
