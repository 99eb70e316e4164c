"""The exclusive gateway: the first flow whose condition is true, else the default flow (BPMN 2.0, 13.3.2)."""

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


class ExclusiveGateway(Behavior):
    """Decides and completes in one go, so that what it decides by cannot change in between."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        problem, chosen = "", None
        try:
            chosen = _choose(execution, element, key)
            if chosen is None:
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
        yield from take(execution, chosen or (), row)


def _choose(execution: Execution, element: Element, key: int) -> tuple[str, ...] | None:
    """The flow to take (none when the gateway has no outgoing flow), or None if no condition holds."""
    if len(element.outgoing) <= 1 and not element.default_flow:
        flows = [execution.graph.flows[name] for name in element.outgoing]
        if all(flow.condition is None for flow in flows):
            return element.outgoing
    scope = Scope(execution.view, key)
    for name in element.outgoing:
        condition = execution.graph.flows[name].condition
        if name != element.default_flow and condition is not None and condition.evaluate(scope) is True:
            return (name,)
    return (element.default_flow,) if element.default_flow else None
