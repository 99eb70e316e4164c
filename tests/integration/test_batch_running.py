"""How batch operations run and what they tell, over HTTP: what Camunda 8 does not have, so without its client."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from camunda_orchestration_sdk import CamundaClient

from tests.integration.installation import Installation
from tests.integration.official_client import create, instances

CANCELLATION = "/process-instances/cancellation"
WAIT = {"wait": "30"}


@pytest.fixture
def http(installation: Installation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{installation.url}/v2", timeout=60) as connected:
        yield connected


def answer_of(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, response.text
    return dict(response.json()) if response.content else {}


def ended(http: httpx.Client, key: str) -> dict[str, Any]:
    """The batch operation once it has ended, by long polls."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        document = answer_of(http.get(f"/batch-operations/{key}", params=WAIT))
        if document["endDate"] is not None:
            return document
    raise AssertionError(f"expected batch operation {key} to end, got {document}")


def several(client: CamundaClient, name: str, count: int) -> list[str]:
    keys = [str(create(client, name)) for _ in range(count)]
    instances(client, {"processDefinitionId": name}, count)
    return keys


def test_a_rate_is_kept_and_changed(http: httpx.Client, client: CamundaClient, name: str) -> None:
    several(client, name, 20)
    wish = {"filter": {"processDefinitionId": name}, "name": name, "labels": ["a"], "rate": 0.01, "sliceSize": 1}
    key = answer_of(http.post(CANCELLATION, json=wish))["batchOperationKey"]
    place = f"/batch-operations/{key}"
    while answer_of(http.get(place, params=WAIT))["operationsCompletedCount"] == 0:
        pass
    document = answer_of(http.get(place))
    assert (document["name"], document["labels"], document["rate"]) == (name, ["a"], 0.01)
    assert document["operationsCompletedCount"] <= 2
    answer_of(http.patch(place, json={"rate": 0}))
    assert ended(http, key)["operationsCompletedCount"] == 20
    progress = answer_of(http.get(f"{place}/progress"))
    assert (progress["pending"], [part["partitionId"] for part in progress["partitions"]]) == (0, [1, 2])
    events = {entry["event"] for entry in answer_of(http.get(f"{place}/log"))["items"]}
    assert {"CREATED", "INITIALIZED", "UPDATED", "PARTITION_COMPLETED", "COMPLETED"} <= events
    found = answer_of(http.post("/batch-operations/search", json={"filter": {"name": name}}))["items"]
    assert [one["batchOperationKey"] for one in found] == [key]


def items_found(http: httpx.Client, wish: dict[str, Any], count: int) -> str:
    """The key of a cancellation that has found its items, and is to be resumed before it executes any."""
    key: str = answer_of(http.post(CANCELLATION, json={**wish, "startSuspended": True}))["batchOperationKey"]
    place = f"/batch-operations/{key}"
    answer_of(http.post(f"{place}/resumption", json={"phases": ["INITIALIZATION"]}))
    while answer_of(http.get(place, params=WAIT))["operationsTotalCount"] < count:
        pass
    return key


def test_what_failed_is_retried_and_what_has_ended_deleted(
    http: httpx.Client, client: CamundaClient, name: str
) -> None:
    keys = several(client, name, 4)
    wish = {"filter": {"processDefinitionId": name}, "exclude": keys[3:], "maxFailures": {"count": 1}}
    key = items_found(http, wish, 3)
    place = f"/batch-operations/{key}"
    for gone in keys[:2]:
        answer_of(http.post(f"/process-instances/{gone}/cancellation", json={}))
    answer_of(http.post(f"{place}/resumption"))
    while (document := answer_of(http.get(place, params=WAIT)))["state"] != "SUSPENDED":
        pass
    assert document["suspensionReason"].startswith("expected fewer than 1 failed items, got")
    while document["endDate"] is None:
        if document["state"] == "SUSPENDED":
            http.post(f"{place}/resumption")
        document = answer_of(http.get(place, params={"wait": "1"}))
    assert (document["operationsCompletedCount"], document["operationsFailedCount"]) == (1, 2)
    (failure,) = answer_of(http.get(f"{place}/progress"))["failures"]
    assert (failure["errorCode"], failure["count"], sorted(failure["itemKeys"])) == ("NOT_FOUND", 2, sorted(keys[:2]))
    child = answer_of(http.post(f"{place}/retry"))["batchOperationKey"]
    retried = ended(http, child)
    assert (retried["operationsTotalCount"], retried["parentBatchOperationKey"]) == (2, key)
    assert answer_of(http.get(place))["childBatchOperationKeys"] == [child]
    assert http.post(f"{place}/suspension").status_code == 409
    answer_of(http.delete(place))
    while http.get(place).status_code != 404:
        pass
    assert http.delete(place).status_code == 404
    items = {"filter": {"batchOperationKey": key}}
    while answer_of(http.post("/batch-operation-items/search", json=items))["items"]:
        pass  # those of another partition than the leading one may go a moment later


