"""Removal times of one process instance, evaluation or batch operation: what reaches the log, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.record import first_key
from engine.records.batch_operation_chunk import ItemFacts
from engine.roles.gateway import describe_operations
from tests.support.scenario import ASSEMBLY
from tests.unit.gateway.fakes import FakeSearch, World, happens
from tests.unit.gateway.test_gateway_routes import created_batch, run

KEY = first_key(2) + 1
RULES = {
    ("HISTORY_DELETION", "SCHEDULE"): happens("SCHEDULED"),
    ("BATCH_OPERATION_LIFECYCLE_MANAGEMENT", "SCHEDULE"): happens("SCHEDULED"),
}
AT = {"absoluteRemovalTime": "2027-01-31T00:00:00Z"}
PATHS = ("process-instances", "decision-instances", "batch-operations")


class KnowingSearch(FakeSearch):
    """Knows when things ended."""

    async def facts(self, entity: str, keys: Any, variables: str, size_max: int) -> list[ItemFacts]:
        return [ItemFacts(item_key=key, state=entity, end_time=77) for key in keys]


def known() -> FakeSearch:
    return KnowingSearch({"PROCESS_INSTANCE": {KEY: {"state": "COMPLETED"}}, "DECISION_INSTANCE": {KEY: {}}})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "time"),
    [(AT, 1_801_353_600_000), ({"clearedRemovalTime": True}, 0), ({"calculatedRemovalTime": True}, -1)],
)
def test_a_removal_time_reaches_the_log_where_the_thing_lives(path: str, body: dict[str, Any], time: int) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/{path}/{KEY}/removal-time", json={**body, "operationReference": 7})
        assert (response.status_code, response.content) == (204, b"")
        ((partition, wish),) = it.engine.commands
        assert (partition, wish.key, wish.intent, wish.value.removal_time) == (2, KEY, "SCHEDULE", time)
        assert wish.step.operation_reference == 7
        if wish.value_type == "HISTORY_DELETION":
            assert wish.value.end_time == (77 if time == -1 else 0)

    run(scenario, RULES, search=known())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body", [{}, {**AT, "clearedRemovalTime": True}, {"absoluteRemovalTime": "1960-01-01T00:00:00Z"}]
)
def test_a_senseless_removal_time_is_refused(path: str, body: dict[str, Any]) -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.post(f"/v2/{path}/{KEY}/removal-time", json=body)).status_code == 400
        assert it.engine.commands == []

    run(scenario, RULES, search=known())


@pytest.mark.parametrize("path", PATHS[:2])
def test_what_is_unknown_is_not_found(path: str) -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.post(f"/v2/{path}/{KEY}/removal-time", json=AT)).status_code == 404

    run(scenario, RULES)


def test_batch_operations_are_chosen_by_keys_or_a_filter() -> None:
    async def scenario(it: World) -> None:
        path = "/v2/batch-operations/removal-time"
        for body in ({"ids": [str(KEY)]}, {"filter": {"batchOperationKey": {"$in": [str(KEY)]}}}):
            assert (await it.client.post(path, json={**body, "clearedRemovalTime": True})).status_code == 200
        wanted = {"operationType": "SET_VARIABLES", "state": "ACTIVE"}
        refused = await it.client.post(path, json={"filter": wanted, "clearedRemovalTime": True})
        assert (refused.status_code, refused.json()["problems"][0][:13]) == (400, "filter.state:")
        wishes = [wish.value for _, wish in it.engine.commands]
        assert [(wish.filter, wish.item_keys) for wish in wishes] == [("", (KEY,))] * 2

    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch}, operations=describe_operations(ASSEMBLY))
