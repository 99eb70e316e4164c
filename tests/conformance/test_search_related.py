"""What every search store tells of what belongs together: tasks, flows, scopes, calls, counts; and of what changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from exporters.search.store import Within
from tests.conformance.conftest import OpenStore
from tests.unit.exporters.stories import DEFINITION, START, Asked, Story, date

PEOPLE = {"assignee": "ada", "candidate_groups": ("g", "h"), "candidate_users": ("bob",), "priority": 50}


def run(open_store: OpenStore, folder: Path, scenario: Callable[[Asked, Story], Awaitable[None]]) -> None:
    async def play() -> None:
        async with open_store(folder) as (exporter, search):
            story = Story()
            story.define()
            await scenario(Asked(exporter, search), story)

    asyncio.run(play())


async def variables(world: Asked, task: int, within: str) -> list[tuple[str, str]]:
    found = await world.search.search("VARIABLE", {"sort": [{"field": "name"}]}, Within(within, task))
    return [(item["name"], item["value"]) for item in found.items]


def test_a_task_is_assigned_and_changed(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, scope, _ = story.start()
        key = story.user_task(instance, scope, due_date="2026-01-01T00:00:00Z", **PEOPLE)
        await world.export(story)
        changed: dict[str, Any] = {"assignee": "", "candidate_groups": ("i",), "candidate_users": (), "due_date": ""}
        story.change_user_task(key, "UPDATED", priority=7, follow_up_date="2026-01-01T00:00:01Z", **changed)
        await world.export(story)
        document = await world.document("USER_TASK", key)
        assert (document["state"], document["assignee"], document["priority"]) == ("CREATED", None, 7)
        assert (document["candidateGroups"], document["candidateUsers"]) == (["i"], [])
        assert (document["dueDate"], document["followUpDate"]) == (None, date(1))
        for filters, found in (
            ({"candidateGroup": "i"}, True),
            ({"candidateGroup": "g"}, False),
            ({"candidateUser": "bob"}, False),
            ({"candidateUser": {"$exists": False}}, True),
            ({"assignee": {"$exists": False}}, True),
        ):
            assert await world.found("USER_TASK", "userTaskKey", filter=filters) == ([str(key)] if found else [])
        story.change_user_task(key, "ASSIGNED", assignee="eve", follow_up_date="")
        story.change_user_task(key, "CANCELED")
        await world.export(story)
        document = await world.document("USER_TASK", key)
        assert (document["state"], document["assignee"], document["followUpDate"]) == ("CANCELED", "eve", None)

    run(open_store, tmp_path, scenario)


def test_a_task_that_changes_within_a_transaction_is_the_same(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, scope, _ = story.start()
        key = story.user_task(instance, scope, due_date="2026-01-01T00:00:00Z", **PEOPLE)
        story.change_user_task(key, "UPDATED", assignee="", due_date="", candidate_groups=("i",))
        await world.export(story)
        document = await world.document("USER_TASK", key)
        assert (document["assignee"], document["dueDate"], document["candidateGroups"]) == (None, None, ["i"])
        assert await world.found("USER_TASK", "userTaskKey", filter={"candidateGroup": "g"}) == []

    run(open_store, tmp_path, scenario)


def test_a_business_id_is_given_later(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, scope, _ = story.start()
        story.user_task(instance, scope)
        await world.export(story)
        value = {"process_instance_key": instance, "business_id": "o-1"}
        story.step(("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGNED", instance, value))
        await world.export(story)
        for entity in ("PROCESS_INSTANCE", "USER_TASK"):
            assert await world.found(entity, "businessId", filter={"businessId": "o-1"}) == ["o-1"]
        assert await world.found("JOB", "businessId") == ["o-1"]

    run(open_store, tmp_path, scenario)


def test_sequence_flows_are_shown_once(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, _, _ = story.start()
        flow = {"element_id": "to-pay", "element_type": "SEQUENCE_FLOW", **story.owned(instance)}
        for _ in range(2):
            story.step(("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN", story.key(), flow))
        await world.export(story)
        assert await world.search.report("SEQUENCE_FLOWS", instance) == [
            {
                "sequenceFlowId": f"{instance}_to-pay",
                "processInstanceKey": str(instance),
                "rootProcessInstanceKey": str(instance),
                "processDefinitionKey": str(DEFINITION),
                "processDefinitionId": "order",
                "elementId": "to-pay",
                "tenantId": "<default>",
            }
        ]
        assert await world.search.report("SEQUENCE_FLOWS", 1) == []

    run(open_store, tmp_path, scenario)


def test_what_an_instance_waits_for(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, scope, job = story.start()
        task = story.user_task(instance, scope, due_date="2026-01-01T00:00:01.005Z")
        await world.export(story)
        found = (await world.search.search("WAIT_STATE", {"filter": {"processInstanceKey": str(instance)}})).items
        assert [item["details"] for item in found] == [
            {
                "waitStateType": "JOB",
                "jobKey": str(job),
                "jobType": "pay",
                "jobKind": "BPMN_ELEMENT",
                "listenerEventType": None,
                "retries": 3,
            },
            {"waitStateType": "USER_TASK", "taskKey": str(task), "dueDate": "2026-01-01T00:00:01.005Z"},
        ]
        assert {(item["elementInstanceKey"], item["elementType"], item["bpmnProcessId"]) for item in found} == {
            (str(scope), "SERVICE_TASK", "order")
        }
        assert len(await world.found("WAIT_STATE", "details", filter={"waitStateType": "JOB"})) == 1
        assert await world.search.report("WAIT_STATES", instance) == [{"elementId": "task", "waitingCount": 1}]
        story.end(instance, scope, job)
        story.change_user_task(task, "CANCELED")
        await world.export(story)
        assert await world.found("WAIT_STATE", "details") == []

    run(open_store, tmp_path, scenario)


def test_jobs_by_their_priority(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, task, plain = story.start()
        jobs = {plain: 0}
        for priority in (-7, 9, 9):
            jobs[key := story.key()] = priority
            story.step(("JOB", "CREATED", key, {**story.job(instance, task), "priority": priority}))
        await world.export(story)
        _, low, first, second = jobs
        given = {"sort": [{"field": "priority", "order": "DESC"}, {"field": "jobKey", "order": "ASC"}]}
        found = await world.found("JOB", "jobKey", **given)
        assert found == [str(key) for key in (first, second, plain, low)]
        assert await world.found("JOB", "jobKey", filter={"priority": {"$gt": 0, "$lt": 9}}) == []
        assert await world.found("JOB", "jobKey", filter={"priority": -7}) == [str(low)]
        story.step(("JOB", "UPDATED", low, {"changed_attributes": ("priority",), "priority": 10, "retries": 1}))
        await world.export(story)
        document = (await world.search.search("JOB", {"filter": {"priority": {"$gte": 10}}})).items[0]
        assert (document["jobKey"], document["state"]) == (str(low), "PRIORITY_UPDATED")
        assert (document["priority"], document["retries"]) == (10, 3)

    run(open_store, tmp_path, scenario)


def test_a_task_sees_the_variables_of_its_scopes(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, outer, _ = story.start()
        inner = story.key()
        story.step(("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", inner, {**story.task(instance), "flow_scope_key": outer}))
        other = story.key()
        story.step(("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", other, story.task(instance)))
        task = story.user_task(instance, inner)
        for name, value, scope in (("a", 1, instance), ("a", 2, inner), ("b", 3, outer), ("c", 4, other)):
            story.variable(instance, name, value, scope)
        await world.export(story)
        assert await variables(world, task, "USER_TASK") == [("a", "1"), ("a", "2"), ("b", "3")]
        assert await variables(world, task, "EFFECTIVE") == [("a", "2"), ("b", "3")]

    run(open_store, tmp_path, scenario)


def test_incidents_inside_an_element_and_in_what_it_calls(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        instance, outer, _ = story.start()
        inner = story.key()
        story.step(("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", inner, {**story.task(instance), "flow_scope_key": outer}))
        parents = {"parent_process_instance_key": instance, "parent_element_instance_key": inner}
        called, called_task, _ = story.start(**parents)
        inside = {story.incident(instance, inner), story.incident(called, called_task)}
        other = story.key()
        story.step(("PROCESS_INSTANCE", "ELEMENT_ACTIVATING", other, story.task(instance)))
        outside = story.incident(instance, other)
        await world.export(story)

        async def found(within: str, key: int) -> set[int]:
            items = (await world.search.search("INCIDENT", {}, Within(within, key))).items
            return {int(item["incidentKey"]) for item in items}

        assert await found("ELEMENT_INSTANCE", outer) == inside
        assert await found("PROCESS_INSTANCE", instance) == {*inside, outside}
        assert await found("PROCESS_INSTANCE", called) == inside - {min(inside)}

    run(open_store, tmp_path, scenario)


def test_counts_survive_any_order_of_partitions(open_store: OpenStore, tmp_path: Path) -> None:
    async def scenario(world: Asked, story: Story) -> None:
        second = Story(2)
        instance, task, job = story.start()
        second.start()
        second.start()
        await world.export(second, story)
        story.end(instance, task, job, "COMPLETED")
        await world.export(story)
        assert await world.search.element_statistics(DEFINITION, {}) == [
            {"elementId": "task", "active": 2, "canceled": 0, "incidents": 0, "completed": 1}
        ]
        page = await world.search.search("PROCESS_INSTANCES_BY_PROCESS", {})
        assert page.items == [
            {
                "processDefinitionId": "order",
                "tenantId": "<default>",
                "latestProcessDefinitionName": None,
                "hasMultipleVersions": False,
                "activeInstancesWithoutIncidentCount": 2,
                "activeInstancesWithIncidentCount": 0,
            }
        ]

    run(open_store, tmp_path, scenario)


def test_jobs_are_counted_by_worker_and_error(open_store: OpenStore, tmp_path: Path) -> None:
    window = {"from": date(0), "to": date(59), "jobType": "pay"}

    async def scenario(world: Asked, story: Story) -> None:
        for worker, intent in (("w", "FAILED"), ("v", "FAILED"), ("w", "COMPLETED")):
            instance, task, job = story.start()
            fields = {**story.job(instance, task), "worker": worker, "deadline": START}
            story.step(("JOB", "ACTIVATED", job, fields))
            story.step(("JOB", intent, job, {**fields, "error_message": "no"}))
        await world.export(story)
        found = (await world.search.search("JOBS_BY_WORKER", {"filter": window})).items
        assert [(item["worker"], item["completed"]["count"], item["failed"]["count"]) for item in found] == [
            ("v", 0, 1),
            ("w", 1, 1),
        ]
        found = (await world.search.search("JOBS_BY_ERROR", {"filter": {**window, "errorMessage": "no"}})).items
        assert found == [{"errorCode": "", "errorMessage": "no", "workers": 2}]
        assert (await world.search.search("JOBS_BY_ERROR", {"filter": {**window, "errorCode": "x"}})).items == []

    run(open_store, tmp_path, scenario)
