"""The official client over HTTP: activities that are done for each item of a list, worked on, repaired and canceled."""

from __future__ import annotations

import asyncio
import json

import pytest
from camunda_orchestration_sdk import CamundaClient, ConnectedJobContext, ProcessInstanceKey, WorkerConfig
from camunda_orchestration_sdk.models import (
    ElementInstanceSearchQuery,
    IncidentSearchQuery,
    JobFailRequest,
    ProcessInstanceCancellationBatchOperationRequest,
    ProcessInstanceIncidentResolutionBatchOperationRequest,
    VariableSearchQuery,
)

from tests.integration.installation import Installation
from tests.integration.official_client import (
    activate_all,
    batch_in,
    connect,
    connect_async,
    counted,
    create,
    deploy,
    incident_of,
    instance_in,
    items_of,
    seen,
    unique,
)
from tests.support import models as m

LOOP = {"inputElement": "item", "outputCollection": "outs", "outputElement": "=result"}


@pytest.fixture
def name(client: CamundaClient) -> str:
    """A process with a job `each` of the same type as its name for each of the `items`."""
    name = unique("repeated")
    each = m.multi(m.job("each", name), **LOOP)
    deploy(client, m.model(m.process(name, m.start(), each, m.end(), m.chain("start", "each", "end"))))
    return name


def types_of(client: CamundaClient, key: ProcessInstanceKey, count: int) -> list[str]:
    """The types of the element instances of `each`."""
    query = ElementInstanceSearchQuery.from_dict({"filter": {"processInstanceKey": key, "elementId": "each"}})
    return sorted(one.type_ for one in client.search_element_instances(data=query, consistency=counted(count)).items)


def outputs(client: CamundaClient, key: ProcessInstanceKey) -> object:
    query = VariableSearchQuery.from_dict({"filter": {"processInstanceKey": key, "scopeKey": key, "name": "outs"}})
    return json.loads(client.search_variables(data=query, consistency=seen()).items[0].value)


def test_a_worker_does_each_item_and_the_results_are_one_list(installation: Installation, name: str) -> None:
    async def work(context: ConnectedJobContext) -> dict[str, object]:
        given = context.variables.to_dict()
        return {"result": f"{given['loopCounter']} {given['item']}"}

    def use() -> None:
        with connect(installation) as client:
            key = create(client, name, items=["a", "b", "c"])
            instance_in(client, key, "COMPLETED")
            assert outputs(client, key) == ["1 a", "2 b", "3 c"]
            assert types_of(client, key, 4) == ["MULTI_INSTANCE_BODY", *["SERVICE_TASK"] * 3]

    async def story() -> None:
        async with connect_async(installation) as client:
            config = WorkerConfig(job_type=name, job_timeout_milliseconds=60_000, max_concurrent_jobs=4)
            worker = client.create_job_worker(config=config, callback=work)
            await asyncio.to_thread(use)
            await worker.aclose()

    asyncio.run(story())


def test_only_what_is_inside_is_counted_unless_the_body_itself_has_an_incident(
    client: CamundaClient, name: str
) -> None:
    key = create(client, name, items=[1, 2])
    statistics = client.get_process_instance_statistics(key, consistency=seen(lambda found: len(found.items) == 2))
    (element,) = [one for one in statistics.items if one.element_id == "each"]
    assert (element.active, element.incidents) == (2, 0)
    broken = create(client, name, items="no list")
    incident = incident_of(client, broken)
    assert (incident.error_type, incident.element_id) == ("EXTRACT_VALUE_ERROR", "each")
    statistics = client.get_process_instance_statistics(broken)
    (element,) = [one for one in statistics.items if one.element_id == "each"]
    assert (element.active, element.incidents) == (0, 1)


def test_batches_resolve_the_incidents_of_some_and_cancel_the_rest(client: CamundaClient, name: str) -> None:
    keys = [create(client, name, items=[1, 2, 3]) for _ in range(2)]
    for job in activate_all(client, name, 6):
        client.fail_job(job.job_key, data=JobFailRequest.from_dict({"retries": 0, "errorMessage": "no"}))
    wanted = {"filter": {"processDefinitionId": name, "hasIncident": True}}
    client.search_process_instance_incidents(keys[0], data=IncidentSearchQuery.from_dict({}), consistency=counted(3))
    client.search_process_instance_incidents(keys[1], data=IncidentSearchQuery.from_dict({}), consistency=counted(3))
    repair = ProcessInstanceIncidentResolutionBatchOperationRequest.from_dict(wanted)
    batch = client.resolve_incidents_batch_operation(data=repair).batch_operation_key
    assert batch_in(client, batch).state == "COMPLETED"
    assert len(list(activate_all(client, name, 6))) == 6
    end = ProcessInstanceCancellationBatchOperationRequest.from_dict({"filter": {"processDefinitionId": name}})
    batch = client.cancel_process_instances_batch_operation(data=end).batch_operation_key
    assert batch_in(client, batch).state == "COMPLETED"
    assert {one.item_key for one in items_of(client, batch, "COMPLETED", 2)} == set(keys)
    for key in keys:
        instance_in(client, key, "TERMINATED")
