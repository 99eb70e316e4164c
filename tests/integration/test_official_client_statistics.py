"""The official client over HTTP: statistics, and what belongs to a process instance or a user task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from camunda_orchestration_sdk import CamundaClient, UserTaskSearchQuery, models

from tests.integration.official_client import activate, counted, create, deploy, incident_of, seen, unique
from tests.support.models import MODELS, one_task


def window() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"from": (now - timedelta(hours=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}


def test_a_definition_and_its_instances_are_counted(client: CamundaClient) -> None:
    name = unique("statistics")
    definition = deploy(client, one_task(name, name)).processes[0].process_definition_key
    key, broken = create(client, name, amount=1), create(client, name)
    job_type = incident_with_job(client, broken)
    incident = incident_of(client, broken)

    (element,) = elements(client.get_process_definition_statistics(definition, consistency=seen(counts_two)), "task")
    assert (element.active, element.incidents, element.completed, element.canceled) == (1, 1, 0, 0)
    data = models.ProcessDefinitionElementStatisticsQuery.from_dict({"filter": {"hasIncident": True}})
    (element,) = elements(client.get_process_definition_statistics(definition, data=data), "task")
    assert (element.active, element.incidents) == (0, 1)
    (element,) = elements(client.get_process_instance_statistics(key), "task")
    assert (element.active, element.incidents) == (1, 0)
    flows = client.get_process_instance_sequence_flows(key).items
    assert [(flow.process_instance_key, flow.process_definition_id) for flow in flows] == [(key, name)]
    assert client.get_process_instance_call_hierarchy(key) == []
    (waiting,) = client.get_process_instance_wait_state_statistics(key).items
    assert (waiting.element_id, waiting.waiting_count) == ("task", 1)
    wanted: Any = models.ElementInstanceWaitStateQuery.from_dict({"filter": {"processInstanceKey": key}})
    (state,) = client.search_element_instance_wait_states(data=wanted).items
    assert (state.element_id, state.details.wait_state_type, state.bpmn_process_id) == ("task", "JOB", name)
    found = client.search_process_definition_variable_names(definition)
    assert [one.name for one in found.items] == ["amount"]
    everything = models.IncidentSearchQuery.from_dict({})
    for found_incidents in (
        client.search_process_instance_incidents(broken, data=everything),
        client.search_element_instance_incidents(incident.element_instance_key, data=everything),
    ):
        assert [one.incident_key for one in found_incidents.items] == [incident.incident_key]
    counted_jobs(client, job_type)


def counts_two(result: Any) -> bool:
    return any(one.active + one.incidents == 2 for one in result.items if one.element_id == "task")


def elements(result: Any, element_id: str) -> list[Any]:
    return [one for one in result.items if one.element_id == element_id]


def incident_with_job(client: CamundaClient, key: str) -> str:
    """Let the job of one of the instances fail for good; gives its type."""
    query = models.JobSearchQuery.from_dict({"filter": {"processInstanceKey": key}})
    (job,) = client.search_jobs(data=query, consistency=counted(1)).items
    taken = activate(client, job.type_)
    while taken.process_instance_key != key:
        taken = activate(client, job.type_)
    failure = models.JobFailRequest.from_dict({"retries": 0, "errorMessage": f"no {job.type_} today"})
    client.fail_job(taken.job_key, data=failure)
    return str(job.type_)


def counted_jobs(client: CamundaClient, job_type: str) -> None:
    of_type = {"filter": {**window(), "jobType": job_type}}
    begin, end = (datetime.fromisoformat(moment) for moment in window().values())
    totals = client.get_global_job_statistics(from_=begin, to=end, job_type=job_type)
    assert (totals.created.count, totals.completed.count, totals.failed.count) == (2, 0, 1)
    (by_type,) = client.get_job_type_statistics(data=models.JobTypeStatisticsQuery.from_dict(of_type)).items
    assert (by_type.job_type, by_type.created.count, by_type.failed.count) == (job_type, 2, 1)
    client.get_job_worker_statistics(data=models.JobWorkerStatisticsQuery.from_dict(of_type))
    series = client.get_job_time_series_statistics(data=models.JobTimeSeriesStatisticsQuery.from_dict(of_type))
    assert sum(one.created.count for one in series.items) == 2
    (error,) = client.get_job_error_statistics(data=models.JobErrorStatisticsQuery.from_dict(of_type)).items
    assert error.error_message == f"no {job_type} today"


def test_incidents_and_instances_are_counted_by_process_and_error(client: CamundaClient) -> None:
    name = unique("counted")
    deploy(client, one_task(name))
    key = create(client, name)
    job_type = incident_with_job(client, key)
    incident_of(client, key)
    page: dict[str, Any] = {"page": {"limit": 1000}}
    query = models.IncidentProcessInstanceStatisticsByErrorQuery.from_dict(page)
    errors = client.get_process_instance_statistics_by_error(data=query).items
    (error,) = [one for one in errors if one.error_message == f"no {job_type} today"]
    by_hash = {"filter": {"errorHashCode": error.error_hash_code}}
    found = client.get_process_instance_statistics_by_definition(
        data=models.IncidentProcessInstanceStatisticsByDefinitionQuery.from_dict(by_hash)
    )
    assert name in [one.process_definition_id for one in found.items]
    of_process = {"filter": {"processDefinitionId": name}}
    versions = client.get_process_definition_instance_version_statistics(
        data=models.ProcessDefinitionInstanceVersionStatisticsQuery.from_dict(of_process)
    )
    (version,) = versions.items
    assert (version.process_definition_version, version.active_instances_with_incident_count) == (1, 1)
    processes = client.get_process_definition_instance_statistics(
        data=models.ProcessDefinitionInstanceStatisticsQuery.from_dict(page)
    )
    (process,) = [one for one in processes.items if one.process_definition_id == name]
    assert (process.has_multiple_versions, process.active_instances_with_incident_count) == (False, 1)
    assert client.get_process_definition_message_subscription_statistics().items == []
    assert client.search_resources().items == []


def test_a_user_task_sees_the_variables_of_its_instance(client: CamundaClient) -> None:
    deploy(client, b'{"id": "approve", "components": []}', "approve.form")
    deploy(client, (MODELS / "user-tasks.bpmn").read_bytes(), "user-tasks.bpmn")
    key = create(client, "user-tasks", initiator="ada", users=["bob"])
    query = UserTaskSearchQuery.from_dict({"filter": {"processInstanceKey": key}})
    (task,) = client.search_user_tasks(data=query, consistency=seen()).items
    visible = client.search_user_task_variables(task.user_task_key, consistency=seen())
    effective = client.search_user_task_effective_variables(task.user_task_key)
    names = [one.name for one in effective.items]
    assert {"initiator", "users"} <= set(names) <= {one.name for one in visible.items}
    assert len(names) == len(set(names))
