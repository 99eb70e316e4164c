"""The creation of process instances: what reaches the log, and waiting for the end of one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from camunda_orchestration_sdk.models.create_process_instance_result import CreateProcessInstanceResult

from engine.core.ports import EVENTS, Append, Message
from engine.core.record import EVENT, Record, Step, command, first_key
from engine.records import ProcessInstanceCreation, ProcessInstanceResult
from engine.records.process_instance_creation import RuntimeInstruction, StartInstruction
from gateway.settings import GatewaySettings
from tests.unit.gateway.fakes import CODEC, Rule, World, created_instance, refuses, world
from tests.unit.gateway.test_gateway_requests import Gate

PATH = "/v2/process-instances"
CREATE = ("PROCESS_INSTANCE_CREATION", "CREATE")
WAITING = {"processDefinitionId": "order", "awaitCompletion": True}
KEY = first_key(1) + 5


def run(scenario: Callable[[World], Awaitable[None]], rule: Rule | None = None, **options: Any) -> None:
    async def with_world() -> None:
        rules = {CREATE: rule} if rule else {}
        async with asyncio.timeout(20), world(rules, partition_count=1, **options) as it:
            await scenario(it)

    asyncio.run(with_world())


def result(intent: str, request: str = "", **fields: Any) -> Record:
    value = ProcessInstanceResult(process_instance_key=KEY, bpmn_process_id="order", bpmn_version=2, **fields)
    made = command("PROCESS_INSTANCE_RESULT", intent, value, key=KEY, step=Step(request=request))
    return msgspec.structs.replace(made, record_type=EVENT)


def ends(intent: str, **fields: Any) -> Rule:
    """A rule: the instance ends in the step in which it begins."""
    return lambda wish, partition: [*created_instance(wish, partition), result(intent, **fields)]


async def begin(it: World, count: int = 1) -> list[Record]:
    """Once the commands have come, tell that their instances run; the result comes later, or never."""
    while len(it.engine.commands) < count:
        await asyncio.sleep(0)
    wishes = [wish for _, wish in it.engine.commands[-count:]]
    messages = [
        Message(value=CODEC.encode(created_instance(wish, 1)[0]), headers={"request": wish.step.request})
        for wish in wishes
    ]
    await it.engine.log.append([Append(topic=EVENTS, partition=1, messages=messages)])
    return wishes


async def tell(it: World, wish: Record, record: Record) -> None:
    headers = {"request": wish.step.request, "final": "1"}
    message = Message(value=CODEC.encode(record), headers=headers)
    await it.engine.log.append([Append(topic=EVENTS, partition=1, messages=[message])])


def test_everything_that_a_creation_may_say() -> None:
    body = {
        "processDefinitionId": "order",
        "processDefinitionVersionTag": "stable",
        "startInstructions": [{"elementId": "a"}, {"elementId": "b"}],
        "runtimeInstructions": [{"afterElementId": "c"}, {"type": "TERMINATE_PROCESS_INSTANCE", "afterElementId": "d"}],
        "awaitCompletion": True,
        "fetchVariables": ["x", "y"],
        "requestTimeout": 0,
        "tags": ["t"],
        "businessId": "b",
    }

    async def scenario(it: World) -> None:
        response = await it.client.post(PATH, json=body)
        assert response.status_code == 200
        ((_, wish),) = it.engine.commands
        terminate = "TERMINATE_PROCESS_INSTANCE"
        assert wish.value == ProcessInstanceCreation(
            bpmn_process_id="order",
            bpmn_version=-1,
            version_tag="stable",
            variables="{}",
            start_instructions=(StartInstruction(element_id="a"), StartInstruction(element_id="b")),
            runtime_instructions=(
                RuntimeInstruction(type=terminate, after_element_id="c"),
                RuntimeInstruction(type=terminate, after_element_id="d"),
            ),
            await_result=True,
            fetch_variables=("x", "y"),
            tags=("t",),
            business_id="b",
            tenant_id="<default>",
        )

    run(scenario, ends("COMPLETED"))


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (
            {"processDefinitionKey": "1", "processDefinitionVersion": 2, "processDefinitionVersionTag": "t"},
            ["processDefinitionVersionTag"],
        ),
        (
            {
                "processDefinitionId": "p",
                "startInstructions": [{}, {"elementId": "a", "at": 1}],
                "runtimeInstructions": [{"type": "PAUSE", "afterElementId": "a"}],
                "fetchVariables": [""],
                "requestTimeout": -1,
                "tags": ["ok", "7"],
            },
            [
                "startInstructions[0].elementId",
                "startInstructions[1].at",
                "runtimeInstructions[0].type",
                "fetchVariables[0]",
                "requestTimeout",
                "tags[1]",
            ],
        ),
        ({"processDefinitionId": "p", "tags": ["t"] * 11}, ["tags"]),
    ],
)
def test_all_that_is_wrong_is_told(body: Any, problems: list[str]) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(PATH, json=body)
        assert response.status_code == 400
        assert [problem.split(":")[0] for problem in response.json()["problems"]] == problems

    run(scenario)


def test_a_business_id_has_a_partition() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(20), world({CREATE: created_instance}, partition_count=3) as it:
            for name in ("a", "b", "c", "d", "e"):
                for key in ("one", "two"):
                    body = {"processDefinitionId": "order", "businessId": name}
                    await it.client.post(PATH, json=body, headers={"Idempotency-Key": key})
            partitions = [partition for partition, _ in it.engine.commands]
            assert partitions[::2] == partitions[1::2]
            assert len(set(partitions)) > 1

    asyncio.run(scenario())


def test_the_answer_comes_with_the_result() -> None:
    async def scenario(it: World) -> None:
        asked = asyncio.ensure_future(it.client.post(PATH, json={**WAITING, "requestTimeout": 60_000}))
        (wish,) = await begin(it)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not asked.done()
        await tell(it, wish, result("COMPLETED", variables='{"a":[1]}', tags=("t",), business_id="b"))
        answer = CreateProcessInstanceResult.from_dict((await asked).json())
        assert answer.variables.to_dict() == {"a": [1]}
        assert (answer.process_instance_key, answer.process_definition_id) == (str(KEY), "order")
        assert (answer.process_definition_version, answer.tags, answer.business_id) == (2, ["t"], "b")

    run(scenario)


@pytest.mark.parametrize(
    ("rule", "status", "title", "text"),
    [
        (ends("TERMINATED"), 409, "INVALID_STATE", f"process instance {KEY} to complete"),
        (ends("COMPLETED", error_message="expected less"), 400, "EXCEEDED_LIMIT", "expected less"),
        (refuses("NOT_FOUND"), 404, "NOT_FOUND", "expected this"),
    ],
)
def test_an_end_without_variables_is_a_problem(rule: Rule, status: int, title: str, text: str) -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.post(PATH, json=WAITING)
        assert (answer.status_code, answer.json()["title"]) == (status, title)
        assert text in answer.json()["detail"]

    run(scenario, rule)


@pytest.mark.parametrize(("wait_ms", "waited"), [(0, 10.0), (300, 0.3), (10**9, 600.0)])
def test_the_time_runs_out_and_the_instance_goes_on(wait_ms: int, waited: float) -> None:
    clock = Gate()

    async def scenario(it: World) -> None:
        asked = asyncio.ensure_future(it.client.post(PATH, json={**WAITING, "requestTimeout": wait_ms}))
        await begin(it)
        for _ in range(20):
            await asyncio.sleep(0)
        await clock.advance(waited - 0.01)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not asked.done()
        await clock.advance(0.02)
        answer = await asked
        assert answer.status_code == 504
        assert f"expected process instance {KEY} to end" in answer.json()["detail"]

    run(scenario, clock=clock)


def test_a_partition_that_says_nothing_is_not_waited_for_longer_than_others() -> None:
    clock = Gate()

    async def scenario(it: World) -> None:
        asked = asyncio.ensure_future(it.client.post(PATH, json={**WAITING, "requestTimeout": 60_000}))
        while not it.engine.commands:
            await asyncio.sleep(0)
        await clock.advance(10.1)
        answer = await asked
        assert (answer.status_code, "outcome" in answer.text or "may still" in answer.text) == (504, True)

    run(scenario, clock=clock)


def test_who_waits_takes_no_place_in_flight_and_there_is_a_limit() -> None:
    async def scenario(it: World) -> None:
        asked = [asyncio.ensure_future(it.client.post(PATH, json=WAITING)) for _ in range(2)]
        wishes = await begin(it, 2)
        for _ in range(20):
            await asyncio.sleep(0)
        third = await it.client.post(PATH, json=WAITING)
        assert (third.status_code, third.json()["title"]) == (503, "RESOURCE_EXHAUSTED")
        it.engine.rules[CREATE] = created_instance
        assert (await it.client.post(PATH, json={"processDefinitionId": "order"})).status_code == 200
        for wish in wishes:
            await tell(it, wish, result("COMPLETED"))
        assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200]
        it.engine.rules[CREATE] = ends("COMPLETED")
        assert (await it.client.post(PATH, json=WAITING)).status_code == 200

    run(scenario, settings=GatewaySettings(awaiting_max=2, in_flight_max=2))


def test_a_gateway_that_ends_lets_nobody_wait() -> None:
    async def scenario(it: World) -> None:
        asked = asyncio.ensure_future(it.client.post(PATH, json=WAITING))
        await begin(it)
        for _ in range(20):
            await asyncio.sleep(0)
        it.app.state.drain()
        assert (await asked).status_code == 504

    run(scenario)
