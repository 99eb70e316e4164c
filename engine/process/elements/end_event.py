"""End events: none, terminate (BPMN 2.0, 13.4.6), error, and all that throw events are."""

from __future__ import annotations

from engine.bpmn.model import Element, Error, Terminate
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Execution
from ..flows import end_after, take
from ..tables import ElementInstance
from ..work import Work
from .throw_event import ThrowEvent, evaluate_code


class EndEvent(ThrowEvent):
    """Ends its token, its whole scope, or throws."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        if not isinstance(element.event, Error):
            yield from super().activate(execution, element, key, data)
            return
        code = yield from evaluate_code(execution, element.id, element.event, key, data)
        if code is not None:
            yield execution.lifecycle("ELEMENT_ACTIVATED", key)
            execution.push(Work(kinds.THROW, key, code))

    def leave(self, execution: Execution, element: Element, row: ElementInstance) -> Effects:
        if not isinstance(element.event, Terminate):
            yield from take(execution, (), row)
        elif not end_after(execution, row):
            execution.push(Work(kinds.END_SCOPE, row.scope_key))
