"""The official client over HTTP: batch operations, from their creation to their final state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from camunda_orchestration_sdk import (
    BatchOperationCreatedResult,
    BatchOperationItemSearchQuery,
    BatchOperationKey,
    BatchOperationSearchQuery,
    CamundaClient,
    CancelProcessInstanceRequest,
    JobFailRequest,
    ProcessInstanceCancellationBatchOperationRequest,
    ProcessInstanceIncidentResolutionBatchOperationRequest,
    ProcessInstanceKey,
    ProcessInstanceSearchQuery,
)
from camunda_orchestration_sdk.errors import BadRequestError, NotFoundError, UnexpectedStatus

from engine.core.ports import COMMANDS, Append, Message
from engine.core.record import command, first_key
from engine.records import FAMILIES, ProcessInstanceCreation
from engine.shell.codec import Codec
from engine.shell.embedded.client import EmbeddedLog
from tests.integration.installation import Installation
from tests.integration.official_client import (
    activate_all,
    batch_in,
    connect,
    create,
    instance_in,
    instances,
    items_of,
    refused,
    unique,
)

NOBODY = str(first_key(1) + (1 << 40))
#: Enough for a batch operation to be caught while it works.
MANY = 2_000


def cancel(client: CamundaClient, wanted: dict[str, Any], **more: Any) -> BatchOperationCreatedResult:
    request = ProcessInstanceCancellationBatchOperationRequest.from_dict({"filter": wanted, **more})
    return client.cancel_process_instances_batch_operation(data=request)


def fail_all(client: CamundaClient, name: str, count: int) -> None:
    """That many jobs become incidents."""
    for job in activate_all(client, name, count):
        client.fail_job(job.job_key, data=JobFailRequest(retries=0, error_message=f"{name} failed"))


def counts(batch: Any) -> tuple[int, int, int]:
    return (batch.operations_total_count, batch.operations_completed_count, batch.operations_failed_count)


def test_what_a_filter_selects_is_canceled(client: CamundaClient, name: str) -> None:
    keys = [create(client, name, number=number) for number in range(12)]
    instances(client, {"processDefinitionId": name}, 12)
    numbers = [{"variables": [{"name": "number", "value": str(number)}]} for number in range(10)]
    made = cancel(client, {"processDefinitionId": name, "$or": numbers}, operationReference=7)
    assert made.batch_operation_type == "CANCEL_PROCESS_INSTANCE"
    batch = batch_in(client, made.batch_operation_key)
    assert (batch.state, batch.batch_operation_type) == ("COMPLETED", "CANCEL_PROCESS_INSTANCE")
    assert (counts(batch), batch.errors) == ((10, 10, 0), [])
    assert batch.start_date is not None
    assert batch.end_date is not None
    assert batch.end_date >= batch.start_date
    items = items_of(client, made.batch_operation_key, "COMPLETED", 10)
    assert {item.item_key for item in items} == {item.process_instance_key for item in items} == set(keys[:10])
    assert all(item.processed_date is not None and item.error_message is None for item in items)
    assert {item.operation_type for item in items} == {"CANCEL_PROCESS_INSTANCE"}
    terminated = {"batchOperationKey": made.batch_operation_key, "state": "TERMINATED"}
    assert len(instances(client, terminated, 10)) == 10
    assert {one.process_instance_key for one in instances(client, _active(name), 2)} == set(keys[10:])


def _active(name: str) -> dict[str, Any]:
    return {"processDefinitionId": name, "state": "ACTIVE"}


def test_batch_operations_and_items_are_searched(client: CamundaClient, name: str) -> None:
    keys = sorted((create(client, name) for _ in range(5)), key=int)
    instances(client, {"processDefinitionId": name}, 5)
    made = [cancel(client, {"processInstanceKey": {"$in": part}}) for part in (keys[:2], keys[2:])]
    ours = [batch.batch_operation_key for batch in made]
    for key in ours:
        batch_in(client, key)
    query = BatchOperationSearchQuery.from_dict(
        {
            "filter": {
                "batchOperationKey": {"$in": ours},
                "state": {"$in": ["COMPLETED", "FAILED"]},
                "operationType": "CANCEL_PROCESS_INSTANCE",
            },
            "sort": [{"field": "endDate", "order": "DESC"}, {"field": "batchOperationKey", "order": "DESC"}],
            "page": {"limit": 1},
        }
    )
    found = client.search_batch_operations(data=query)
    assert (len(found.items), found.page.total_items) == (1, 2)
    assert found.items[0].batch_operation_key in ours
    none = {"filter": {"batchOperationKey": {"$in": ours}, "state": {"$neq": "COMPLETED"}}}
    assert client.search_batch_operations(data=BatchOperationSearchQuery.from_dict(none)).items == []

    def page(**page: Any) -> Any:
        sort = [{"field": "itemKey", "order": "DESC"}]
        wanted = {"batchOperationKey": ours[1], "processInstanceKey": {"$neq": keys[0]}}
        query = BatchOperationItemSearchQuery.from_dict({"filter": wanted, "sort": sort, "page": page})
        return client.search_batch_operation_items(data=query)

    first = page(limit=2)
    second = page(limit=2, after=first.page.end_cursor)
    assert [item.item_key for item in first.items + second.items] == keys[:1:-1]


def test_incidents_are_resolved_by_filter_and_of_one_instance(client: CamundaClient, name: str) -> None:
    keys = [create(client, name) for _ in range(4)]
    fail_all(client, name, 4)
    wanted = {"processDefinitionId": name, "hasIncident": True, "errorMessage": {"$like": "*failed"}}
    instances(client, wanted, 4)
    single = client.resolve_process_instance_incidents(keys[0])
    assert single.batch_operation_type == "RESOLVE_INCIDENT"
    assert counts(batch_in(client, single.batch_operation_key)) == (1, 1, 0)
    (item,) = items_of(client, single.batch_operation_key, "COMPLETED", 1)
    assert item.process_instance_key == keys[0]
    instances(client, wanted, 3)
    request = ProcessInstanceIncidentResolutionBatchOperationRequest.from_dict({"filter": wanted})
    made = client.resolve_incidents_batch_operation(data=request)
    batch = batch_in(client, made.batch_operation_key)
    assert (batch.state, batch.batch_operation_type, counts(batch)) == ("COMPLETED", "RESOLVE_INCIDENT", (3, 3, 0))
    assert {job.retries for job in activate_all(client, name, 4)} == {1}
    instances(client, wanted, 0)
    nobody = ProcessInstanceKey(NOBODY)
    refused(NotFoundError, lambda: client.resolve_process_instance_incidents(nobody), "NOT_FOUND", NOBODY)


def test_what_is_not_there_any_more_is_told_item_by_item(client: CamundaClient, name: str) -> None:
    keys = [create(client, name) for _ in range(3)]
    client.cancel_process_instance(keys[0], data=CancelProcessInstanceRequest())
    instance_in(client, keys[0], "TERMINATED")
    instances(client, _active(name), 2)
    batch = batch_in(client, cancel(client, {"processInstanceKey": {"$in": [*keys, NOBODY]}}).batch_operation_key)
    # keys given by hand are all items: one has ended and fails, one is of nothing and is passed over
    assert (batch.state, counts(batch)) == ("COMPLETED", (4, 3, 1))
    (failed,) = items_of(client, batch.batch_operation_key, "FAILED", 1)
    assert failed.item_key == str(keys[0])


def test_nothing_selected_is_completed_too(client: CamundaClient) -> None:
    batch = batch_in(client, cancel(client, {"processDefinitionId": unique("nothing")}).batch_operation_key)
    assert (batch.state, counts(batch)) == ("COMPLETED", (0, 0, 0))
    items_of(client, batch.batch_operation_key, "ACTIVE", 0)


def test_a_batch_operation_is_suspended_resumed_and_finished(
    installation: Installation, client: CamundaClient, name: str
) -> None:
    create_many(installation, name)
    key = cancel(client, _active(name)).batch_operation_key
    client.suspend_batch_operation(key, data={})
    suspended = batch_in(client, key, "SUSPENDED")
    assert suspended.end_date is None
    refused_as_conflict(lambda: client.suspend_batch_operation(key, data={}), "SUSPENDED")
    assert active_now(client, name) > 0
    client.resume_batch_operation(key, data={})
    batch = batch_in(client, key)
    assert (batch.state, counts(batch)) == ("COMPLETED", (MANY, MANY, 0))
    instances(client, {"processDefinitionId": name, "state": "TERMINATED"}, MANY, page={"limit": 0})
    refused_as_conflict(lambda: client.resume_batch_operation(key, data={}), "ENDED")


def test_a_batch_operation_is_canceled(installation: Installation, client: CamundaClient, name: str) -> None:
    create_many(installation, name)
    key = cancel(client, _active(name)).batch_operation_key
    client.suspend_batch_operation(key, data={})
    batch_in(client, key, "SUSPENDED")
    client.cancel_batch_operation(key, data={})
    batch = batch_in(client, key)
    assert batch.state == "CANCELED"
    done = batch.operations_completed_count
    items_of(client, key, "COMPLETED", done)
    items_of(client, key, "CANCELED", batch.operations_total_count - done)
    instances(client, _active(name), MANY - done, page={"limit": 0})
    refused_as_conflict(lambda: client.cancel_batch_operation(key, data={}), "ENDED")


def create_many(installation: Installation, name: str) -> None:
    """Start MANY instances by commands on the log, and wait until search finds them."""

    async def append() -> None:
        start = command("PROCESS_INSTANCE_CREATION", "CREATE", ProcessInstanceCreation(bpmn_process_id=name))
        messages = [Message(value=Codec(FAMILIES).encode(start))] * (MANY // installation.partitions)
        log = await EmbeddedLog.open(installation.data)
        await log.append([Append(topic=COMMANDS, partition=number, messages=messages) for number in (1, 2)])
        await log.close()

    asyncio.run(append())
    with connect(installation) as client:
        instances(client, _active(name), MANY, page={"limit": 0})


def active_now(client: CamundaClient, name: str) -> int:
    query = ProcessInstanceSearchQuery.from_dict({"filter": _active(name), "page": {"limit": 0}})
    return client.search_process_instances(data=query).page.total_items


def refused_as_conflict(call: Callable[[], None], state: str) -> None:
    """The client does not know that these operations answer 409, and raises its exception for what it does not know."""
    with pytest.raises(UnexpectedStatus) as caught:
        call()
    problem = json.loads(caught.value.content)
    assert (problem["status"], problem["title"]) == (409, "INVALID_STATE")
    assert f"got {state}" in problem["detail"]


def test_an_empty_filter_and_an_unknown_batch_operation_are_refused(client: CamundaClient) -> None:
    refused(BadRequestError, lambda: cancel(client, {}), "Bad Request", "empty filter")
    refused(BadRequestError, lambda: cancel(client, {"color": "red"}), "Bad Request", "filter.color")
    key = BatchOperationKey(NOBODY)
    for call in (client.suspend_batch_operation, client.resume_batch_operation, client.cancel_batch_operation):
        refused(NotFoundError, partial(call, key, data={}), "NOT_FOUND", NOBODY)
    refused(NotFoundError, lambda: client.get_batch_operation(key), "NOT_FOUND", NOBODY)
