"""Decisions and their evaluations: rows that are written once and never change."""

from __future__ import annotations

import sqlite3

from msgspec.structs import astuple

from engine.core.record import Record
from engine.records.decision import Decision
from engine.records.decision_evaluation import DecisionEvaluation
from engine.records.decision_requirements import DecisionRequirements
from exporters.decisions import definition_row, instance_rows, requirements_row

from .projection import Handlers
from .tables import Links


class Decisions:
    """Projects decisions; pending until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._requirements = Links(connection, "decision_requirements")
        self._definitions = Links(connection, "decision_definitions")
        self._instances = Links(connection, "decision_instances")

    def handlers(self) -> Handlers:
        """value type, intent -> what to do with such a record"""
        return {
            ("DECISION_REQUIREMENTS", "CREATED"): self._required,
            ("DECISION", "CREATED"): self._defined,
            ("DECISION_EVALUATION", "EVALUATED"): self._evaluated,
            ("DECISION_EVALUATION", "FAILED"): self._evaluated,
        }

    def write(self) -> None:
        """Write what is pending."""
        for table in (self._requirements, self._definitions, self._instances):
            table.write()

    def clear(self) -> None:
        """Forget what is pending: it was written, or the transaction failed."""
        for table in (self._requirements, self._definitions, self._instances):
            table.clear()

    def _required(self, record: Record, value: DecisionRequirements) -> None:
        self._requirements.rows.append(astuple(requirements_row(record, value)))

    def _defined(self, record: Record, value: Decision) -> None:
        self._definitions.rows.append(astuple(definition_row(record, value)))

    def _evaluated(self, record: Record, value: DecisionEvaluation) -> None:
        self._instances.rows += [astuple(row) for row in instance_rows(record, value)]
