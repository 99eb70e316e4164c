"""The `decision_evaluation` family; its schema documents every field."""

from __future__ import annotations

from msgspec import Struct

VALUE_TYPE = "DECISION_EVALUATION"


class EvaluatedInput(Struct, frozen=True, kw_only=True):
    """An input of a decision table."""

    input_id: str = ""
    input_name: str = ""
    input_value: str = ""


class EvaluatedOutput(Struct, frozen=True, kw_only=True):
    """An output of a matched rule."""

    output_id: str = ""
    output_name: str = ""
    output_value: str = ""


class MatchedRule(Struct, frozen=True, kw_only=True):
    """A rule that matched."""

    rule_id: str = ""
    rule_index: int = 0
    evaluated_outputs: tuple[EvaluatedOutput, ...] = ()


class EvaluatedDecision(Struct, frozen=True, kw_only=True):
    """A decision of the graph that was evaluated."""

    decision_key: int = -1
    decision_id: str = ""
    decision_name: str = ""
    decision_version: int = 0
    decision_type: str = ""
    decision_output: str = ""
    evaluated_inputs: tuple[EvaluatedInput, ...] = ()
    matched_rules: tuple[MatchedRule, ...] = ()


class DecisionEvaluation(Struct, frozen=True, kw_only=True):
    """A decision evaluated with what it requires. EVALUATE gives EVALUATED or FAILED; so does a business rule task."""

    decision_key: int = -1
    decision_id: str = ""
    decision_name: str = ""
    decision_version: int = 0
    decision_requirements_id: str = ""
    decision_requirements_key: int = -1
    variables: str = ""
    decision_output: str = ""
    evaluated_decisions: tuple[EvaluatedDecision, ...] = ()
    evaluation_failure_message: str = ""
    failed_decision_id: str = ""
    bpmn_process_id: str = ""
    process_definition_key: int = -1
    process_instance_key: int = -1
    root_process_instance_key: int = -1
    element_id: str = ""
    element_instance_key: int = -1
    business_id: str = ""
    tenant_id: str = ""
