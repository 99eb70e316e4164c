"""The application: routes bound to one gateway, errors as problem details, metrics and security headers."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from litestar import HttpMethod, Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import Message, Scope

from engine.core.ports import Clock, Log
from engine.core.principal import NOBODY
from engine.shell.claims import ClaimsSeal
from engine.shell.trace_context import from_headers
from exporters.search.store import SearchStore

from .access import CALLER, Access, OpenAccess
from .bodies import HttpRequest
from .evaluation import Evaluations, ExpressionCompiler
from .gateway import TRACE, Gateway
from .migration_plans import MigrationPlanner, MigrationPlans
from .openapi import openapi_document
from .operations import CANCEL_PROCESS_INSTANCE, RESOLVE_INCIDENT, OperationDescription
from .passwords import Passwords
from .problems import bad_request, problem_response
from .readiness import Brokers, Readiness
from .replies import Codec, Requests
from .responses import text_response
from .routes import all_routes
from .routes.route import Route
from .settings import GatewaySettings
from .telemetry import Gauges, Telemetry, Untelling

DEFAULT_OPERATIONS = (CANCEL_PROCESS_INSTANCE, RESOLVE_INCIDENT)

SECURITY_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)

#: Route of requests that match none, in the metrics.
UNMATCHED = "unmatched"
#: What the HTTP conventions call a method that is not known.
OTHER_METHOD = "_OTHER"
_STARTED = "retold_started"
#: A key in the path of a route, once it was escaped.
_KEY = re.compile(r"\\\{key:str\\\}")
#: Any other part of a path that a request gives.
_NAME = re.compile(r"\\\{\w+:str\\\}")


def create_app(
    settings: GatewaySettings,
    *,
    log: Log,
    search: SearchStore,
    codec: Codec,
    readiness: Readiness,
    clock: Clock,
    expression_compiler: ExpressionCompiler,
    migration_planner: MigrationPlanner,
    access: Access | None = None,
    passwords: Passwords | None = None,
    seal: ClaimsSeal | None = None,
    operations: Sequence[OperationDescription] = DEFAULT_OPERATIONS,
    telemetry: Telemetry | None = None,
    brokers: Brokers | None = None,
) -> Litestar:
    """The gateway as an ASGI application; it follows the log from its start-up to its shutdown (lifespan).

    Without `access` everybody may do everything. Without `brokers` it is an installation of one machine. The
    application's state has `drain()`, which ends all waiting for jobs: call it when the process shall end.
    """
    requests = Requests(log, codec, clock, settings, settings.gateway_id or secrets.token_hex(6), seal)
    gateway = Gateway(
        settings=settings,
        log=log,
        search=search,
        codec=codec,
        requests=requests,
        readiness=readiness,
        brokers=brokers,
        clock=clock,
        evaluations=Evaluations(expression_compiler),
        migration_plans=MigrationPlans(migration_planner),
        access=access or OpenAccess(),
        passwords=passwords or Passwords(clock),
        operations=operations,
        telemetry=telemetry or Untelling(),
    )
    gateway.telemetry.watch(lambda: _gauges(gateway))

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncGenerator[None, None]:
        if settings.serves_api:
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
        state = scope.get("state", {})
        route = scope.get("path_template")
        method = str(scope.get("method")) if route else OTHER_METHOD  # an unknown one is anybody's text
        gateway.telemetry.answered(method, route or UNMATCHED, message["status"], now - state.get(_STARTED, now))
        if TRACE in state:
            state[TRACE].answered(method, route or UNMATCHED, message["status"])

    routes = all_routes(settings, operations)
    tell_problem = _problem_handler(routes)
    return Litestar(
        route_handlers=[_handler(route, gateway) for route in (*routes, _document_route(routes, settings.version))],
        lifespan=[lifespan],
        before_send=[before_send],
        state=State({"drain": requests.notices.end}),
        exception_handlers={HTTPException: tell_problem, Exception: tell_problem},
        request_max_body_size=settings.body_size_max,
        openapi_config=None,
        logging_config=None,
    )


def _handler(route: Route, gateway: Gateway) -> HTTPRouteHandler:
    async def handle(request: HttpRequest) -> ASGIResponse:
        state = request.scope["state"]
        state[_STARTED] = gateway.clock.monotonic()
        state[TRACE] = gateway.telemetry.begin(_trace_context(request))
        gateway.active_requests += 1
        CALLER.set(NOBODY)
        try:
            if not route.is_public:
                CALLER.set(await gateway.access.authenticate(request))
            if request.scope["query_string"]:
                _check_query(request.scope["query_string"], route.query)
            return await route.handle(gateway, request)
        finally:
            gateway.active_requests -= 1
            CALLER.set(NOBODY)  # not reset: a process that is ended closes what is open from elsewhere

    return HTTPRouteHandler(
        path=route.path,
        http_method=HttpMethod(route.method),
        name=f"{route.method} {route.path}",
        status_code=200,  # every response says its own; the default of DELETE would allow none
        request_max_body_size=route.body_size_max or gateway.settings.body_size_max,
    )(handle)


def _trace_context(request: HttpRequest) -> str:
    traceparent = tracestate = ""
    for name, value in request.scope["headers"]:
        if name == b"traceparent":
            traceparent = value.decode("latin-1")
        elif name == b"tracestate":
            tracestate = f"{tracestate},{value.decode('latin-1')}" if tracestate else value.decode("latin-1")
    return from_headers(traceparent, tracestate)


def _gauges(gateway: Gateway) -> Gauges:
    requests = gateway.requests
    return Gauges(
        requests=gateway.active_requests, commands=dict(requests.in_flight), long_polls=requests.notices.count
    )


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

    return Route(
        method="GET", path="/openapi.json", summary="The OpenAPI document", handle=get_document, is_public=True
    )


def _problem_handler(routes: Sequence[Route]) -> Callable[[HttpRequest, Exception], Response[bytes]]:
    """Tells what went wrong. What no route has as a resource is not found, even if a route's key could be its name."""
    paths = (_NAME.sub("[^/]+", _KEY.sub("[0-9]+", re.escape(route.path))) for route in routes)
    resources = re.compile("|".join(paths))

    def tell(request: HttpRequest, error: Exception) -> Response[bytes]:
        path = request.scope["path"]
        if isinstance(error, MethodNotAllowedException) and not resources.fullmatch(path.rstrip("/")):
            error = NotFoundException()
        return problem_response(error, path)

    return tell
