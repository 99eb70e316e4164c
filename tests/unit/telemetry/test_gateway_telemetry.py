"""What a gateway tells: a server span for each traced request, a producer span for each command it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.shell.trace_context import parse
from engine.telemetry import attributes as a
from engine.telemetry.spans import PRODUCER, SERVER
from engine.telemetry.telemetry import Telemetry
from tests.unit.gateway.fakes import World, created_instance, happens, world
from tests.unit.telemetry.watched import GIVEN, Heard

START = {"processDefinitionId": "order"}
RULES = {
    ("PROCESS_INSTANCE_CREATION", "CREATE"): created_instance,
    ("JOB_BATCH", "ACTIVATE"): happens("ACTIVATED"),
}


def run(heard: Heard | None, scenario: Callable[[World], Awaitable[None]]) -> None:
    async def run_it() -> None:
        async with world(RULES, telemetry=Telemetry(heard).gateway()) as it:
            await scenario(it)

    asyncio.run(run_it())


def start(headers: dict[str, str]) -> Callable[[World], Awaitable[None]]:
    async def scenario(it: World) -> None:
        answer = await it.client.post("/v2/process-instances", json=START, headers=headers)
        assert answer.status_code == 200

    return scenario


def test_a_request_goes_on_with_the_trace_that_it_was_given() -> None:
    heard = Heard()

    async def scenario(it: World) -> None:
        await start({"traceparent": GIVEN, "tracestate": "vendor=a"})(it)
        ((_, command),) = it.engine.commands
        parent = parse(GIVEN)
        producer, server = heard.spans
        assert parent is not None
        assert server.parent is not None
        assert (server.kind, server.parent.span_id) == (SERVER, parent.span_id)
        assert server.name == "POST /v2/process-instances"
        assert server.attributes == {a.HTTP_METHOD: "POST", a.HTTP_ROUTE: "/v2/process-instances", a.HTTP_STATUS: 200}
        assert (producer.kind, producer.name, producer.parent) == (PRODUCER, "send commands", server.context)
        assert command.step.trace_context == producer.context.text
        assert command.step.trace_context.endswith(" vendor=a")
        assert producer.attributes[a.MESSAGE_ID] == command.step.request
        assert {span.context.trace_id for span in heard.spans} == {parent.trace_id}

    run(heard, scenario)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_a_request_without_a_trace_begins_one_by_the_ratio(ratio: float) -> None:
    heard = Heard()
    heard.sample_ratio = ratio

    async def scenario(it: World) -> None:
        await start({})(it)
        ((_, command),) = it.engine.commands
        assert bool(command.step.trace_context) == bool(ratio)
        assert len(heard.spans) == (2 if ratio else 0)
        assert all(span.parent is None for span in heard.spans if span.kind == SERVER)

    run(heard, scenario)


@pytest.mark.parametrize("heard", [None, Heard(), Heard(limit=0)])
def test_a_context_that_is_not_recorded_is_passed_on_as_it_is(heard: Heard | None) -> None:
    given = GIVEN if heard is None or not heard.admit() else f"{GIVEN[:-2]}00"

    async def scenario(it: World) -> None:
        await start({"traceparent": given, "tracestate": "vendor=a"})(it)
        ((_, command),) = it.engine.commands
        assert command.step.trace_context == f"{given} vendor=a"
        assert heard is None or heard.spans == []

    run(heard, scenario)


def test_each_command_of_a_request_is_a_span_of_its_own() -> None:
    heard = Heard()

    async def scenario(it: World) -> None:
        body = {"type": "work", "timeout": 1000, "maxJobsToActivate": 5, "requestTimeout": -1}
        headers = {"traceparent": GIVEN}
        assert (await it.client.post("/v2/jobs/activation", json=body, headers=headers)).status_code == 200
        sent = [span.context.text for span in heard.named("send commands")]
        assert sorted(sent) == sorted(command.step.trace_context for _, command in it.engine.commands)
        assert len(set(sent)) == len(sent) == 2

    run(heard, scenario)


def test_the_log_has_the_header_for_tools() -> None:
    async def scenario(it: World) -> None:
        await start({"traceparent": GIVEN})(it)
        headers = [
            entry.headers
            for partition in (1, 2)
            for entry in (await it.engine.log.read("commands", partition, 0)).entries
        ]
        assert [header["traceparent"] for header in headers] == [GIVEN]

    run(None, scenario)


def test_a_request_that_the_gateway_fails_is_an_error() -> None:
    heard = Heard()

    async def scenario(it: World) -> None:
        it.search.documents = {"INCIDENT": None}  # type: ignore[dict-item]  # a storage that answers nonsense
        answer = await it.client.get("/v2/incidents/1", headers={"traceparent": GIVEN})
        (span,) = heard.spans
        assert answer.status_code == 500
        assert (span.error, span.attributes[a.ERROR_TYPE], span.attributes[a.HTTP_STATUS]) == ("500", "500", 500)

    run(heard, scenario)
