"""What is done at once to several keys: what reaches the log, and what is refused before it."""

from __future__ import annotations

import pytest

from engine.core.faults import NOT_FOUND
from engine.core.record import Record, first_key
from gateway.routes.batch_execution import KEYS_MAX
from tests.unit.gateway.fakes import World, event, refuses
from tests.unit.gateway.test_gateway_routes import run

PATH = "/v2/process-instances/cancellation/execution"
KEYS = [str(first_key(2) + number) for number in (7, 9)]
EXECUTE = ("BATCH_OPERATION_CREATION", "EXECUTE")


def executed(wish: Record, _partition: int) -> list[Record]:
    return [event(wish, "EXECUTED")]


def test_it_is_done_where_the_keys_live() -> None:
    async def scenario(it: World) -> None:
        body = {"keys": [*KEYS, KEYS[0]], "reason": "stuck", "operationReference": 5}
        response = await it.client.post(PATH, json=body)
        assert response.status_code == 200
        answer = response.json()
        assert (answer["batchOperationType"], answer["operationsCompletedCount"]) == ("CANCEL_PROCESS_INSTANCE", 2)
        assert {"partitionId", "position"} <= set(answer)
        ((partition, wish),) = it.engine.commands
        assert (partition, wish.intent, wish.step.operation_reference) == (2, "EXECUTE", 5)
        assert (wish.value.options.reason, wish.value.filter) == ("stuck", "")  # type: ignore[attr-defined]

    run(scenario, {EXECUTE: executed})


def test_which_failed_is_told() -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(PATH, json={"keys": KEYS})
        assert (response.status_code, response.json()["title"]) == (404, NOT_FOUND)
        assert KEYS[0] in response.json()["detail"]

    run(scenario, {EXECUTE: refuses(NOT_FOUND, f"{KEYS[0]}: expected one")})


@pytest.mark.parametrize(
    ("keys", "status", "text"),
    [
        ([], 400, "keys: expected"),
        (["x"], 400, "keys[0]: expected a key"),
        (["1"] * (KEYS_MAX + 1), 400, "keys: expected"),
        ([str(first_key(1) + 1), KEYS[0]], 400, "of one partition, got some of 1, 2; create a batch operation"),
        ([str(first_key(99) + 1)], 404, "which no partition has"),
    ],
)
def test_what_cannot_be_done_at_once(keys: list[str], status: int, text: str) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(PATH, json={"keys": keys})
        assert response.status_code == status
        assert text in response.json()["detail"]
        assert it.engine.commands == []

    run(scenario, {EXECUTE: executed})
