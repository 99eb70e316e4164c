"""Restarting one process instance: what secondary storage knows of it becomes a creation, where the old one lived."""

from __future__ import annotations

from typing import Any

from engine.core.ports import INITIAL_VARIABLES, LAST_VARIABLES
from engine.core.record import first_key
from engine.records.batch_operation_chunk import ItemFacts
from engine.records.process_instance_creation import StartInstruction
from tests.unit.gateway.fakes import FakeSearch, World, created_instance
from tests.unit.gateway.test_gateway_routes import run

KEY = first_key(2) + 1
CREATE = ("PROCESS_INSTANCE_CREATION", "CREATE")
FACTS = ItemFacts(
    item_key=KEY,
    process_definition_key=77,
    state="COMPLETED",
    business_id="B-1",
    tags=("urgent",),
    variables='{"x":1}',
    variables_size=2,
)


class KnowingSearch(FakeSearch):
    """Knows one instance."""

    def __init__(self, facts: ItemFacts) -> None:
        super().__init__({"PROCESS_INSTANCE": {KEY: {"state": facts.state}}})
        self.known = facts
        self.asked: list[str] = []

    async def facts(self, entity: str, keys: Any, variables: str, size_max: int) -> list[ItemFacts]:
        self.asked.append(variables)
        return [self.known]


def test_a_restart_creates_an_instance_where_the_old_one_lived() -> None:
    search = KnowingSearch(FACTS)

    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/process-instances/{KEY}/restart")
        assert response.status_code == 200
        assert response.json()["restartedProcessInstanceKey"] == str(KEY)
        ((partition, wish),) = it.engine.commands
        value = wish.value
        assert (partition, value.process_definition_key, value.restarted_process_instance_key) == (2, 77, KEY)
        assert (value.variables, value.business_id, value.tags) == ('{"x":1}', "B-1", ("urgent",))

    run(scenario, {CREATE: created_instance}, search=search)
    assert search.asked == [LAST_VARIABLES]


def test_a_restart_begins_where_it_is_told_to() -> None:
    search = KnowingSearch(FACTS)
    body = {
        "startInstructions": [{"elementId": "a"}, {"afterElementId": "b"}, {"sequenceFlowId": "c"}],
        "initialVariables": True,
        "withoutBusinessId": True,
        "operationReference": 7,
    }

    async def scenario(it: World) -> None:
        assert (await it.client.post(f"/v2/process-instances/{KEY}/restart", json=body)).status_code == 200
        ((_, wish),) = it.engine.commands
        assert wish.value.start_instructions == (
            StartInstruction(element_id="a"),
            StartInstruction(after_element_id="b"),
            StartInstruction(sequence_flow_id="c"),
        )
        assert (wish.value.business_id, wish.step.operation_reference) == ("", 7)

    run(scenario, {CREATE: created_instance}, search=search)
    assert search.asked == [INITIAL_VARIABLES]


def refused(search: FakeSearch, status: int, said: str, body: dict[str, Any] | None = None) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post(f"/v2/process-instances/{KEY}/restart", json=body)
        assert (response.status_code, said in response.json()["detail"]) == (status, True)
        assert it.engine.commands == []

    run(scenario, {CREATE: created_instance}, search=search)


def test_what_cannot_be_restarted_is_refused_before_the_log() -> None:
    refused(FakeSearch({}), 404, str(KEY))
    refused(KnowingSearch(ItemFacts(item_key=KEY, state="ACTIVE")), 409, "which runs; cancel it")
    too_large = ItemFacts(item_key=KEY, state="COMPLETED", variables_size=9_000_000)
    refused(KnowingSearch(too_large), 400, "9000000 characters")
    both = {"startInstructions": [{"elementId": "a", "afterElementId": "b"}]}
    refused(KnowingSearch(FACTS), 400, "startInstructions[0]", both)
