"""Decisions as every store keeps them, and as the API shows them: definitions, requirements, instances.

All three are written once and never change, so both projections write them whole. Sources: Camunda 8 REST API,
"Decision definition", "Decision requirements", "Decision instance".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.record import Record
from engine.records.decision import Decision
from engine.records.decision_evaluation import DecisionEvaluation, EvaluatedDecision
from engine.records.decision_requirements import DecisionRequirements

from .facts import key_given

FAILED = "FAILED"
#: Types of decisions that the API knows; it calls all others unknown.
TYPES = ("DECISION_TABLE", "LITERAL_EXPRESSION")
UNKNOWN_TYPE = "UNKNOWN"

Shown = dict[str, Any]


class RequirementsRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deployed DMN file; fields in the order of the columns of `decision_requirements`."""

    key: int
    requirements_id: str
    version: int
    name: str
    resource_name: str
    resource: bytes
    deployment_key: int


class DefinitionRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision definition; fields in the order of the columns of `decision_definitions`."""

    key: int
    decision_id: str
    version: int
    version_tag: str | None = None
    name: str
    requirements_key: int
    requirements_id: str
    requirements_name: str
    requirements_version: int


class InstanceRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision of an evaluation; fields in the order of the columns of `decision_instances`.

    `inputs` and `rules` are JSON as the API shows it.
    """

    evaluation_key: int
    number: int
    instance_key: str
    state: str
    evaluation_date: int
    failure: str | None = None
    result: str
    decision_key: int
    decision_id: str
    decision_name: str
    decision_version: int
    decision_type: str
    root_decision_key: int
    requirements_key: int
    process_definition_key: int | None = None
    process_instance_key: int | None = None
    root_key: int | None = None
    element_instance_key: int | None = None
    business_id: str | None = None
    inputs: str
    rules: str


def requirements_row(record: Record, value: DecisionRequirements) -> RequirementsRow:
    """Of DECISION_REQUIREMENTS CREATED."""
    return RequirementsRow(
        key=record.key,
        requirements_id=value.decision_requirements_id,
        version=value.decision_requirements_version,
        name=value.decision_requirements_name,
        resource_name=value.resource_name,
        resource=value.resource,
        deployment_key=value.deployment_key,
    )


def definition_row(record: Record, value: Decision) -> DefinitionRow:
    """Of DECISION CREATED."""
    return DefinitionRow(
        key=record.key,
        decision_id=value.decision_id,
        version=value.decision_version,
        version_tag=value.version_tag or None,
        name=value.decision_name,
        requirements_key=value.decision_requirements_key,
        requirements_id=value.decision_requirements_id,
        requirements_name=value.decision_requirements_name,
        requirements_version=value.decision_requirements_version,
    )


def instance_rows(record: Record, value: DecisionEvaluation) -> Iterator[InstanceRow]:
    """Of DECISION_EVALUATION EVALUATED or FAILED: a row for each decision. Of one that failed it is the last."""
    for number, decision in enumerate(value.evaluated_decisions, start=1):
        failed = record.intent == FAILED and number == len(value.evaluated_decisions)
        yield InstanceRow(
            evaluation_key=record.key,
            number=number,
            instance_key=instance_key(record.key, number),
            state=FAILED if failed else "EVALUATED",
            evaluation_date=record.step.timestamp,
            failure=value.evaluation_failure_message if failed else None,
            result=decision.decision_output,
            decision_key=decision.decision_key,
            decision_id=decision.decision_id,
            decision_name=decision.decision_name,
            decision_version=decision.decision_version,
            decision_type=type_shown(decision.decision_type),
            root_decision_key=value.decision_key,
            requirements_key=value.decision_requirements_key,
            process_definition_key=key_given(value.process_definition_key),
            process_instance_key=key_given(value.process_instance_key),
            root_key=key_given(value.root_process_instance_key),
            element_instance_key=key_given(value.element_instance_key),
            business_id=value.business_id or None,
            inputs=msgspec.json.encode(inputs_shown(decision)).decode(),
            rules=msgspec.json.encode(rules_shown(decision)).decode(),
        )


def instance_key(evaluation_key: int, number: int) -> str:
    """What the API calls one decision of an evaluation, which counts from 1."""
    return f"{evaluation_key}-{number}"


def type_shown(decision_type: str) -> str:
    """The type of a decision as the API knows it."""
    return decision_type if decision_type in TYPES else UNKNOWN_TYPE


def inputs_shown(decision: EvaluatedDecision) -> list[Shown]:
    """The inputs of a decision table."""
    return [
        {"inputId": one.input_id, "inputName": one.input_name, "inputValue": one.input_value}
        for one in decision.evaluated_inputs
    ]


def rules_shown(decision: EvaluatedDecision) -> list[Shown]:
    """The rules of a decision table that matched, with their outputs."""
    shown: list[Shown] = []
    for rule in decision.matched_rules:
        place: Shown = {"ruleId": rule.rule_id, "ruleIndex": rule.rule_index}
        outputs = [
            {"outputId": one.output_id, "outputName": one.output_name, "outputValue": one.output_value, **place}
            for one in rule.evaluated_outputs
        ]
        shown.append({**place, "evaluatedOutputs": outputs})
    return shown
