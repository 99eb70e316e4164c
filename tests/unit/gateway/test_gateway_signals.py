"""Signals: what reaches the log, what the sender is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from camunda_orchestration_sdk.models.signal_broadcast_result import SignalBroadcastResult

from engine.core.record import Record
from engine.records import Signal
from tests.unit.gateway.fakes import World, event, world


def run(scenario: Callable[[World], Awaitable[None]]) -> None:
    async def with_world() -> None:
        async with asyncio.timeout(20), world({("SIGNAL", "BROADCAST"): broadcasted}, partition_count=3) as it:
            await scenario(it)

    asyncio.run(with_world())


def broadcasted(command: Record, _: int) -> list[Record]:
    return [event(command, "BROADCASTED", key=77)]


@pytest.mark.parametrize(("given", "variables"), [({"variables": {"a": 1}}, '{"a":1}'), ({}, "")])
def test_a_signal_is_broadcast(given: dict[str, Any], variables: str) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post("/v2/signals/broadcast", json={"signalName": "paid", **given})
        assert SignalBroadcastResult.from_dict(response.json()).signal_key == "77"
        ((_, command),) = it.engine.commands
        assert command.value == Signal(signal_name="paid", variables=variables, tenant_id="<default>")

    run(scenario)


@pytest.mark.parametrize("body", [{}, {"signalName": ""}, {"signalName": "a", "tenantId": "other"}])
def test_a_bad_body_is_refused(body: dict[str, Any]) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post("/v2/signals/broadcast", json=body)
        assert response.status_code == 400
        assert not it.engine.commands

    run(scenario)
