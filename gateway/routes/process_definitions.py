"""Process definitions: search, get, XML."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.problems import not_found
from gateway.responses import text_response

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "PROCESS_DEFINITION"
PATH = "/process-definitions"


async def get_xml(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The BPMN file as it was deployed."""
    key = path_key(request)
    await gateway.check_readable(ENTITY, key)
    xml = await gateway.search.definition_xml(key)
    if xml is None:
        raise not_found("process definition", key)
    return text_response(xml, "text/xml")


ROUTES = (
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    Route(method="GET", path=f"{PREFIX}{PATH}/{{key:str}}/xml", summary="The BPMN file", handle=get_xml),
)
