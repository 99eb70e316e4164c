"""The official client over HTTP: what was done is undone by workers, who may fail on the way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from camunda_orchestration_sdk import CamundaClient, CancelProcessInstanceRequest, ProcessInstanceKey
from camunda_orchestration_sdk.errors import BadRequestError
from camunda_orchestration_sdk.models import (
    ElementInstanceSearchQuery,
    JobCompletionRequest,
    JobErrorRequest,
    JobFailRequest,
    JobUpdateRequest,
)

from tests.integration.official_client import activate, create, deploy, incident_of, instance_in, refused, seen, unique
from tests.support import models as m


@pytest.fixture
def name(client: CamundaClient) -> str:
    """`book` and `pay`, which is in a sub-process, have been done when the job `…-check` throws an error."""
    name = unique("trip")
    parts = [m.start(), m.job("book", f"{name}-book"), m.undo_job("unbook", "book", f"{name}-unbook")]
    pay = m.start("begin") + m.job("pay", f"{name}-pay") + m.undo_job("refund", "pay", f"{name}-refund")
    parts += [m.sub_process("payment", pay, m.chain("begin", "pay")), m.job("check", f"{name}-check"), m.end()]
    undo = m.start_event("failed", m.error()) + m.throw("undo", m.compensation()) + m.end("undone")
    parts += [m.handler("rollback", undo, m.chain("failed", "undo", "undone"))]
    deploy(client, m.model(m.process(name, *parts, m.chain("start", "book", "payment", "check", "end"))))
    return name


def roll_back(client: CamundaClient, name: str) -> ProcessInstanceKey:
    """An instance that has begun to be undone."""
    key = create(client, name)
    for done in ("book", "pay"):
        client.complete_job(activate(client, f"{name}-{done}").job_key)
    client.throw_job_error(activate(client, f"{name}-check").job_key, data=JobErrorRequest(error_code="NO"))
    return key


def elements_of(client: CamundaClient, key: ProcessInstanceKey, wanted: Sequence[str], state: str) -> dict[str, str]:
    """The types of these elements of an instance, once search knows all of them in this state."""
    query = ElementInstanceSearchQuery.from_dict({"filter": {"processInstanceKey": key, "state": state}})
    found = client.search_element_instances(
        data=query, consistency=seen(lambda result: set(wanted) <= {one.element_id for one in result.items})
    )
    return {one.element_id: one.type_ for one in found.items if one.element_id in wanted}


def test_what_was_done_is_undone_by_workers(client: CamundaClient, name: str) -> None:
    key = roll_back(client, name)
    active = elements_of(client, key, ["undo", "unbook", "refund"], "ACTIVE")
    assert active == {"undo": "INTERMEDIATE_THROW_EVENT", "unbook": "SERVICE_TASK", "refund": "SERVICE_TASK"}
    for undone in ("refund", "unbook"):
        job = activate(client, f"{name}-{undone}")
        assert job.process_instance_key == key
        client.complete_job(job.job_key, data=JobCompletionRequest.from_dict({"variables": {undone: True}}))
    instance_in(client, key, "COMPLETED")
    done = elements_of(client, key, ["book_undone", "pay_undone", "unbook", "refund", "undo", "rollback"], "COMPLETED")
    assert done["book_undone"] == done["pay_undone"] == "BOUNDARY_EVENT"


def test_an_incident_of_what_undoes_is_resolved(client: CamundaClient, name: str) -> None:
    key = roll_back(client, name)
    client.complete_job(activate(client, f"{name}-unbook").job_key)
    job = activate(client, f"{name}-refund")
    client.fail_job(job.job_key, data=JobFailRequest.from_dict({"retries": 0, "errorMessage": "the bank is closed"}))
    incident = incident_of(client, key)
    assert (incident.element_id, incident.error_message) == ("refund", "the bank is closed")
    client.update_job(job.job_key, data=JobUpdateRequest.from_dict({"changeset": {"retries": 1}}))
    client.resolve_incident(incident.incident_key)
    client.complete_job(activate(client, f"{name}-refund").job_key)
    instance_in(client, key, "COMPLETED")


def test_an_instance_is_canceled_while_it_is_undone(client: CamundaClient, name: str) -> None:
    key = roll_back(client, name)
    activate(client, f"{name}-refund")
    client.cancel_process_instance(key, data=CancelProcessInstanceRequest())
    instance_in(client, key, "TERMINATED")
    elements_of(client, key, ["undo", "unbook", "refund"], "TERMINATED")


def test_a_model_in_which_nothing_undoes_is_refused(client: CamundaClient) -> None:
    lonely = m.boundary_event("undone", "task", m.compensation())
    model = m.straight(unique("lonely"), m.task("task"), lonely, names=("task",))
    text = "BOUNDARY_EVENT 'undone' (line 1): expected one association"
    refused(BadRequestError, lambda: deploy(client, model), "INVALID_ARGUMENT", text)
