"""Elements that do nothing but wait for their event: catch events, receive tasks, event-based gateways."""

from __future__ import annotations

from engine.bpmn.model import Element, Link
from engine.core.effects import Effects

from ..execution import Execution
from .behavior import Behavior


class Waiting(Behavior):
    """Active until what it waits for happens (`events.catching`)."""

    def activate(self, execution: Execution, _element: Element, key: int, _data: str) -> Effects:
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)


class CatchEvent(Waiting):
    """Waits for its event; where a link is caught, the token just goes on."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        behavior = Behavior if isinstance(element.event, Link) else Waiting
        yield from behavior.activate(self, execution, element, key, data)
