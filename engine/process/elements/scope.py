"""The process and the embedded sub-process: a token begins at their none start event."""

from __future__ import annotations

from engine.bpmn.model import Element
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Execution
from ..work import Work
from .behavior import Behavior


class ScopeElement(Behavior):
    """Active until nothing is left inside."""

    def activate(self, execution: Execution, element: Element, key: int, _data: str) -> Effects:
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        execution.push(Work(kinds.ACTIVATE, key, element.start))
