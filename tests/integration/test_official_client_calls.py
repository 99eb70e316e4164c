"""The official client over HTTP: processes that call each other, seen and canceled as one tree."""

from __future__ import annotations

import pytest
from camunda_orchestration_sdk import CamundaClient, CancelProcessInstanceRequest
from camunda_orchestration_sdk.errors import ConflictError
from camunda_orchestration_sdk.models import (
    IncidentSearchQuery,
    JobCompletionRequest,
    JobFailRequest,
    ProcessInstanceCancellationBatchOperationRequest,
    ProcessInstanceIncidentResolutionBatchOperationRequest,
)

from tests.integration.official_client import (
    activate,
    batch_in,
    counted,
    create,
    deploy,
    instance_in,
    instances,
    items_of,
    refused,
    unique,
)
from tests.support import models as m


@pytest.fixture
def name(client: CamundaClient) -> str:
    """The process `outer…` calls `middle…`, which calls `…`, which has a job of the same name."""
    name = unique("called")
    deploy(client, m.one_task(name, name))
    for caller, called in ((f"middle-{name}", name), (f"outer-{name}", f"middle-{name}")):
        flows = m.chain("start", "call", "end")
        deploy(client, m.model(m.process(caller, m.start(), m.call("call", called), m.end(), flows)))
    return name


def test_a_tree_of_calls_is_found_and_completes_with_its_leaf(client: CamundaClient, name: str) -> None:
    root = create(client, f"outer-{name}", amount=1)
    job = activate(client, name)
    leaf = job.process_instance_key
    (middle,) = instances(client, {"parentProcessInstanceKey": root}, 1)
    (found,) = instances(client, {"parentProcessInstanceKey": middle.process_instance_key}, 1)
    assert (found.process_instance_key, found.root_process_instance_key) == (leaf, root)
    assert job.variables.to_dict() == {"amount": 1}
    callers = client.get_process_instance_call_hierarchy(leaf)
    assert [one.process_instance_key for one in callers] == [root, middle.process_instance_key, leaf]
    client.complete_job(job.job_key, data=JobCompletionRequest.from_dict({"variables": {"paid": True}}))
    for key in (leaf, middle.process_instance_key, root):
        instance_in(client, key, "COMPLETED")


def test_incidents_of_a_tree_are_found_at_its_root_and_resolved_together(client: CamundaClient, name: str) -> None:
    root = create(client, f"outer-{name}")
    job = activate(client, name)
    client.fail_job(job.job_key, data=JobFailRequest.from_dict({"retries": 0, "errorMessage": "no"}))
    query = IncidentSearchQuery.from_dict({})
    (incident,) = client.search_process_instance_incidents(root, data=query, consistency=counted(1)).items
    assert incident.process_instance_key == job.process_instance_key
    wanted = {"filter": {"processInstanceKey": job.process_instance_key}}
    request = ProcessInstanceIncidentResolutionBatchOperationRequest.from_dict(wanted)
    batch = client.resolve_incidents_batch_operation(data=request).batch_operation_key
    assert batch_in(client, batch).state == "COMPLETED"
    client.complete_job(activate(client, name).job_key)
    instance_in(client, root, "COMPLETED")


def test_a_batch_cancels_whole_trees_and_a_called_instance_alone_cannot_be_canceled(
    client: CamundaClient, name: str
) -> None:
    roots = [create(client, f"outer-{name}") for _ in range(3)]
    leaves = instances(client, {"processDefinitionId": name, "state": "ACTIVE"}, 3)
    leaf = leaves[0].process_instance_key
    request = CancelProcessInstanceRequest()
    refused(
        ConflictError, lambda: client.cancel_process_instance(leaf, data=request), "INVALID_STATE", "expected a root"
    )
    wanted = {"filter": {"processDefinitionId": {"$in": [name, f"outer-{name}"]}}}
    wish = ProcessInstanceCancellationBatchOperationRequest.from_dict(wanted)
    batch = client.cancel_process_instances_batch_operation(data=wish).batch_operation_key
    assert batch_in(client, batch).state == "COMPLETED"
    assert {one.item_key for one in items_of(client, batch, "COMPLETED", 3)} == set(roots)
    for key in (*roots, *(one.process_instance_key for one in leaves)):
        instance_in(client, key, "TERMINATED")
