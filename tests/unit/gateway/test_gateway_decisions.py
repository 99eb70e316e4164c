"""Decisions: their evaluation, their files, their instances; answers that the official client can read."""

from __future__ import annotations

from typing import Any

import pytest
from camunda_orchestration_sdk.models.deployment_result import DeploymentResult
from camunda_orchestration_sdk.models.evaluate_decision_result import EvaluateDecisionResult

from engine.core.record import NONE, Record, first_key
from engine.records import DecisionEvaluation
from engine.records.decision_evaluation import EvaluatedDecision, EvaluatedInput, EvaluatedOutput, MatchedRule
from engine.records.deployment import DeployedDecision, DeployedDecisionRequirements
from tests.unit.gateway.fakes import FakeSearch, Rule, World, event
from tests.unit.gateway.test_gateway_routes import run

KEY = first_key(1) + 1
EVALUATE = ("DECISION_EVALUATION", "EVALUATE")
TABLE = EvaluatedDecision(
    decision_key=KEY,
    decision_id="dish",
    decision_name="Dish",
    decision_version=2,
    decision_type="DECISION_TABLE",
    decision_output='"roast"',
    evaluated_inputs=(EvaluatedInput(input_id="i", input_name="Season", input_value='"winter"'),),
    matched_rules=(
        MatchedRule(
            rule_id="r",
            rule_index=3,
            evaluated_outputs=(EvaluatedOutput(output_id="o", output_name="Dish", output_value='"roast"'),),
        ),
    ),
)
LIST = EvaluatedDecision(decision_key=KEY + 1, decision_id="menu", decision_type="LIST", decision_output="[]")


def answers(intent: str, **changes: Any) -> dict[tuple[str, str], Rule]:
    def rule(wish: Record, _: int) -> list[Record]:
        found = {"decision_key": KEY, "decision_id": "dish", "decision_name": "Dish", "decision_version": 2}
        found |= {"decision_requirements_id": "drg", "decision_requirements_key": KEY + 2, **changes}
        return [event(wish, intent, key=KEY + 9, evaluated_decisions=(TABLE, LIST), **found)]

    return {EVALUATE: rule}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"decisionDefinitionId": "dish"}, ("dish", NONE, "{}")),
        ({"decisionDefinitionKey": str(KEY), "variables": {"a": 1}}, ("", KEY, '{"a":1}')),
    ],
)
def test_evaluation(body: dict[str, Any], wanted: tuple[str, int, str]) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post("/v2/decision-definitions/evaluation", json={**body, "tenantId": "<default>"})
        result = EvaluateDecisionResult.from_dict(response.json())
        assert (result.output, result.failure_message, result.failed_decision_definition_id) == ('"roast"', None, None)
        assert result.decision_evaluation_key == str(KEY + 9)
        first, second = result.evaluated_decisions
        assert (first.decision_definition_type, second.decision_definition_type) == ("DECISION_TABLE", "UNKNOWN")
        assert first.decision_evaluation_instance_key == f"{KEY + 9}-1"
        assert first.evaluated_inputs[0].input_value == '"winter"'
        (output,) = first.matched_rules[0].evaluated_outputs
        assert (output.rule_index, output.output_value) == (3, '"roast"')
        ((_, wish),) = it.engine.commands
        assert isinstance(wish.value, DecisionEvaluation)
        assert (wish.value.decision_id, wish.value.decision_key, wish.value.variables) == wanted

    run(scenario, answers("EVALUATED", decision_output='"roast"'))


def test_a_failed_evaluation_is_an_answer() -> None:
    async def scenario(it: World) -> None:
        response = await it.client.post("/v2/decision-definitions/evaluation", json={"decisionDefinitionId": "dish"})
        assert response.status_code == 200
        result = EvaluateDecisionResult.from_dict(response.json())
        assert (result.output, result.failure_message, result.failed_decision_definition_id) == ("null", "why", "menu")

    failed = {"decision_output": "null", "evaluation_failure_message": "why", "failed_decision_id": "menu"}
    run(scenario, answers("FAILED", **failed))


@pytest.mark.parametrize("body", [{}, {"decisionDefinitionId": "a", "decisionDefinitionKey": "1"}, {"decisionId": "a"}])
def test_bodies_that_name_no_decision(body: dict[str, str]) -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.post("/v2/decision-definitions/evaluation", json=body)).status_code == 400
        assert not it.engine.commands

    run(scenario)


def test_files() -> None:
    async def scenario(it: World) -> None:
        for path in (f"decision-definitions/{KEY}", f"decision-requirements/{KEY + 2}"):
            response = await it.client.get(f"/v2/{path}/xml")
            assert response.headers["content-type"] == "text/xml; charset=utf-8"
            assert response.content == b"<definitions/>"
        for path in (f"decision-definitions/{KEY + 1}", f"decision-requirements/{KEY + 1}"):
            assert (await it.client.get(f"/v2/{path}/xml")).status_code == 404

    definition = {"decisionRequirementsKey": str(KEY + 2)}
    run(scenario, search=FakeSearch({"DECISION_DEFINITION": {KEY: definition}, "DECISION_REQUIREMENTS": {KEY + 2: {}}}))


def test_an_instance_is_asked_for_by_its_text() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get(f"/v2/decision-instances/{KEY}-2")).json() == {"result": "1"}
        ((entity, question),) = it.search.questions
        assert (entity, question["filter"]) == (
            "DECISION_INSTANCE_DETAILS",
            {"decisionEvaluationInstanceKey": f"{KEY}-2"},
        )

    run(scenario, search=FakeSearch({"DECISION_INSTANCE_DETAILS": {KEY: {"result": "1"}}}))


def test_an_unknown_instance() -> None:
    async def scenario(it: World) -> None:
        assert (await it.client.get("/v2/decision-instances/x")).status_code == 404

    run(scenario)


def test_deployed_decisions() -> None:
    def deployed(wish: Record, _: int) -> list[Record]:
        requirements = DeployedDecisionRequirements(
            decision_requirements_id="drg", decision_requirements_name="Graph", version=2, decision_requirements_key=KEY
        )
        decision = DeployedDecision(
            decision_id="d", decision_name="D", version=3, decision_key=KEY + 1, decision_requirements_key=KEY
        )
        found = {"decision_requirements": (requirements,), "decisions": (decision,)}
        return [event(wish, "FULLY_DISTRIBUTED", key=KEY + 2, resources=(), **found)]

    async def scenario(it: World) -> None:
        files: Any = [("resources", ("a.dmn", b"<definitions/>"))]
        result = DeploymentResult.from_dict((await it.client.post("/v2/deployments", files=files)).json())
        decision, requirements = result.deployments
        assert decision.decision_definition is not None
        assert requirements.decision_requirements is not None
        assert (decision.decision_definition.version, requirements.decision_requirements.version) == (3, 2)

    run(scenario, {("DEPLOYMENT", "CREATE"): deployed})
