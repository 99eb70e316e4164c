"""What an event does to those who caught it (BPMN 2.0, 13.5): complete, interrupt, or begin something beside.

Rule: the event's own record comes before; here begins what follows from it in the process instance.
"""

from __future__ import annotations

from engine.bpmn.model import BOUNDARY_EVENT, EVENT_BASED_GATEWAY, START_EVENT, Element
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Execution
from ..flows import end_after
from ..joins import look_again
from ..tables import ELEMENT_INSTANCES, TERMINATING, ElementInstance
from ..work import Work
from .waits import close_waits


def happen(execution: Execution, work: Work) -> Effects:
    """Work HAPPENED: the host `key` waited for what the element `element_id` catches."""
    yield from catch(execution, work.key, execution.graph.elements[work.element_id], work.data)


def catch(execution: Execution, key: int, catching: Element, data: str) -> Effects:
    """Go on at `catching`, which belongs to the element instance `key`, if that lives; `data`: variables, JSON."""
    row = execution.view.get(ELEMENT_INSTANCES, key)
    if row is None or row.state == TERMINATING or execution.is_ending(key):  # an event that came before ends it
        return
    if catching.type == BOUNDARY_EVENT:
        ended = [Work(kinds.TERMINATE, key), Work(kinds.AWAIT_END, key)] if catching.interrupting else []
        execution.push(*ended, Work(kinds.ACTIVATE, row.scope_key, catching.id, data))
    elif catching.type == START_EVENT:
        yield from _handle(execution, key, row, catching, data)
    elif row.element_type == EVENT_BASED_GATEWAY:
        yield from _pass_gateway(execution, key, row, catching, data)
    else:
        execution.push(Work(kinds.COMPLETE, key, data=data))


def _handle(execution: Execution, key: int, row: ElementInstance, start: Element, data: str) -> Effects:
    """Begin the event sub-process of this start event in the scope `key`, alone in it if the event interrupts."""
    if row.interrupted or execution.is_taken_over(key):  # while it paused, another event was first
        return
    begin = Work(kinds.ACTIVATE, key, start.scope, data)
    if not start.interrupting:
        execution.push(begin)
        return
    yield from close_waits(execution, key, row, execution.graph.elements[row.element_id].handlers)
    execution.forget_tokens(key)
    execution.push(Work(kinds.TERMINATE_CHILDREN, key), begin)


def _pass_gateway(execution: Execution, key: int, row: ElementInstance, catching: Element, data: str) -> Effects:
    """The first event decides where an event-based gateway goes on; it has happened already."""
    yield execution.lifecycle("ELEMENT_COMPLETING", key, row)
    yield from close_waits(execution, key, row)
    yield execution.lifecycle("ELEMENT_COMPLETED", key)
    if end_after(execution, row):
        return
    flow = next(name for name in catching.incoming if execution.graph.flows[name].source == row.element_id)
    yield execution.taken(flow, row.scope_key, "")
    execution.push(Work(kinds.PASS, row.scope_key, catching.id, data), *look_again(execution, row))
