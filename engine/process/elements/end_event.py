"""End events: none, terminate (BPMN 2.0, 13.4.6) and error."""

from __future__ import annotations

from engine.bpmn.feel import EvaluationFailure, brief
from engine.bpmn.model import Element
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Execution
from ..flows import end_after, take
from ..tables import ElementInstance
from ..variables import Scope
from ..work import Work
from .behavior import Behavior


class EndEvent(Behavior):
    """Ends its token, its whole scope, or throws an error."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        if not element.throws_error:
            yield from super().activate(execution, element, key, data)
            return
        resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
        try:
            code = element.error_code.evaluate(Scope(execution.view, key)) if element.error_code else None
        except EvaluationFailure as failure:
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", f"error code: {failure}", resume=resume)
            return
        if not isinstance(code, str):
            text = element.error_code.text if element.error_code else ""
            message = (
                f"expected the error code '{text}' to be a string, got {brief(code)}; set the variable and resolve"
            )
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", message, resume=resume)
            return
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        execution.push(Work(kinds.THROW, key, code))

    def leave(self, execution: Execution, element: Element, row: ElementInstance) -> Effects:
        if not element.terminate:
            yield from take(execution, (), row)
        elif not end_after(execution, row):
            execution.push(Work(kinds.END_SCOPE, row.scope_key))
