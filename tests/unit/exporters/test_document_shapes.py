"""Every document is read by the official client: no field is missing, every enumeration is known to it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from camunda_orchestration_sdk import models

from exporters.search.entities import ENTITIES
from exporters.search.statistics import STATISTICS
from tests.unit.exporters.stories import BATCH_EXTRAS, Story, World
from tests.unit.exporters.test_sqlite_exporter import long_story

RESULTS: dict[str, Any] = {
    "PROCESS_DEFINITION": models.ProcessDefinitionResult,
    "PROCESS_INSTANCE": models.ProcessInstanceResult,
    "ELEMENT_INSTANCE": models.ElementInstanceResult,
    "VARIABLE": models.VariableSearchResult,
    "JOB": models.JobSearchResult,
    "INCIDENT": models.IncidentResult,
    "USER_TASK": models.UserTaskResult,
    "WAIT_STATE": models.ElementInstanceWaitStateResult,
    "FORM": models.FormResult,
    "DECISION_DEFINITION": models.DecisionDefinitionResult,
    "DECISION_REQUIREMENTS": models.DecisionRequirementsResult,
    "DECISION_INSTANCE": models.DecisionInstanceResult,
    "DECISION_INSTANCE_DETAILS": models.DecisionInstanceGetQueryResult,
    "MESSAGE_SUBSCRIPTION": models.MessageSubscriptionResult,
    "CORRELATED_MESSAGE_SUBSCRIPTION": models.CorrelatedMessageSubscriptionResult,
    "USER": models.UserResult,
    "GROUP": models.GroupResult,
    "GROUP_USER": models.GroupUserResult,
    "GROUP_CLIENT": models.GroupClientResult,
    "AUTHORIZATION": models.AuthorizationResult,
    "RESOURCE": models.ResourceResult,
    "BATCH_OPERATION": models.BatchOperationResponse,
    "BATCH_OPERATION_ITEM": models.BatchOperationItemResponse,
}
FILTERS: dict[str, Any] = {
    "PROCESS_DEFINITION": models.ProcessDefinitionFilter,
    "PROCESS_INSTANCE": models.ProcessInstanceFilter,
    "ELEMENT_INSTANCE": models.ElementInstanceFilter,
    "VARIABLE": models.VariableFilter,
    "JOB": models.JobFilter,
    "INCIDENT": models.IncidentFilter,
    "USER_TASK": models.UserTaskFilter,
    "WAIT_STATE": models.ElementInstanceWaitStateFilter,
    "DECISION_DEFINITION": models.DecisionDefinitionFilter,
    "DECISION_REQUIREMENTS": models.DecisionRequirementsFilter,
    "DECISION_INSTANCE": models.DecisionInstanceFilter,
    "DECISION_INSTANCE_DETAILS": models.DecisionInstanceFilter,
    "MESSAGE_SUBSCRIPTION": models.MessageSubscriptionFilter,
    "CORRELATED_MESSAGE_SUBSCRIPTION": models.CorrelatedMessageSubscriptionFilter,
    "USER": models.UserFilter,
    "GROUP": models.GroupFilter,
    "AUTHORIZATION": models.AuthorizationFilter,
    "RESOURCE": models.ResourceFilter,
    "BATCH_OPERATION": models.BatchOperationFilter,
    "BATCH_OPERATION_ITEM": models.BatchOperationItemFilter,
}
#: entity -> how the client calls its orders, when it is not as all others.
SORTS = {"WAIT_STATE": "ElementInstanceWaitState", "DECISION_INSTANCE_DETAILS": "DecisionInstanceSearch"}
#: What the client searches: it gets forms by their keys alone.
SEARCHED = [entity for entity in ENTITIES if entity != "FORM"]
#: What Camunda 8 does not have, of process instances, of batch operations and their items.
OURS = {
    "restartedProcessInstanceKey",
    "operationsSkippedCount",
    "operationsCanceledCount",
    *BATCH_EXTRAS,
    "position",
    "prediction",
    "incidentKey",
}
#: Of these, what one can order by.
OUR_SORTS = {
    "PROCESS_INSTANCE": {"restartedProcessInstanceKey"},
    "BATCH_OPERATION": {
        "creationDate",
        "name",
        "reason",
        "parentBatchOperationKey",
        "operationsTotalCount",
        "operationsFailedCount",
    },
}


def full_story() -> Story:
    """Something of every kind."""
    story = long_story()
    decision, requirements = story.define_decision()
    story.evaluate(decision, requirements, failure="no rule")
    story.wait_for_messages()
    form = story.define_form()
    story.identities()
    key = story.key()
    instance, task, _ = story.start()
    value = {
        "element_id": "task",
        "element_instance_key": task,
        "priority": 50,
        "form_key": form,
        **story.owned(instance),
    }
    story.step(("USER_TASK", "CREATED", key, value))
    return story


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_client_reads_every_document(tmp_path: Path, entity: str) -> None:
    async def scenario() -> None:
        async with World(tmp_path) as world:
            await world.export(full_story())
            documents = (await world.search.search(entity, {})).items
            assert documents or entity == "RESOURCE"
            for document in documents:
                result = RESULTS[entity].from_dict(document)
                assert set(getattr(result, "additional_properties", ())) <= OURS
                written = result.to_dict()
                assert {name: _date(written[name]) for name in document} == {
                    name: _date(value) for name, value in document.items()
                }

    asyncio.run(scenario())


def _date(value: Any) -> Any:
    """The client writes an offset instead of Z, and leaves out milliseconds that are zero."""
    return value.replace("Z", "+00:00").replace(".000+", "+") if isinstance(value, str) and value[4:5] == "-" else value


def test_the_client_reads_one_variable(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with World(tmp_path) as world:
            story = Story()
            story.define()
            instance, _, _ = story.start()
            key = story.variable(instance, "a", {"b": 1})
            await world.export(story)
            assert models.VariableResult.from_dict(await world.document("VARIABLE", key)).value == '{"b":1}'

    asyncio.run(scenario())


def test_a_definition_has_a_start_form_or_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with World(tmp_path) as world:
            story = Story()
            with_form, without = story.define(key=1, start_form_id="paying"), story.define(key=2)
            await world.export(story)
            assert (await world.document("PROCESS_DEFINITION", with_form))["hasStartForm"] is True
            assert (await world.document("PROCESS_DEFINITION", without))["hasStartForm"] is False
            assert await world.search.start_form_id(with_form) == "paying"
            assert await world.search.start_form_id(without) is None
            assert await world.search.start_form_id(3) is None

    asyncio.run(scenario())


#: statistics -> what the client reads, filters by (if it does) and orders by (if it does).
STATISTICS_OF_THE_CLIENT: dict[str, tuple[Any, Any, Any]] = {
    "PROCESS_INSTANCES_BY_PROCESS": (
        models.ProcessDefinitionInstanceStatisticsResult,
        None,
        models.ProcessDefinitionInstanceStatisticsQuerySortRequestField,
    ),
    "PROCESS_INSTANCES_BY_VERSION": (
        models.ProcessDefinitionInstanceVersionStatisticsResult,
        models.ProcessDefinitionInstanceVersionStatisticsQueryFilter,
        models.ProcessDefinitionInstanceVersionStatisticsQuerySortRequestField,
    ),
    "PROCESS_INSTANCES_BY_ERROR": (
        models.IncidentProcessInstanceStatisticsByErrorResult,
        None,
        models.IncidentProcessInstanceStatisticsByErrorQuerySortRequestField,
    ),
    "PROCESS_INSTANCES_BY_DEFINITION": (
        models.IncidentProcessInstanceStatisticsByDefinitionResult,
        models.IncidentProcessInstanceStatisticsByDefinitionQueryFilter,
        models.IncidentProcessInstanceStatisticsByDefinitionQuerySortRequestField,
    ),
    "JOBS_IN_ALL": (None, None, None),
    "JOBS_BY_TYPE": (models.JobTypeStatisticsItem, models.JobTypeStatisticsFilter, None),
    "JOBS_BY_WORKER": (models.JobWorkerStatisticsItem, models.JobWorkerStatisticsFilter, None),
    # the resolution is taken out of the filter by the gateway
    "JOBS_BY_TIME": (models.JobTimeSeriesStatisticsItem, models.JobWorkerStatisticsFilter, None),
    "JOBS_BY_ERROR": (models.JobErrorStatisticsItem, models.JobErrorStatisticsFilter, None),
    "VARIABLE_NAME": (
        models.ProcessDefinitionVariableNameSearchResult,
        models.ProcessDefinitionVariableNameFilter,
        None,
    ),
    "MESSAGE_SUBSCRIPTIONS_BY_DEFINITION": (
        models.ProcessDefinitionMessageSubscriptionStatisticsResult,
        models.MessageSubscriptionFilter,
        None,
    ),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_are_those_of_the_client(name: str) -> None:
    entity = STATISTICS[name]
    result, filters, sorts = STATISTICS_OF_THE_CLIENT[name]
    if result:
        assert _names(result) <= {field.name for field in entity.shown()}
    assert (_names(filters) if filters else set()) <= set(entity.filters()) | {"resolution"}
    assert {field.value for field in sorts or ()} == set(entity.sorts())


def _names(kind: Any) -> set[str]:
    names = {attribute.name.rstrip("_") for attribute in kind.__attrs_attrs__} - {"additional_properties"}
    return {_camel(name) for name in names}


@pytest.mark.parametrize("entity", FILTERS)
def test_every_filter_property_of_the_client_is_known(entity: str) -> None:
    found = ENTITIES[entity]
    known = {*found.filters(), *found.related, *found.variables}
    known |= ({"$or"} if found.alternatives else set()) | ({"tags"} if found.tags else set())
    names = {attribute.name.rstrip("_") for attribute in FILTERS[entity].__attrs_attrs__}
    wanted = {_camel(name) for name in names - {"additional_properties", "or"}} | ({"$or"} if "or" in names else set())
    assert wanted <= known


@pytest.mark.parametrize("entity", SEARCHED)
def test_every_sort_field_of_the_client_is_known(entity: str) -> None:
    name = "".join(part.title() for part in entity.split("_"))
    query = f"{SORTS[entity]}Query" if entity in SORTS else f"{name}SearchQuery"
    fields = getattr(models, f"{query}SortRequestField")
    assert {field.value for field in fields} == set(ENTITIES[entity].sorts()) - OUR_SORTS.get(entity, set())


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)
