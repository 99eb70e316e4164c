"""Resources that are neither processes, decisions nor forms: none can be deployed yet, so none is found."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.problems import not_found

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "RESOURCE"
PATH = "/resources"


async def get_content(_gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """404."""
    raise not_found("resource", path_key(request))


ROUTES = (
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    Route(method="GET", path=f"{PREFIX}{PATH}/{{key:str}}/content", summary="Its content as JSON", handle=get_content),
    Route(method="GET", path=f"{PREFIX}{PATH}/{{key:str}}/content/binary", summary="Its content", handle=get_content),
)
