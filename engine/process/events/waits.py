"""All that an element instance waits for: opened together when it is activated, closed together when it ends.

A host is the element instance that waits: a catch event for itself, an activity for its boundary events, a scope for
its event sub-processes, an event-based gateway for the events that follow it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import START_EVENT, Element, Message, Signal, Timer
from engine.core.effects import Effects
from engine.core.faults import INVALID_STATE, Reject

from .. import work as kinds
from ..execution import Deciding, Execution
from ..tables import ELEMENT_INSTANCES, HOLDS_WAITS, ElementInstance
from ..work import Work
from .message import MessageWait
from .signal import SignalWait
from .timer import TimerWait
from .wait import Wait

WAITS: Mapping[type, Wait] = {Timer: TimerWait(), Message: MessageWait(), Signal: SignalWait()}


def open_waits(execution: Execution, key: int, element: Element, data: str) -> Deciding:
    """Wait for everything that `element` waits for. False: something cannot be evaluated, and there is an incident.

    `data`: as the activation has it, which goes on when the incident is resolved.

    Everything is evaluated before anything is opened; what was opened before the incident of another part is kept.
    """
    row = execution.view.get(ELEMENT_INSTANCES, key)
    if row is not None and row.holds & HOLDS_WAITS:
        return True
    found: list[tuple[Wait, Element, Any]] = []
    for catching in (execution.graph.elements[name] for name in element.waits):
        wait = WAITS[type(catching.event)]
        try:
            found.append((wait, catching, wait.evaluate(execution, key, catching)))
        except EvaluationFailure as failure:
            message = f"what '{catching.id}' waits for: {failure}"
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", message, resume=resume)
            return False
    for wait, catching, awaited in found:
        yield from wait.open(execution, key, catching, awaited)
    return True


def close_waits(execution: Execution, key: int, row: ElementInstance, only: Collection[str] | None = None) -> Effects:
    """Wait for nothing any longer, or only not for what the elements `only` catch."""
    if row.holds & HOLDS_WAITS:
        for wait in WAITS.values():
            yield from wait.close(execution, key, only)


def move_waits(execution: Execution, key: int, catching: Mapping[str, Element]) -> Effects:
    """What is waited for at elements of a former definition is from now on caught by elements of this one."""
    for wait in WAITS.values():
        yield from wait.move(execution, key, catching)


def open_more(execution: Execution, key: int, element_ids: Collection[str]) -> Effects:
    """Wait also for what these elements catch. Raises Reject INVALID_STATE if something cannot be evaluated."""
    for catching in (execution.graph.elements[name] for name in element_ids):
        wait = WAITS[type(catching.event)]
        try:
            awaited = wait.evaluate(execution, key, catching)
        except EvaluationFailure as failure:
            raise Reject(INVALID_STATE, f"what '{catching.id}' waits for: {failure}; set the variables") from None
        yield from wait.open(execution, key, catching, awaited)


def close_excluded(execution: Execution, key: int, element_id: str) -> Effects:
    """Wait no longer for what cannot happen to the host `key` any more, once what `element_id` catches has happened.

    A paused instance does only later what follows from it; nothing else may be taken for it until then.
    """
    row = execution.view.get(ELEMENT_INSTANCES, key)
    if row is not None:
        inside = execution.graph.elements[element_id].type == START_EVENT
        only = execution.graph.elements[row.element_id].handlers if inside else None
        yield from close_waits(execution, key, row, only)
