"""The official client over HTTP: decisions are deployed, evaluated, called by a process, and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from camunda_orchestration_sdk import CamundaClient
from camunda_orchestration_sdk.errors import NotFoundError
from camunda_orchestration_sdk.models import (
    DecisionDefinitionSearchQuery,
    DecisionEvaluationByID,
    DecisionEvaluationByKey,
    DecisionInstanceSearchQuery,
    DecisionRequirementsSearchQuery,
)

from tests.integration.official_client import counted, create, incident_of, instance_in, refused, seen, unique
from tests.support import models as m
from tests.support.decisions import decision, literal, model, table

RULES = [('"winter"', "-", '"roast"'), ('"summer"', "> 4", '"barbecue"'), ('"summer"', "-", '"salad"')]


def menu(name: str) -> bytes:
    """A file named `name` with the decisions `name` and, required by it, `name-dish`."""
    dish = f"{name}-dish"
    required = decision(dish, table(["season", "guests"], ["dish"], RULES), variable='name="dish"')
    resource = model(decision(name, literal("dish + string(guests)"), requires=[dish]), required)
    return resource.replace(b'id="drg"', f'id="{name}-file"'.encode())


def deploy_files(client: CamundaClient, folder: Path, **files: bytes) -> Any:
    """Files named `name_extension`."""
    paths = []
    for name, content in files.items():
        paths.append(folder / ".".join(name.rsplit("_", 1)))
        paths[-1].write_bytes(content)
    return client.deploy_resources_from_files(paths)


def evaluate(client: CamundaClient, name: str, **variables: Any) -> Any:
    wish = {"decisionDefinitionId": name, "variables": variables}
    return client.evaluate_decision(data=DecisionEvaluationByID.from_dict(wish))


def test_definitions_are_deployed_and_found(client: CamundaClient, tmp_path: Path) -> None:
    name = unique("menu")
    deployed = deploy_files(client, tmp_path, menu_dmn=menu(name))
    (requirements,) = deployed.decision_requirements
    keys = {one.decision_definition_id: one.decision_definition_key for one in deployed.decisions}
    assert set(keys) == {name, f"{name}-dish"}
    assert (requirements.version, requirements.resource_name) == (1, "menu.dmn")

    found = client.get_decision_definition(keys[name], consistency=seen())
    assert (found.name, found.version, found.decision_requirements_id) == (f"Decision {name}", 1, f"{name}-file")
    assert client.get_decision_definition_xml(keys[name], consistency=seen()) == menu(name).decode()
    key = requirements.decision_requirements_key
    assert client.get_decision_requirements(key, consistency=seen()).decision_requirements_name == "Graph"
    assert client.get_decision_requirements_xml(key, consistency=seen()) == menu(name).decode()

    deploy_files(client, tmp_path, menu_dmn=menu(name).replace(b"roast", b"goose"))
    wanted: dict[str, Any] = {"decisionDefinitionId": name}
    query = DecisionDefinitionSearchQuery.from_dict({"filter": wanted})
    assert client.search_decision_definitions(data=query, consistency=counted(2)).items
    latest = DecisionDefinitionSearchQuery.from_dict({"filter": {**wanted, "isLatestVersion": True}})
    (only,) = client.search_decision_definitions(data=latest, consistency=counted(1)).items
    assert only.version == 2
    files = DecisionRequirementsSearchQuery.from_dict(
        {"filter": {"decisionRequirementsId": f"{name}-file", "version": 2}}
    )
    assert client.search_decision_requirements(data=files, consistency=counted(1)).items


def test_a_decision_is_evaluated_and_its_account_kept(client: CamundaClient, tmp_path: Path) -> None:
    name = unique("menu")
    deployed = deploy_files(client, tmp_path, menu_dmn=menu(name))
    result = evaluate(client, name, season="summer", guests=3)
    assert (result.output, result.failure_message) == ('"salad3"', None)
    assert [one.decision_definition_id for one in result.evaluated_decisions] == [f"{name}-dish", name]
    dish = result.evaluated_decisions[0]
    assert [one.input_value for one in dish.evaluated_inputs] == ['"summer"', "3"]
    assert [rule.rule_index for rule in dish.matched_rules] == [3]

    key = next(one.decision_definition_key for one in deployed.decisions if one.decision_definition_id == name)
    by_key = DecisionEvaluationByKey.from_dict({"decisionDefinitionKey": key, "variables": {"season": "winter"}})
    assert client.evaluate_decision(data=by_key).output == "null"

    wanted = {"filter": {"decisionEvaluationKey": result.decision_evaluation_key}}
    query = DecisionInstanceSearchQuery.from_dict(wanted)
    instances = client.search_decision_instances(data=query, consistency=counted(2)).items
    assert [one.state.value for one in instances] == ["EVALUATED", "EVALUATED"]
    assert {one.process_instance_key for one in instances} == {None}
    one = client.get_decision_instance(dish.decision_evaluation_instance_key, consistency=seen())
    assert one.decision_definition_type.value == "DECISION_TABLE"
    assert one.result == dish.output
    assert [rule.rule_id for rule in one.matched_rules] == [rule.rule_id for rule in dish.matched_rules]
    assert [item.input_name for item in one.evaluated_inputs] == ["season", "guests"]


def test_a_business_rule_task_calls_a_decision(client: CamundaClient, tmp_path: Path) -> None:
    name = unique("menu")
    called = f'<zeebe:calledDecision decisionId="{name}" resultVariable="bill" bindingType="deployment" />'
    task = m.element("businessRuleTask", "decide", extensions=(called,))
    process = m.straight(name, task, names=["decide"])
    deploy_files(client, tmp_path, menu_dmn=menu(name), menu_bpmn=process)

    instance = create(client, name, season="winter", guests=2)
    assert instance_in(client, instance, "COMPLETED")
    query = DecisionInstanceSearchQuery.from_dict({"filter": {"processInstanceKey": instance}})
    found = client.search_decision_instances(data=query, consistency=counted(2)).items
    assert sorted(one.result for one in found) == ['"roast"', '"roast2"']

    failing = create(client, name, season="summer", guests=7)
    incident = incident_of(client, failing)
    assert incident.error_type.value == "DECISION_EVALUATION_ERROR"
    failed = DecisionInstanceSearchQuery.from_dict({"filter": {"processInstanceKey": failing, "state": "FAILED"}})
    (why,) = client.search_decision_instances(data=failed, consistency=counted(1)).items
    assert why.evaluation_failure is not None
    assert "expected at most one rule to match" in why.evaluation_failure
    assert why.decision_definition_id == f"{name}-dish"


def test_what_is_not_there(client: CamundaClient) -> None:
    refused(NotFoundError, lambda: evaluate(client, "nobody"), "NOT_FOUND", "expected a decision 'nobody'")
