"""Migration: plans that are made and checked, and batch operations as clients send them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from engine.operations.migrate_process_instance import Parameters
from engine.records.process_instance_migration import MappingInstruction
from engine.roles.gateway import describe_operations
from gateway.migration_plans import WAITING_MAX, DefinitionFile, Instruction, MigrationPlans
from gateway.problems import Exhausted
from gateway.routes.migrations import INSTRUCTIONS_MAX
from tests.support import models as m
from tests.support.scenario import ASSEMBLY
from tests.unit.gateway.fakes import FakeSearch, World
from tests.unit.gateway.test_gateway_problems import check
from tests.unit.gateway.test_gateway_routes import created_batch, run

PLAN = "/v2/process-instances/migration/plan"
BATCH = "/v2/process-instances/migration"
KEYS = {"sourceProcessDefinitionKey": "1", "targetProcessDefinitionKey": "2"}
FILTER = {"filter": {"processDefinitionId": "p"}}


def definition(task: str) -> dict[str, Any]:
    return {"processDefinitionId": "p", "xml": m.straight("p", m.job(task), names=[task])}


def definitions() -> FakeSearch:
    return FakeSearch({"PROCESS_DEFINITION": {1: definition("a"), 2: definition("b")}})


def mapped(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"sourceElementId": source, "targetElementId": target} for source, target in pairs]


def test_a_plan_maps_equal_elements() -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.post(f"{PLAN}/generation", json=KEYS)
        assert answer.json() == {**KEYS, "mappingInstructions": mapped(("start", "start"), ("end", "end"))}
        with_variables = {**KEYS, "variables": {"n": 1}}
        assert (await it.client.post(f"{PLAN}/generation", json=with_variables)).json() == {
            **answer.json(),
            "variables": {"n": 1},
        }
        check(await it.client.post(f"{PLAN}/generation", json={**KEYS, "variables": [1]}), 400)
        assert (
            await it.client.post(f"{PLAN}/generation", json={**KEYS, "targetProcessDefinitionKey": "3"})
        ).status_code == 404
        check(await it.client.post(f"{PLAN}/generation", json={"sourceProcessDefinitionKey": "x"}), 400)

    run(scenario, search=definitions())


def test_all_that_is_wrong_with_a_plan_is_told() -> None:
    async def scenario(it: World) -> None:
        good = {**KEYS, "mappingInstructions": mapped(("a", "b"))}
        assert (await it.client.post(f"{PLAN}/validation", json=good)).json() == {
            **KEYS,
            "valid": True,
            "instructionReports": [],
        }
        with_variables = {**good, "variables": {"n": 1}}
        assert (await it.client.post(f"{PLAN}/validation", json=with_variables)).json()["valid"] is True
        check(await it.client.post(f"{PLAN}/validation", json={**good, "variables": "n"}), 400)
        bad = {**KEYS, "mappingInstructions": mapped(("a", "end"), ("x", "y"))}
        told = (await it.client.post(f"{PLAN}/validation", json=bad)).json()
        assert told["valid"] is False
        first, second = told["instructionReports"]
        assert (first["sourceElementId"], len(first["failures"])) == ("a", 1)
        assert (second["sourceElementId"], len(second["failures"])) == ("x", 2)
        anew = {**mapped(("a", "b"))[0], "updateEventTrigger": True}
        (no_event,) = (await it.client.post(f"{PLAN}/validation", json={**KEYS, "mappingInstructions": [anew]})).json()[
            "instructionReports"
        ]
        assert "expected updateEventTrigger of an event that waits" in no_event["failures"][0]
        for wrong in ([], None, mapped(("", "b")), mapped(("a", "b")) * (INSTRUCTIONS_MAX + 1)):
            check(await it.client.post(f"{PLAN}/validation", json={**KEYS, "mappingInstructions": wrong}), 400)

    run(scenario, search=definitions())


class Slow:
    """Plans that take until they are let go."""

    def __init__(self) -> None:
        self.calls = 0

    def generate(self, source: DefinitionFile, target: DefinitionFile) -> Sequence[Instruction]:
        self.calls += 1
        return [(source.process_id, target.process_id)]

    def validate(self, *_: object) -> Sequence[Any]:
        return []


def test_few_plans_wait() -> None:
    async def ask() -> list[object]:
        plans, file = MigrationPlans(Slow()), DefinitionFile(process_id="p", resource=b"")
        wanted = [plans.generate(file, file) for _ in range(WAITING_MAX + 1)]
        return await asyncio.gather(*wanted, return_exceptions=True)

    *made, last = asyncio.run(ask())
    assert made == [[("p", "p")]] * WAITING_MAX
    assert isinstance(last, Exhausted)


def test_a_batch_operation_is_created_as_clients_send_it() -> None:
    async def scenario(it: World) -> None:
        plan = {"targetProcessDefinitionKey": "2", "mappingInstructions": mapped(("a", "b")), "variables": {"n": [1]}}
        answer = await it.client.post(BATCH, json={**FILTER, "migrationPlan": plan, "operationReference": 5})
        assert answer.json()["batchOperationType"] == "MIGRATE_PROCESS_INSTANCE"
        ((_, wish),) = it.engine.commands
        assert wish.step.operation_reference == 5
        sent = wish.value.parameters  # type: ignore[attr-defined]
        assert ASSEMBLY.operation_codecs.decode("MIGRATE_PROCESS_INSTANCE", sent) == Parameters(
            target_process_definition_key=2,
            mapping_instructions=(MappingInstruction(source_element_id="a", target_element_id="b"),),
            variables='{"n":[1]}',
        )
        document = (await it.client.get("/openapi.json")).json()
        shown = str(document["components"]["schemas"])
        assert all(name in shown for name in ("migrationPlan", "mappingInstructions", "sourceElementId"))

    run(scenario, {("BATCH_OPERATION_CREATION", "CREATE"): created_batch}, operations=describe_operations(ASSEMBLY))


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (None, "migrationPlan"),
        ({}, "migrationPlan"),
        ({"targetProcessDefinitionKey": "2"}, "mappingInstructions"),
        ({"targetProcessDefinitionKey": "2", "mappingInstructions": []}, "expected at least one, got none"),
        ({"targetProcessDefinitionKey": "x", "mappingInstructions": mapped(("a", "b"))}, "targetProcessDefinitionKey"),
        ({"targetProcessDefinitionKey": 2, "mappingInstructions": mapped(("a", "b"))}, "targetProcessDefinitionKey"),
        ({"targetProcessDefinitionKey": "2", "mappingInstructions": mapped(("", "b"))}, "sourceElementId"),
        ({"targetProcessDefinitionKey": "2", "mappingInstructions": [{"sourceElementId": "a"}]}, "targetElementId"),
        ({"targetProcessDefinitionKey": "2", "mappingInstructions": mapped(("a", "b")), "more": 1}, "more"),
        ({"targetProcessDefinitionKey": "2", "mappingInstructions": mapped(("a", "b")), "variables": 1}, "variables"),
    ],
)
def test_a_bad_plan_is_refused_before_the_log(plan: Any, text: str) -> None:
    async def scenario(it: World) -> None:
        answer = await it.client.post(BATCH, json={**FILTER, "migrationPlan": plan})
        check(answer, 400)
        assert text in answer.json()["detail"]
        assert not it.engine.commands

    run(scenario, operations=describe_operations(ASSEMBLY))
