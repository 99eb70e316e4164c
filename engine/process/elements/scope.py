"""Processes and sub-processes: a token begins at their start event, or before chosen elements."""

from __future__ import annotations

import msgspec

from engine.bpmn.model import Element, Process
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Execution
from ..tables import ELEMENT_INSTANCES
from ..work import Work
from .behavior import Behavior
from .job_task import cancel_job


class ScopeElement(Behavior):
    """Active until nothing is left inside.

    `data` is empty, a JSON array of the elements to begin at, or a JSON object: the start event that something happened
    at, and the variables that came with it.
    """

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        where = msgspec.json.decode(data, type=list[str] | dict[str, msgspec.Raw]) if data else []
        if isinstance(where, dict):
            happened = [Work(kinds.ACTIVATE, key, start, bytes(given).decode()) for start, given in where.items()]
            execution.push(*happened)
        elif where:
            execution.push(*_beginnings(execution.graph, element, key, where))
        else:
            execution.push(Work(kinds.ACTIVATE, key, element.start))


class EventSubProcess(Behavior):
    """Begins when its event has happened; `data` is a JSON object of the event's variables.

    If it interrupts a scope that has a job itself, an ad-hoc sub-process, its worker has no more say.
    """

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        row = execution.view.get(ELEMENT_INSTANCES, key)
        scope = execution.view.get(ELEMENT_INSTANCES, row.scope_key) if row is not None else None
        if scope is not None and scope.interrupted:
            yield from cancel_job(execution, scope)
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        execution.push(Work(kinds.ACTIVATE, key, element.start, data))


def _beginnings(graph: Process, scope: Element, key: int, element_ids: list[str]) -> list[Work]:
    """A token for each element, or for the sub-process here that it is in: one instance of that for all of them."""
    works: list[Work] = []
    inside: dict[str, list[str]] = {}
    for element_id in element_ids:
        outer = graph.elements[element_id]
        while outer.scope != scope.id:
            outer = graph.elements[outer.scope]
        if outer.id == element_id:
            works.append(Work(kinds.START, key, element_id))
        else:
            inside.setdefault(outer.id, []).append(element_id)
    parts = [Work(kinds.START, key, outer, msgspec.json.encode(ids).decode()) for outer, ids in inside.items()]
    return [*works, *parts]
