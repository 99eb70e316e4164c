"""Searches and single documents of secondary storage: the same for every entity."""

from __future__ import annotations

from typing import Any

from litestar.response.base import ASGIResponse

from exporters.search.store import Within
from gateway.bodies import HttpRequest, read_object
from gateway.gateway import Gateway, path_key
from gateway.problems import bad_request
from gateway.responses import json_response, page_response

from .route import Route

PREFIX = "/v2"
TRUNCATE = "truncateValues"


def search_route(entity: str, path: str) -> Route:
    """`POST {path}/search` over the documents of an entity."""
    return question_route(entity, f"{path}/search", f"Search {path[1:]}")


def question_route(entity: str, path: str, summary: str) -> Route:
    """`POST {path}` with filter, sort and page."""

    async def ask(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        return page_response(await gateway.find(entity, await read_object(request)))

    return Route(method="POST", path=f"{PREFIX}{path}", summary=summary, handle=ask, search=True)


def narrowed_route(
    entity: str, path: str, summary: str, within: str, owner: str = "", truncates: bool = False
) -> Route:
    """`POST {path}` with a key in it that narrows the search; 404 unless it is the key of an `owner`, if one is named.

    `truncates`: the query string may say whether long values are cut.
    """

    async def ask(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        key = path_key(request)
        question = await (read_question(request) if truncates else read_object(request))
        if owner:
            await gateway.get(owner, key)
        return page_response(await gateway.find(entity, question, Within(within, key)))

    query = (TRUNCATE,) if truncates else ()
    return Route(method="POST", path=f"{PREFIX}{path}", summary=summary, handle=ask, search=True, query=query)


def get_route(entity: str, path: str) -> Route:
    """`GET {path}/{key}` of one document of an entity."""

    async def get(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        return json_response(await gateway.get(entity, path_key(request)))

    return Route(method="GET", path=f"{PREFIX}{path}/{{key:str}}", summary=f"Get one of {path[1:]}", handle=get)


def report_route(report: str, entity: str, path: str, summary: str) -> Route:
    """`GET {path}` of all rows of a report about the entity whose key is in the path."""

    async def get(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        key = path_key(request)
        await gateway.check_readable(entity, key)
        return json_response({"items": await gateway.search.report(report, key)})

    return Route(method="GET", path=f"{PREFIX}{path}", summary=summary, handle=get)


async def read_question(request: HttpRequest) -> dict[str, Any]:
    """The body of a search for variables; whether long values are cut is in the query string."""
    truncate = request.query_params.get(TRUNCATE, "true").lower()
    question = await read_object(request)
    problems = []
    if truncate not in ("true", "false"):
        problems.append(f"{TRUNCATE}: expected true or false, got {truncate[:40]!r}; send one of them")
    if TRUNCATE in question:
        problems.append(f"{TRUNCATE}: expected it in the query string, got it in the body; move it")
    if problems:
        raise bad_request(problems)
    return {**question, TRUNCATE: truncate == "true"}
