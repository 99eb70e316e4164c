"""The official client over HTTP: the cluster, deployments, process instances, searches, variables, user tasks."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from camunda_orchestration_sdk import (
    CamundaClient,
    CancelProcessInstanceRequest,
    ElementInstanceSearchQuery,
    JobErrorRequest,
    ProcessCreationById,
    ProcessCreationByKey,
    ProcessDefinitionKey,
    ProcessDefinitionSearchQuery,
    ProcessInstanceKey,
    ProcessInstanceSearchQuery,
    SetVariableRequest,
    UserTaskCompletionRequest,
    UserTaskKey,
    UserTaskSearchQuery,
    VariableSearchQuery,
)
from camunda_orchestration_sdk.errors import BadRequestError, ConflictError, NotFoundError
from pydantic import BaseModel

from engine.core.record import first_key
from tests.integration.installation import ROOT, Installation
from tests.integration.official_client import (
    activate,
    connect,
    connect_async,
    counted,
    create,
    deploy,
    instance_in,
    instances,
    refused,
    seen,
    unique,
)
from tests.support.models import MODELS, one_task

SAMPLES = sorted([*(ROOT / "engine" / "cli" / "models").glob("*.bpmn"), *MODELS.glob("*.bpmn")])
NOBODY = str(first_key(2) + (1 << 40))


def test_the_cluster(client: CamundaClient, installation: Installation) -> None:
    client.get_status()
    topology = client.get_topology()
    (broker,) = topology.brokers
    assert (topology.partitions_count, topology.cluster_size) == (2, 1)
    assert [(p.partition_id, p.role, p.health) for p in broker.partitions] == [
        (1, "leader", "healthy"),
        (2, "leader", "healthy"),
    ]
    assert (broker.host, broker.port) == ("127.0.0.1", installation.port)
    assert client.get_license().valid_license is True


@pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_every_sample_model_is_deployed_and_kept_as_it_is(client: CamundaClient, sample: Path) -> None:
    (process,) = client.deploy_resources_from_files([sample]).processes
    key = process.process_definition_key
    assert process.resource_name == sample.name
    definition = client.get_process_definition(key, consistency=seen())
    assert definition.process_definition_id == process.process_definition_id
    assert (definition.version, definition.resource_name) == (process.process_definition_version, sample.name)
    assert client.get_process_definition_xml(key) == sample.read_text()


def test_the_same_bytes_are_the_same_version(client: CamundaClient) -> None:
    name = unique("versions")
    (first,) = deploy(client, one_task(name)).processes
    (same,) = deploy(client, one_task(name)).processes
    (changed,) = deploy(client, one_task(name, retries="7")).processes
    assert (same.process_definition_key, same.process_definition_version) == (first.process_definition_key, 1)
    assert changed.process_definition_version == 2

    def found(**request: Any) -> list[int]:
        wanted = {"processDefinitionId": name, **request.pop("filter", {})}
        query = ProcessDefinitionSearchQuery.from_dict({"filter": wanted, **request})
        return [definition.version for definition in client.search_process_definitions(data=query).items]

    both = ProcessDefinitionSearchQuery.from_dict({"filter": {"processDefinitionId": name}})
    client.search_process_definitions(data=both, consistency=counted(2))
    assert found(sort=[{"field": "version", "order": "DESC"}]) == [2, 1]
    assert found(filter={"isLatestVersion": True}) == [2]
    assert found(filter={"version": 1}) == [1]


def test_instances_are_created_by_id_version_and_key(client: CamundaClient) -> None:
    name = unique("creation")
    first = deploy(client, one_task(name)).processes[0].process_definition_key
    latest = deploy(client, one_task(name, retries="7")).processes[0].process_definition_key
    made = [
        client.create_process_instance(data=ProcessCreationById.from_dict({"processDefinitionId": name, **more}))
        for more in ({}, {"processDefinitionVersion": 1}, {"processDefinitionVersion": -1})
    ]
    by_key = ProcessCreationByKey.from_dict(
        {"processDefinitionKey": first, "variables": {"a": [1, {"b": None}]}, "tags": ["t:1"], "businessId": "order 7"}
    )
    made.append(client.create_process_instance(data=by_key))
    assert [one.process_definition_key for one in made] == [latest, first, latest, first]
    assert [one.process_definition_version for one in made] == [2, 1, 2, 1]
    assert {one.process_definition_id for one in made} == {name}
    instance = client.get_process_instance(made[3].process_instance_key, consistency=seen())
    assert (instance.state, instance.tags, instance.business_id) == ("ACTIVE", ["t:1"], "order 7")
    assert (instance.process_definition_key, instance.has_incident, instance.end_date) == (first, False, None)
    assert instance.start_date > datetime.now(UTC) - timedelta(hours=1)
    instances(client, {"processDefinitionId": name, "tags": ["t:1"], "businessId": {"$like": "order*"}}, 1)


def test_a_search_finds_what_filters_operators_and_alternatives_say(client: CamundaClient) -> None:
    name = unique("filters")
    deploy(client, one_task(name, name))
    keys = [create(client, name, number=number, text=f"n{number}") for number in range(6)]
    ours = {"processDefinitionId": name}
    instances(client, ours, 6)

    def found(wanted: dict[str, Any]) -> list[int]:
        query = ProcessInstanceSearchQuery.from_dict({"filter": {**ours, **wanted}})
        items = client.search_process_instances(data=query).items
        return sorted(keys.index(item.process_instance_key) for item in items)

    assert found({"processInstanceKey": keys[2]}) == [2]
    assert found({"processInstanceKey": {"$in": keys[:3], "$notIn": keys[:1]}}) == [1, 2]
    assert found({"processInstanceKey": {"$neq": keys[0]}}) == [1, 2, 3, 4, 5]
    assert found({"variables": [{"name": "number", "value": "4"}]}) == [4]
    assert found({"variables": [{"name": "text", "value": {"$like": '"n?"'}}]}) == [0, 1, 2, 3, 4, 5]
    assert found({"$or": [{"variables": [{"name": "number", "value": "1"}]}, {"processInstanceKey": keys[3]}]}) == [
        1,
        3,
    ]
    assert found({"state": {"$in": ["COMPLETED", "TERMINATED"]}}) == []
    assert found({"state": {"$neq": "COMPLETED"}, "endDate": {"$exists": False}}) == [0, 1, 2, 3, 4, 5]
    assert found({"processDefinitionVersion": {"$gte": 1, "$lt": 2}, "elementId": "task"}) == [0, 1, 2, 3, 4, 5]
    assert found({"startDate": {"$gt": (datetime.now(UTC) + timedelta(days=1)).isoformat()}}) == []
    assert found({"hasIncident": True}) == []


def test_a_search_is_sorted_and_paged_both_ways(client: CamundaClient) -> None:
    name = unique("pages")
    deploy(client, one_task(name))
    keys = sorted((create(client, name) for _ in range(7)), key=int)
    wanted = {"processDefinitionId": name}
    instances(client, wanted, 7)

    def page(order: str = "ASC", **page: Any) -> Any:
        sort = [{"field": "processDefinitionId"}, {"field": "processInstanceKey", "order": order}]
        query = ProcessInstanceSearchQuery.from_dict({"filter": wanted, "sort": sort, "page": page})
        return client.search_process_instances(data=query)

    def keys_of(result: Any) -> list[str]:
        return [item.process_instance_key for item in result.items]

    assert keys_of(page(limit=100)) == keys
    assert keys_of(page("DESC", limit=2)) == keys[:-3:-1]
    offset: dict[str, Any] = {"from": 5, "limit": 3}
    assert keys_of(page(**offset)) == keys[5:]
    empty = page(limit=0)
    assert (empty.items, empty.page.total_items, empty.page.has_more_total_items) == ([], 7, False)
    first = page(limit=3)
    second = page(limit=3, after=first.page.end_cursor)
    last = page(limit=3, after=second.page.end_cursor)
    assert [keys_of(first), keys_of(second), keys_of(last)] == [keys[:3], keys[3:6], keys[6:]]
    assert keys_of(page(limit=2, before=last.page.start_cursor)) == keys[4:6]
    assert keys_of(page(limit=100, before=second.page.start_cursor)) == keys[:3]
    assert page(limit=3, after=last.page.end_cursor).items == []


def test_an_instance_runs_to_its_end(client: CamundaClient) -> None:
    deploy(client, (MODELS / "script-task.bpmn").read_bytes(), "script-task.bpmn")
    key = create(client, "script-task", number=21)
    assert instance_in(client, key, "COMPLETED").end_date is not None
    query = ElementInstanceSearchQuery.from_dict(
        {"filter": {"processInstanceKey": key}, "sort": [{"field": "startDate"}, {"field": "elementInstanceKey"}]}
    )
    elements = client.search_element_instances(data=query, consistency=counted(3)).items
    kinds = [(element.element_id, element.type_, element.state) for element in elements]
    assert kinds == [
        ("start", "START_EVENT", "COMPLETED"),
        ("double", "SCRIPT_TASK", "COMPLETED"),
        ("end", "END_EVENT", "COMPLETED"),
    ]
    script = client.get_element_instance(elements[1].element_instance_key)
    assert (script.process_instance_key, script.has_incident, script.incident_key) == (key, False, None)
    result = VariableSearchQuery.from_dict({"filter": {"processInstanceKey": key, "name": "result"}})
    assert [variable.value for variable in client.search_variables(data=result, consistency=seen()).items] == ["42"]


def test_an_instance_is_canceled_once(client: CamundaClient) -> None:
    name = unique("cancel")
    deploy(client, one_task(name))
    key = create(client, name)
    client.cancel_process_instance(key, data=CancelProcessInstanceRequest())
    assert instance_in(client, key, "TERMINATED").end_date is not None
    refused(NotFoundError, lambda: client.cancel_process_instance(key, data=None), "NOT_FOUND", key)


def test_variables_are_found_cut_and_whole(client: CamundaClient) -> None:
    name = unique("variables")
    deploy(client, one_task(name, name))
    long = "äß" * 5_000
    key = create(client, name, long=long, number=1, nothing=None, nested={"a": [True]})
    query = VariableSearchQuery.from_dict(
        {"filter": {"processInstanceKey": key}, "sort": [{"field": "name", "order": "DESC"}]}
    )
    variables = client.search_variables(data=query, consistency=counted(4)).items
    assert [variable.name for variable in variables] == ["number", "nothing", "nested", "long"]
    assert [variable.value for variable in variables[:3]] == ["1", "null", '{"a":[true]}']
    assert {(variable.scope_key, variable.is_truncated) for variable in variables[:3]} == {(key, False)}
    cut = variables[3]
    assert cut.is_truncated
    assert json.dumps(long, ensure_ascii=False).startswith(cut.value)
    (whole,) = (v for v in client.search_variables(data=query, truncate_values=False).items if v.name == "long")
    assert (json.loads(whole.value), whole.is_truncated) == (long, False)
    assert json.loads(client.get_variable(cut.variable_key).value) == long


def test_variables_are_set_in_their_scope(client: CamundaClient) -> None:
    name = unique("scopes")
    deploy(client, one_task(name, name))
    key = create(client, name, number=1)
    element = activate(client, name).element_instance_key
    client.create_element_instance_variables(
        element, data=SetVariableRequest.from_dict({"variables": {"number": 2, "other": "x"}})
    )
    client.create_element_instance_variables(
        element, data=SetVariableRequest.from_dict({"variables": {"number": 3}, "local": True})
    )
    query = VariableSearchQuery.from_dict({"filter": {"processInstanceKey": key}})
    found = client.search_variables(data=query, consistency=counted(3)).items
    values = {(variable.scope_key, variable.name): variable.value for variable in found}
    assert values == {(key, "number"): "2", (key, "other"): '"x"', (element, "number"): "3"}


def test_variables_are_read_into_a_model_of_their_own(client: CamundaClient) -> None:
    class Order(BaseModel):
        number: int
        lines: list[str]

    name = unique("models")
    deploy(client, one_task(name))
    key = create(client, name, number=7, lines=["a", "b"], other=1)
    variables = client.search_variables_as_dto(Order, process_instance_key=key, consistency=seen())
    assert variables.validate() == Order(number=7, lines=["a", "b"])


def test_a_user_task_is_completed(client: CamundaClient) -> None:
    deploy(client, b'{"id": "approve", "components": []}', "approve.form")
    deploy(client, (MODELS / "user-tasks.bpmn").read_bytes(), "user-tasks.bpmn")
    key = create(client, "user-tasks", initiator="ada", users=["bob"])
    query = UserTaskSearchQuery.from_dict({"filter": {"processInstanceKey": key, "assignee": {"$like": "a*"}}})
    (task,) = client.search_user_tasks(data=query, consistency=seen()).items
    assert (task.state, task.assignee, task.candidate_groups) == ("CREATED", "ada", ["a", "b"])
    assert (task.candidate_users, task.element_id, task.process_instance_key) == (["bob"], "native", key)
    completion = UserTaskCompletionRequest.from_dict({"variables": {"approved": True}})
    client.complete_user_task(task.user_task_key, data=completion)
    done = client.get_user_task(task.user_task_key, consistency=seen(lambda one: one.state == "COMPLETED"))
    assert done.completion_date is not None
    again = lambda: client.complete_user_task(task.user_task_key)  # noqa: E731
    refused(NotFoundError, again, "NOT_FOUND", task.user_task_key)
    job = activate(client, "io.camunda.zeebe:userTask", fetchVariable=["approved"])
    assert (job.process_instance_key, job.variables.to_dict()) == (key, {"approved": True})
    client.complete_job(job.job_key)
    instance_in(client, key, "COMPLETED")


def test_errors_are_the_exceptions_of_the_client(client: CamundaClient) -> None:
    instance = ProcessInstanceKey(NOBODY)
    refused(NotFoundError, lambda: client.get_process_instance(instance), "NOT_FOUND", NOBODY)
    refused(NotFoundError, lambda: client.cancel_process_instance(instance, data=None), "NOT_FOUND", NOBODY)
    refused(NotFoundError, lambda: client.complete_user_task(UserTaskKey(NOBODY)), "NOT_FOUND", NOBODY)
    definition = ProcessDefinitionKey(NOBODY)
    refused(NotFoundError, lambda: client.get_process_definition_xml(definition), "NOT_FOUND", NOBODY)
    query = ProcessInstanceSearchQuery.from_dict({"filter": {"color": "red"}})
    refused(BadRequestError, lambda: client.search_process_instances(data=query), "Bad Request", "filter.color")
    refused(BadRequestError, lambda: deploy(client, b"<no/>"), "INVALID_ARGUMENT", "model.bpmn")
    name = unique("conflict")
    deploy(client, one_task(name, name, retries="1"))
    create(client, name)
    job = activate(client, name)
    client.throw_job_error(job.job_key, data=JobErrorRequest(error_code="UNCAUGHT"))
    refused(ConflictError, lambda: client.complete_job(job.job_key), "INVALID_STATE", job.job_key)


def test_the_asynchronous_client_does_the_same(installation: Installation) -> None:
    name = unique("async")

    async def story() -> None:
        with connect(installation) as client:
            deploy(client, one_task(name))
        async with connect_async(installation) as client:
            instruction = ProcessCreationById.from_dict({"processDefinitionId": name})
            made = await asyncio.gather(*(client.create_process_instance(data=instruction) for _ in range(8)))
            assert len({one.process_instance_key for one in made}) == 8
            query = ProcessInstanceSearchQuery.from_dict({"filter": {"processDefinitionId": name}})
            await client.search_process_instances(data=query, consistency=counted(8))
            await client.cancel_process_instance(made[0].process_instance_key, data=None)
            terminated = seen(lambda instance: instance.state == "TERMINATED")
            await client.get_process_instance(made[0].process_instance_key, consistency=terminated)

    asyncio.run(story())
