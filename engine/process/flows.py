"""How tokens go on: over sequence flows, into joins, or to their end."""

from __future__ import annotations

from engine.bpmn.model import Flow
from engine.core.effects import Effects

from . import work as kinds
from .execution import Execution
from .joins import arrives, joins, look_again
from .tables import ELEMENT_INSTANCES, TERMINATING, ElementInstance
from .work import Work


def take(execution: Execution, flow_ids: tuple[str, ...], row: ElementInstance) -> Effects:
    """Send a token over each of the flows of an element that is done. No flow: the token ends here."""
    if end_after(execution, row):
        return
    ready: list[Work] = []
    for flow_id in flow_ids:
        yield from _take_one(execution, execution.graph.flows[flow_id], row, ready)
    if not flow_ids:
        ready.append(Work(kinds.CHECK_SCOPE, row.scope_key))
    execution.push(*ready, *look_again(execution, row))


def end_after(execution: Execution, row: ElementInstance) -> bool:
    """Terminate the instance if it was created to end after this element, which has ended."""
    if row.element_id not in execution.instance.terminate_after or row.loop_counter:  # its body is the element
        return False
    process = execution.view.get(ELEMENT_INSTANCES, execution.instance_key)
    if process is None or process.state == TERMINATING:
        return False
    execution.push(Work(kinds.TERMINATE, execution.instance_key))
    return True


def _take_one(execution: Execution, flow: Flow, row: ElementInstance, ready: list[Work]) -> Effects:
    target = execution.graph.elements[flow.target]
    yield execution.taken(flow.id, row.scope_key, target.id if joins(target) else "")
    if arrives(execution, target, row.scope_key):
        ready.append(Work(kinds.ACTIVATE, row.scope_key, target.id))
