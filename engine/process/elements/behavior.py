"""The behavior of an element, and the simplest one: it is done as soon as it is active."""

from __future__ import annotations

from engine.bpmn.model import Element
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Deciding, Execution
from ..flows import take
from ..tables import ElementInstance
from ..work import Work


class Behavior:
    """Passes through. A behavior has no state: everything is in the execution and on the log."""

    def activate(self, execution: Execution, _element: Element, key: int, data: str) -> Effects:
        """The element is ACTIVATING, its input mappings are done; `data` is a JSON object that came with the token."""
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        execution.push(Work(kinds.COMPLETE, key, data=data))

    def leave(self, execution: Execution, element: Element, row: ElementInstance) -> Effects:
        """The element is COMPLETED: where its tokens go."""
        yield from take(execution, element.outgoing, row)

    def is_done(self, _execution: Execution, _key: int, _row: ElementInstance, *, is_empty: bool) -> Deciding:
        """Something has ended in an active scope: whether it completes now. `is_empty`: nothing is left in it."""
        yield from ()
        return is_empty

    def terminate(self, _execution: Execution, _row: ElementInstance) -> Effects:
        """The element is TERMINATING: what else ends with it."""
        yield from ()
