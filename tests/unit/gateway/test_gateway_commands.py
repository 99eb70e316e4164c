"""Commands about one thing: what reaches the log, and what is refused before it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.record import first_key
from engine.records.ad_hoc_sub_process_instruction import ActivateElement
from engine.records.process_instance_migration import MappingInstruction
from tests.unit.gateway.fakes import World, happens
from tests.unit.gateway.test_gateway_routes import KEY, MANAGEMENT, run

COMMANDS: list[tuple[str, str, Any, str, str, str, dict[str, object]]] = [
    ("POST", "/process-instances/{key}/cancellation", None, "PROCESS_INSTANCE", "CANCEL", "ELEMENT_TERMINATING", {}),
    ("POST", "/jobs/{key}/completion", None, "JOB", "COMPLETE", "COMPLETED", {"variables": "{}"}),
    (
        "POST",
        "/jobs/{key}/completion",
        {"variables": {"a": 1}},
        "JOB",
        "COMPLETE",
        "COMPLETED",
        {"variables": '{"a":1}'},
    ),
    (
        "POST",
        "/jobs/{key}/failure",
        {"retries": 2, "errorMessage": "no", "retryBackOff": 5},
        "JOB",
        "FAIL",
        "FAILED",
        {"retries": 2, "error_message": "no", "retry_backoff": 5},
    ),
    ("POST", "/jobs/{key}/error", {"errorCode": "E"}, "JOB", "THROW_ERROR", "ERROR_THROWN", {"error_code": "E"}),
    (
        "PATCH",
        "/jobs/{key}",
        {"changeset": {"retries": 3, "timeout": None}},
        "JOB",
        "UPDATE",
        "UPDATED",
        {"retries": 3, "changed_attributes": ("retries",)},
    ),
    (
        "PATCH",
        "/jobs/{key}",
        {"changeset": {"priority": -4, "timeout": 9}},
        "JOB",
        "UPDATE",
        "UPDATED",
        {"priority": -4, "timeout": 9, "changed_attributes": ("timeout", "priority")},
    ),
    ("POST", "/incidents/{key}/resolution", None, "INCIDENT", "RESOLVE", "RESOLVED", {}),
    (
        "PUT",
        "/element-instances/{key}/variables",
        {"variables": {"b": 2}, "local": True},
        "VARIABLE_DOCUMENT",
        "UPDATE",
        "UPDATED",
        {"variables": '{"b":2}', "local": True, "scope_key": KEY},
    ),
    (
        "POST",
        "/user-tasks/{key}/completion",
        {"action": "approve"},
        "USER_TASK",
        "COMPLETE",
        "COMPLETED",
        {"action": "approve", "variables": "{}"},
    ),
    (
        "POST",
        "/jobs/{key}/completion",
        {"businessId": "order 7"},
        "JOB",
        "COMPLETE",
        "COMPLETED",
        {"business_id": "order 7", "variables": "{}"},
    ),
    (
        "POST",
        "/jobs/{key}/completion",
        {
            "variables": {"a": 1},
            "result": {
                "type": "adHocSubProcess",
                "activateElements": [{"elementId": "tool", "variables": {"b": 2}}, {"elementId": "tool"}],
                "isCancelRemainingInstances": True,
            },
        },
        "JOB",
        "COMPLETE",
        "COMPLETED",
        {
            "variables": '{"a":1}',
            "result": '{"activateElements":[{"elementId":"tool","variables":{"b":2}},'
            '{"elementId":"tool","variables":{}}],"isCompletionConditionFulfilled":false,"isCancelRemainingInstances":true}',
        },
    ),
    ("POST", "/jobs/{key}/completion", {"result": {}}, "JOB", "COMPLETE", "COMPLETED", {"result": ""}),
    (
        "POST",
        "/element-instances/ad-hoc-activities/{key}/activation",
        {"elements": [{"elementId": "a"}, {"elementId": "b", "variables": {"n": 1}}], "cancelRemainingInstances": True},
        "AD_HOC_SUB_PROCESS_INSTRUCTION",
        "ACTIVATE",
        "ACTIVATED",
        {
            "activate_elements": (
                ActivateElement(element_id="a"),
                ActivateElement(element_id="b", variables='{"n":1}'),
            ),
            "cancel_remaining_instances": True,
        },
    ),
    (
        "POST",
        "/process-instances/{key}/business-id-assignment",
        {"businessId": "order 7"},
        "PROCESS_INSTANCE_BUSINESS_ID",
        "ASSIGN",
        "ASSIGNED",
        {"business_id": "order 7"},
    ),
    (
        "POST",
        "/process-instances/{key}/migration",
        {"targetProcessDefinitionKey": "7", "mappingInstructions": [{"sourceElementId": "a", "targetElementId": "b"}]},
        "PROCESS_INSTANCE_MIGRATION",
        "MIGRATE",
        "MIGRATED",
        {
            "target_process_definition_key": 7,
            "mapping_instructions": (MappingInstruction(source_element_id="a", target_element_id="b"),),
            "process_instance_key": KEY,
        },
    ),
    (
        "POST",
        "/user-tasks/{key}/assignment",
        {"assignee": "ada", "allowOverride": None},
        "USER_TASK",
        "ASSIGN",
        "ASSIGNED",
        {"assignee": "ada", "action": "assign"},
    ),
    (
        "POST",
        "/user-tasks/{key}/assignment",
        {"assignee": "ada", "allowOverride": False, "action": "take"},
        "USER_TASK",
        "CLAIM",
        "ASSIGNED",
        {"assignee": "ada", "action": "take"},
    ),
    (
        "DELETE",
        "/user-tasks/{key}/assignee",
        None,
        "USER_TASK",
        "ASSIGN",
        "ASSIGNED",
        {"assignee": "", "action": "unassign"},
    ),
    (
        "PATCH",
        "/user-tasks/{key}",
        {"changeset": {"candidateGroups": [], "dueDate": "", "followUpDate": "2030-01-02T03:04:05Z", "priority": None}},
        "USER_TASK",
        "UPDATE",
        "UPDATED",
        {
            "candidate_groups": (),
            "due_date": "",
            "follow_up_date": "2030-01-02T03:04:05Z",
            "changed_attributes": ("candidateGroupsList", "dueDate", "followUpDate"),
            "action": "update",
        },
    ),
    (
        "PATCH",
        "/user-tasks/{key}",
        {"action": "look"},
        "USER_TASK",
        "UPDATE",
        "UPDATED",
        {"changed_attributes": (), "action": "look"},
    ),
    (
        "POST",
        "/batch-operations/{key}/suspension",
        None,
        MANAGEMENT,
        "SUSPEND",
        "SUSPENDED",
        {"batch_operation_key": KEY},
    ),
    ("POST", "/batch-operations/{key}/resumption", None, MANAGEMENT, "RESUME", "RESUMED", {"batch_operation_key": KEY}),
    (
        "POST",
        "/batch-operations/{key}/cancellation",
        None,
        MANAGEMENT,
        "CANCEL",
        "CANCELING",
        {"batch_operation_key": KEY},
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "value_type", "intent", "done", "fields"), COMMANDS)
def test_a_command_about_a_key(
    method: str, path: str, body: Any, value_type: str, intent: str, done: str, fields: dict[str, object]
) -> None:
    async def scenario(it: World) -> None:
        url = "/v2" + path.format(key=KEY)
        response = await it.client.request(method, url, json=body)
        assert (response.status_code, response.content) == (204, b"")
        ((partition, wish),) = it.engine.commands
        assert (partition, wish.key, wish.value_type, wish.intent) == (2, KEY, value_type, intent)
        assert {name: getattr(wish.value, name) for name in fields} == fields
        # a key of no partition is unknown, one that is no number is malformed
        unknown = await it.client.request(method, "/v2" + path.format(key=first_key(9)), json=body)
        malformed = await it.client.request(method, "/v2" + path.format(key="abc"), json=body)
        assert (unknown.status_code, unknown.json()["title"], malformed.status_code) == (404, "NOT_FOUND", 400)
        assert len(it.engine.commands) == 1

    run(scenario, {(value_type, intent): happens(done)})


@pytest.mark.parametrize(
    ("method", "path", "body", "problems"),
    [
        ("POST", "/user-tasks/7/assignment", {"allowOverride": "no"}, ["assignee", "allowOverride"]),
        ("POST", "/user-tasks/7/assignment", {"assignee": " ", "action": ""}, ["assignee", "action"]),
        ("POST", "/user-tasks/7/assignment", {"assignee": "a" * 257}, ["assignee"]),
        ("PATCH", "/user-tasks/7", {}, ["changeset"]),
        ("PATCH", "/user-tasks/7", {"changeset": {"priority": None}}, ["changeset"]),
        (
            "PATCH",
            "/user-tasks/7",
            {
                "changeset": {
                    "priority": 101,
                    "dueDate": "2030-01-02",
                    "followUpDate": 7,
                    "candidateUsers": ["ok", "", "a" * 257],
                    "assignee": "ada",
                }
            },
            [
                "changeset.assignee",
                "changeset.priority",
                "changeset.dueDate",
                "changeset.followUpDate",
                "changeset.candidateUsers[1]",
                "changeset.candidateUsers[2]",
            ],
        ),
        ("PATCH", "/user-tasks/7", {"changeset": {"dueDate": "2030-02-30T03:04:05Z"}}, ["changeset.dueDate"]),
        ("PATCH", "/user-tasks/7", {"changeset": {"dueDate": "2030-01-02T03:04:05"}}, ["changeset.dueDate"]),
        ("POST", "/process-instances/7/business-id-assignment", {"businessId": ""}, ["businessId"]),
        ("POST", "/process-instances/7/business-id-assignment", {"businessId": "b" * 257}, ["businessId"]),
        ("POST", "/process-instances/7/cancellation", {"operationReference": 0}, ["operationReference"]),
    ],
)
def test_all_that_is_wrong_with_a_command_is_told(method: str, path: str, body: Any, problems: list[str]) -> None:
    async def scenario(it: World) -> None:
        response = await it.client.request(method, f"/v2{path}", json=body)
        assert response.status_code == 400
        assert [problem.split(":")[0] for problem in response.json()["problems"]] == problems
        assert it.engine.commands == []

    run(scenario)
