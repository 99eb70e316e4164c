"""Variables: search (long values cut unless the caller wants them whole) and get."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest, read_object
from gateway.gateway import Gateway
from gateway.problems import bad_request
from gateway.responses import page_response

from .queries import PREFIX, get_route
from .route import Route

ENTITY = "VARIABLE"
PATH = "/variables"


async def search_variables(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Variables; long values are cut unless `?truncateValues=false`."""
    truncate = request.query_params.get("truncateValues", "true").lower()
    question = await read_object(request)
    problems = []
    if truncate not in ("true", "false"):
        problems.append(f"truncateValues: expected true or false, got {truncate[:40]!r}; send one of them")
    if "truncateValues" in question:
        problems.append("truncateValues: expected it in the query string, got it in the body; move it")
    if problems:
        raise bad_request(problems)
    return page_response(await gateway.find(ENTITY, {**question, "truncateValues": truncate == "true"}))


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/search",
        summary="Search variables",
        handle=search_variables,
        search=True,
        query=("truncateValues",),
    ),
    get_route(ENTITY, PATH),
)
