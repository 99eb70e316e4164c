"""`batch`: creation from the table of operations, management, items."""

from __future__ import annotations

import io
import json
from typing import get_origin

import msgspec
import pytest
from cli_engine import Answer, FakeEngine, Retold, batch, page, problem
from msgspec import Struct

from engine.batch.operation import Operation, Selects
from engine.cli.batch_creation import command_name, conditions_of, creation_command
from engine.operations import OPERATIONS, cancel_process_instance

CANCELLATION = "/process-instances/cancellation"
CREATED = Answer({"batchOperationKey": "42", "batchOperationType": "CANCEL_PROCESS_INSTANCE"})


@pytest.mark.parametrize(
    ("operation", "taken", "expected"),
    [
        ("CANCEL_PROCESS_INSTANCE", (), "cancel"),
        ("RESOLVE_INCIDENT", (), "resolve-incidents"),
        ("UPDATE_JOB", (), "update-jobs"),
        ("SET_VARIABLES", (), "set-variables"),
        ("SUSPEND_PROCESS_INSTANCE", ("suspend",), "suspend-process-instances"),
    ],
)
def test_commands_are_named_after_operations(operation: str, taken: tuple[str, ...], expected: str) -> None:
    assert command_name(operation, taken) == expected


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_every_operation_has_a_command(operation: Operation, engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", operation.path, CREATED)
    name = command_name(operation.name, ())
    assert operation.help in retold("batch", "--help").output
    fields = msgspec.structs.fields(operation.body or operation.parameters)
    required = [field.name for field in fields if field.required and get_origin(field.type) is dict]
    options = [text for field in required for text in (f"--{field}", "{}")]
    assert retold("batch", name, "--key", "1", *options, "--yes").exit_code == 0
    key = {"PROCESS_INSTANCE": "processInstanceKey", "JOB": "jobKey"}[operation.selects.filtered]
    assert engine.bodies(operation.path) == [{"filter": {key: "1"}, **{field: {} for field in required}}]


class Keyboard(io.StringIO):
    """A standard input at which a person sits."""

    def isatty(self) -> bool:
        return True


class Plan(Struct, frozen=True, kw_only=True):
    """Parameters of every kind."""

    target_element_id: str
    move_all: bool = False
    retries: int = 0
    steps: tuple[str, ...] = ()


def test_parameters_become_options() -> None:
    operation = msgspec.structs.replace(cancel_process_instance.OPERATION, parameters=Plan)
    command = creation_command(operation)
    names = list(command.__signature__.parameters)  # type: ignore[attr-defined]
    assert names[names.index("filter") + 1 : names.index("yes")] == [
        "target_element_id",
        "move_all",
        "retries",
        "steps",
    ]


def test_parameters_are_sent_as_properties(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", CANCELLATION, CREATED)
    ran = retold("batch", "cancel", "--state", "active", "--reason", "wrong price", "-y", "--json")
    assert json.loads(ran.output) == CREATED.body
    assert engine.bodies(CANCELLATION) == [{"filter": {"state": "ACTIVE"}, "reason": "wrong price"}]


def test_without_a_terminal_nobody_can_be_asked(
    engine: FakeEngine, retold: Retold, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers("POST", "/process-instances/search", page(total=1234))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ran = retold("batch", "cancel", "--process-id", "order")
    assert ran.exit_code == 2
    assert "Cancel process instances. 1,234 process instances match now. Expected --yes" in ran.errors
    (counted,) = engine.asked
    assert counted.body["page"] == {"limit": 0}
    assert counted.body["filter"] == {
        "processDefinitionId": "order",
        "$or": [{"state": {"$in": ["ACTIVE"]}, "parentProcessInstanceKey": {"$exists": False}}],
    }


@pytest.mark.parametrize(("said", "exit_code", "sent"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0)])
def test_on_a_terminal_a_person_is_asked(
    said: str, exit_code: int, sent: int, engine: FakeEngine, retold: Retold, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers("POST", "/process-instances/search", page(total=7))
    engine.answers("POST", CANCELLATION, CREATED)
    monkeypatch.setattr("sys.stdin", Keyboard(said))
    ran = retold("batch", "cancel", "--process-id", "order")
    assert ran.exit_code == exit_code
    assert "7 process instances match now" in ran.errors
    assert len(engine.bodies(CANCELLATION)) == sent


def test_the_request_is_shown_and_not_sent(engine: FakeEngine, retold: Retold) -> None:
    ran = retold("batch", "resolve-incidents", "--error-message", "card*", "--show-request")
    head, _, body = ran.output.partition("\n\n")
    assert head == f"POST {engine.url}/process-instances/incident-resolution\nContent-Type: application/json"
    assert json.loads(body) == {"filter": {"errorMessage": {"$like": "card*"}}}
    as_json = json.loads(retold("batch", "cancel", "--key", "1", "--show-request", "--json").output)
    assert as_json == {
        "method": "POST",
        "url": f"{engine.url}{CANCELLATION}",
        "body": {"filter": {"processInstanceKey": "1"}},
    }
    assert engine.asked == []


def test_an_empty_filter_is_refused(engine: FakeEngine, retold: Retold) -> None:
    ran = retold("batch", "cancel", "--yes")
    assert ran.exit_code == 2
    assert "expected at least one condition" in ran.errors
    assert engine.asked == []


def test_conditions_of_incidents() -> None:
    operation = msgspec.structs.replace(cancel_process_instance.OPERATION, selects=Selects(entity="INCIDENT"))
    assert conditions_of(operation) == {"hasIncident": True}


@pytest.mark.parametrize(
    ("command", "path"), [("suspend", "suspension"), ("resume", "resumption"), ("abort", "cancellation")]
)
def test_management(command: str, path: str, engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", f"/batch-operations/42/{path}", Answer(status=204))
    ran = retold("batch", command, "42", "--json")
    assert json.loads(ran.output) == {"batchOperationKey": "42", "accepted": path}
    assert ran.exit_code == 0
    assert retold("batch", command, "43").exit_code == 1


def test_list_and_show(engine: FakeEngine, retold: Retold) -> None:
    failed = [{"partitionId": 2, "type": "QUERY_FAILED", "message": "no"}]
    document = batch("42", "ACTIVE", total=10, completed=5, failed=1, operationsSkippedCount=2, errors=failed)
    engine.answers("POST", "/batch-operations/search", page(document))
    engine.answers("GET", "/batch-operations/42", Answer(document))
    listed = retold("batch", "list", "--state", "active", "--type", "cancel_process_instance")
    assert listed.output.splitlines()[1].split()[:6] == ["42", "CANCEL_PROCESS_INSTANCE", "ACTIVE", "10", "5", "1"]
    assert engine.bodies("/batch-operations/search")[0]["filter"] == {
        "state": "ACTIVE",
        "operationType": "CANCEL_PROCESS_INSTANCE",
    }
    lines = [line.partition("  ") for line in retold("batch", "show", "42").output.splitlines()]
    values = {name: value.strip() for name, _, value in lines}
    assert values["Completed"] == "3"
    assert values["Skipped"] == "2"
    assert values["Pending"] == "4"
    assert values["Error on partition 2"] == "QUERY_FAILED: no"
    assert json.loads(retold("batch", "show", "42", "--json").output) == document


def test_items_of_a_state(engine: FakeEngine, retold: Retold) -> None:
    item = {
        "itemKey": "7",
        "processInstanceKey": "7",
        "state": "FAILED",
        "processedDate": "2026-01-01T00:00:00.000Z",
        "errorMessage": "NOT_FOUND: gone",
    }
    engine.answers("POST", "/batch-operation-items/search", page(item))
    ran = retold("batch", "items", "42", "--state", "failed")
    assert "NOT_FOUND: gone" in ran.output
    assert engine.bodies("/batch-operation-items/search")[0]["filter"] == {
        "batchOperationKey": "42",
        "state": "FAILED",
    }


def test_items_of_a_batch_operation_that_is_not_there(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/batch-operation-items/search", page())
    engine.answers("GET", "/batch-operations/42", problem(404, "NOT_FOUND", "got 42, which is not known here"))
    ran = retold("batch", "items", "42")
    assert ran.exit_code == 1
    assert "not known here" in ran.errors
