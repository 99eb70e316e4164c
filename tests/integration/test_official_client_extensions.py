"""What Camunda 8 does not have, beside the official client: restarts, removal times, cancellations of callers alone.

The client sees what comes of it, and its models read it.
"""

from __future__ import annotations

import time
from typing import Any

import httpx
from camunda_orchestration_sdk import CamundaClient, CancelProcessInstanceRequest

from tests.integration.installation import Installation
from tests.integration.official_client import create, deploy, instance_in, instances, unique
from tests.support import models as m


def post(installation: Installation, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = httpx.post(f"{installation.url}/v2{path}", json=body, timeout=30)
    assert answer.is_success, answer.text
    return dict(answer.json()) if answer.content else {}


def ended(installation: Installation, key: str) -> dict[str, Any]:
    """A batch operation that has ended; the client's models do not know its type."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = httpx.get(f"{installation.url}/v2/batch-operations/{key}?wait=10", timeout=30)
        if found.is_success and found.json()["endDate"]:
            return dict(found.json())
    raise AssertionError(f"expected batch operation {key} to end, got {found.text}")


def test_instances_that_were_canceled_begin_again(client: CamundaClient, installation: Installation, name: str) -> None:
    old = [create(client, name, number=number) for number in range(2)]
    for key in old:
        client.cancel_process_instance(key, data=CancelProcessInstanceRequest())
        instance_in(client, key, "TERMINATED")
    again = post(installation, f"/process-instances/{old[0]}/restart", {"initialVariables": True})
    assert again["restartedProcessInstanceKey"] == old[0]
    new = instance_in(client, again["processInstanceKey"], "ACTIVE")
    assert new.additional_properties["restartedProcessInstanceKey"] == old[0]
    made = post(installation, "/process-instances/restart", {"filter": {"processInstanceKey": {"$in": old}}})
    assert ended(installation, made["batchOperationKey"])["operationsCompletedCount"] == 2
    assert len(instances(client, {"processDefinitionId": name, "state": "ACTIVE"}, 3)) == 3


def test_history_goes_when_its_time_has_come(client: CamundaClient, installation: Installation, name: str) -> None:
    key = create(client, name)
    client.cancel_process_instance(key, data=CancelProcessInstanceRequest())
    instance_in(client, key, "TERMINATED")
    body = {"filter": {"processDefinitionId": name}, "absoluteRemovalTime": "2020-01-01T00:00:00Z"}
    made = post(installation, "/process-instances/removal-time", body)
    assert ended(installation, made["batchOperationKey"])["state"] == "COMPLETED"
    assert instances(client, {"processDefinitionId": name}, 0) == []


def test_a_caller_is_canceled_alone(client: CamundaClient, installation: Installation, name: str) -> None:
    calling = unique("calling")
    deploy(client, m.straight(calling, m.call("inside", name), names=["inside"]))
    caller = create(client, calling)
    (called,) = instances(client, {"parentProcessInstanceKey": caller}, 1)
    post(installation, f"/process-instances/{caller}/cancellation", {"skipSubprocesses": True})
    instance_in(client, caller, "TERMINATED")
    wanted = {"processInstanceKey": called.process_instance_key, "parentProcessInstanceKey": {"$exists": False}}
    (found,) = instances(client, wanted, 1)
    assert (found.state, found.root_process_instance_key) == ("ACTIVE", called.process_instance_key)
