"""Decisions, evaluated directly: DMN files, the variables, and nothing between them. Source: DMN 1.5; REST API."""

from __future__ import annotations

from typing import cast

from engine.bpmn.feel import EvaluationFailure, Variables
from engine.core.faults import INVALID_ARGUMENT, NOT_FOUND
from engine.core.record import NONE, Record
from engine.dmn.evaluate import evaluate
from engine.records import DecisionEvaluation, HistoryDeletion

from .evaluations import Evaluation
from .variables import Document, encode, parse_document
from .world import Node, Refused, Rule, World


def evaluate_decision(world: World, key: int, variables: Variables, node: Node | None = None) -> str | None:
    """The output as JSON; None if the evaluation fails."""
    id_, _, graph = world.decisions.things[key]
    result = evaluate(graph, id_, variables)
    output = None
    if not result.failure:
        try:
            output = encode(result.output)
        except EvaluationFailure:
            output = None
    told = {
        "decision_key": key,
        "decision_output": output or "null",
        "element_instance_key": node.key if node else NONE,
    }
    intent = "EVALUATED" if output is not None else "FAILED"
    world.expect("DECISION_EVALUATION", intent, None, node.instance if node else NONE, **told)
    return output


def evaluate_for_client(world: World, command: Record) -> None:
    """By its key, or the latest version by its id."""
    wish = cast(DecisionEvaluation, command.value)
    if wish.decision_key == NONE and not wish.decision_id:
        raise Refused(INVALID_ARGUMENT)
    key = world.decisions.latest(wish.decision_id) if wish.decision_key == NONE else wish.decision_key
    if key not in world.decisions.things:
        raise Refused(NOT_FOUND)
    evaluate_decision(world, key, Document(world, parse_document(wish.variables)))


def note(world: World, record: Record) -> None:
    """After a step: what secondary storage keeps of an evaluation, until it is deleted, alone or with its instance."""
    value = record.value
    if isinstance(value, DecisionEvaluation):
        rows = [(one.decision_id, "EVALUATED") for one in value.evaluated_decisions]
        if record.intent == "FAILED" and rows:
            rows[-1] = (rows[-1][0], "FAILED")
        world.evaluations[record.key] = Evaluation(value.process_instance_key, rows)
    elif isinstance(value, HistoryDeletion) and record.intent == "DELETED":
        for key, evaluation in world.evaluations.items():
            if value.resource_key in (key, evaluation.instance):
                evaluation.deleted = True


RULES: dict[tuple[str, str], Rule] = {("DECISION_EVALUATION", "EVALUATE"): evaluate_for_client}
