"""Searches and single documents of secondary storage: the same for every entity."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest, read_object
from gateway.gateway import Gateway, path_key
from gateway.responses import json_response, page_response

from .route import Route

PREFIX = "/v2"


def search_route(entity: str, path: str) -> Route:
    """`POST {path}/search` over the documents of an entity."""

    async def search(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        return page_response(await gateway.find(entity, await read_object(request)))

    return Route(method="POST", path=f"{PREFIX}{path}/search", summary=f"Search {path[1:]}", handle=search, search=True)


def get_route(entity: str, path: str) -> Route:
    """`GET {path}/{key}` of one document of an entity."""

    async def get(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        return json_response(await gateway.get(entity, path_key(request)))

    return Route(method="GET", path=f"{PREFIX}{path}/{{key:str}}", summary=f"Get one of {path[1:]}", handle=get)
