"""The gateway over a real socket: it serves, and ends when it is told to though somebody waits for jobs."""

from __future__ import annotations

import asyncio
import signal
import socket

import httpx

from gateway.serve import create_server
from gateway.settings import GatewaySettings
from tests.unit.gateway.fakes import World, created_instance
from tests.unit.gateway.test_gateway_activation import WISH, Jobs, until_waiting
from tests.unit.gateway.test_gateway_routes import run


def test_it_serves_and_drains() -> None:
    async def scenario(it: World) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = create_server(it.app, GatewaySettings(host="127.0.0.1", port=0))
            serving = asyncio.ensure_future(server.serve([listening]))
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
                created = await client.post("/v2/process-instances", json={"processDefinitionId": "order"})
                assert created.status_code == 200
                waiting = asyncio.ensure_future(client.post("/v2/jobs/activation", json=WISH, timeout=30))
                await until_waiting(it, 1, asked=3)
                server.handle_exit(signal.SIGTERM, None)
                assert (await waiting).json() == {"jobs": []}
                await serving

    rules = {("PROCESS_INSTANCE_CREATION", "CREATE"): created_instance, **Jobs().rules()}
    run(scenario, rules, settings=GatewaySettings(long_poll_ms=600_000), start=False)
