"""`batch`: creation from the table of operations, management, items."""

from __future__ import annotations

import io
import json
from typing import get_origin

import msgspec
import pytest
from cli_engine import Answer, FakeEngine, Retold, batch, page, problem
from msgspec import Struct

from engine.batch.operation import Operation
from engine.cli.batch_creation import command_name, creation_command, parameter_options, snake_to_camel
from engine.operations import OPERATIONS, cancel_process_instance
from gateway.selection import KEY_PROPERTIES

CANCELLATION = "/process-instances/cancellation"
PREVIEW = "/batch-operations/preview"
CREATED = Answer({"batchOperationKey": "42", "batchOperationType": "CANCEL_PROCESS_INSTANCE"})


#: Names that operations cannot have.
MANAGEMENT = ("suspend", "resume")


@pytest.mark.parametrize(
    ("operation", "taken", "expected"),
    [
        ("CANCEL_PROCESS_INSTANCE", (), "cancel"),
        ("RESOLVE_INCIDENT", (), "resolve-incidents"),
        ("UPDATE_JOB", (), "update-jobs"),
        ("RESTART_PROCESS_INSTANCE", (), "restart"),
        ("SET_VARIABLES", (), "set-variables"),
        ("DELETE_PROCESS_INSTANCE", (), "delete-process-instances"),
        ("DELETE_DECISION_INSTANCE", (), "delete-decision-instances"),
        ("SUSPEND_PROCESS_INSTANCE", ("suspend",), "suspend-process-instances"),
    ],
)
def test_commands_are_named_after_operations(operation: str, taken: tuple[str, ...], expected: str) -> None:
    assert command_name(operation, taken) == expected


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_every_operation_has_a_command(operation: Operation, engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", operation.path, CREATED)
    name = command_name(operation.name, MANAGEMENT)
    assert operation.help[:30] in retold("batch", "--help").output
    options, needed = required(operation.body or operation.parameters)
    assert retold("batch", name, "--key", "1", *options, "--yes").exit_code == 0
    key = KEY_PROPERTIES[operation.selects.filtered]
    assert engine.bodies(operation.path) == [{"filter": {key: "1"}, **needed}]


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_every_parameter_has_a_help(operation: Operation) -> None:
    for field in msgspec.structs.fields(parameter_options(operation)):
        assert field.type.__metadata__[0].help, f"{operation.name}: expected a help of {field.name}, got none"


def required(body: type[Struct]) -> tuple[list[str], dict[str, object]]:
    """The options of what must be given, with something each, and what they become."""
    options: list[str] = []
    given: dict[str, object] = {}
    for field in (field for field in msgspec.structs.fields(body) if field.required):
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            inner, needed = required(field.type)
            options += inner
            given |= {snake_to_camel(field.name): needed} if needed else {}
        else:
            text = {dict: "{}", list: "[]"}.get(get_origin(field.type), "1")
            options += [f"--{field.name.replace('_', '-')}", text]
            given[snake_to_camel(field.name)] = "1" if text == "1" else json.loads(text)
    return options, given


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
    assert names[names.index("filter") + 1 : names.index("name")] == [
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


def preview(total: int) -> Answer:
    process = {"processDefinitionId": "order", "processDefinitionVersion": 2, "count": total}
    return Answer(
        body={
            "total": total, "withIncidents": 3, "states": [{"state": "ACTIVE", "count": total}],
            "processDefinitions": [process], "unknownIds": ["17"], "unknownCount": 1,
            "request": {"method": "POST", "path": "/v2/there", "body": {}},
        }
    )  # fmt: skip


def test_a_dry_run_asks_nobody(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", CANCELLATION, CREATED)
    assert retold("batch", "cancel", "--process-id", "order", "--dry-run", "--id", "7").exit_code == 0
    assert engine.bodies(CANCELLATION) == [{"filter": {"processDefinitionId": "order"}, "ids": ["7"], "dryRun": True}]


def test_without_a_terminal_nobody_can_be_asked(
    engine: FakeEngine, retold: Retold, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers("POST", PREVIEW, preview(1234))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ran = retold("batch", "cancel", "--process-id", "order")
    assert ran.exit_code == 2
    assert "Cancel process instances. 1,234 process instances match now. Expected --yes" in ran.errors
    for line in ("1,234 order version 2", "1,234 ACTIVE", "3 with incidents", "1 unknown: 17", "POST /v2/there {}"):
        assert f"{line}\n" in ran.errors
    wanted = {"batchOperationType": "CANCEL_PROCESS_INSTANCE", "filter": {"processDefinitionId": "order"}}
    assert engine.bodies(PREVIEW) == [wanted]


@pytest.mark.parametrize(("said", "exit_code", "sent"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0)])
def test_on_a_terminal_a_person_is_asked(
    said: str, exit_code: int, sent: int, engine: FakeEngine, retold: Retold, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers("POST", PREVIEW, preview(7))
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


@pytest.mark.parametrize(
    ("command", "path"), [("suspend", "suspension"), ("resume", "resumption"), ("abort", "cancellation")]
)
def test_management(command: str, path: str, engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", f"/batch-operations/42/{path}", Answer(status=204))
    ran = retold("batch", command, "42", "--json")
    assert json.loads(ran.output) == {"batchOperationKey": "42", "accepted": path}
    assert ran.exit_code == 0
    assert retold("batch", command, "43").exit_code == 1


@pytest.mark.parametrize(("command", "path"), [("suspend", "suspension"), ("resume", "resumption")])
def test_phases_are_managed_alone(command: str, path: str, engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", f"/batch-operations/42/{path}", Answer(status=204))
    assert retold("batch", command, "42", "--phase", "execution", "--phase", "COMPLETION").exit_code == 0
    assert engine.bodies(f"/batch-operations/42/{path}") == [{"phases": ["EXECUTION", "COMPLETION"]}]


def test_incidents(engine: FakeEngine, retold: Retold) -> None:
    item = {"incidentKey": "9", "itemKey": "7", "processInstanceKey": "7", "errorMessage": "NOT_FOUND: gone"}
    engine.answers("POST", "/batch-operation-items/search", page(item))
    engine.answers("POST", "/batch-operations/42/incident-resolution", Answer(status=204))
    engine.answers("POST", "/batch-operations/42/incidents/9/resolution", Answer(status=204))
    assert retold("batch", "incidents", "42").output.splitlines()[1].split()[:3] == ["9", "7", "7"]
    assert retold("batch", "resolve", "42").exit_code == 0
    assert retold("batch", "resolve", "42", "--incident", "9", "--fail").exit_code == 0
    assert engine.bodies("/batch-operations/42/incident-resolution") == [{"resolution": "RETRY"}]
    assert engine.bodies("/batch-operations/42/incidents/9/resolution") == [{"resolution": "FAIL"}]


def test_list_and_show(engine: FakeEngine, retold: Retold) -> None:
    failed = [{"partitionId": 2, "type": "QUERY_FAILED", "message": "no"}]
    document = batch("42", "ACTIVE", total=10, completed=5, failed=1, operationsSkippedCount=2, errors=failed)
    engine.answers("POST", "/batch-operations/search", page(document))
    engine.answers("GET", "/batch-operations/42", Answer(document))
    listed = retold("batch", "list", "--state", "active", "--type", "cancel_process_instance")
    assert listed.output.splitlines()[1].split()[:6] == ["42", "CANCEL_PROCESS_INSTANCE", "ACTIVE", "10", "5", "1"]
    newest_first = [{"field": name, "order": "DESC"} for name in ("creationDate", "batchOperationKey")]
    assert engine.bodies("/batch-operations/search")[0]["sort"] == newest_first
    assert engine.bodies("/batch-operations/search")[0]["filter"] == {
        "state": "ACTIVE",
        "operationType": "CANCEL_PROCESS_INSTANCE",
    }
    retold(
        *(
            "batch",
            "list",
            "--name",
            "night*",
            "--label",
            "a",
            "--label",
            "b c",
            "--reason",
            "asked for",
            "--actor",
            "demo",
        ),
        *("--min-failed", "1", "--created-from", "2026-01-01T00:00:00Z", "--created-until", "2026-02-01T00:00:00Z"),
        *("--ended-from", "2026-01-02T00:00:00Z", "--ended-until", "2026-02-02T00:00:00Z"),
    )
    assert engine.bodies("/batch-operations/search")[1]["filter"] == {
        "name": {"$like": "night*"},
        "labels": ["a", "b c"],
        "reason": "asked for",
        "actorId": "demo",
        "operationsFailedCount": {"$gte": 1},
        "creationDate": {"$gte": "2026-01-01T00:00:00Z", "$lte": "2026-02-01T00:00:00Z"},
        "endDate": {"$gte": "2026-01-02T00:00:00Z", "$lte": "2026-02-02T00:00:00Z"},
    }
    lines = [line.partition("  ") for line in retold("batch", "show", "42").output.splitlines()]
    values = {name: value.strip() for name, _, value in lines}
    assert values["Completed"] == "3"
    assert values["Skipped"] == "2"
    assert values["Pending"] == "4"
    assert values["Error on partition 2"] == "QUERY_FAILED: no"
    assert json.loads(retold("batch", "show", "42", "--json").output) == document


def test_dry_runs_are_told_apart(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/batch-operations/search", page(batch("42", "COMPLETED", dryRun=True)))
    engine.answers("POST", CANCELLATION, CREATED)
    engine.answers("POST", "/batch-operations/41/retry", CREATED)
    marked = "CANCEL_PROCESS_INSTANCE (dry run)"
    assert marked in retold("batch", "list").output
    assert marked in retold("batch", "cancel", "--key", "1", "--dry-run").output
    assert marked in retold("batch", "retry", "41", "--dry-run").output
    assert marked not in retold("batch", "retry", "41").output


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


@pytest.mark.parametrize("command", ["items", "incidents"])
def test_items_of_a_batch_operation_that_is_not_there(command: str, engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/batch-operation-items/search", page())
    engine.answers("GET", "/batch-operations/42", problem(404, "NOT_FOUND", "got 42, which is not known here"))
    ran = retold("batch", command, "42")
    assert ran.exit_code == 1
    assert "not known here" in ran.errors


def test_how_it_shall_run(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", CANCELLATION, CREATED)
    wishes = {"name": "clean-up", "reason": "wrong price", "start-at": "2026-03-02T22:00:00Z", "rate": "2.5"}
    wishes |= {"slice-size": "5", "max-failures": "10", "max-failure-share": "0.5", "retry-items": "3"}
    options = [text for name, value in wishes.items() for text in (f"--{name}", value)]
    repeated = ["--label", "a", "--label", "b", "--exclude", "7", "--start-suspended", "--retry-backoff", "1000"]
    ran = retold("batch", "cancel", "--key", "1", *options, *repeated, "--idempotency-key", "k", "--yes")
    assert ran.exit_code == 0
    assert engine.bodies(CANCELLATION) == [
        {
            "filter": {"processInstanceKey": "1"},
            "name": "clean-up",
            "labels": ["a", "b"],
            "reason": "wrong price",
            "startSuspended": True,
            "startAt": "2026-03-02T22:00:00Z",
            "rate": 2.5,
            "sliceSize": 5,
            "maxFailures": {"count": 10, "share": 0.5},
            "retryPolicy": {"retries": 3, "backoff": 1000},
            "exclude": ["7"],
        }
    ]
    assert retold("batch", "cancel", "--key", "1", "--retry-backoff", "1", "--yes").exit_code == 2


def test_what_has_ended_is_removed(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("DELETE", "/batch-operations/42", Answer(status=204))
    assert json.loads(retold("batch", "remove", "42", "--json").output) == {"batchOperationKey": "42", "deleted": True}
    assert retold("batch", "remove", "43").exit_code == 1


def test_progress_and_log(engine: FakeEngine, retold: Retold) -> None:
    part = {"partitionId": 1, "initializationDate": None, "total": 1200, "pending": 1000, "completed": 190}
    part |= {"failed": 10, "skipped": 0, "canceled": 0, "itemsPerSecond": 20.5}
    part |= {"yieldingSince": "2026-01-01T00:00:00.000Z", "yieldPause": 40}
    part |= {"silentSince": "2026-01-01T00:07:00.000Z"}
    failure = {
        "errorCode": "NOT_FOUND",
        "message": "no instance 7",
        "count": 10,
        "partitionIds": [1],
        "itemKeys": ["7"],
    }
    document = {
        "batchOperationKey": "42",
        "state": "ACTIVE",
        "total": 1200,
        "pending": 1000,
        "itemsPerSecond": 20.5,
        "queue": {"position": 1, "length": 3},
        "end": {"earliest": "2026-01-01T00:00:00.000Z", "latest": "2026-01-01T00:01:00.000Z"},
        "partitions": [part],
        "silentPartitionIds": [1, 3],
        "failures": [failure],
    }
    entry = {"timestamp": "2026-01-01T00:00:00.000Z", "partitionId": 1, "position": 9, "event": "SUSPENDED"}
    engine.answers("GET", "/batch-operations/42/progress", Answer(document))
    engine.answers("GET", "/batch-operations/42/log", Answer({"items": [{**entry, "reason": "too many"}]}))
    shown = retold("batch", "progress", "42").output
    assert "1,000 of 1,200" in shown
    assert "between 2026-01-01T00:00:00.000Z and" in shown
    assert "no instance 7" in shown
    assert "40 ms" in shown
    assert "00:07:00" in shown
    assert "1, 3" in shown
    assert "reason too many" in retold("batch", "log", "42").output
    assert json.loads(retold("batch", "progress", "42", "--json").output) == document
