"""Topology, status and license: what clients ask first."""

from __future__ import annotations

from collections.abc import Collection

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway
from gateway.problems import Problem
from gateway.readiness import Broker
from gateway.responses import json_response, no_content

from .route import Route

PREFIX = "/v2"


async def get_topology(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The machines with partitions as brokers; whoever owns a partition leads it, its standby follows it."""
    broken = {part.partition for part in await gateway.readiness() if part.problem}
    brokers = gateway.brokers()
    standbys = [sum(n in broker.follows for broker in brokers) for n in range(1, gateway.partition_count + 1)]
    host, port = request.scope.get("server") or (gateway.settings.host, gateway.settings.port)
    return json_response(
        {
            "brokers": [
                {
                    "nodeId": number,
                    "brokerId": str(number),
                    "host": broker.host or host,
                    "port": broker.port or port or gateway.settings.port,
                    "partitions": _partitions(broker, broken),
                    "version": broker.version or gateway.settings.version,
                }
                for number, broker in enumerate(brokers)
            ],
            "clusterId": None,
            "clusterSize": len(brokers),
            "partitionsCount": gateway.partition_count,
            "replicationFactor": 1 + max(standbys),
            "gatewayVersion": gateway.settings.version,
            "lastCompletedChangeId": "-1",
        }
    )


def _partitions(broker: Broker, broken: Collection[int]) -> list[dict[str, object]]:
    roles = {**dict.fromkeys(broker.leads, "leader"), **dict.fromkeys(broker.follows, "follower")}
    return [
        {
            "partitionId": partition,
            "role": role,
            "health": "unhealthy" if partition in (broken if role == "leader" else broker.broken) else "healthy",
            "state": "active",
        }
        for partition, role in sorted(roles.items())
    ]


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
