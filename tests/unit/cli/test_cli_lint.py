"""`lint`: all problems of all files, with file and line, without an engine."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from cli_engine import Retold

MODELS = Path(__file__).parents[3] / "engine" / "cli" / "models"
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
REFUSED = f"""<definitions xmlns="{BPMN}">
  <process id="p" isExecutable="true">
    <startEvent id="s"/>
    <complexGateway id="g"/>
    <sequenceFlow id="f" sourceRef="s" targetRef="nowhere"/>
  </process>
</definitions>"""
GATEWAY = "COMPLEX_GATEWAY g: expected an executable element, got a complex gateway, which cannot be executed yet"


def test_models_that_can_be_deployed_end_with_0(retold: Retold) -> None:
    ran = retold("lint", str(MODELS))
    assert ran.exit_code == 0
    assert ran.output == ""
    assert ran.errors.endswith("files, nothing would be refused\n")


def test_every_problem_is_a_line_with_file_line_type_and_id(retold: Retold, tmp_path: Path) -> None:
    file = tmp_path / "a.bpmn"
    file.write_text(REFUSED)
    ran = retold("lint", str(file), str(MODELS / "order-process.bpmn"))
    assert ran.exit_code == 1
    first, second = ran.output.splitlines()
    assert first.startswith(f"{file}:4: {GATEWAY}")
    assert second.startswith(f"{file}:5: SEQUENCE_FLOW f: expected")
    assert ran.errors == "2 files, 1 would be refused: 2 problems\n"


def test_json_is_one_document_of_all_problems(retold: Retold, tmp_path: Path) -> None:
    file = tmp_path / "a.bpmn"
    file.write_text(REFUSED)
    ran = retold("lint", "--json", str(file))
    assert (ran.exit_code, ran.errors) == (1, "")
    document = json.loads(ran.output)
    assert document["fileCount"] == 1
    first = document["problems"][0]
    assert (first["file"], first["line"], first["elementType"], first["elementId"]) == (
        str(file),
        4,
        "COMPLEX_GATEWAY",
        "g",
    )
    assert first["message"].startswith("expected an executable element")
    assert json.loads(retold("lint", "--json", str(MODELS)).output)["problems"] == []


def test_directories_are_searched_for_models_only(retold: Retold, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.bpmn").write_text(REFUSED)
    (inside / "b.dmn").write_text("<definitions/>")
    (inside / "c.form").write_text("[]")
    (inside / "pom.xml").write_text("<project/>")
    (inside / "notes.txt").write_text("none of it")
    ran = retold("lint", str(tmp_path))
    assert {line.split(":")[0].rpartition("/")[2] for line in ran.output.splitlines()} == {"a.bpmn", "b.dmn", "c.form"}
    assert ran.errors.startswith("3 files, 3 would be refused")


def test_patterns_match_in_directories_below(retold: Retold, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.bpmn").write_text(REFUSED)
    (inside / "b.dmn").write_text("<definitions/>")
    ran = retold("lint", str(tmp_path / "**" / "*.bpmn"), str(inside / "a.bpmn"))
    assert ran.errors == "1 file, 1 would be refused: 2 problems\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (REFUSED, f"<stdin>:4: {GATEWAY}"),
        ('<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"/>', "<stdin>:1: DEFINITIONS: expected"),
        ("{}", "<stdin>:1: FORM: expected a form with an id"),
        ("no model", "<stdin>:1: DEFINITIONS: expected well-formed XML"),
    ],
)
def test_standard_input_is_known_by_its_content(
    retold: Retold, monkeypatch: pytest.MonkeyPatch, content: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    ran = retold("lint", "-")
    assert ran.exit_code == 1
    assert ran.output.startswith(expected)


def test_a_file_of_another_kind_would_be_refused(retold: Retold, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.touch()
    ran = retold("lint", str(file))
    assert ran.exit_code == 1
    assert ran.output.startswith(f"{file}:0: FILE: expected the name of the file to end with one of .bpmn")


@pytest.mark.parametrize("name", ["missing.bpmn", "*.bpmn", "."])
def test_what_names_no_file_ends_with_2(
    retold: Retold, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = retold("lint", name)
    assert ran.exit_code == 2
    assert ran.errors.startswith("error: FILE: expected a file, a directory with files")
    assert f"'{name}'" in ran.errors


def test_colours_are_for_terminals(retold: Retold, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "a.bpmn"
    file.write_text(REFUSED)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in retold("lint", str(file)).output
    monkeypatch.setattr("engine.cli.lint.is_terminal", lambda: True)
    assert f"\x1b[1m{file}:4:\x1b[0m \x1b[31mCOMPLEX_GATEWAY g\x1b[0m: expected" in retold("lint", str(file)).output
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in retold("lint", str(file)).output
