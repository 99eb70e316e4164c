"""`retold signals` against an engine that answers as told."""

from __future__ import annotations

import json

from cli_engine import Answer, FakeEngine, Retold

ANSWER = {"tenantId": "<default>", "signalKey": "7"}


def test_a_signal_is_broadcast(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/signals/broadcast", Answer(body=ANSWER))
    line = ("signals", "broadcast", "paid", "--variables", '{"a":1}')
    ran = retold(*line)
    assert (ran.exit_code, ran.errors) == (0, "")
    assert ran.output.split() == ["Signal", "7"]
    assert [(asked.path, asked.body) for asked in engine.asked] == [
        ("/signals/broadcast", {"signalName": "paid", "variables": {"a": 1}})
    ]
    assert json.loads(retold(*line, "--json").output) == {"signalKey": "7"}


def test_what_makes_no_sense_is_not_asked(engine: FakeEngine, retold: Retold) -> None:
    assert retold("signals", "broadcast", "paid", "--variables", "[1]").exit_code == 2
    assert engine.asked == []
