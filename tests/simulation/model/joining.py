"""Gateways that join: which tokens wait there, and when they go on together.

A parallel gateway waits for one on each of its flows (BPMN 2.0.2, 13.4.1). An inclusive one (13.4.3) goes on when a
token waits and no other token of the scope can get to a flow where none waits, unless it can get to one where one does.
"""

from __future__ import annotations

from collections import Counter

from engine.bpmn import model as bpmn
from engine.bpmn.model import Element, Process

from .world import ACTIVATE, Instance, Move, Node, World


def joins(element: Element) -> bool:
    return element.type in (bpmn.PARALLEL_GATEWAY, bpmn.INCLUSIVE_GATEWAY) and len(element.incoming) > 1


def may_activate(scope: Node, element: Element) -> bool:
    """Whether every token that an element waits for is there."""
    waits = [name in scope.joins.get(element.id, {}) for name in element.incoming]
    return not joins(element) or (all(waits) if element.type == bpmn.PARALLEL_GATEWAY else any(waits))


def take_joined(scope: Node, element: Element) -> None:
    """One token of each flow that has one."""
    waiting = scope.joins.pop(element.id, None)
    if waiting is not None and (left := waiting - Counter(element.incoming)):
        scope.joins[element.id] = left


def inclusive_joins(world: World, scope: Node) -> list[Move]:
    """The inclusive gateways that go on now."""
    instance = world.instances[scope.instance]
    waiting = [instance.graph.elements[name] for name in scope.joins]
    return [
        Move(ACTIVATE, scope.key, gateway.id)
        for gateway in waiting
        if gateway.type == bpmn.INCLUSIVE_GATEWAY and not may_others_come(instance, scope, gateway)
    ]


def may_others_come(instance: Instance, scope: Node, gateway: Element) -> bool:
    waiting = set(scope.joins[gateway.id])
    awaited, covered = set[str](), set[str]()
    for name in gateway.incoming:
        found = before(instance.graph, instance.graph.flows[name].source, gateway.id)
        (covered if name in waiting else awaited).update(found)
    places = {child.element.id for child in instance.nodes.values() if is_inside(child, scope)}
    places |= {move.name for move in instance.beginning(scope.key)}
    places |= {name for name in scope.joins if name != gateway.id}
    return bool(places & (awaited - covered) - {gateway.id})


def is_inside(child: Node, scope: Node) -> bool:
    return child.scope == scope.key and child.state != "TERMINATING"


def before(graph: Process, last: str, gateway: str) -> set[str]:
    """The elements from which a token gets to `last`, which is one, without passing through the gateway."""
    steps = [(flow.source, flow.target) for flow in graph.flows.values()]
    steps += [(each.attached_to, each.id) for each in graph.elements.values() if each.attached_to]
    steps += [(each.id, each.event.target) for each in graph.elements.values() if isinstance(each.event, bpmn.Link)]
    found, left = set[str](), {last} - {gateway}
    while left:
        found |= left
        left = {source for source, target in steps if target in left} - found - {gateway}
    return found
