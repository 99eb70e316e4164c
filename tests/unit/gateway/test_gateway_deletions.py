"""Deleting one process instance or evaluation: what reaches the log, and what is refused before it."""

from __future__ import annotations

import pytest

from engine.core.record import first_key
from engine.records import HistoryDeletion
from tests.unit.gateway.fakes import FakeSearch, World, happens, refuses
from tests.unit.gateway.test_gateway_routes import run

KEY = first_key(2) + 1
DELETE = ("HISTORY_DELETION", "DELETE")
BOTH = [("process-instances", "PROCESS_INSTANCE"), ("decision-instances", "DECISION_INSTANCE")]


def known() -> FakeSearch:
    return FakeSearch({"PROCESS_INSTANCE": {KEY: {"state": "COMPLETED"}}, "DECISION_INSTANCE": {KEY: {}}})


@pytest.mark.parametrize(("path", "resource_type"), BOTH)
@pytest.mark.parametrize("body", [None, {}, {"reason": "asked for", "operationReference": 7}])
def test_what_is_known_is_deleted_where_it_lives(path: str, resource_type: str, body: dict[str, object] | None) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/{path}/{KEY}/deletion", json=body)
        assert (response.status_code, response.content) == (204, b"")
        ((partition, wish),) = it.engine.commands
        assert (partition, wish.key, wish.intent) == (2, KEY, "DELETE")
        reason = (body or {}).get("reason", "")
        assert wish.value == HistoryDeletion(resource_key=KEY, resource_type=resource_type, reason=str(reason))
        assert wish.step.operation_reference == (7 if reason else -1)

    run(scenario, {DELETE: happens("DELETED")}, search=known())


@pytest.mark.parametrize(("path", "resource_type"), BOTH)
def test_what_is_unknown_is_not_found_and_nothing_reaches_the_log(path: str, resource_type: str) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/{path}/{KEY}/deletion", json={})
        assert response.status_code == 404
        assert it.engine.commands == []

    run(scenario, {DELETE: happens("DELETED")})


def test_what_still_runs_is_a_conflict() -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/process-instances/{KEY}/deletion")
        assert response.status_code == 409
        assert "which runs" in response.json()["detail"]

    run(scenario, {DELETE: refuses("INVALID_STATE", "expected one that has ended, got one which runs")}, search=known())


def test_a_reason_without_end_is_refused() -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/process-instances/{KEY}/deletion", json={"reason": "x" * 4097})
        assert response.status_code == 400
        assert "reason" in response.json()["detail"]

    run(scenario, {DELETE: happens("DELETED")}, search=known())
