"""The official client over HTTP: jobs, its own job worker, incidents."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from camunda_orchestration_sdk import (
    CamundaClient,
    ConnectedJobContext,
    ElementInstanceKey,
    ElementInstanceSearchQuery,
    IncidentSearchQuery,
    JobCompletionRequest,
    JobError,
    JobErrorRequest,
    JobFailRequest,
    JobFailure,
    JobKey,
    JobSearchQuery,
    JobUpdateRequest,
    ProcessInstanceKey,
    SetVariableRequest,
    VariableSearchQuery,
    WorkerConfig,
)
from camunda_orchestration_sdk.errors import BadRequestError, ConflictError, NotFoundError

from tests.integration.installation import PATIENCE, Installation
from tests.integration.official_client import (
    PATIENCE_MS,
    activate,
    activate_all,
    activation,
    connect,
    connect_async,
    create,
    deploy,
    incident_of,
    instance_in,
    instances,
    refused,
    seen,
    unique,
)
from tests.support.models import boundary, chain, end, job, model, one_task, process, start

AT_ONCE = -1


def job_in(client: CamundaClient, key: JobKey, state: str, **conditions: str) -> Any:
    """The job, once search knows it in a state."""
    query = JobSearchQuery.from_dict({"filter": {"jobKey": key, "state": state, **conditions}})
    return client.search_jobs(data=query, consistency=seen()).items[0]


def test_a_job_is_activated_and_completed(client: CamundaClient, name: str) -> None:
    key = create(client, name, number=1, other="x")
    taken = activate(client, name, worker="ada", fetchVariable=["number"])
    assert (taken.process_instance_key, taken.process_definition_id, taken.element_id) == (key, name, "task")
    assert (taken.worker, taken.retries, taken.kind, taken.type_) == ("ada", 3, "BPMN_ELEMENT", name)
    assert taken.variables.to_dict() == {"number": 1}
    found = job_in(client, taken.job_key, "CREATED", worker="ada")
    assert (found.worker, found.process_instance_key, found.retries) == ("ada", key, 3)
    done = JobCompletionRequest.from_dict({"variables": {"number": 2, "result": [1]}})
    client.complete_job(taken.job_key, data=done)
    instance_in(client, key, "COMPLETED")
    assert job_in(client, taken.job_key, "COMPLETED").end_time is not None
    query = VariableSearchQuery.from_dict({"filter": {"processInstanceKey": key}, "sort": [{"field": "name"}]})
    values = [(variable.name, variable.value) for variable in client.search_variables(data=query).items]
    assert values == [("number", "2"), ("other", '"x"'), ("result", "[1]")]
    refused(NotFoundError, lambda: client.complete_job(taken.job_key), "NOT_FOUND", taken.job_key)


def test_nobody_gets_a_job_twice(client: CamundaClient, name: str) -> None:
    keys = {create(client, name) for _ in range(20)}
    jobs = list(activate_all(client, name, 20))
    assert {taken.process_instance_key for taken in jobs} == keys
    assert client.activate_jobs(data=activation(name, requestTimeout=AT_ONCE)).jobs == []
    for taken in jobs:
        client.complete_job(taken.job_key)
    instances(client, {"processDefinitionId": name, "state": "COMPLETED"}, 20)


def test_waiting_for_jobs_ends_with_the_time_or_with_a_job(client: CamundaClient, name: str) -> None:
    assert client.activate_jobs(data=activation(name, requestTimeout=1)).jobs == []

    async def wait_and_create() -> ProcessInstanceKey:
        """The request waits far longer than the test has patience, so only the new job can end it."""
        url = str(client.configuration.CAMUNDA_REST_ADDRESS).removesuffix("/v2")
        async with httpx.AsyncClient(base_url=url) as http, asyncio.timeout(PATIENCE):
            asked = asyncio.create_task(asyncio.to_thread(activate, client, name, requestTimeout=5 * PATIENCE_MS))
            while "retold_long_polls 1" not in (await http.get("/metrics")).text:
                await asyncio.sleep(0.01)
            key = await asyncio.to_thread(create, client, name)
            assert (await asked).process_instance_key == key
            return key

    asyncio.run(wait_and_create())


def test_a_job_that_nobody_finishes_in_time_comes_back(client: CamundaClient, name: str) -> None:
    create(client, name)
    first = activate(client, name, timeout=1, worker="first")
    again = activate(client, name, worker="again")
    assert (again.job_key, again.worker, again.retries) == (first.job_key, "again", 3)


def test_a_failed_job_comes_back_at_once_or_after_a_back_off(client: CamundaClient, name: str) -> None:
    create(client, name)
    first = activate(client, name)
    failure = {"retries": 2, "errorMessage": "no luck", "variables": {"tried": 1}}
    client.fail_job(first.job_key, data=JobFailRequest.from_dict(failure))
    again = activate(client, name)
    assert (again.job_key, again.retries, again.variables.to_dict()) == (first.job_key, 2, {"tried": 1})
    client.fail_job(again.job_key, data=JobFailRequest.from_dict({"retries": 1, "retryBackOff": 200}))
    third = activate(client, name)
    assert (third.job_key, third.retries) == (first.job_key, 1)
    client.fail_job(third.job_key, data=JobFailRequest.from_dict({"retries": 1, "retryBackOff": 3_600_000}))
    assert client.activate_jobs(data=activation(name, requestTimeout=AT_ONCE)).jobs == []
    assert job_in(client, first.job_key, "FAILED").has_failed_with_retries_left is True


def test_a_job_without_retries_is_an_incident_until_it_is_resolved(client: CamundaClient, name: str) -> None:
    key = create(client, name)
    taken = activate(client, name)
    client.fail_job(taken.job_key, data=JobFailRequest(retries=0, error_message="printer on fire"))
    incident = incident_of(client, key)
    assert (incident.error_type, incident.error_message) == ("JOB_NO_RETRIES", "printer on fire")
    assert (incident.job_key, incident.element_id, incident.process_definition_id) == (taken.job_key, "task", name)
    assert client.get_process_instance(key).has_incident is True
    instances(client, {"processDefinitionId": name, "hasIncident": True, "errorMessage": {"$like": "*fire"}}, 1)
    mine = IncidentSearchQuery.from_dict({"filter": {"errorType": {"$in": ["JOB_NO_RETRIES"]}}})
    assert [one.incident_key for one in client.search_process_instance_incidents(key, data=mine).items] == [
        incident.incident_key
    ]
    refused(ConflictError, lambda: client.complete_job(taken.job_key), "INVALID_STATE", taken.job_key)
    client.update_job(taken.job_key, data=JobUpdateRequest.from_dict({"changeset": {"retries": 5}}))
    client.resolve_incident(incident.incident_key)
    resolved = seen(lambda one: one.state == "RESOLVED")
    assert client.get_incident(incident.incident_key, consistency=resolved).incident_key == incident.incident_key
    assert activate(client, name).retries == 5
    refused(NotFoundError, lambda: client.resolve_incident(incident.incident_key), "NOT_FOUND", incident.incident_key)


def test_an_expression_that_fails_is_an_incident_that_variables_repair(client: CamundaClient) -> None:
    name = unique("expression")
    deploy(client, one_task(name, "=type"))
    key = create(client, name, number=7)
    incident = incident_of(client, key)
    assert (incident.error_type, incident.element_id, incident.job_key) == ("EXTRACT_VALUE_ERROR", "task", None)
    repaired = SetVariableRequest.from_dict({"variables": {"type": name}})
    client.create_element_instance_variables(ElementInstanceKey(key), data=repaired)
    client.resolve_incident(incident.incident_key)
    assert activate(client, name).variables.to_dict() == {"number": 7, "type": name}


def test_a_thrown_error_is_caught(client: CamundaClient) -> None:
    name = unique("errors")
    parts = (start(), job("task", name), boundary("caught", "task", "error-a"), end(), end("rescued"))
    deploy(client, model(process(name, *parts, chain("start", "task", "end"), chain("caught", "rescued"))))
    key = create(client, name)
    error = {"errorCode": "A", "errorMessage": "as expected", "variables": {"code": "A"}}
    client.throw_job_error(activate(client, name).job_key, data=JobErrorRequest.from_dict(error))
    instance_in(client, key, "COMPLETED")
    query = ElementInstanceSearchQuery.from_dict({"filter": {"processInstanceKey": key}})
    states = {one.element_id: one.state for one in client.search_element_instances(data=query).items}
    assert states == {"start": "COMPLETED", "task": "TERMINATED", "caught": "COMPLETED", "rescued": "COMPLETED"}


def test_an_error_that_nobody_catches_is_an_incident(client: CamundaClient, name: str) -> None:
    key = create(client, name)
    client.throw_job_error(activate(client, name).job_key, data=JobErrorRequest(error_code="NOBODY"))
    incident = incident_of(client, key)
    assert incident.error_type == "UNHANDLED_ERROR_EVENT"
    assert "NOBODY" in incident.error_message


def test_a_job_is_updated(client: CamundaClient, name: str) -> None:
    create(client, name)
    taken = activate(client, name)
    client.update_job(taken.job_key, data=JobUpdateRequest.from_dict({"changeset": {"timeout": 1}}))
    again = activate(client, name)
    assert again.job_key == taken.job_key
    client.update_job(taken.job_key, data=JobUpdateRequest.from_dict({"changeset": {"retries": 9}}))
    query = JobSearchQuery.from_dict({"filter": {"type": name, "retries": {"$gt": 8}}})
    assert client.search_jobs(data=query, consistency=seen()).items[0].job_key == taken.job_key
    nothing = JobUpdateRequest.from_dict({"changeset": {}})
    refused(BadRequestError, lambda: client.update_job(taken.job_key, data=nothing), "Bad Request", "changeset")


def test_the_worker_of_the_client_completes_fails_and_throws(installation: Installation) -> None:
    name = unique("worker")
    parts = (start(), job("task", name, retries="2"), boundary("caught", "task", "error-a"), end(), end("rescued"))
    failures = set[str]()

    async def work(context: ConnectedJobContext) -> dict[str, object]:
        number = context.variables.to_dict()["number"]
        if number == 1 and context.job_key not in failures:
            failures.add(context.job_key)
            raise JobFailure("once more", retries=1)
        if number == 2:
            raise JobError("A", "thrown")
        if number == 3:
            raise RuntimeError("not foreseen")
        return {"done": number}

    async def serve(stop: asyncio.Event) -> None:
        async with connect_async(installation) as client:
            config = WorkerConfig(job_type=name, job_timeout_milliseconds=60_000, max_concurrent_jobs=4)
            worker = client.create_job_worker(config=config, callback=work)
            await stop.wait()
            await worker.aclose()

    def use() -> None:
        with connect(installation) as client:
            deploy(client, model(process(name, *parts, chain("start", "task", "end"), chain("caught", "rescued"))))
            keys = [create(client, name, number=number) for number in range(4)]
            for key in keys[:3]:
                instance_in(client, key, "COMPLETED")
            assert "not foreseen" in incident_of(client, keys[3]).error_message

    async def story() -> None:
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(stop))
        try:
            await asyncio.to_thread(use)
        finally:
            stop.set()
            await serving

    asyncio.run(story())
    assert len(failures) == 1
