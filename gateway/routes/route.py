"""What a route is: a value, so that the application and the OpenAPI document are made from the same table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar.response.base import ASGIResponse
from msgspec import Struct

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway

Handle = Callable[[Gateway, HttpRequest], Awaitable[ASGIResponse]]


class Route(Struct, frozen=True, kw_only=True):
    """One method of one path. `path` is in Litestar's syntax; a key in it is `{key:str}`."""

    method: str
    path: str
    summary: str
    handle: Handle
    #: The Struct of the request body; None for none, or one that secondary storage checks (`search`).
    body: type[Struct] | None = None
    #: True: the body is filter, sort and page.
    search: bool = False
    status: int = 200
    #: Names that the query string may have.
    query: tuple[str, ...] = ()
    #: True: nobody is asked who he is.
    is_public: bool = False
    #: 0: the limit for all JSON bodies.
    body_size_max: int = 0
