"""What others wrote reaches a terminal as text."""

from __future__ import annotations

import json
import sys

import pytest
from cli_engine import FakeEngine, Retold, page, problem

from engine.cli.output import harmless, print_fields, print_json, print_table

EVIL = "\x1b]0;title\x07\x1b[2J\x9b2J\r"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 中 🎈\n\tindented", "plain ä 中 🎈\n\tindented"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\x1b[31", "\\u001b[31"),
        (EVIL, "\\u001b]0;title\\u0007\\u001b[2J\\u009b2J\\u000d"),
    ],
)
def test_controls_are_shown_but_for_colours(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_a_list_and_a_refusal(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/incidents/search", page({"incidentKey": "1", "errorMessage": EVIL}))
    ran = retold("incidents", "list")
    assert ran.exit_code == 0
    assert "\\u001b]0;title" in ran.output
    assert not {"\x1b", "\x07", "\x9b"} & set(ran.output)
    engine.answers("POST", "/incidents/9/resolution", problem(404, "NOT_FOUND", EVIL))
    assert "\\u001b]0;title" in retold("incidents", "resolve", "9").errors


def test_on_a_terminal_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(["NAME"], [[EVIL]])
    print_fields([("Name", EVIL)])
    output = capsys.readouterr().out
    assert output.count("\\u001b]0;title\\u0007") == 2
    assert not {"\x07", "\x9b"} & set(output)


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": f"{EVIL}\x7f"})
    output = capsys.readouterr().out
    assert json.loads(output) == {"name": f"{EVIL}\x7f"}
    assert output.isascii()
