"""Topology, status and license: what clients ask first."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway
from gateway.problems import Problem
from gateway.responses import json_response, no_content

from .route import Route

PREFIX = "/v2"


async def get_topology(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """This installation as a cluster of one broker that leads all partitions."""
    broken = {part.partition for part in await gateway.readiness() if part.problem}
    partitions = [
        {
            "partitionId": partition,
            "role": "leader",
            "health": "unhealthy" if partition in broken else "healthy",
            "state": "active",
        }
        for partition in range(1, gateway.partition_count + 1)
    ]
    host, port = request.scope.get("server") or (gateway.settings.host, gateway.settings.port)
    release = gateway.settings.version
    broker = {
        "nodeId": 0,
        "brokerId": "0",
        "host": host,
        "port": port or gateway.settings.port,
        "partitions": partitions,
        "version": release,
    }
    return json_response(
        {
            "brokers": [broker],
            "clusterId": None,
            "clusterSize": 1,
            "partitionsCount": gateway.partition_count,
            "replicationFactor": 1,
            "gatewayVersion": release,
            "lastCompletedChangeId": "-1",
        }
    )


async def get_status(gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
    """204 when every part can work, else 503."""
    problems = [f"{part.name}: {part.problem}" for part in await gateway.readiness() if part.problem]
    if problems:
        raise Problem(503, "; ".join(problems), problems=problems)
    return no_content()


async def get_license(_gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
    """There is no commercial license to check."""
    return json_response({"validLicense": True, "licenseType": "Apache-2.0", "isCommercial": False, "expiresAt": None})


ROUTES = (
    Route(method="GET", path=f"{PREFIX}/topology", summary="The cluster", handle=get_topology),
    Route(method="GET", path=f"{PREFIX}/status", summary="Can it work?", handle=get_status, status=204),
    Route(method="GET", path=f"{PREFIX}/license", summary="The license", handle=get_license),
)
