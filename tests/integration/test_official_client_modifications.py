"""The official client over HTTP: tokens of process instances moved, begun and ended, of one and of many."""

from __future__ import annotations

from typing import Any

from camunda_orchestration_sdk import (
    CamundaClient,
    ElementInstanceSearchQuery,
    ProcessInstanceKey,
    ProcessInstanceModificationBatchOperationRequest,
    ProcessInstanceModificationInstruction,
)
from camunda_orchestration_sdk.errors import BadRequestError, NotFoundError

from tests.integration.official_client import (
    batch_in,
    create,
    deploy,
    instance_in,
    instances,
    items_of,
    refused,
    seen,
    unique,
)
from tests.support import models as m


def two_jobs(client: CamundaClient) -> str:
    """A process with jobs a and b, one after the other, and c in a sub-process beside; gives its id."""
    name = unique("modified")
    sub = m.sub_process("sub", m.start("s"), m.job("c", f"{name}-c"), m.end("z"), m.chain("s", "c", "z"))
    flows = (m.chain("start", "a", "b", "end"), m.flow("sub", "end"))
    parts = (m.start(), m.job("a", f"{name}-a"), m.job("b", f"{name}-b"), m.end(), sub, *flows)
    deploy(client, m.model(m.process(name, *parts)))
    return name


def is_at(client: CamundaClient, key: ProcessInstanceKey, *element_ids: str) -> None:
    """Waits until these elements are active, and no other ones."""
    wanted = {"processInstanceKey": key, "state": "ACTIVE"}
    query = ElementInstanceSearchQuery.from_dict({"filter": wanted})
    there = seen(lambda result: sorted(each.element_id for each in result.items) == sorted(element_ids))
    client.search_element_instances(data=query, consistency=there)


def modify(client: CamundaClient, key: ProcessInstanceKey, **instructions: Any) -> None:
    client.modify_process_instance(key, data=ProcessInstanceModificationInstruction.from_dict(instructions))


def by_id(source: str, target: str, **more: Any) -> dict[str, Any]:
    instruction = {"sourceType": "byId", "sourceElementId": source}
    return {"sourceElementInstruction": instruction, "targetElementId": target, **more}


def test_tokens_of_one_instance(client: CamundaClient) -> None:
    key = create(client, two_jobs(client))
    modify(client, key, moveInstructions=[by_id("a", "b")])
    is_at(client, key, "b")
    variables = [{"variables": {"n": 1}, "scopeId": "sub"}]
    modify(client, key, activateInstructions=[{"elementId": "c", "variableInstructions": variables}])
    is_at(client, key, "b", "sub", "c")
    modify(client, key, terminateInstructions=[{"elementId": "b"}])
    is_at(client, key, "sub", "c")
    inferred = {"ancestorScopeInstruction": {"ancestorScopeType": "inferred"}}
    modify(client, key, moveInstructions=[by_id("c", "end", **inferred)])
    instance_in(client, key, "COMPLETED")


def test_what_is_wrong_is_told(client: CamundaClient) -> None:
    key = create(client, two_jobs(client))
    refused(
        BadRequestError,
        lambda: modify(client, key, moveInstructions=[by_id("none", "b")]),
        "INVALID_ARGUMENT",
        "got 'none'",
    )
    refused(BadRequestError, lambda: modify(client, key), "Bad Request", "activateInstructions")
    ended = ProcessInstanceKey("9007199254740991")
    refused(NotFoundError, lambda: modify(client, ended, moveInstructions=[by_id("a", "b")]), "NOT_FOUND", "expected")


def test_tokens_of_many_instances(client: CamundaClient) -> None:
    name = two_jobs(client)
    keys = [create(client, name) for _ in range(4)]
    instances(client, {"processDefinitionId": name, "elementId": "a"}, 4)
    move = {"sourceElementId": "a", "targetElementId": "b"}
    request = {"filter": {"processDefinitionId": name}, "moveInstructions": [move]}
    made = client.modify_process_instances_batch_operation(
        data=ProcessInstanceModificationBatchOperationRequest.from_dict(request)
    )
    assert made.batch_operation_type == "MODIFY_PROCESS_INSTANCE"
    assert batch_in(client, made.batch_operation_key).operations_completed_count == 4
    items = items_of(client, made.batch_operation_key, "COMPLETED", 4)
    assert {item.process_instance_key for item in items} == set(keys)
    for key in keys:
        is_at(client, key, "b")
