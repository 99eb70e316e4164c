"""`batch show`, and the commands that make a batch operation out of another one: `retry`, `undo`, `commit`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli_engine import Answer, FakeEngine, Retold, batch

CREATED = Answer({"batchOperationKey": "42", "batchOperationType": "CANCEL_PROCESS_INSTANCE"})


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"labels": ["night", "team a"], "actorId": "demo"}, {"Labels": "night, team a", "Created by": "demo"}),
        ({"parentBatchOperationKey": "41", "undoes": False}, {"Retries": "41"}),
        ({"parentBatchOperationKey": "41", "undoes": True}, {"Undoes": "41"}),
        ({"pauseWindows": ["08:00-18:00", "23:00-01:00 UTC"]}, {"Pauses": "08:00-18:00, 23:00-01:00 UTC"}),
        (
            {"maxFailures": {"count": 1000, "share": 0.25}},
            {"Suspends itself at failures": "1,000 or 0.25 of all items"},
        ),
        ({"maxFailures": {"count": None, "share": 0.5}}, {"Suspends itself at failures": "0.5 of all items"}),
        (
            {"retryPolicy": {"retries": 3, "backoff": 500, "thenIncident": False}},
            {"Items that fail": "tried again up to 3 times, 500 ms apart, then FAILED"},
        ),
        (
            {"retryPolicy": {"retries": 0, "backoff": 0, "thenIncident": True}},
            {"Items that fail": "waiting for somebody"},
        ),
        ({"webhook": "https://hooks.example/x", "undoable": True}, {"Can be undone": "yes"}),
        ({"heldPhases": ["EXECUTION"], "keepPlan": True}, {"Held": "EXECUTION", "Plan is kept": "yes"}),
    ],
)
def test_what_was_wished_is_shown(
    engine: FakeEngine, retold: Retold, document: dict[str, Any], fields: dict[str, str]
) -> None:
    engine.answers("GET", "/batch-operations/42", Answer(batch("42", "ACTIVE", **document)))
    lines = [line.partition("  ") for line in retold("batch", "show", "42").output.splitlines()]
    assert {name: value.strip() for name, _, value in lines if name in fields} == fields


def test_what_failed_is_retried(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/batch-operations/41/retry", CREATED)
    ran = retold("batch", "retry", "41", "--rate", "1", "--json")
    assert json.loads(ran.output) == CREATED.body
    assert engine.bodies("/batch-operations/41/retry") == [{"rate": 1.0}]
    assert "41" in retold("batch", "retry", "41").output


def test_what_is_created_of_another_one_or_for_one_instance_can_be_planned(engine: FakeEngine, retold: Retold) -> None:
    trial = ("--dry-run", "--keep-plan", "--reason", "why")
    for command, path in (
        (("batch", "retry"), "/batch-operations/41/retry"),
        (("batch", "undo"), "/batch-operations/41/undo"),
        (("instances", "resolve"), "/process-instances/41/incident-resolution"),
    ):
        engine.answers("POST", path, CREATED)
        assert retold(*command, "41", *trial).exit_code == 0
        assert engine.bodies(path) == [{"reason": "why", "dryRun": True, "keepPlan": True}]
        shown = retold(*command, "41", "--reason", "why", "--idempotency-key", "k1", "--show-request", "--json")
        request = json.loads(shown.output)
        assert (request["url"].endswith(path), request["body"]) == (True, {"reason": "why"})
        assert request["headers"] == {"Idempotency-Key": "k1"}
        assert len(engine.bodies(path)) == 1


def test_a_plan_says_what_becomes_of_items_that_fail(engine: FakeEngine, retold: Retold) -> None:
    path = "/batch-operations/41/commit"
    engine.answers("POST", path, CREATED)
    assert retold("batch", "commit", "41", "--rate", "5", "--idempotency-key", "k1").exit_code == 0
    assert (engine.bodies(path), engine.asked[-1].headers["Idempotency-Key"]) == ([{"rate": 5.0}], "k1")
    for option in ("--dry-run", "--then-incident", "--undoable", "--retry-items=1"):
        assert retold("batch", "commit", "41", option).exit_code == 2
