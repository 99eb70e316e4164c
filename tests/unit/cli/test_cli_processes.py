"""`deploy`, `create`, `instances list`, `incidents`, `jobs`: what is asked of the engine, and what is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli_engine import Answer, FakeEngine, Retold, page, problem

STARTED = "2026-01-01T00:00:00.000Z"


def instance(key: str) -> dict[str, Any]:
    return {
        "processInstanceKey": key,
        "processDefinitionId": "order",
        "processDefinitionVersion": 1,
        "state": "ACTIVE",
        "hasIncident": True,
        "startDate": STARTED,
        "endDate": None,
    }


def test_deploy_sends_all_files_together(engine: FakeEngine, retold: Retold, tmp_path: Path) -> None:
    definition = {
        "processDefinitionId": "order",
        "processDefinitionVersion": 2,
        "processDefinitionKey": "77",
        "resourceName": "a.bpmn",
    }
    engine.answers("POST", "/deployments", Answer({"deployments": [{"processDefinition": definition}]}))
    files = [tmp_path / "a.bpmn", tmp_path / "b.bpmn"]
    for file in files:
        file.write_text(f"<{file.stem}/>")
    ran = retold("deploy", *map(str, files))
    assert ran.exit_code == 0
    assert ran.output.split() == [*["PROCESS", "VERSION", "DEFINITION", "KEY", "FILE"], "order", "2", "77", "a.bpmn"]
    (asked,) = engine.asked
    assert asked.raw.count(b'name="resources"') == 2
    assert b'filename="b.bpmn"' in asked.raw
    assert b"<b/>" in asked.raw


def test_a_refused_deployment_shows_every_line(engine: FakeEngine, retold: Retold, tmp_path: Path) -> None:
    file = tmp_path / "a.bpmn"
    file.touch()
    engine.answers("POST", "/deployments", problem(400, "INVALID_ARGUMENT", "first line\nsecond line"))
    ran = retold("deploy", str(file))
    assert ran.exit_code == 1
    assert ran.output == ""
    assert ran.errors == "error: INVALID_ARGUMENT (400)\n  first line\n  second line\n"


def test_all_problems_of_a_request_are_shown(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/incidents/search", problem(400, "Bad Request", "a; b", problems=["a", "b"]))
    assert retold("incidents", "list").errors == "error: Bad Request (400)\n  a\n  b\n"


def test_an_answer_that_is_no_problem_detail_is_shown(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/incidents/search", Answer("proxy says no", 502))
    ran = retold("incidents", "list")
    assert ran.exit_code == 1
    assert '(502)\n  "proxy says no"' in ran.errors


def test_a_missing_file_is_a_usage_error(retold: Retold) -> None:
    ran = retold("deploy", "/nowhere/a.bpmn")
    assert ran.exit_code == 2
    assert "expected a file /nowhere/a.bpmn" in ran.errors


def test_nobody_at_the_url(retold: Retold) -> None:
    ran = retold("instances", "list", "--url", "http://127.0.0.1:1")
    assert ran.exit_code == 3
    assert "expected an engine at http://127.0.0.1:1/v2" in ran.errors


def test_a_url_that_is_none(retold: Retold) -> None:
    assert retold("instances", "list", "--url", "localhost:8080").exit_code == 2


def test_create_one(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/process-instances", Answer({"processInstanceKey": "5", "processDefinitionVersion": 3}))
    ran = retold("create", "order", "--variables", '{"a": 1}', "--version", "3")
    assert ran.output == "Process instance  5\nProcess           order version 3\n"
    assert engine.bodies("/process-instances") == [
        {"processDefinitionId": "order", "processDefinitionVersion": 3, "variables": {"a": 1}}
    ]


def test_create_many(engine: FakeEngine, retold: Retold) -> None:
    started = {"processInstanceKey": "5", "processDefinitionVersion": 2}
    engine.answers("POST", "/process-instances", Answer(started), Answer({**started, "processInstanceKey": "6"}))
    ran = retold("create", "order", "--count", "200")
    assert ran.exit_code == 0
    assert ran.errors.splitlines()[-1] == "Start order: 200/200"
    assert ran.output.splitlines()[:2] == ["Started  200 of 200", "Process  order version 2"]
    assert [line.split()[0] for line in ran.output.splitlines()[2:]] == ["First", "Last"]
    assert len(engine.asked) == 200
    assert len(retold("create", "order", "--count", "3", "--json").output.splitlines()) == 3


def test_create_waits_when_the_engine_is_busy(engine: FakeEngine, retold: Retold) -> None:
    busy = problem(503, "RESOURCE_EXHAUSTED", "too many")
    again = Answer(busy.body, busy.status, {"Retry-After": "0"})
    engine.answers(
        "POST", "/process-instances", again, again, Answer({"processInstanceKey": "5", "processDefinitionVersion": 1})
    )
    assert retold("create", "order").exit_code == 0
    assert len(engine.asked) == 3


def test_create_ends_at_the_first_refusal(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/process-instances", problem(404, "NOT_FOUND", "no such process"))
    ran = retold("create", "order", "--count", "1000")
    assert ran.exit_code == 1
    assert "no such process" in ran.errors
    assert ran.errors.splitlines()[-1] == "started 0 of 1,000"
    assert len(engine.asked) < 1000


def test_create_says_what_is_known_when_an_outcome_is_not(engine: FakeEngine, retold: Retold) -> None:
    started = Answer({"processInstanceKey": "5", "processDefinitionVersion": 2})
    engine.answers("POST", "/process-instances", *[started] * 100, problem(504, "DEADLINE_EXCEEDED", "no outcome"))
    ran = retold("create", "order", "--count", "1000")
    assert ran.exit_code == 1
    assert ran.output.startswith("Started  100 of 1,000\n")
    unknown = len(engine.asked) - 100
    assert ran.errors.splitlines()[-1].startswith(f"started 100 of 1,000; of {unknown} more it is unknown")
    as_json = retold("create", "order", "--count", "5", "--json")
    assert (as_json.exit_code, as_json.output) == (1, "")


def test_variables_must_be_an_object(retold: Retold) -> None:
    ran = retold("create", "order", "--variables", "[1]")
    assert ran.exit_code == 2
    assert "--variables: expected JSON" in ran.errors


def test_instances_are_shown_in_columns(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/process-instances/search", page(instance("11"), instance("1"), total=10_000, more=True))
    ran = retold("instances", "list", "--process-id", "order", "--limit", "2")
    lines = ran.output.splitlines()
    assert lines[0].split() == ["PROCESS", "INSTANCE", "PROCESS", "VERSION", "STATE", "INCIDENT", "STARTED", "ENDED"]
    assert lines[1].split() == ["11", "order", "1", "ACTIVE", "yes", STARTED]
    assert ran.errors == "2 of 10,000+\n"
    assert engine.bodies("/process-instances/search") == [
        {
            "filter": {"processDefinitionId": "order"},
            "sort": [{"field": "startDate", "order": "DESC"}, {"field": "processInstanceKey", "order": "DESC"}],
            "page": {"limit": 2},
        }
    ]


def test_pages_are_read_through(engine: FakeEngine, retold: Retold) -> None:
    full = [instance(str(key)) for key in range(10_000)]
    engine.answers(
        "POST",
        "/process-instances/search",
        page(*full, total=10_002, cursor="there"),
        page(instance("a"), instance("b"), total=10_002, cursor="end"),
    )
    ran = retold("instances", "list", "--limit", "20000", "--json")
    document = json.loads(ran.output)
    assert [item["processInstanceKey"] for item in document["items"][-2:]] == ["a", "b"]
    assert len(document["items"]) == 10_002
    assert document["page"] == {"totalItems": 10_002, "hasMoreTotalItems": False}
    pages = [body["page"] for body in engine.bodies("/process-instances/search")]
    assert pages == [{"limit": 10_000}, {"limit": 10_000, "after": "there"}]


def test_incidents_are_active_ones_unless_told(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/incidents/search", page())
    assert retold("incidents", "list").exit_code == 0
    retold("incidents", "list", "--state", "", "--instance", "7", "--error-type", "job_no_retries")
    filters = [body.get("filter") for body in engine.bodies("/incidents/search")]
    assert filters == [{"state": "ACTIVE"}, {"processInstanceKey": "7", "errorType": "JOB_NO_RETRIES"}]


def test_jobs_by_hand(engine: FakeEngine, retold: Retold) -> None:
    job = {
        "jobKey": "9",
        "processInstanceKey": "5",
        "elementId": "ship",
        "retries": 3,
        "variables": {"a": 1, "b": None},
    }
    engine.answers("POST", "/jobs/activation", Answer({"jobs": [job]}))
    engine.answers("POST", "/jobs/9/completion", Answer(status=204))
    engine.answers("POST", "/jobs/9/failure", Answer(status=204))
    assert retold("jobs", "activate", "ship", "--count", "5").output.splitlines()[1].split() == [
        *("9", "5", "ship", "3", "a=1", "b=null")
    ]
    assert retold("jobs", "complete", "9", "--variables", '{"done": true}').exit_code == 0
    ran = retold("jobs", "fail", "9", "--retries", "2", "--message", "why", "--back-off", "3", "--json")
    assert json.loads(ran.output) == {"jobKey": "9", "accepted": "failure"}
    assert [asked.body for asked in engine.asked] == [
        {"type": "ship", "timeout": 300_000, "maxJobsToActivate": 5, "worker": "retold-cli", "requestTimeout": -1},
        {"variables": {"done": True}},
        {"retries": 2, "errorMessage": "why", "retryBackOff": 3000, "variables": {}},
    ]
