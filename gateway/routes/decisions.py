"""Decisions: evaluate one; definitions, requirements and instances searched, got, and their files."""

from __future__ import annotations

from typing import ClassVar

from litestar.response.base import ASGIResponse

from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.records import DecisionEvaluation
from engine.records.decision_evaluation import EvaluatedDecision
from exporters.decisions import inputs_shown, instance_key, rules_shown, type_shown
from gateway.bodies import Body, HttpRequest
from gateway.fields import Document, Key, Name, Tenant
from gateway.gateway import Gateway, path_key
from gateway.problems import Problem, not_found
from gateway.responses import json_response, text_response

from .queries import PREFIX, get_route, search_route
from .route import Route

DEFINITION = "DECISION_DEFINITION"
DEFINITIONS = "/decision-definitions"
REQUIREMENTS = "DECISION_REQUIREMENTS"
ALL_REQUIREMENTS = "/decision-requirements"
INSTANCE = "DECISION_INSTANCE"
INSTANCES = "/decision-instances"


class EvaluateDecision(Body, frozen=True, kw_only=True):
    """What to evaluate: the latest version of the decision with an id, or the one with a key."""

    exactly_one_of: ClassVar[tuple[str, ...]] = ("decision_definition_id", "decision_definition_key")

    decision_definition_id: Name | None = None
    decision_definition_key: Key | None = None
    variables: Document | None = None
    tenant_id: Tenant | None = None


async def evaluate_decision(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Evaluate a decision with all that it requires. One that fails is an answer too, which says why."""
    body = await gateway.bodies.read(request, EvaluateDecision)
    wish = DecisionEvaluation(
        decision_id=body.decision_definition_id or "",
        decision_key=NONE if body.decision_definition_key is None else body.decision_definition_key,
        variables=body.variables or "{}",
        tenant_id=DEFAULT_TENANT,
    )
    return json_response(_shown(await gateway.create(request, "DECISION_EVALUATION", "EVALUATE", wish)))


def _shown(record: Record) -> dict[str, object]:
    value = record.value
    assert isinstance(value, DecisionEvaluation)
    return {
        "decisionDefinitionId": value.decision_id,
        "decisionDefinitionKey": str(value.decision_key),
        "decisionDefinitionName": value.decision_name,
        "decisionDefinitionVersion": value.decision_version,
        "decisionRequirementsId": value.decision_requirements_id,
        "decisionRequirementsKey": str(value.decision_requirements_key),
        "decisionEvaluationKey": str(record.key),
        "decisionInstanceKey": str(record.key),
        "output": value.decision_output,
        "failedDecisionDefinitionId": value.failed_decision_id or None,
        "failureMessage": value.evaluation_failure_message or None,
        "tenantId": DEFAULT_TENANT,
        "evaluatedDecisions": [
            _evaluated(record.key, number, one) for number, one in enumerate(value.evaluated_decisions, start=1)
        ],
    }


def _evaluated(evaluation_key: int, number: int, decision: EvaluatedDecision) -> dict[str, object]:
    return {
        "decisionDefinitionId": decision.decision_id,
        "decisionDefinitionKey": str(decision.decision_key),
        "decisionDefinitionName": decision.decision_name,
        "decisionDefinitionVersion": decision.decision_version,
        "decisionDefinitionType": type_shown(decision.decision_type),
        "decisionEvaluationInstanceKey": instance_key(evaluation_key, number),
        "output": decision.decision_output,
        "tenantId": DEFAULT_TENANT,
        "evaluatedInputs": inputs_shown(decision),
        "matchedRules": rules_shown(decision),
    }


async def get_definition_xml(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The DMN file that a decision was deployed with."""
    definition = await gateway.get(DEFINITION, path_key(request))
    return await _xml(gateway, int(definition["decisionRequirementsKey"]))


async def get_requirements_xml(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The DMN file as it was deployed."""
    key = path_key(request)
    await gateway.check_readable(REQUIREMENTS, key)
    return await _xml(gateway, key)


async def _xml(gateway: Gateway, requirements_key: int) -> ASGIResponse:
    xml = await gateway.search.decision_requirements_xml(requirements_key)
    if xml is None:
        raise not_found("decision requirements", requirements_key)
    return text_response(xml, "text/xml")


async def get_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """One decision of an evaluation, with its inputs and the rules that matched."""
    key = str(request.path_params["key"])
    question = {"filter": {"decisionEvaluationInstanceKey": key}, "page": {"limit": 1}}
    page = await gateway.find("DECISION_INSTANCE_DETAILS", question)
    if not page.items:
        raise Problem(404, f"expected the key of a decision instance, got '{key[:60]}'; look for it with a search")
    return json_response(page.items[0])


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}{DEFINITIONS}/evaluation",
        summary="Evaluate a decision",
        handle=evaluate_decision,
        body=EvaluateDecision,
    ),
    search_route(DEFINITION, DEFINITIONS),
    get_route(DEFINITION, DEFINITIONS),
    Route(
        method="GET",
        path=f"{PREFIX}{DEFINITIONS}/{{key:str}}/xml",
        summary="The DMN file of a decision",
        handle=get_definition_xml,
    ),
    search_route(REQUIREMENTS, ALL_REQUIREMENTS),
    get_route(REQUIREMENTS, ALL_REQUIREMENTS),
    Route(
        method="GET",
        path=f"{PREFIX}{ALL_REQUIREMENTS}/{{key:str}}/xml",
        summary="The DMN file",
        handle=get_requirements_xml,
    ),
    search_route(INSTANCE, INSTANCES),
    Route(
        method="GET",
        path=f"{PREFIX}{INSTANCES}/{{key:str}}",
        summary="Get one of decision-instances",
        handle=get_instance,
    ),
)
