"""What the moves of a process instance are made of; each tells the events that it should leave on the log."""

from __future__ import annotations

from collections import Counter
from typing import cast

from engine.bpmn import model as bpmn
from engine.core.record import NONE

from .joining import joins
from .world import ACTIVATE, Instance, Move, Node, Trouble, World


def tell(world: World, intent: str, node: Node) -> None:
    """The event of an element instance's life."""
    told = {"element_id": node.element.id, "flow_scope_key": node.scope}
    world.expect("PROCESS_INSTANCE", intent, node.key, node.instance, **told)


def gone(world: World, node: Node) -> None:
    """With the process itself its instance ends: the next message that is kept may start another one."""
    instance = world.instances[node.instance]
    del instance.nodes[node.key]
    if node.key == instance.key:
        instance.end = "TERMINATED" if node.state == "TERMINATING" else "COMPLETED"
    if node.key == instance.key and instance.correlation_key:
        release(world, instance)


def release(world: World, instance: Instance) -> None:
    place = (instance.graph.id, instance.correlation_key)
    if world.board.started.pop(place, None) is not None and world.board.next_start(*place, world.now) is not None:
        world.told["START", instance.key] += 1


def activated(world: World, node: Node, *moves: Move) -> None:
    node.state = "ACTIVATED"
    tell(world, "ELEMENT_ACTIVATED", node)
    world.instances[node.instance].moves += moves


def take(world: World, node: Node, flows: tuple[str, ...]) -> None:
    """A token over each flow; at a gateway that joins it waits for the others."""
    instance, scope = world.instances[node.instance], cast(Node, world.node(node.scope))
    for name in flows:
        told = {"element_id": name, "flow_scope_key": scope.key}
        world.expect("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN", None, instance.key, **told)
        target = instance.graph.elements[instance.graph.flows[name].target]
        if joins(target):
            scope.joins.setdefault(target.id, Counter())[name] += 1
        if target.type == bpmn.INCLUSIVE_GATEWAY and joins(target):
            continue  # it goes on as soon as no other token can come
        instance.moves.append(Move(ACTIVATE, scope.key, target.id))


def end_scope(world: World, scope: Node) -> None:
    """Tokens on their way are gone, whatever else is in the scope ends, and then it completes."""
    instance = world.instances[scope.instance]
    instance.moves = [move for move in instance.moves if (move.kind, move.key) != (ACTIVATE, scope.key)]
    scope.ending = True


def raise_incident(world: World, node: Node, kind: str, move: Move | None, job: int = NONE) -> None:
    key = world.history.born("INCIDENT", node.key)
    world.incidents[key] = Trouble(key, node.key, node.instance, job, move)
    world.instances[node.instance].incidents.append(key)
    if job in world.jobs and world.jobs[job].state != "ERROR_THROWN":
        world.jobs[job].state = "FAILED"
    told = {"element_instance_key": node.key, "error_type": kind, "job_key": job}
    world.expect("INCIDENT", "CREATED", key, node.instance, **told)


def end_incidents(world: World, node: Node) -> None:
    """Incidents end with their element instance."""
    for key in [key for key, trouble in world.incidents.items() if trouble.node == node.key]:
        del world.incidents[key]
        world.expect("INCIDENT", "RESOLVED", key, node.instance, element_instance_key=node.key)
