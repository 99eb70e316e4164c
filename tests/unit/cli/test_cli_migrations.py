"""`migration-plan` and `instances migrate`."""

from __future__ import annotations

import json
from pathlib import Path

from cli_engine import Answer, FakeEngine, Retold, problem

GENERATION = "/process-instances/migration/plan/generation"
VALIDATION = "/process-instances/migration/plan/validation"
INSTRUCTION = {"sourceElementId": "a", "targetElementId": "b"}
DEFINITIONS = {"sourceProcessDefinitionKey": "1", "targetProcessDefinitionKey": "2"}


def test_a_plan_is_shown_and_saved(engine: FakeEngine, retold: Retold, tmp_path: Path) -> None:
    engine.answers("POST", GENERATION, *[Answer({**DEFINITIONS, "mappingInstructions": [INSTRUCTION]})] * 3)
    shown = retold("migration-plan", "generate", "1", "2")
    assert [line.split() for line in shown.output.splitlines()] == [["SOURCE", "TARGET"], ["a", "b"]]
    file = tmp_path / "mapping.json"
    assert "1" in retold("migration-plan", "generate", "1", "2", "--save", str(file)).output
    assert json.loads(file.read_text()) == [INSTRUCTION]
    assert json.loads(retold("migration-plan", "generate", "1", "2", "--json").output)["mappingInstructions"]
    assert engine.bodies(GENERATION) == [DEFINITIONS] * 3
    assert retold("migration-plan", "generate", "1", "2", "--save", str(tmp_path)).exit_code == 2


def test_a_plan_is_checked(engine: FakeEngine, retold: Retold) -> None:
    wrong = {**INSTRUCTION, "failures": ["expected 'b' to be something else", "and more"]}
    engine.answers(
        "POST",
        VALIDATION,
        Answer({**DEFINITIONS, "valid": True, "instructionReports": []}),
        Answer({**DEFINITIONS, "valid": False, "instructionReports": [wrong]}),
    )
    option = ("--mapping-instructions", json.dumps([INSTRUCTION]))
    assert "nothing is wrong" in retold("migration-plan", "validate", "1", "2", *option).output
    refused = retold("migration-plan", "validate", "1", "2", *option)
    assert refused.exit_code == 1
    assert refused.output == "a -> b: expected 'b' to be something else\na -> b: and more\n"
    assert engine.bodies(VALIDATION)[0] == {**DEFINITIONS, "mappingInstructions": [INSTRUCTION]}
    bad = retold("migration-plan", "validate", "1", "2", "--mapping-instructions", "{}")
    assert bad.exit_code == 2
    assert "--mapping-instructions" in bad.errors


def test_one_instance_migrates(engine: FakeEngine, retold: Retold, tmp_path: Path) -> None:
    path = "/process-instances/7/migration"
    refusal = problem(409, "INVALID_STATE", "expected 'a' to be mapped")
    engine.answers("POST", path, Answer(status=204), refusal, Answer(status=204))
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps([INSTRUCTION]))
    options = ("--target-process-definition-key", "2", "--mapping-instructions", f"@{file}")
    assert "migration" in retold("instances", "migrate", "7", *options).output
    assert engine.bodies(path) == [{"targetProcessDefinitionKey": "2", "mappingInstructions": [INSTRUCTION]}]
    refused = retold("instances", "migrate", "7", *options)
    assert refused.exit_code == 1
    assert "expected 'a' to be mapped" in refused.errors
    assert retold("instances", "migrate", "7", *options, "--variables", '{"n": 1}').exit_code == 0
    assert engine.bodies(path)[2]["variables"] == {"n": 1}
