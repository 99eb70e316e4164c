"""Gateways that decide by conditions, else take the default flow (BPMN 2.0, 13.4.2 and 13.4.3).

The exclusive gateway takes the first flow whose condition is true, the inclusive gateway every one.
"""

from __future__ import annotations

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import Element
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Execution
from ..flows import take
from ..tables import ELEMENT_INSTANCES
from ..variables import Scope
from ..work import Work
from .behavior import Behavior


class DecidingGateway(Behavior):
    """Decides and completes in one go, so that what it decides by cannot change in between."""

    def __init__(self, *, takes_all: bool) -> None:
        self._takes_all = takes_all

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        problem = ""
        chosen: tuple[str, ...] = ()
        try:
            chosen = self._choose(execution, element, key)
            if element.outgoing and not chosen:
                problem = "expected a condition to be true, got none, and there is no default flow"
        except EvaluationFailure as failure:
            problem = f"condition: {failure}"
        if problem:
            message = f"{problem}; set the variables of '{element.id}' and resolve the incident"
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "CONDITION_ERROR", message, resume=resume)
            return
        row = execution.view.get(ELEMENT_INSTANCES, key)
        assert row is not None
        for intent in ("ELEMENT_ACTIVATED", "ELEMENT_COMPLETING", "ELEMENT_COMPLETED"):
            yield execution.lifecycle(intent, key)
        yield from take(execution, chosen, row)

    def _choose(self, execution: Execution, element: Element, key: int) -> tuple[str, ...]:
        """The flows to take; none when no condition holds, or when nothing goes out."""
        if len(element.outgoing) <= 1 and not element.default_flow:
            flows = [execution.graph.flows[name] for name in element.outgoing]
            if all(flow.condition is None for flow in flows):
                return element.outgoing
        scope = Scope(execution.view, key)
        chosen: list[str] = []
        for name in element.outgoing:
            condition = execution.graph.flows[name].condition
            if name != element.default_flow and condition is not None and condition.evaluate(scope) is True:
                chosen.append(name)
                if not self._takes_all:
                    break
        return tuple(chosen) or ((element.default_flow,) if element.default_flow else ())
