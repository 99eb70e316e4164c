"""The body of a multi-instance activity, in which its instances are."""

from __future__ import annotations

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import Element
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Deciding, Execution
from ..multi_instances import begin, go_on
from ..tables import ElementInstance
from ..work import Work
from .behavior import Behavior


class MultiInstanceBody(Behavior):
    """Active until its last instance has ended, or the completion condition is true."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        try:
            yield from begin(execution, key, element)
        except EvaluationFailure as failure:
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", str(failure), resume=resume)
            return
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        execution.push(Work(kinds.SPAWN, key))

    def is_done(self, execution: Execution, key: int, row: ElementInstance, *, is_empty: bool) -> Deciding:
        yield from ()
        if is_empty or not execution.has_tokens(key):
            go_on(execution, key, row)
        return False
