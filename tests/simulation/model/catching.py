"""Who catches errors and escalations. Source: BPMN 2.0, 10.5.6; Camunda 8 "Error events", "Escalation events"."""

from __future__ import annotations

from engine.bpmn import model as bpmn
from engine.bpmn.model import Element

from .happenings import activated
from .waiting import follow
from .world import COMPLETE, HANDLE, INTERRUPT, Move, Node, World


def caught(
    world: World, thrower: Node, kind: type[bpmn.Error] | type[bpmn.Escalation], code: str, data: str
) -> list[Move]:
    """What happens where it is caught. Nobody catches what is thrown inside himself."""
    elements, inside = world.instances[thrower.instance].graph.elements, ""
    for host in world.scopes(thrower.key):
        handlers = host.element.handlers if inside and not host.interrupted else ()
        events = [elements[name] for name in (*handlers, *host.element.boundaries)]
        catching = [event for event in events if isinstance(event.event, kind) and event.scope != inside]
        for event in [event for wanted in (code, None) for event in catching if caught_code(event) == wanted]:
            return [follow(host, event)._replace(data=data)]
        inside = host.element.id
    return []


def caught_code(catching: Element) -> str | None:
    """The code that an event catches; None: every code."""
    event = catching.event
    return event.code.text if isinstance(event, bpmn.Error | bpmn.Escalation) and event.code is not None else None


def escalate(world: World, node: Node, code: str) -> None:
    """Who throws it goes on, unless he is interrupted."""
    follows = caught(world, node, bpmn.Escalation, code, "")
    goes_on = [] if any(after.kind in (INTERRUPT, HANDLE) for after in follows) else [Move(COMPLETE, node.key)]
    activated(world, node, *follows, *goes_on)
    catching = catcher(world, follows[0]) if follows else ""
    told = {"escalation_code": code, "throw_element_id": node.element.id, "catch_element_id": catching}
    world.expect("ESCALATION", "ESCALATED" if follows else "NOT_ESCALATED", None, node.instance, **told)


def catcher(world: World, move: Move) -> str:
    """The event that catches what makes the move happen: a boundary event, or the start of an event sub-process."""
    host = world.node(move.key)
    assert host is not None
    element = world.instances[host.instance].graph.elements[move.name]
    return element.start or element.id
