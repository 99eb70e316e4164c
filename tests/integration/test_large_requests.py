"""The largest things that are allowed work from end to end; what is larger is refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from camunda_orchestration_sdk import (
    BatchOperationKey,
    CamundaClient,
    JobCompletionRequest,
    ProcessInstanceCancellationBatchOperationRequest,
    VariableSearchQuery,
)
from camunda_orchestration_sdk.errors import BadRequestError

from engine.core.record import first_key
from gateway.selection import KEYS_MAX
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
from tests.support.models import one_task

#: Characters of the variables, which are all of one byte.
LARGE = 3_900_000
#: Keys that nobody has, of those that are not left out.
STRANGE = 1_000


def test_variables_of_almost_the_limit_go_through(client: CamundaClient) -> None:
    name = unique("large")
    deploy(client, one_task(name, name))
    document = {f"part{number:02}": f"{number:02}" * (LARGE // 80) for number in range(39)}
    key = create(client, name, **document)
    taken = activate(client, name)
    assert (taken.process_instance_key, taken.variables.to_dict()) == (key, document)
    result = "r" * LARGE
    client.complete_job(taken.job_key, data=JobCompletionRequest.from_dict({"variables": {"result": result}}))
    instance_in(client, key, "COMPLETED")
    query = VariableSearchQuery.from_dict(
        {"filter": {"processInstanceKey": key, "name": {"$in": ["part07", "result"]}}}
    )
    found = client.search_variables(data=query, truncate_values=False, consistency=counted(2)).items
    assert {one.name: json.loads(one.value) for one in found} == {"part07": document["part07"], "result": result}


def test_a_list_of_hundreds_of_thousands_of_keys_is_a_batch_operation(client: CamundaClient) -> None:
    """Keys that nobody has take as much room as those of instances, and are items like those; most are left out."""
    name = unique("keys")
    deploy(client, one_task(name))
    keys = [create(client, name) for _ in range(5)]
    instances(client, {"processDefinitionId": name}, 5)
    nobody = [str(first_key(2) + (1 << 40) + number) for number in range(KEYS_MAX // 2 - len(keys))]
    left_out = [*keys[:2], *nobody[STRANGE:]]
    batch = batch_in(client, cancel(client, {"$in": [*keys, *nobody], "$notIn": left_out}))
    assert (batch.state, batch.operations_total_count) == ("COMPLETED", 3 + STRANGE)
    skipped = batch.additional_properties["operationsSkippedCount"]
    assert (batch.operations_completed_count - skipped, skipped, batch.operations_failed_count) == (3, STRANGE, 0)
    items = items_of(client, batch.batch_operation_key, "COMPLETED", 3)
    assert {item.item_key for item in items} == set(keys[2:])
    left = instances(client, {"processDefinitionId": name, "state": "ACTIVE"}, 2)
    assert {one.process_instance_key for one in left} == set(keys[:2])


def test_more_keys_than_a_record_holds_are_refused(client: CamundaClient) -> None:
    keys = [str(first_key(1) + number) for number in range(KEYS_MAX + 1)]
    text = f"at most {KEYS_MAX} keys, got {KEYS_MAX + 1}"
    refused(BadRequestError, lambda: cancel(client, {"$in": keys}), "Bad Request", text)


def cancel(client: CamundaClient, keys: Mapping[str, Sequence[str]]) -> BatchOperationKey:
    request = ProcessInstanceCancellationBatchOperationRequest.from_dict({"filter": {"processInstanceKey": keys}})
    return client.cancel_process_instances_batch_operation(data=request).batch_operation_key
