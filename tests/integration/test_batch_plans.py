"""Before a batch operation runs, over HTTP: the preview, the dry run, the plan that is committed or refused."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from camunda_orchestration_sdk import CamundaClient

from tests.integration.installation import Installation
from tests.integration.test_batch_running import CANCELLATION, answer_of, ended, several


@pytest.fixture
def http(installation: Installation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{installation.url}/v2", timeout=60) as connected:
        yield connected


def items_of(http: httpx.Client, key: str) -> list[dict[str, str]]:
    wanted = {"filter": {"batchOperationKey": key}, "sort": [{"field": "itemKey"}]}
    return list(answer_of(http.post("/batch-operation-items/search", json=wanted))["items"])


def test_a_preview_says_what_the_batch_operation_will_have(
    http: httpx.Client, client: CamundaClient, name: str
) -> None:
    keys = several(client, name, 3)
    wish = {"filter": {"processDefinitionId": name}, "ids": ["17"], "exclude": keys[2:]}
    found = answer_of(
        http.post("/batch-operations/preview", json={"batchOperationType": "CANCEL_PROCESS_INSTANCE", **wish})
    )
    assert (found["total"], found["unknownIds"]) == (2, ["17"])
    assert [(one["processDefinitionId"], one["count"]) for one in found["processDefinitions"]] == [(name, 2)]
    assert found["states"] == [{"state": "ACTIVE", "count": 2}]
    assert {one["itemKey"] for one in found["samples"]} == set(keys[:2])
    document = ended(http, answer_of(http.post(CANCELLATION, json=found["request"]["body"]))["batchOperationKey"])
    counts = [document[f"operations{kind}Count"] for kind in ("Total", "Completed", "Skipped")]
    assert counts == [3, 3, 1]
    unknown = [item for item in items_of(http, document["batchOperationKey"]) if item["itemKey"] == "17"]
    assert [(item["state"], item["processInstanceKey"]) for item in unknown] == [("SKIPPED", None)]


def test_a_plan_is_committed_if_it_still_holds(http: httpx.Client, client: CamundaClient, name: str) -> None:
    keys = several(client, name, 4)
    wish = {"filter": {"processDefinitionId": name}, "dryRun": True, "keepPlan": True}
    plan = answer_of(http.post(CANCELLATION, json=wish))["batchOperationKey"]
    document = ended(http, plan)
    assert (document["state"], document["dryRun"], document["operationsTotalCount"]) == ("COMPLETED", True, 4)
    assert all("ELEMENT_TERMINATED" in item["prediction"] for item in items_of(http, plan))
    log = answer_of(http.get(f"/batch-operations/{plan}/log"))["items"]
    assert all(
        len(entry["planHash"]) == 64 for entry in log if entry["event"] == "PARTITION_COMPLETED" and "planHash" in entry
    )
    for key in keys:
        assert answer_of(http.get(f"/process-instances/{key}"))["state"] == "ACTIVE"
    committed = ended(http, answer_of(http.post(f"/batch-operations/{plan}/commit", json={}))["batchOperationKey"])
    assert (committed["state"], committed["operationsCompletedCount"]) == ("COMPLETED", 4)
    assert committed["planBatchOperationKey"] == plan
    refused = ended(http, answer_of(http.post(f"/batch-operations/{plan}/commit", json={}))["batchOperationKey"])
    assert (refused["state"], refused["operationsCanceledCount"]) == ("FAILED", 4)
    assert all(f"4 items would not come out as plan {plan} foresees" in error["message"] for error in refused["errors"])
    assert http.post(f"/batch-operations/{plan}/approval", json={}).status_code == 403  # nobody in particular made it
