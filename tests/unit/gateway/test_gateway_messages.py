"""Messages: which partition they go to, what reaches the log, what the sender is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from camunda_orchestration_sdk.models.message_correlation_result import MessageCorrelationResult
from camunda_orchestration_sdk.models.message_publication_result import MessagePublicationResult

from engine.core.faults import ALREADY_EXISTS, NOT_FOUND
from engine.core.record import Record, partition_of_name
from engine.records import Message, MessageCorrelation
from tests.unit.gateway.fakes import Rule, World, event, refuses, world

PUBLISH = ("MESSAGE", "PUBLISH")
CORRELATE = ("MESSAGE_CORRELATION", "CORRELATE")


def run(scenario: Callable[[World], Awaitable[None]], rules: dict[tuple[str, str], Rule]) -> None:
    async def with_world() -> None:
        async with asyncio.timeout(20), world(rules, partition_count=3) as it:
            await scenario(it)

    asyncio.run(with_world())


def published(command: Record, _: int) -> list[Record]:
    return [event(command, "PUBLISHED", key=77)]


def correlated(intent: str) -> Rule:
    return lambda command, _: [event(command, intent, key=77, message_key=77, process_instance_key=78)]


@pytest.mark.parametrize("key", ["order-17", "k", "ä", ""])
def test_a_message_is_published_on_the_partition_of_its_correlation_key(key: str) -> None:
    async def scenario(it: World) -> None:
        body = {"name": "paid", "correlationKey": key, "timeToLive": 5, "messageId": "m", "variables": {"a": 1}}
        response = await it.client.post("/v2/messages/publication", json=body)
        assert MessagePublicationResult.from_dict(response.json()).message_key == "77"
        ((partition, command),) = it.engine.commands
        assert partition == partition_of_name(key, 3)
        assert command.value == Message(
            name="paid",
            correlation_key=key,
            time_to_live=5,
            message_id="m",
            variables='{"a":1}',
            tenant_id="<default>",
        )

    run(scenario, {PUBLISH: published})


def test_a_sender_learns_who_got_the_message() -> None:
    async def scenario(it: World) -> None:
        body = {"name": "paid", "correlationKey": "k", "variables": {"a": 1}}
        response = await it.client.post("/v2/messages/correlation", json=body)
        result = MessageCorrelationResult.from_dict(response.json())
        assert (result.message_key, result.process_instance_key) == ("77", "78")
        assert it.engine.commands[0][1].value == MessageCorrelation(
            name="paid", correlation_key="k", variables='{"a":1}', tenant_id="<default>"
        )

    run(scenario, {CORRELATE: correlated("CORRELATED")})


@pytest.mark.parametrize("rule", [correlated("NOT_CORRELATED"), refuses(NOT_FOUND)])
def test_a_message_that_nobody_gets_is_not_found(rule: Rule) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post("/v2/messages/correlation", json={"name": "paid"})
        assert (response.status_code, response.json()["title"]) == (404, NOT_FOUND)

    run(scenario, {CORRELATE: rule})


def test_a_message_id_that_is_taken_is_a_conflict() -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post("/v2/messages/publication", json={"name": "paid", "messageId": "m"})
        assert (response.status_code, response.json()["title"]) == (409, ALREADY_EXISTS)

    run(scenario, {PUBLISH: refuses(ALREADY_EXISTS)})


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("publication", {}, ["name"]),
        ("publication", {"name": "", "timeToLive": -1, "variables": []}, ["name", "timeToLive", "variables"]),
        ("publication", {"name": "a", "correlationKey": 1, "messageId": 2}, ["correlationKey", "messageId"]),
        ("publication", {"name": "a", "businessId": "b", "tenantId": "t"}, ["businessId", "tenantId"]),
        ("correlation", {"timeToLive": 1}, ["name", "timeToLive"]),
    ],
)
def test_a_body_that_cannot_be_is_refused_with_everything_that_is_wrong(
    path: str, body: dict[str, Any], names: list[str]
) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/messages/{path}", json=body)
        assert response.status_code == 400
        assert sorted(problem.partition(":")[0] for problem in response.json()["problems"]) == sorted(names)
        assert not it.engine.commands

    run(scenario, {})