def test_changes_are_told_as_they_happen(http: httpx.Client, client: CamundaClient, name: str) -> None:
    several(client, name, 2)
    wish = {"filter": {"processDefinitionId": name}, "startSuspended": True}
    key = answer_of(http.post(CANCELLATION, json=wish))["batchOperationKey"]
    assert answer_of(http.get(f"/batch-operations/{key}", params=WAIT))["state"] == "SUSPENDED"
    states = []
    with http.stream("GET", f"/batch-operations/{key}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                states.append(json.loads(line.removeprefix("data: "))["state"])
            if states == ["SUSPENDED"]:
                answer_of(http.post(f"/batch-operations/{key}/resumption"))
                states.append("resumed")
    assert (states[0], states[-1]) == ("SUSPENDED", "COMPLETED")


def test_nothing_matched_and_that_is_said(http: httpx.Client, name: str) -> None:
    wish = {"filter": {"processDefinitionId": name}}
    headers = {"Idempotency-Key": f"nothing of {name}"}
    key = answer_of(http.post(CANCELLATION, json=wish, headers=headers))["batchOperationKey"]
    assert ended(http, key)["warning"].startswith("nothing matched")
    again = http.post(CANCELLATION, json=wish, headers=headers)
    assert (again.status_code, key in again.json()["detail"]) == (409, True)


def test_phases_and_pauses(http: httpx.Client, client: CamundaClient, name: str) -> None:
    several(client, name, 2)
    now = datetime.now(UTC)
    window = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M}"
    wish = {"filter": {"processDefinitionId": name}, "pauseWindows": [window]}
    key = answer_of(http.post(CANCELLATION, json=wish))["batchOperationKey"]
    place = f"/batch-operations/{key}"
    while (document := answer_of(http.get(place, params=WAIT)))["pausedUntil"] is None:
        pass
    assert document["pauseWindows"] == [window]
    assert answer_of(http.get(f"{place}/progress"))["queue"]["length"] >= 1
    answer_of(http.post(f"{place}/suspension", json={"phases": ["EXECUTION"]}))
    while (document := answer_of(http.get(place, params=WAIT)))["heldPhases"] != ["EXECUTION"]:
        pass
    assert document["state"] == "ACTIVE"
    assert http.post(f"{place}/suspension", json={"phases": ["EXECUTION"]}).status_code == 409
    assert http.post(f"{place}/suspension", json={"phases": ["DINNER"]}).status_code == 400
    assert http.post(CANCELLATION, json=wish | {"pauseWindows": ["9-5"]}).status_code == 400
    answer_of(http.post(f"{place}/cancellation"))
    assert ended(http, key)["operationsCanceledCount"] == 2


def test_items_that_wait_for_somebody(http: httpx.Client, client: CamundaClient, name: str) -> None:
    keys = several(client, name, 2)
    policy = {"retries": 0, "thenIncident": True}
    key = items_found(http, {"filter": {"processDefinitionId": name}, "retryPolicy": policy}, 2)
    place = f"/batch-operations/{key}"
    for gone in keys:
        answer_of(http.post(f"/process-instances/{gone}/cancellation", json={}))
    answer_of(http.post(f"{place}/resumption"))
    while answer_of(http.get(place, params=WAIT))["incidentsCount"] < 2:
        pass
    wanted = {"filter": {"batchOperationKey": key, "incidentKey": {"$exists": True}}}
    waiting = answer_of(http.post("/batch-operation-items/search", json=wanted))["items"]
    assert {item["errorMessage"][:9] for item in waiting} == {"NOT_FOUND"}
    one = f"{place}/incidents/{waiting[0]['incidentKey']}/resolution"
    answer_of(http.post(one, json={"resolution": "FAIL"}))
    assert http.post(one, json={"resolution": "FAIL"}).status_code == 404
    answer_of(http.post(f"{place}/incident-resolution", json={"resolution": "FAIL"}))
    assert ended(http, key)["operationsFailedCount"] == 2


