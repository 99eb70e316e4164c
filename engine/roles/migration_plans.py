"""The rules of migration, as the gateway wants them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from engine.bpmn.migration import Plan, generate
from engine.bpmn.model import Process
from engine.bpmn.parse import parse
from gateway.migration_plans import DefinitionFile, Instruction, PlanProblem


class Planner:
    """Reads the files anew for each plan: plans are made by people."""

    def generate(self, source: DefinitionFile, target: DefinitionFile) -> Sequence[Instruction]:
        """A plan that maps equal elements."""
        return generate(_read(source), _read(target))

    def validate(
        self,
        source: DefinitionFile,
        target: DefinitionFile,
        instructions: Sequence[Instruction],
        renewed: Collection[str],
    ) -> Sequence[PlanProblem]:
        """All that is wrong with a plan."""
        return [
            PlanProblem(instruction=(found.source_element_id, found.target_element_id), message=found.message)
            for found in Plan(_read(source), _read(target), instructions, renewed).problems
        ]


def _read(file: DefinitionFile) -> Process:
    return next(process for process in parse(file.resource, file.process_id) if process.id == file.process_id)
