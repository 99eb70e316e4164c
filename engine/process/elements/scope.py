"""The process and the embedded sub-process: a token begins at their none start event, or before chosen elements."""

from __future__ import annotations

import msgspec

from engine.bpmn.model import Element, Process
from engine.core.effects import Effects

from .. import work as kinds
from ..execution import Execution
from ..work import Work
from .behavior import Behavior


class ScopeElement(Behavior):
    """Active until nothing is left inside. `data` is a JSON array of the elements to begin at, or empty."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        if data:
            execution.push(*_beginnings(execution.graph, element, key, msgspec.json.decode(data, type=list[str])))
        else:
            execution.push(Work(kinds.ACTIVATE, key, element.start))


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
