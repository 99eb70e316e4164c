"""Migration plans that a client wants made or checked: what the gateway needs for it.

Rule: the gateway knows no BPMN; the composition root gives it a `MigrationPlanner`. One plan is worked on at a time, in
a thread, so that requests are served while files are read; few may wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from .problems import Exhausted

WAITING_MAX = 16
"""Plans that may wait for another."""

Result = TypeVar("Result")

#: The ids of an element of the source and of the target.
Instruction = tuple[str, str]


class DefinitionFile(Struct, frozen=True, kw_only=True):
    """A process definition: its BPMN id, and the file it was deployed with."""

    process_id: str
    resource: bytes


class PlanProblem(Struct, frozen=True, kw_only=True):
    """What is wrong with an instruction, and what to do about it."""

    instruction: Instruction
    message: str


class MigrationPlanner(Protocol):
    """The rules of migration."""

    def generate(self, source: DefinitionFile, target: DefinitionFile) -> Sequence[Instruction]:
        """A plan that maps equal elements."""

    def validate(
        self,
        source: DefinitionFile,
        target: DefinitionFile,
        instructions: Sequence[Instruction],
        renewed: Collection[str],
    ) -> Sequence[PlanProblem]:
        """All that is wrong with a plan. `renewed`: elements of the source whose events are to wait anew."""


class MigrationPlans:
    """Asks the planner in a thread, one request after the other."""

    def __init__(self, planner: MigrationPlanner) -> None:
        self._planner = planner
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def generate(self, source: DefinitionFile, target: DefinitionFile) -> Sequence[Instruction]:
        """As the planner does. Raises Exhausted."""
        return await self._ask(lambda: self._planner.generate(source, target))

    async def validate(
        self,
        source: DefinitionFile,
        target: DefinitionFile,
        instructions: Sequence[Instruction],
        renewed: Collection[str],
    ) -> Sequence[PlanProblem]:
        """As the planner does. Raises Exhausted."""
        return await self._ask(lambda: self._planner.validate(source, target, instructions, renewed))

    async def _ask(self, question: Callable[[], Result]) -> Result:
        if self._waiting >= WAITING_MAX:
            raise Exhausted(f"expected at most {WAITING_MAX} migration plans to wait, got more; try later")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(question)
        finally:
            self._waiting -= 1
