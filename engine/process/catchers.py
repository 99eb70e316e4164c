"""Who catches what is thrown, an error or an escalation: the nearest one around the thrower, in calling instances too.

Around an element instance, event sub-processes in it and boundary events on it count alike: of those that fit, one for
the very code comes before one for every code, as in Zeebe. Nobody catches what is thrown inside himself.
Sources: BPMN 2.0, 10.5.6; Zeebe's error and escalation events. Unlike in Zeebe, what an interrupting event sub-process
throws is caught by the boundary events of its scope.
"""

from __future__ import annotations

from engine.bpmn.model import Element, Error, Escalation
from engine.core.record import NONE

from .execution import Execution, open_execution
from .tables import ELEMENT_INSTANCES, ElementInstance

Thrown = type[Error] | type[Escalation]


def find_catcher(execution: Execution, key: int, kind: Thrown, code: str) -> tuple[int, Element] | None:
    """The element instance that catches it, going up from `key`, and the event at which it goes on."""
    inside = ""
    while key != NONE:
        row = execution.view.get(ELEMENT_INSTANCES, key)
        if row is None:
            return None
        taken_over = row.interrupted or (bool(inside) and execution.is_taken_over(key))
        catching = _catching(execution, row, kind, code, inside, taken_over=taken_over)
        if catching is not None:
            return key, catching
        key, inside = row.scope_key, row.element_id
    return None


def find_catching_call(execution: Execution, kind: Thrown, code: str) -> tuple[int, Element] | None:
    """The innermost call activity above the instance at which somebody catches it, and the event that does."""
    view = execution.view
    row = view.get(ELEMENT_INSTANCES, execution.instance_key)
    while row is not None and row.parent_element_instance_key != NONE:
        call = row.parent_element_instance_key
        found = find_catcher(open_execution(view, row.parent_process_instance_key), call, kind, code)
        if found is not None:
            return call, found[1]
        row = view.get(ELEMENT_INSTANCES, row.parent_process_instance_key)
    return None


def _catching(
    execution: Execution, row: ElementInstance, kind: Thrown, code: str, inside: str, *, taken_over: bool
) -> Element | None:
    """The best fitting event; `inside`: the element in it that it comes from, empty for the thrower itself."""
    element = execution.element_of(row)
    handlers = element.handlers if inside and not taken_over else ()
    events = [execution.graph.elements[name] for name in (*handlers, *element.boundaries)]
    candidates = [event for event in events if isinstance(event.event, kind) and event.scope != inside]
    for wanted in (code, None):
        for event in candidates:
            if _code(event) == wanted:
                return event
    return None


def _code(catching: Element) -> str | None:
    """The code that an event catches, which is static; None: every code."""
    thrown = catching.event
    return thrown.code.text if isinstance(thrown, (Error, Escalation)) and thrown.code is not None else None
