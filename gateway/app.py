"""The application: routes bound to one gateway, errors as problem details, metrics and security headers."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from litestar import HttpMethod, Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import Message, Scope

from engine.core.ports import Clock, Log
from exporters.search.store import SearchStore

from .authorization import Authorizer, allow_all
from .bodies import HttpRequest
from .gateway import Gateway
from .openapi import openapi_document
from .operations import CANCEL_PROCESS_INSTANCE, RESOLVE_INCIDENT, OperationDescription
from .problems import bad_request, problem_response
from .readiness import Readiness
from .replies import Codec, Requests
from .responses import text_response
from .routes import all_routes
from .routes.route import Route
from .settings import GatewaySettings

DEFAULT_OPERATIONS = (CANCEL_PROCESS_INSTANCE, RESOLVE_INCIDENT)

SECURITY_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)

#: Route of requests that match none, in the metrics.
UNMATCHED = "unmatched"
_STARTED = "retold_started"


def create_app(
    settings: GatewaySettings,
    *,
    log: Log,
    search: SearchStore,
    codec: Codec,
    readiness: Readiness,
    clock: Clock,
    authorizer: Authorizer = allow_all,
    operations: Sequence[OperationDescription] = DEFAULT_OPERATIONS,
) -> Litestar:
    """The gateway as an ASGI application; it follows the log from its start-up to its shutdown (lifespan).

    Its state has `drain()`, which ends all waiting for jobs: call it when the process shall end.
    """
    requests = Requests(log, codec, clock, settings, settings.gateway_id or secrets.token_hex(6))
    gateway = Gateway(
        settings=settings,
        log=log,
        search=search,
        codec=codec,
        requests=requests,
        readiness=readiness,
        clock=clock,
        authorizer=authorizer,
        operations=operations,
    )

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncGenerator[None, None]:
        await requests.start()
        try:
            yield
        finally:
            await requests.close()

    async def before_send(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        message["headers"] = [*message["headers"], *SECURITY_HEADERS]
        now = clock.monotonic()
        started = scope.get("state", {}).get(_STARTED, now)
        route = scope.get("path_template")
        method = str(scope.get("method")) if route else ""  # an unknown method is anybody's text
        gateway.metrics.observe(method, route or UNMATCHED, message["status"], now - started)

    routes = all_routes(settings, operations)
    return Litestar(
        route_handlers=[_handler(route, gateway) for route in (*routes, _document_route(routes, settings.version))],
        lifespan=[lifespan],
        before_send=[before_send],
        state=State({"drain": requests.notices.end}),
        exception_handlers={HTTPException: _problem, Exception: _problem},
        request_max_body_size=settings.body_size_max,
        openapi_config=None,
        logging_config=None,
    )


def _handler(route: Route, gateway: Gateway) -> HTTPRouteHandler:
    async def handle(request: HttpRequest) -> ASGIResponse:
        request.scope["state"][_STARTED] = gateway.clock.monotonic()
        gateway.metrics.in_flight += 1
        try:
            if request.scope["query_string"]:
                _check_query(request.scope["query_string"], route.query)
            return await route.handle(gateway, request)
        finally:
            gateway.metrics.in_flight -= 1

    return HTTPRouteHandler(
        path=route.path,
        http_method=HttpMethod(route.method),
        name=f"{route.method} {route.path}",
        request_max_body_size=route.body_size_max or gateway.settings.body_size_max,
    )(handle)


def _check_query(query: bytes, known: Sequence[str]) -> None:
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
    expected = f"one of the query parameters {', '.join(known)}" if known else "no query parameter"
    problems = [
        f"{name[:100]}: expected {expected}, got an unknown one; leave it out" for name in names if name not in known
    ]
    if problems:
        raise bad_request(problems)


def _document_route(routes: Sequence[Route], version: str) -> Route:
    document = openapi_document(routes, version)

    async def get_document(_gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
        return text_response(document, "application/json")

    return Route(method="GET", path="/openapi.json", summary="The OpenAPI document", handle=get_document)


def _problem(request: HttpRequest, error: Exception) -> Response[bytes]:
    return problem_response(error, request.scope["path"])
