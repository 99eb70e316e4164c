"""Intermediate throw events: none, link, escalation, signal, compensation, and message, which a worker sends."""

from __future__ import annotations

from collections.abc import Generator

import msgspec

from engine.bpmn.feel import EvaluationFailure, brief
from engine.bpmn.model import Compensation, Element, Error, Escalation, Link, Signal
from engine.core.effects import Effect, Effects
from engine.core.faults import Reject

from .. import work as kinds
from ..broadcasts import broadcast
from ..compensations import compensate
from ..escalations import escalate
from ..events.signal import evaluate_name
from ..execution import Execution
from ..flows import end_after, take
from ..tables import ElementInstance
from ..variables import Scope, local_variables
from ..work import Work
from .behavior import Behavior
from .job_task import JobTask


class ThrowEvent(JobTask):
    """Waits for its job if it has one; a link goes on where it is caught."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        if isinstance(element.event, Escalation):
            code = yield from evaluate_code(execution, element.id, element.event, key, data)
            if code is not None:
                yield execution.lifecycle("ELEMENT_ACTIVATED", key)
                yield from escalate(execution, key, element.id, code)
            return
        if isinstance(element.event, Signal):
            yield from _throw_signal(execution, element.event, key, data)
            return
        if isinstance(element.event, Compensation):
            yield execution.lifecycle("ELEMENT_ACTIVATED", key)
            yield from compensate(execution, key, element.event)
            return
        activate = JobTask.activate if element.job is not None else Behavior.activate
        yield from activate(self, execution, element, key, data)

    def leave(self, execution: Execution, element: Element, row: ElementInstance) -> Effects:
        if not isinstance(element.event, Link):
            yield from take(execution, element.outgoing, row)
        elif not end_after(execution, row):
            execution.push(Work(kinds.ACTIVATE, row.scope_key, element.event.target))


def _throw_signal(execution: Execution, signal: Signal, key: int, data: str) -> Effects:
    """The signal takes the event's own variables along, which its input mappings make."""
    try:
        name = evaluate_name(signal, Scope(execution.view, key))
    except EvaluationFailure as failure:
        resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
        yield execution.incident(key, "EXTRACT_VALUE_ERROR", str(failure), resume=resume)
        return
    yield execution.lifecycle("ELEMENT_ACTIVATED", key)
    own = {variable: msgspec.Raw(value.encode()) for variable, value in local_variables(execution.view, key).items()}
    yield from broadcast(execution.view, name, msgspec.json.encode(own).decode() if own else "")
    execution.push(Work(kinds.COMPLETE, key))


def evaluate_code(
    execution: Execution, element_id: str, thrown: Error | Escalation, key: int, data: str
) -> Generator[Effect, Reject | None, str | None]:
    """The code that an event throws. None: there is none, and there is an incident."""
    kind = "error" if isinstance(thrown, Error) else "escalation"
    try:
        code = thrown.code.evaluate(Scope(execution.view, key)) if thrown.code else None
    except EvaluationFailure as failure:
        problem = f"{kind} code: {failure}"
    else:
        if isinstance(code, str) and code:
            return code
        text = thrown.code.text if thrown.code else ""
        problem = f"expected the {kind} code '{text}' to be a string, got {brief(code)}"
    message = f"{problem}; set the variables of '{element_id}' and resolve"
    resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
    yield execution.incident(key, "EXTRACT_VALUE_ERROR", message, resume=resume)
    return None
