"""`decisions` and decisions that are deployed: what is asked of the engine, and what is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_engine import Answer, FakeEngine, Retold, page

EVALUATION: dict[str, Any] = {
    "decisionDefinitionId": "dish",
    "decisionDefinitionVersion": 3,
    "decisionEvaluationKey": "99",
    "output": '"roast"',
    "failureMessage": None,
}


def test_deploy_shows_decisions_with_their_file(engine: FakeEngine, retold: Retold, tmp_path: Path) -> None:
    decision = {"decisionDefinitionId": "dish", "version": 2, "decisionDefinitionKey": "7"}
    decision["decisionRequirementsKey"] = "8"
    file = {"decisionRequirementsKey": "8", "resourceName": "menu.dmn"}
    deployments = [{"decisionDefinition": decision}, {"decisionDefinition": None, "decisionRequirements": file}]
    engine.answers("POST", "/deployments", Answer({"deployments": deployments}))
    model = tmp_path / "menu.dmn"
    model.touch()
    ran = retold("deploy", str(model))
    assert ran.output.split() == [*["DECISION", "VERSION", "DEFINITION", "KEY", "FILE"], "dish", "2", "7", "menu.dmn"]


def test_evaluate(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/decision-definitions/evaluation", Answer(EVALUATION))
    ran = retold("decisions", "evaluate", "dish", "--variables", '{"season": "winter"}')
    assert ran.exit_code == 0
    assert ran.output.split() == ["Decision", "dish", "Version", "3", "Evaluation", "99", "Result", '"roast"']
    (asked,) = engine.asked
    assert asked.body == {"decisionDefinitionId": "dish", "variables": {"season": "winter"}}


def test_an_evaluation_that_fails_fails_the_command(engine: FakeEngine, retold: Retold) -> None:
    failed = {**EVALUATION, "output": "null", "failureMessage": "two rules match"}
    engine.answers("POST", "/decision-definitions/evaluation", Answer(failed))
    ran = retold("decisions", "evaluate", "dish", "--json")
    assert (ran.exit_code, ran.errors) == (1, "error: two rules match\n")
    assert json.loads(ran.output)["decisionEvaluationKey"] == "99"


@pytest.mark.parametrize(
    ("command", "path", "wanted"),
    [
        (["list"], "/decision-definitions/search", {"isLatestVersion": True}),
        (["list", "--all", "--decision-id", "d"], "/decision-definitions/search", {"decisionDefinitionId": "d"}),
        (
            ["instances", "--instance", "7", "--state", "failed"],
            "/decision-instances/search",
            {"processInstanceKey": "7", "state": "FAILED"},
        ),
    ],
)
def test_searches(engine: FakeEngine, retold: Retold, command: list[str], path: str, wanted: dict[str, Any]) -> None:
    engine.answers("POST", path, page())
    assert retold("decisions", *command).exit_code == 0
    (asked,) = engine.asked
    assert asked.body["filter"] == wanted
