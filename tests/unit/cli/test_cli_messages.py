"""`retold messages` against an engine that answers as told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli_engine import Answer, FakeEngine, Retold

ANSWER = {"tenantId": "<default>", "messageKey": "7", "processInstanceKey": "9"}


@pytest.mark.parametrize(
    ("line", "path", "body"),
    [
        (
            'messages publish paid k --variables {"a":1} --keep 5 --id once',
            "publication",
            {"correlationKey": "k", "variables": {"a": 1}, "timeToLive": 5, "messageId": "once"},
        ),
        (
            "messages publish paid",
            "publication",
            {"correlationKey": "", "variables": {}, "timeToLive": 0, "messageId": ""},
        ),
        ("messages correlate paid k", "correlation", {"correlationKey": "k", "variables": {}}),
    ],
)
def test_what_is_asked(engine: FakeEngine, retold: Retold, line: str, path: str, body: dict[str, Any]) -> None:
    engine.answers("POST", f"/messages/{path}", Answer(body=ANSWER))
    ran = retold(*line.split())
    assert (ran.exit_code, ran.errors) == (0, "")
    assert ran.output.splitlines()[-1].split()[-1] == ("9" if path == "correlation" else "7")
    assert [(asked.path, asked.body) for asked in engine.asked] == [(f"/messages/{path}", {"name": "paid", **body})]
    told = json.loads(retold(*line.split(), "--json").output)
    assert told["messageKey"] == "7"


@pytest.mark.parametrize("line", ["messages publish paid k --variables [1]", "messages publish paid k --keep -1"])
def test_what_makes_no_sense_is_not_asked(engine: FakeEngine, retold: Retold, line: str) -> None:
    assert retold(*line.split()).exit_code == 2
    assert engine.asked == []
