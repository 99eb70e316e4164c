"""Who catches errors and escalations. Source: BPMN 2.0, 10.5.6; Camunda 8 "Error events", "Escalation events"."""

from __future__ import annotations

from engine.bpmn import model as bpmn
from engine.bpmn.model import Element

from .happenings import activated
from .waiting import follow
from .world import COMPLETE, Move, Node, World


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


def catching_call(
    world: World, thrower: Node, kind: type[bpmn.Error] | type[bpmn.Escalation], code: str
) -> tuple[Node, Move] | None:
    """The innermost call activity above the instance at which somebody catches it, and what that makes happen."""
    call = world.call_of(thrower.instance)
    while call is not None:
        follows = caught(world, call, kind, code, "")
        if follows:
            return call, follows[0]
        call = world.call_of(call.instance)
    return None


def caught_code(catching: Element) -> str | None:
    """The code that an event catches; None: every code."""
    event = catching.event
    return event.code.text if isinstance(event, bpmn.Error | bpmn.Escalation) and event.code is not None else None


def escalate(world: World, node: Node, code: str) -> None:
    """Who throws it goes on, unless he is interrupted."""
    follows = caught(world, node, bpmn.Escalation, code, "")
    above = None if follows else catching_call(world, node, bpmn.Escalation, code)
    if above is not None:
        world.told["ESCALATE", above[0].key] += 1
    move = follows[0] if follows else above[1] if above is not None else None
    catching = catcher(world, move) if move is not None else None
    goes_on = [] if catching is not None and catching.interrupting else [Move(COMPLETE, node.key)]
    activated(world, node, *follows, *goes_on)
    caught_by = catching.id if catching is not None else ""
    told = {"escalation_code": code, "throw_element_id": node.element.id, "catch_element_id": caught_by}
    world.expect("ESCALATION", "ESCALATED" if caught_by else "NOT_ESCALATED", None, node.instance, **told)


def catcher(world: World, move: Move) -> Element:
    """The event that catches what makes the move happen: a boundary event, or the start of an event sub-process."""
    host = world.node(move.key)
    assert host is not None
    elements = world.instances[host.instance].graph.elements
    return elements[elements[move.name].start or move.name]
