"""Decisions and their evaluations: documents that are written once and never change."""

from __future__ import annotations

from engine.core.record import Record
from engine.records.decision import Decision
from engine.records.decision_evaluation import DecisionEvaluation
from engine.records.decision_requirements import DecisionRequirements
from exporters.decisions import definition_row, instance_rows, requirements_row

from .mappings import DECISION_DEFINITIONS, DECISION_INSTANCES, DECISION_REQUIREMENTS
from .projection import Rule, Rules
from .workspace import Workspace


def _required(workspace: Workspace, record: Record, value: DecisionRequirements) -> None:
    workspace.add_final(DECISION_REQUIREMENTS, str(record.key), requirements_row(record, value))


def _defined(workspace: Workspace, record: Record, value: Decision) -> None:
    workspace.add_final(DECISION_DEFINITIONS, str(record.key), definition_row(record, value))


def _evaluated(workspace: Workspace, record: Record, value: DecisionEvaluation) -> None:
    for row in instance_rows(record, value):
        workspace.add_final(DECISION_INSTANCES, row.instance_key, row)


RULES: Rules = {
    ("DECISION_REQUIREMENTS", "CREATED"): Rule(_required),
    ("DECISION", "CREATED"): Rule(_defined),
    ("DECISION_EVALUATION", "EVALUATED"): Rule(_evaluated),
    ("DECISION_EVALUATION", "FAILED"): Rule(_evaluated),
}
