"""What people and machines look at: health, metrics, the OpenAPI document, the status page."""

from __future__ import annotations

from importlib.resources import files

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway
from gateway.responses import json_response, text_response
from gateway.status_page import render

from .route import Route

PROMETHEUS = "text/plain; version=0.0.4"

_STYLE = files("gateway").joinpath("web/status.css").read_bytes()


async def get_live(_gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
    """200 as long as this process answers."""
    return json_response({"status": "UP"})


async def get_ready(gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
    """200 when every part can work, else 503; the parts by name with what is wrong."""
    parts = {part.name: part.problem or "UP" for part in await gateway.readiness()}
    if gateway.requests.problem:
        parts["replies"] = gateway.requests.problem
    up = all(state == "UP" for state in parts.values())
    return json_response({"status": "UP" if up else "DOWN", "parts": parts}, 200 if up else 503)


async def get_metrics(gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
    """The values of every process of this machine in the Prometheus text format (version 0.0.4)."""
    return text_response(await gateway.telemetry.metrics(), PROMETHEUS)


async def get_page(gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
    """The status page."""
    return text_response(await render(gateway), "text/html")


async def get_style(_gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
    """Style sheet of the status page."""
    return text_response(_STYLE, "text/css")


#: For every machine.
PLAIN_ROUTES = (
    Route(method="GET", path="/health/live", summary="Is the process alive?", handle=get_live, is_public=True),
    Route(method="GET", path="/health/ready", summary="Can every part work?", handle=get_ready, is_public=True),
    Route(
        method="GET",
        path="/metrics",
        summary="Values of all processes for Prometheus",
        handle=get_metrics,
        is_public=True,
    ),
)

ROUTES = (
    Route(method="GET", path="/", summary="Status page", handle=get_page),
    Route(method="GET", path="/status.css", summary="Style of the status page", handle=get_style, is_public=True),
    *PLAIN_ROUTES,
)
