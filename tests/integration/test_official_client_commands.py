"""The official client over HTTP: user tasks, and all that an instance may be created with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from camunda_orchestration_sdk import (
    CamundaClient,
    CancelProcessInstanceRequest,
    ProcessCreationById,
    ProcessCreationByVersionTag,
    ProcessInstanceKey,
    UserTaskAssignmentRequest,
    UserTaskCompletionRequest,
    UserTaskKey,
    UserTaskSearchQuery,
    UserTaskUpdateRequest,
)
from camunda_orchestration_sdk.errors import (
    ApiError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    UnexpectedStatus,
)
from camunda_orchestration_sdk.models import (
    CreateProcessInstanceResult,
    ProcessInstanceBusinessIdAssignmentInstruction,
)

from tests.integration.installation import PATIENCE, Installation
from tests.integration.official_client import (
    PATIENCE_MS,
    activate,
    connect,
    connect_async,
    create,
    deploy,
    instance_in,
    refused,
    seen,
    unique,
)
from tests.support import models as m


def start(client: CamundaClient, process_id: str, **instruction: Any) -> CreateProcessInstanceResult:
    return client.create_process_instance(
        data=ProcessCreationById.from_dict({"processDefinitionId": process_id, **instruction})
    )


@pytest.fixture
def task_key(client: CamundaClient) -> UserTaskKey:
    """A user task of an instance of its own."""
    name = unique("task")
    deploy(client, m.straight(name, m.element("userTask", "t", extensions=["<zeebe:userTask />"]), names=["t"]))
    query = UserTaskSearchQuery.from_dict({"filter": {"processInstanceKey": create(client, name)}})
    return client.search_user_tasks(data=query, consistency=seen()).items[0].user_task_key


def assign(client: CamundaClient, key: UserTaskKey, assignee: str, **more: Any) -> None:
    client.assign_user_task(key, data=UserTaskAssignmentRequest.from_dict({"assignee": assignee, **more}))


def change(client: CamundaClient, key: UserTaskKey, **changeset: Any) -> None:
    client.update_user_task(key, data=UserTaskUpdateRequest.from_dict({"changeset": changeset}))


def test_a_user_task_is_assigned_claimed_and_unassigned(client: CamundaClient, task_key: UserTaskKey) -> None:
    assign(client, task_key, "ada")
    assign(client, task_key, "bob", action="handOver")
    assert client.get_user_task(task_key, consistency=seen(lambda task: task.assignee == "bob")).state == "CREATED"
    claim = lambda: assign(client, task_key, "eve", allowOverride=False)  # noqa: E731
    refused(ConflictError, claim, "INVALID_STATE", task_key)
    client.unassign_user_task(task_key)
    client.get_user_task(task_key, consistency=seen(lambda task: task.assignee is None))
    claim()
    client.get_user_task(task_key, consistency=seen(lambda task: task.assignee == "eve"))
    refused(BadRequestError, lambda: assign(client, task_key, ""), "Bad Request", "assignee")
    refused(NotFoundError, lambda: client.unassign_user_task(UserTaskKey("1")), "NOT_FOUND", "1")


def test_a_user_task_is_updated_and_completed(client: CamundaClient, task_key: UserTaskKey) -> None:
    due = "2030-01-02T03:04:05Z"
    change(client, task_key, candidateGroups=["a", "b"], candidateUsers=["ada"], dueDate=due, priority=90)
    task = client.get_user_task(task_key, consistency=seen(lambda task: task.priority == 90))
    assert (task.candidate_groups, task.candidate_users) == (["a", "b"], ["ada"])
    assert (task.due_date, task.follow_up_date) == (datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), None)
    change(client, task_key, candidateGroups=[], priority=None)
    task = client.get_user_task(task_key, consistency=seen(lambda task: task.candidate_groups == []))
    assert (task.candidate_users, task.priority) == (["ada"], 90)
    refused(BadRequestError, lambda: change(client, task_key, priority=101), "Bad Request", "changeset.priority")
    completion = UserTaskCompletionRequest.from_dict({"variables": {"approved": True}, "action": "approve"})
    client.complete_user_task(task_key, data=completion)
    client.get_user_task(task_key, consistency=seen(lambda task: task.state == "COMPLETED"))
    refused(NotFoundError, lambda: change(client, task_key, priority=1), "NOT_FOUND", task_key)


def test_the_answer_may_wait_for_the_end(installation: Installation) -> None:
    name = unique("awaited")
    with connect(installation) as client:
        deploy(client, m.one_task(name, name))

    async def story() -> None:
        wish = {"processDefinitionId": name, "variables": {"a": 1, "b": 2}, "awaitCompletion": True}
        wish |= {"fetchVariables": ["b", "c"], "requestTimeout": PATIENCE_MS, "tags": ["t"], "businessId": "x"}
        async with connect_async(installation) as client, asyncio.timeout(PATIENCE):
            asked = asyncio.create_task(client.create_process_instance(data=ProcessCreationById.from_dict(wish)))
            with connect(installation) as worker:
                job = await asyncio.to_thread(activate, worker, name)
                assert (job.tags, job.business_id, asked.done()) == (["t"], "x", False)
                await asyncio.to_thread(worker.complete_job, job.job_key)
            result = await asked
            assert (result.variables.to_dict(), result.tags, result.business_id) == ({"b": 2}, ["t"], "x")
            assert result.process_instance_key == job.process_instance_key

    asyncio.run(story())


def test_an_awaited_instance_may_be_late_or_canceled(installation: Installation, client: CamundaClient) -> None:
    name = unique("late")
    deploy(client, m.one_task(name, name))
    with pytest.raises(ApiError) as late:
        start(client, name, awaitCompletion=True, requestTimeout=50)
    assert late.value.status_code == 504
    job = activate(client, name)
    assert f"process instance {job.process_instance_key}" in str(late.value.parsed)

    def cancel() -> None:
        with connect(installation) as other:
            other.cancel_process_instance(activate(other, name).process_instance_key, data=None)

    async def story() -> None:
        canceling = asyncio.create_task(asyncio.to_thread(cancel))
        wish = lambda: start(client, name, awaitCompletion=True, requestTimeout=PATIENCE_MS)  # noqa: E731
        await asyncio.to_thread(refused, ConflictError, wish, "INVALID_STATE", "terminated")
        await canceling

    asyncio.run(story())


def test_an_instance_that_never_waits_is_answered_with_its_result(client: CamundaClient) -> None:
    name = unique("at-once")
    deploy(client, m.straight(name, m.script("t", "=n * 2", "doubled"), names=["t"]))
    result = start(client, name, variables={"n": 21}, awaitCompletion=True)
    assert result.variables.to_dict() == {"n": 21, "doubled": 42}


def test_an_instance_starts_and_ends_where_it_is_told(client: CamundaClient) -> None:
    name = unique("places")
    inner = m.sub_process("sub", m.start("s") + m.job("inside", name) + m.end("e") + m.chain("s", "inside", "e"))
    deploy(
        client, m.straight(name, m.job("before", name), inner, m.job("after", name), names=["before", "sub", "after"])
    )
    key = start(
        client,
        name,
        startInstructions=[{"elementId": "inside"}],
        runtimeInstructions=[{"type": "TERMINATE_PROCESS_INSTANCE", "afterElementId": "sub"}],
    ).process_instance_key
    job = activate(client, name)
    assert (job.element_id, job.process_instance_key) == ("inside", key)
    client.complete_job(job.job_key)
    instance_in(client, key, "TERMINATED")
    wrong = lambda: start(client, name, startInstructions=[{"elementId": "start"}, {"elementId": "x"}])  # noqa: E731
    refused(BadRequestError, wrong, "INVALID_ARGUMENT", "start event 'start'")
    refused(BadRequestError, wrong, "INVALID_ARGUMENT", "got 'x'")


def test_a_version_tag_names_a_version(client: CamundaClient) -> None:
    name = unique("tagged")
    tag = '<bpmn:extensionElements><zeebe:versionTag value="stable" /></bpmn:extensionElements>'
    parts = (m.start(), m.job("task", name), m.end(), m.chain("start", "task", "end"))
    tagged = deploy(client, m.model(m.process(name, tag, *parts))).processes[0].process_definition_key
    deploy(client, m.one_task(name, name))

    def start_tagged(wanted: str) -> CreateProcessInstanceResult:
        wish = {"processDefinitionId": name, "processDefinitionVersionTag": wanted}
        return client.create_process_instance(data=ProcessCreationByVersionTag.from_dict(wish))

    assert start_tagged("stable").process_definition_key == tagged
    with pytest.raises(UnexpectedStatus, match="the version tag 'other'"):  # the client expects no 404 of a creation
        start_tagged("other")


def test_a_business_id_is_assigned_once(client: CamundaClient) -> None:
    name = unique("business")
    deploy(client, m.one_task(name, name))
    key = create(client, name)

    def give(business_id: str, instance: str = key) -> None:
        wish = ProcessInstanceBusinessIdAssignmentInstruction.from_dict({"businessId": business_id})
        client.assign_process_instance_business_id(ProcessInstanceKey(instance), data=wish)

    give("order 7")
    give("order 7")
    client.get_process_instance(key, consistency=seen(lambda instance: instance.business_id == "order 7"))
    refused(ConflictError, lambda: give("order 8"), "INVALID_STATE", key)
    refused(NotFoundError, lambda: give("order 8", "1"), "NOT_FOUND", "1")
    client.cancel_process_instance(key, data=CancelProcessInstanceRequest(operation_reference=7))
    refused(NotFoundError, lambda: give("order 7"), "NOT_FOUND", key)