def test_what_was_suspended_is_put_back(http: httpx.Client, client: CamundaClient, name: str) -> None:
    keys = several(client, name, 3)
    answer_of(http.post(f"/process-instances/{keys[0]}/suspension"))
    instances(client, {"processDefinitionId": name, "state": "SUSPENDED"}, 1)
    wish = {"filter": {"processInstanceKey": {"$in": keys}, "state": {"$exists": True}}}
    key = answer_of(http.post("/process-instances/suspension", json=wish))["batchOperationKey"]
    assert ended(http, key)["operationsCompletedCount"] == 2
    back = answer_of(http.post(f"/batch-operations/{key}/undo", json={"name": "back"}))
    assert back["batchOperationType"] == "RESUME_PROCESS_INSTANCE"
    undone = ended(http, back["batchOperationKey"])
    assert (undone["operationsCompletedCount"], undone["parentBatchOperationKey"]) == (2, key)
    instances(client, {"processDefinitionId": name, "state": "SUSPENDED"}, 1)
    (other,) = answer_of(http.get(f"/batch-operations/{key}/overlaps"))["items"]
    assert (other["batchOperationKey"], other["itemsCount"]) == (back["batchOperationKey"], 2)
    answer_of(http.post(CANCELLATION, json={"filter": {"processDefinitionId": name}}))
    assert http.post(f"/batch-operations/{back['batchOperationKey']}/undo").status_code == 200


def test_values_of_variables_are_put_back(http: httpx.Client, client: CamundaClient, name: str) -> None:
    keys = several(client, name, 3)
    for number, key in enumerate(keys):
        answer_of(http.put(f"/element-instances/{key}/variables", json={"variables": {"n": number}}))
    wish = {"filter": {"processInstanceKey": {"$in": keys}}, "variables": {"n": 9}}
    plain = answer_of(http.post("/process-instances/variables", json=wish))["batchOperationKey"]
    assert ended(http, plain)["undoable"] is False
    assert http.post(f"/batch-operations/{plain}/undo").status_code == 409
    wish |= {"variables": {"n": 10}, "undoable": True}
    key = answer_of(http.post("/process-instances/variables", json=wish))["batchOperationKey"]
    assert ended(http, key)["undoable"] is True
    answer_of(http.put(f"/element-instances/{keys[0]}/variables", json={"variables": {"n": 11}}))
    back = answer_of(http.post(f"/batch-operations/{key}/undo"))
    assert back["batchOperationType"] == "SET_VARIABLES"
    undone = ended(http, back["batchOperationKey"])
    assert (undone["operationsCompletedCount"], undone["operationsFailedCount"]) == (2, 1)
    found = answer_of(
        http.post("/variables/search", json={"filter": {"name": "n", "processInstanceKey": {"$in": keys}}})
    )
    assert {item["processInstanceKey"]: item["value"] for item in found["items"]} == dict(
        zip(keys, ("11", "9", "9"), strict=True)
    )


def test_several_are_canceled_at_once_or_none_is(http: httpx.Client, client: CamundaClient, name: str) -> None:
    keys = several(client, name, 4)
    by_partition: dict[int, list[str]] = {}
    for key in keys:
        by_partition.setdefault(int(key) >> 51, []).append(key)
    together = max(by_partition.values(), key=len)
    failing = http.post(f"{CANCELLATION}/execution", json={"keys": [*together, str(int(together[0]) + 10**9)]})
    assert (failing.status_code, failing.json()["title"]) == (404, "NOT_FOUND")
    assert len(instances(client, {"processDefinitionId": name, "state": "ACTIVE"}, 4)) == 4
    done = answer_of(http.post(f"{CANCELLATION}/execution", json={"keys": together}))
    assert (done["operationsCompletedCount"], done["partitionId"]) == (len(together), int(together[0]) >> 51)
    instances(client, {"processDefinitionId": name, "state": "TERMINATED"}, len(together))
    _change_what_has_ended(http, client, name, together)


def _change_what_has_ended(http: httpx.Client, client: CamundaClient, name: str, old: list[str]) -> None:
    """The same list is restarted, told when it is deleted, and deleted: each time all of it, or nothing."""
    of = {"processDefinitionId": name, "state": "ACTIVE"}
    running = 4 - len(old)
    again = answer_of(http.post("/process-instances/restart/execution", json={"keys": old}))
    assert again["operationsCompletedCount"] == len(old)
    (new, *_) = [one for one in instances(client, of, running + len(old)) if one.process_instance_key > old[-1]]
    removal, deletion = "/process-instances/removal-time/execution", "/process-instances/deletion/execution"
    for path, more in ((removal, {"clearedRemovalTime": True}), (deletion, {})):
        refused = http.post(path, json={"keys": [*old, str(new.process_instance_key)], **more})
        assert (refused.status_code, refused.json()["title"]) == (409, "INVALID_STATE")
        assert answer_of(http.post(path, json={"keys": old, **more}))["operationsCompletedCount"] == len(old)
    instances(client, {"processDefinitionId": name, "state": "TERMINATED"}, 0)
    gone = http.post(deletion, json={"keys": old})
    assert (gone.status_code, gone.json()["title"]) == (404, "NOT_FOUND")
