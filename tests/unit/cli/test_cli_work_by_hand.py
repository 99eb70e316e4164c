"""Jobs, user tasks, incidents, variables and instances by hand: what is asked of the engine, and what is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli_engine import Answer, FakeEngine, Retold, page

DONE = Answer(status=204)


@pytest.mark.parametrize(
    ("line", "method", "path", "body"),
    [
        (
            "jobs throw-error 9 REFUSED --message why",
            *("POST", "/jobs/9/error"),
            {"errorCode": "REFUSED", "errorMessage": "why", "variables": {}},
        ),
        ("jobs update 9 --retries 3", "PATCH", "/jobs/9", {"changeset": {"retries": 3}}),
        ("jobs update 9 --timeout 2", "PATCH", "/jobs/9", {"changeset": {"timeout": 2000}}),
        ("incidents resolve 9", "POST", "/incidents/9/resolution", {}),
        ("instances cancel 9", "POST", "/process-instances/9/cancellation", {}),
        (
            "instances cancel 9 --skip-subprocesses",
            "POST",
            "/process-instances/9/cancellation",
            {"skipSubprocesses": True},
        ),
        ("instances suspend 9", "POST", "/process-instances/9/suspension", {}),
        ("instances resume 9", "POST", "/process-instances/9/resumption", {}),
        (
            "instances modify 9 --move a=b --begin c --end d",
            *("POST", "/process-instances/9/modification"),
            {
                "moveInstructions": [
                    {
                        "sourceElementInstruction": {"sourceType": "byId", "sourceElementId": "a"},
                        "targetElementId": "b",
                        "ancestorScopeInstruction": {"ancestorScopeType": "inferred"},
                    }
                ],
                "activateInstructions": [{"elementId": "c"}],
                "terminateInstructions": [{"elementId": "d"}],
            },
        ),
        ("instances delete 9", "POST", "/process-instances/9/deletion", {}),
        ("instances delete 9 --reason old", "POST", "/process-instances/9/deletion", {"reason": "old"}),
        (
            'instances activate 9 a b --variables {"n":1} --cancel-remaining',
            *("POST", "/element-instances/ad-hoc-activities/9/activation"),
            {
                "elements": [{"elementId": "a", "variables": {"n": 1}}, {"elementId": "b", "variables": {"n": 1}}],
                "cancelRemainingInstances": True,
            },
        ),
        (
            'jobs complete 9 --result {"isCompletionConditionFulfilled":true}',
            *("POST", "/jobs/9/completion"),
            {"variables": {}, "result": {"isCompletionConditionFulfilled": True}},
        ),
        ("jobs update 9 --priority -5", "PATCH", "/jobs/9", {"changeset": {"priority": -5}}),
        (
            'variables set 9 {"a":1} --local',
            *("PUT", "/element-instances/9/variables"),
            {"variables": {"a": 1}, "local": True},
        ),
        (
            "user-tasks assign 9 ann --action take",
            *("POST", "/user-tasks/9/assignment"),
            {"assignee": "ann", "allowOverride": True, "action": "take"},
        ),
        (
            "user-tasks assign 9 ann --keep",
            *("POST", "/user-tasks/9/assignment"),
            {"assignee": "ann", "allowOverride": False},
        ),
        ("user-tasks unassign 9", "DELETE", "/user-tasks/9/assignee", {}),
        ('user-tasks complete 9 --variables {"a":1}', "POST", "/user-tasks/9/completion", {"variables": {"a": 1}}),
        (
            "user-tasks update 9 --priority 80 --candidate-group a --candidate-group b --due 2030-01-01T00:00:00Z",
            *("PATCH", "/user-tasks/9"),
            {
                "changeset": {"priority": 80, "candidateGroups": ["a", "b"], "dueDate": "2030-01-01T00:00:00Z"},
            },
        ),
    ],
)
def test_what_is_asked(
    engine: FakeEngine, retold: Retold, line: str, method: str, path: str, body: dict[str, Any]
) -> None:
    engine.answers(method, path, DONE)
    ran = retold(*line.split())
    assert (ran.exit_code, ran.errors) == (0, "")
    assert ran.output.splitlines()[0].split()[-1] == "9"
    assert [(asked.method, asked.path, asked.body) for asked in engine.asked] == [(method, path, body)]
    accepted = json.loads(retold(*line.split(), "--json").output)
    assert set(accepted) >= {"accepted"}
    assert "9" in accepted.values()


def test_a_restart_tells_the_new_instance(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/process-instances/9/restart", Answer({"processInstanceKey": "12"}))
    line = "instances restart 9 --begin a --after b --initial-variables --without-business-id"
    assert retold(*line.split()).output.split() == ["Process", "instance", "12", "Restarts", "9"]
    assert json.loads(retold(*line.split(), "--json").output) == {"processInstanceKey": "12"}
    assert engine.asked[0].body == {
        "startInstructions": [{"elementId": "a"}, {"afterElementId": "b"}],
        "initialVariables": True,
        "withoutBusinessId": True,
    }


@pytest.mark.parametrize("line", ["jobs update 9", "user-tasks update 9", "variables set 9 [1]"])
def test_what_makes_no_sense_is_not_asked(engine: FakeEngine, retold: Retold, line: str) -> None:
    assert retold(*line.split()).exit_code == 2
    assert engine.asked == []


@pytest.mark.parametrize(
    ("line", "path", "wanted"),
    [
        ("jobs list --type ship --state failed", "/jobs", {"type": "ship", "state": "FAILED"}),
        ("jobs list --instance 7", "/jobs", {"processInstanceKey": "7"}),
        ("user-tasks list --assignee ann", "/user-tasks", {"state": "CREATED", "assignee": "ann"}),
        (
            "user-tasks list --group a --instance 7",
            *("/user-tasks", {"state": "CREATED", "candidateGroup": "a", "processInstanceKey": "7"}),
        ),
        ("variables list 7 --name a", "/variables", {"processInstanceKey": "7", "name": "a"}),
    ],
)
def test_what_is_searched(engine: FakeEngine, retold: Retold, line: str, path: str, wanted: dict[str, str]) -> None:
    item = {"jobKey": "9", "userTaskKey": "9", "variableKey": "9", "candidateGroups": ["a", "b"]}
    engine.answers("POST", f"{path}/search", page(item, total=3))
    ran = retold(*line.split())
    assert ran.exit_code == 0
    assert ran.output.splitlines()[1].startswith("9")
    assert ran.errors == "1 of 3\n"
    assert engine.asked[0].body["filter"] == wanted
    assert json.loads(retold(*line.split(), "--json").output)["items"] == [item]


def test_the_url_may_come_first(engine: FakeEngine, retold: Retold, monkeypatch: pytest.MonkeyPatch) -> None:
    url = engine.url
    monkeypatch.setenv("RETOLD_URL", "http://127.0.0.1:1")
    engine.answers("POST", "/jobs/search", page())
    assert retold("jobs", "list").exit_code == 3
    assert retold("--url", url, "jobs", "list").exit_code == 0


def element(key: str, name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "elementInstanceKey": key,
        "elementId": name,
        "type": kind,
        "state": "ACTIVE",
        "startDate": "START",
        "endDate": None,
        **more,
    }


@pytest.fixture
def tree(engine: FakeEngine) -> FakeEngine:
    instance = {
        "processInstanceKey": "1",
        "processDefinitionId": "order",
        "processDefinitionVersion": 2,
        "state": "ACTIVE",
        "startDate": "START",
        "endDate": None,
    }
    engine.answers("GET", "/process-instances/1", Answer(instance))
    start = element("2", "start", "START_EVENT", state="COMPLETED", endDate="END")
    engine.answers(
        "POST",
        "/element-instances/search",
        page(total=4),
        page(start, element("3", "sub", "SUB_PROCESS"), element("7", "call", "CALL_ACTIVITY")),
        page(element("4", "ship", "SERVICE_TASK")),
    )
    job = {"jobKey": "5", "elementInstanceKey": "4", "type": "work", "state": "FAILED", "retries": 0, "worker": "w"}
    incident = {
        "incidentKey": "6",
        "elementInstanceKey": "4",
        "errorType": "JOB_NO_RETRIES",
        "errorMessage": "no\nmoney" + "!" * 200,
        "state": "ACTIVE",
    }
    engine.answers("POST", "/jobs/search", page(job))
    engine.answers("POST", "/user-tasks/search", page())
    engine.answers("POST", "/incidents/search", page(incident))
    variables = [{"name": "n", "value": "1", "scopeKey": "1"}, {"name": "in", "value": '"x"', "scopeKey": "3"}]
    engine.answers("POST", "/variables/search", page(*variables))
    called = {**instance, "processInstanceKey": "8", "processDefinitionId": "bill", "parentElementInstanceKey": "7"}
    engine.answers("POST", "/process-instances/search", page(called))
    return engine


def test_an_instance_is_a_tree(tree: FakeEngine, retold: Retold) -> None:
    ran = retold("instances", "show", "1")
    assert ran.exit_code == 0
    lines = ran.output.splitlines()
    assert lines[:-1] == [
        "order version 2 ACTIVE 1  START",
        "├─ n = 1",
        "├─ start (start event) COMPLETED 2  START to END",
        "├─ sub (sub process) ACTIVE 3  START",
        '│  ├─ in = "x"',
        "│  └─ ship (service task) ACTIVE 4  START",
        "│     ├─ job work FAILED 5, retries 0, worker w",
        lines[-3],
        "└─ call (call activity) ACTIVE 7  START",
    ]
    assert lines[-3].startswith("│     └─ incident ACTIVE 6 JOB_NO_RETRIES: no money!!!")
    assert lines[-3].endswith("…")
    assert lines[-1] == "   └─ calls bill version 2 ACTIVE 8  START"
    assert tree.bodies("/process-instances/search")[0]["filter"] == {"parentProcessInstanceKey": "1"}
    scopes = [body["filter"].get("elementInstanceScopeKey") for body in tree.bodies("/element-instances/search")]
    assert scopes == [None, "1", "3"]


def test_a_tree_as_json(tree: FakeEngine, retold: Retold) -> None:
    document = json.loads(retold("instances", "show", "1", "--json").output)
    assert document["processInstanceKey"] == "1"
    assert document["leftOut"] == 0
    inner = document["elementInstances"][1]["elementInstances"][0]
    assert (inner["elementId"], inner["jobs"][0]["jobKey"]) == ("ship", "5")
    assert document["elementInstances"][2]["calledProcessInstances"][0]["processInstanceKey"] == "8"


def test_a_tree_is_cut_at_the_limit(tree: FakeEngine, retold: Retold) -> None:
    tree.answers("POST", "/element-instances/search", page(total=700), page(element("2", "start", "START_EVENT")))
    ran = retold("instances", "show", "1", "--limit", "1")
    assert ran.errors == "699 more elements; see them with --limit\n"
