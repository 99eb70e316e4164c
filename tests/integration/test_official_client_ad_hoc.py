"""The official client over HTTP: ad-hoc sub-processes that people and workers begin elements in."""

from __future__ import annotations

import functools

from camunda_orchestration_sdk import CamundaClient, ElementInstanceSearchQuery
from camunda_orchestration_sdk.errors import BadRequestError, NotFoundError
from camunda_orchestration_sdk.models import (
    AdHocSubProcessActivateActivitiesInstruction,
    JobCompletionRequest,
    JobSearchQuery,
)

from tests.integration.official_client import activate, counted, create, deploy, instance_in, refused, seen, unique
from tests.support import models as m


def ad_hoc(client: CamundaClient, **fields: object) -> str:
    """A process with the ad-hoc sub-process `pool`; its tasks `a` and `b` have jobs of the types `a-…` and `b-…`."""
    name = unique("ad-hoc")
    pool = m.ad_hoc("pool", m.job("a", f"a-{name}"), m.job("b", f"b-{name}"), **fields)  # type: ignore[arg-type]
    deploy(client, m.model(m.process(name, m.start(), pool, m.end(), m.chain("start", "pool", "end"))))
    return name


def element_of(client: CamundaClient, instance: object, element_type: str, count: int = 1) -> list[object]:
    query = ElementInstanceSearchQuery.from_dict({"filter": {"processInstanceKey": instance, "type": element_type}})
    return client.search_element_instances(data=query, consistency=counted(count)).items


def instruction(*names: str, **fields: object) -> AdHocSubProcessActivateActivitiesInstruction:
    elements = [{"elementId": name, "variables": {"by": "hand"}} for name in names]
    return AdHocSubProcessActivateActivitiesInstruction.from_dict({"elements": elements, **fields})


def completion(*names: str, **result: object) -> JobCompletionRequest:
    elements = [{"elementId": name, "variables": {"n": number}} for number, name in enumerate(names)]
    decided = {"type": "adHocSubProcess", "activateElements": elements, **result}
    return JobCompletionRequest.from_dict({"variables": {"asked": True}, "result": decided})


def test_elements_are_begun_by_hand(client: CamundaClient) -> None:
    name = ad_hoc(client)
    instance = create(client, name)
    (pool,) = element_of(client, instance, "AD_HOC_SUB_PROCESS")
    key = pool.element_instance_key  # type: ignore[attr-defined]
    client.activate_ad_hoc_sub_process_activities(key, data=instruction("a", "b"))
    element_of(client, instance, "AD_HOC_SUB_PROCESS_INNER_INSTANCE", 2)
    client.activate_ad_hoc_sub_process_activities(key, data=instruction("b", cancelRemainingInstances=True))
    element_of(client, instance, "AD_HOC_SUB_PROCESS_INNER_INSTANCE", 3)
    job = activate(client, f"b-{name}")
    assert job.variables.to_dict()["by"] == "hand"
    client.complete_job(job.job_key, data=JobCompletionRequest())
    instance_in(client, instance, "COMPLETED")
    again = functools.partial(client.activate_ad_hoc_sub_process_activities, key, data=instruction("a"))
    refused(NotFoundError, again, "NOT_FOUND", "it may have ended")


def test_all_that_is_wrong_is_told_at_once(client: CamundaClient) -> None:
    instance = create(client, ad_hoc(client))
    (pool,) = element_of(client, instance, "AD_HOC_SUB_PROCESS")
    key = pool.element_instance_key  # type: ignore[attr-defined]
    activation = client.activate_ad_hoc_sub_process_activities
    wrong = functools.partial(activation, key, data=instruction("a", "a", "ghost"))
    refused(BadRequestError, wrong, "INVALID_ARGUMENT", "got 'ghost'; correct it; expected each element once, got 'a'")
    elsewhere = functools.partial(activation, instance, data=instruction("a"))
    refused(NotFoundError, elsewhere, "NOT_FOUND", "expected an active ad-hoc sub-process")


def test_a_worker_decides(client: CamundaClient) -> None:
    agent = unique("agent")
    name = ad_hoc(client, extensions=(m.definition(agent),), collects=("results", "={n: n, found: found}"))
    instance = create(client, name)
    job = activate(client, agent)
    assert job.kind == "AD_HOC_SUB_PROCESS"
    assert [each["elementId"] for each in job.variables.to_dict()["adHocSubProcessElements"]] == ["a", "b"]
    client.complete_job(job.job_key, data=completion("a", "a"))
    for _ in range(2):
        tool = activate(client, f"a-{name}")
        found = {"found": tool.variables.to_dict()["n"] * 10}
        client.complete_job(tool.job_key, data=JobCompletionRequest.from_dict({"variables": found}))
    query = JobSearchQuery.from_dict({"filter": {"type": agent, "state": "CREATED"}})
    client.search_jobs(data=query, consistency=counted(1))
    again = activate(client, agent)
    variables = again.variables.to_dict()
    assert variables["asked"] is True
    assert sorted(variables["results"], key=lambda one: one["n"]) == [{"n": 0, "found": 0}, {"n": 1, "found": 10}]
    both = completion("a", isCompletionConditionFulfilled=True)
    wrong = functools.partial(client.complete_job, again.job_key, data=both)
    refused(BadRequestError, wrong, "INVALID_ARGUMENT", "got both")
    client.complete_job(again.job_key, data=completion(isCompletionConditionFulfilled=True))
    instance_in(client, instance, "COMPLETED")


def test_names_of_the_elements_are_found(client: CamundaClient) -> None:
    instance = create(client, ad_hoc(client, active='=["a"]'))
    (inner,) = element_of(client, instance, "AD_HOC_SUB_PROCESS_INNER_INSTANCE")
    key = inner.element_instance_key  # type: ignore[attr-defined]
    found = client.get_element_instance(key, consistency=seen())
    assert (found.element_id, found.state) == ("pool#innerInstance", "ACTIVE")
