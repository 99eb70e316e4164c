"""Processes and sub-processes: a token begins at their start event, or before chosen elements."""

from __future__ import annotations

import msgspec

from engine.bpmn.model import Element
from engine.core.effects import Effects

from .. import work as kinds
from ..beginnings import beginnings, read_beginnings
from ..execution import Execution
from ..tables import ELEMENT_INSTANCES
from ..work import Work
from .behavior import Behavior
from .job_task import cancel_job


class ScopeElement(Behavior):
    """Active until nothing is left inside.

    `data` is empty, a JSON array that says where to begin (see `beginnings`), or a JSON object: the start event that
    something happened at, and the variables that came with it.
    """

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        if data.startswith("{"):
            happened = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
            starts = [Work(kinds.ACTIVATE, key, start, bytes(given).decode()) for start, given in happened.items()]
            execution.push(*starts)
        elif inside := read_beginnings(data):
            execution.push(*beginnings(execution.graph, element, key, inside))
        else:
            execution.push(Work(kinds.ACTIVATE, key, element.start))


class EventSubProcess(Behavior):
    """Begins when its event has happened; `data` is a JSON object of the event's variables, or says where to begin.

    If it interrupts a scope that has a job itself, an ad-hoc sub-process, its worker has no more say.
    """

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        row = execution.view.get(ELEMENT_INSTANCES, key)
        scope = execution.view.get(ELEMENT_INSTANCES, row.scope_key) if row is not None else None
        if scope is not None and scope.interrupted:
            yield from cancel_job(execution, scope)
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        if inside := read_beginnings(data):
            execution.push(*beginnings(execution.graph, element, key, inside))
        else:
            execution.push(Work(kinds.ACTIVATE, key, element.start, data))
