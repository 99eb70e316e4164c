"""Variables: search (long values cut unless the caller wants them whole) and get."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway
from gateway.responses import page_response

from .queries import PREFIX, TRUNCATE, get_route, read_question
from .route import Route

ENTITY = "VARIABLE"
PATH = "/variables"


async def search_variables(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Variables; long values are cut unless `?truncateValues=false`."""
    return page_response(await gateway.find(ENTITY, await read_question(request)))


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/search",
        summary="Search variables",
        handle=search_variables,
        search=True,
        query=(TRUNCATE,),
    ),
    get_route(ENTITY, PATH),
)
