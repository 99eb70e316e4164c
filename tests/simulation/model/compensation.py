"""Compensation: what has completed is undone, once, by what its model connects with it.

In which order things are undone the log tells. Source: BPMN 2.0.2, 10.7 and 13.5.5; Camunda 8 "Compensation events".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from engine.bpmn import model as bpmn
from engine.bpmn.model import Element
from engine.core.record import NONE

from .happenings import activated, gone, tell
from .undoable import Undoable
from .world import COMPLETE, FORGET, RESUME, UNDO, UNDONE, Instance, Move, Node, World

FAMILY = "COMPENSATION_SUBSCRIPTION"
#: Scopes that, completed, can be undone by undoing what is in them.
KEPT = (
    bpmn.SUB_PROCESS,
    bpmn.AD_HOC_SUB_PROCESS,
    bpmn.AD_HOC_SUB_PROCESS_INNER_INSTANCE,
    bpmn.MULTI_INSTANCE_BODY,
)


def expect(world: World, intent: str, key: int, instance: int) -> None:
    one = world.undoable[key]
    told = {
        "compensable_activity_id": one.activity,
        "compensable_activity_instance_key": one.activity_key,
        "compensation_handler_instance_key": one.handler,
        "throw_event_instance_key": one.thrower,
    }
    world.expect(FAMILY, intent, key, instance, **told)


def boundary_of(world: World, instance: int, element: Element) -> Element | None:
    elements = world.instances[instance].graph.elements
    found = (elements[name] for name in element.boundaries)
    return next((event for event in found if isinstance(event.event, bpmn.Compensation)), None)


def held(world: World, owner: int) -> list[int]:
    """What can be undone in a scope, or what an event has undone."""
    return [key for key, one in world.undoable.items() if owner == (one.scope if one.thrower == NONE else one.thrower)]


def keeps(element: Element) -> bool:
    """Whether what was done inside can still be undone when it has completed."""
    return element.type in KEPT and not element.for_compensation


def can_be_undone(world: World, node: Node) -> None:
    """It has completed: from now on it can be undone, if something undoes it or something in it."""
    boundary = boundary_of(world, node.instance, node.element)
    if boundary is not None or (keeps(node.element) and held(world, node.key)):
        key = world.history.born(FAMILY, node.key)
        world.undoable[key] = Undoable(node.element.id, node.key, node.scope)
        expect(world, "CREATED", key, node.instance)


# what is forgotten


def forgets(world: World, node: Node, move: Move) -> bool:
    """Whether the end of a node, which is this move, comes only after what can be undone in it is forgotten."""
    node.after_forgetting = None
    if not held(world, node.key) or (move.kind == COMPLETE and keeps(node.element)):
        return False
    node.after_forgetting = move
    return True


def forgetting(world: World, node: Node) -> list[Move]:
    """What is innermost goes first."""
    owners, found = [node.key], list[int]()
    for owner in owners:
        found += held(world, owner)
        owners += [world.undoable[key].activity_key for key in held(world, owner)]
    innermost = [key for key in found if not held(world, world.undoable[key].activity_key)]
    return [Move(FORGET, node.key, str(key)) for key in innermost] or [cast(Move, node.after_forgetting)]


def forget(world: World, move: Move) -> None:
    key = int(move.name)
    expect(world, "DELETED", key, cast(Node, world.node(move.key)).instance)
    del world.undoable[key]


# what is undone


def begin_compensation(world: World, node: Node) -> None:
    """What was done in the scope of the event; of one in an event sub-process also what was done around that."""
    event = node.element.event
    assert isinstance(event, bpmn.Compensation)
    scope = cast(Node, world.node(node.scope))
    owners = [scope.key, *([scope.scope] if scope.element.type == bpmn.EVENT_SUB_PROCESS else [])]
    found = [key for owner in owners for key in held(world, owner)]
    named = [key for key in found if event.activity in ("", world.undoable[key].activity)]
    node.has_undone = True
    activated(world, node, *[Move(UNDO, node.key, str(key)) for key in named])


def is_undoable(world: World, move: Move) -> bool:
    """Whether a move UNDO or UNDONE can still be made."""
    one = world.undoable.get(int(move.name))
    return one is not None and one.thrower == (NONE if move.kind == UNDO else move.key)


def is_all_undone(world: World, instance: Instance, node: Node) -> bool:
    moves = [move for move in instance.moves if move.key == node.key and move.kind in (UNDO, UNDONE)]
    return node.state == "ACTIVATED" and node.has_undone and not moves and not held(world, node.key)


def undo(world: World, move: Move) -> None:
    """What undoes it begins, in the scope of the event; what is in it is undone, too."""
    thrower, key = cast(Node, world.node(move.key)), int(move.name)
    instance, one = world.instances[thrower.instance], world.undoable[key]
    boundary = boundary_of(world, instance.key, instance.graph.elements[one.activity])
    inside = [Move(UNDO, thrower.key, str(each)) for each in held(world, one.activity_key)]
    handler = None
    if boundary is not None:
        _pass_boundary(world, thrower, boundary)
        element = instance.graph.elements[cast(bpmn.Compensation, boundary.event).handler]
        handler = _begin(world, thrower, element.body or element)
    one.thrower, one.handler = thrower.key, handler.key if handler is not None else NONE
    expect(world, "TRIGGERED", key, instance.key)
    instance.moves += inside
    instance.moves.append(Move(RESUME, handler.key) if handler is not None else Move(UNDONE, thrower.key, str(key)))


def _begin(world: World, thrower: Node, element: Element) -> Node:
    instance = world.instances[thrower.instance]
    key = world.history.born("PROCESS_INSTANCE", thrower.scope, element.id)
    node = instance.nodes[key] = Node(key, element, thrower.scope, instance.key)
    instance.visited.add(element.id)
    tell(world, "ELEMENT_ACTIVATING", node)
    return node


def _pass_boundary(world: World, thrower: Node, boundary: Element) -> None:
    node = _begin(world, thrower, boundary)
    for intent in ("ELEMENT_ACTIVATED", "ELEMENT_COMPLETING", "ELEMENT_COMPLETED"):
        tell(world, intent, node)
    gone(world, node)


def undone(world: World, move: Move) -> None:
    """Nothing undoes it but what undoes what is in it."""
    finish(world, int(move.name), cast(Node, world.node(move.key)).instance)


def end_handler(world: World, node: Node) -> None:
    """What undoes something has completed."""
    for key in [key for key, one in world.undoable.items() if one.handler == node.key]:
        finish(world, key, node.instance)


def finish(world: World, key: int, instance: int) -> None:
    expect(world, "COMPLETED", key, instance)
    del world.undoable[key]


def compensation_moves(world: World, instance: Instance) -> Iterator[Move]:
    """What follows from how things stand."""
    for node in instance.nodes.values():
        if node.after_forgetting is not None:
            yield from forgetting(world, node)
        elif is_all_undone(world, instance, node):
            yield Move(COMPLETE, node.key)
