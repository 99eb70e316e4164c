"""Decisions: found by key, id, version tag or deployment; evaluated for a client or a business rule task.

The parsed files are a memo of a pure function (the file's bytes decide them), so they are not state.
Source: Camunda 8 REST API, "Evaluate decision"; Zeebe's DECISION_EVALUATION.
"""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.bpmn.feel import EvaluationFailure, Value, Variables
from engine.core.effects import Effects, Event
from engine.core.faults import INVALID_ARGUMENT, NOT_FOUND, BrokenInvariant, Reject
from engine.core.head import apply_nothing
from engine.core.record import DEFAULT_TENANT, NONE, Record
from engine.core.registry import Part
from engine.core.state import View
from engine.dmn import evaluate as dmn
from engine.dmn.model import DecisionRequirements
from engine.dmn.parse import parse
from engine.records import DecisionEvaluation
from engine.records.decision_evaluation import EvaluatedDecision, EvaluatedInput, EvaluatedOutput, MatchedRule

from .decision_tables import (
    DECISION_TAGS,
    DECISIONS,
    DEPLOYED_DECISIONS,
    LATEST_DECISIONS,
    REQUIREMENTS,
    REQUIREMENTS_DECISIONS,
    REQUIREMENTS_RESOURCES,
    DecisionRow,
)
from .parsed import ParsedFiles
from .variables import Document, encode_value, parse_document
from .versions import Versions

EVALUATED = "EVALUATED"
FAILED = "FAILED"

#: Parsed files kept in memory, the oldest given up first.
GRAPHS_MAX = 200

#: Bytes of all inputs and outputs of one evaluation: they are in one record, which has a limit of 4 MiB.
EVALUATION_SIZE_MAX = 3 * 1024 * 1024
#: Bytes that a text of a record takes besides its own.
TEXT_OVERHEAD = 8

_files = ParsedFiles(parse, GRAPHS_MAX)


def requirements_of(checksum: bytes, resource: bytes, resource_name: str) -> DecisionRequirements:
    """The decisions of a file. Raises ModelRefused."""
    return _files.read(checksum, resource, resource_name)


# finding


def find_decision(view: View, key: int) -> DecisionRow:
    """Raises Reject NOT_FOUND."""
    row = view.get(DECISIONS, key)
    if row is None:
        raise Reject(NOT_FOUND, f"expected the key of a decision, got {key}; deploy the decision first")
    return row


VERSIONS = Versions(kind="decision", latest=LATEST_DECISIONS, tags=DECISION_TAGS, deployed=DEPLOYED_DECISIONS)


# evaluating


def evaluate(command: Record, view: View) -> Effects:
    """DECISION_EVALUATION EVALUATE: by key, or the latest version by id. A failure is an answer too."""
    wish = cast(DecisionEvaluation, command.value)
    if wish.decision_key == NONE and not wish.decision_id:
        raise Reject(INVALID_ARGUMENT, "expected the key or the id of a decision, got neither; give one of them")
    key = VERSIONS.find_latest(view, wish.decision_id) if wish.decision_key == NONE else wish.decision_key
    find_decision(view, key)
    value = evaluation_of(view, key, Document(view, parse_document(wish.variables)))
    yield evaluated(view, value, answers=True)


def evaluated(view: View, value: DecisionEvaluation, *, answers: bool = False) -> Event:
    """The event of an evaluation, under a key of its own."""
    intent = FAILED if value.evaluation_failure_message else EVALUATED
    return Event(value_type="DECISION_EVALUATION", intent=intent, key=view.next_key(), value=value, answers=answers)


