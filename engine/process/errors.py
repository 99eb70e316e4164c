"""BPMN errors: who catches them. Source: BPMN 2.0, 10.5.6 (error events); Zeebe's error events."""

from __future__ import annotations

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import Element
from engine.core.effects import Effects
from engine.core.record import NONE

from . import work as kinds
from .execution import Execution
from .tables import ELEMENT_INSTANCES, TERMINATING
from .variables import Scope
from .work import Work


def find_catcher(execution: Execution, key: int, code: str) -> tuple[int, Element] | None:
    """The element instance to interrupt and the boundary event that catches the error, going up from `key`."""
    while key != NONE:
        row = execution.view.get(ELEMENT_INSTANCES, key)
        if row is None:
            return None
        boundaries = [execution.graph.elements[name] for name in execution.graph.elements[row.element_id].boundaries]
        catching = [boundary for boundary in boundaries if boundary.catches_error]
        named = [b for b in catching if b.error_code is not None and caught_code(execution, b, row.scope_key) == code]
        for boundary in [*named, *(b for b in catching if b.error_code is None)]:
            return key, boundary
        key = row.scope_key
    return None


def caught_code(execution: Execution, boundary: Element, scope_key: int) -> str | None:
    """The code that a boundary event catches; None when its expression gives none."""
    try:
        value = boundary.error_code.evaluate(Scope(execution.view, scope_key)) if boundary.error_code else None
    except EvaluationFailure:
        return None
    return value if isinstance(value, str) else None


def throw(execution: Execution, work: Work) -> Effects:
    """Interrupt what catches the error, or raise an incident where it was thrown.

    Resolved, the job that threw it can be activated again (as in Zeebe); an end event throws it again.
    """
    row = execution.view.get(ELEMENT_INSTANCES, work.key)
    if row is None:
        return
    caught = find_catcher(execution, work.key, work.element_id)
    if caught is None:
        message = (
            f"expected an error boundary event that catches the error code '{work.element_id}', got none around "
            f"'{row.element_id}'; resolve the incident to try again, or cancel the instance"
        )
        by_job = row.work_key != NONE
        resume = None if by_job else work
        job_key = row.work_key if by_job else NONE
        yield execution.incident(work.key, "UNHANDLED_ERROR_EVENT", message, resume=resume, job_key=job_key)
        return
    key, boundary = caught
    host = execution.view.get(ELEMENT_INSTANCES, key)
    if host is not None and host.state != TERMINATING:
        execution.push(Work(kinds.TERMINATE, key), Work(kinds.ACTIVATE, host.scope_key, boundary.id, work.data))
