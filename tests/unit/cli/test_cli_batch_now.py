"""`batch … --now`: what is sent, what is only shown, and what is refused."""

from __future__ import annotations

import json

import pytest
from cli_engine import Answer, FakeEngine, Retold

CANCELLATION = "/process-instances/cancellation"
EXECUTION = f"{CANCELLATION}/execution"
NOW = ("batch", "cancel", "--now", "5")


def test_what_is_named_is_done_at_once(engine: FakeEngine, retold: Retold) -> None:
    done = {"batchOperationType": "CANCEL_PROCESS_INSTANCE", "operationsCompletedCount": 2}
    engine.answers("POST", EXECUTION, Answer({**done, "partitionId": 1, "position": 77}))
    run = retold(*NOW, "--now", "6", "--reason", "stuck", "--idempotency-key", "k1")
    assert run.exit_code == 0
    assert "partition 1, position 77" in run.output
    assert engine.bodies(EXECUTION) == [{"keys": ["5", "6"], "reason": "stuck"}]
    assert engine.asked[0].headers["Idempotency-Key"] == "k1"


def test_the_request_is_shown_and_not_sent(engine: FakeEngine, retold: Retold) -> None:
    run = retold(*NOW, "--show-request", "--idempotency-key", "k1")
    assert run.exit_code == 0
    head, _, body = run.output.partition("\n\n")
    assert head.splitlines() == [
        f"POST {engine.url}{EXECUTION}",
        "Content-Type: application/json",
        "Idempotency-Key: k1",
    ]
    assert json.loads(body) == {"keys": ["5"]}
    assert json.loads(retold(*NOW, "--show-request", "--json").output)["body"] == {"keys": ["5"]}
    assert engine.asked == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--key", "1"], "--key"),
        (["--process-id", "a"], "--process-id"),
        (["--no-incident"], "--no-incident"),
        (["--rate", "0"], "--rate"),
        (["--retry-backoff", "1"], "--retry-backoff"),
        (["--start-suspended"], "--start-suspended"),
        (["--dry-run", "--keep-plan"], "--dry-run, --keep-plan"),
        (["--exclude", "7", "--id", "8"], "--exclude, --id"),
    ],
)
def test_it_has_no_filter_no_trial_and_no_pace(
    options: list[str], named: str, engine: FakeEngine, retold: Retold
) -> None:
    for show in ((), ("--show-request",)):
        run = retold(*NOW, *options, *show)
        assert run.exit_code == 2
        assert f"got {named}; leave them out" in run.errors
    assert engine.asked == []


def test_options_are_called_as_on_the_command_line(engine: FakeEngine, retold: Retold) -> None:
    run = retold("batch", "set-batch-removal-times", "--now", "5", "--type", "CANCEL_PROCESS_INSTANCE")
    assert "got --type; leave them out" in run.errors
    assert engine.asked == []