def evaluation_of(view: View, key: int, variables: Variables) -> DecisionEvaluation:
    """The account of a decision, successful or not. Raises Reject NOT_FOUND if there is no such decision."""
    row = find_decision(view, key)
    result = dmn.evaluate(_graph_of(view, row), row.decision_id, variables)
    value = DecisionEvaluation(
        decision_key=key,
        decision_id=row.decision_id,
        decision_name=row.name,
        decision_version=row.version,
        decision_requirements_id=row.requirements_id,
        decision_requirements_key=row.requirements_key,
        decision_output="null",
        evaluation_failure_message=result.failure,
        failed_decision_id=result.failed_decision,
        tenant_id=DEFAULT_TENANT,
    )
    texts = _Texts()
    try:
        told = tuple(_tell(view, row, one, texts) for one in result.decisions)
        output = texts.encode("the result", result.output)
    except EvaluationFailure as failure:
        failed = _tell(view, row, _nothing_of(result.decisions[-1]), _Texts())
        return structs.replace(
            value,
            evaluation_failure_message=failure.message,
            failed_decision_id=failed.decision_id,
            evaluated_decisions=(failed,),
        )
    return structs.replace(value, decision_output=output, evaluated_decisions=told)


def _graph_of(view: View, row: DecisionRow) -> DecisionRequirements:
    requirements = view.get(REQUIREMENTS, row.requirements_key)
    known = _files.get(requirements.checksum) if requirements is not None else None
    if known is not None:
        return known
    resource = view.get(REQUIREMENTS_RESOURCES, row.requirements_key)
    if requirements is None or resource is None:
        raise BrokenInvariant(f"expected the file of decision requirements {row.requirements_key}, got none")
    return requirements_of(requirements.checksum, resource, row.requirements_id)


def _nothing_of(one: dmn.EvaluatedDecision) -> dmn.EvaluatedDecision:
    """A decision whose account is too large to be told."""
    return dmn.EvaluatedDecision(decision=one.decision, output=None, inputs=(), rules=())


class _Texts:
    """Values as JSON texts, which may take EVALUATION_SIZE_MAX bytes together with their names and ids."""

    def __init__(self) -> None:
        self._size = 0

    def encode(self, what: str, value: Value, *names: str) -> str:
        text = encode_value(what, value)
        self.count(text, *names)
        return text

    def count(self, *texts: str) -> None:
        self._size += sum(len(text.encode()) + TEXT_OVERHEAD for text in texts)
        if self._size > EVALUATION_SIZE_MAX:
            raise EvaluationFailure(
                f"expected inputs and outputs of at most {EVALUATION_SIZE_MAX} bytes together, got more; decide on less"
            )


def _tell(view: View, row: DecisionRow, one: dmn.EvaluatedDecision, texts: _Texts) -> EvaluatedDecision:
    key = view.get(REQUIREMENTS_DECISIONS, row.requirements_key, one.decision.id)
    definition = None if key is None else view.get(DECISIONS, key)
    if key is None or definition is None:
        raise BrokenInvariant(f"expected decision '{one.decision.id}' of its requirements, got none")
    for rule in one.rules:
        texts.count(rule.id)
    return EvaluatedDecision(
        decision_key=key,
        decision_id=one.decision.id,
        decision_name=one.decision.name,
        decision_version=definition.version,
        decision_type=one.decision.type,
        decision_output=texts.encode(f"decision '{one.decision.id}'", one.output, one.decision.id, one.decision.name),
        evaluated_inputs=tuple(
            EvaluatedInput(input_id=i.id, input_name=i.name, input_value=texts.encode(i.name, i.value, i.id, i.name))
            for i in one.inputs
        ),
        matched_rules=tuple(
            MatchedRule(rule_id=rule.id, rule_index=rule.index, evaluated_outputs=_tell_outputs(rule, texts))
            for rule in one.rules
        ),
    )


def _tell_outputs(rule: dmn.MatchedRule, texts: _Texts) -> tuple[EvaluatedOutput, ...]:
    return tuple(
        EvaluatedOutput(output_id=o.id, output_name=o.name, output_value=texts.encode(o.name, o.value, o.id, o.name))
        for o in rule.outputs
    )


PART = Part(
    processors={("DECISION_EVALUATION", "EVALUATE"): evaluate},
    appliers={("DECISION_EVALUATION", EVALUATED): apply_nothing, ("DECISION_EVALUATION", FAILED): apply_nothing},
)
