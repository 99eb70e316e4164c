"""How a process instance moves: what has to happen in it, in the order in which the log says it did.

Sources: BPMN 2.0, chapter 13; Camunda 8 documentation. What may happen is told here, not how the engine gets there:
the moves of an instance are made one by one, always the one whose event comes first on the log, until none is left.
When the log says that the instance paused, moves that come later on the log wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from engine.bpmn import model as bpmn
from engine.bpmn.feel import EvaluationFailure
from engine.core.record import NONE

from .catching import caught
from .elements import FormMissing, begin
from .happenings import end_incidents, gone, may_activate, raise_incident, take, tell
from .log import NEVER
from .variables import apply_mappings, merge, parse_document, set_local, visible
from .waiting import begin_waiting, stop_waiting
from .world import (
    ACTIVATE,
    COMPLETE,
    HANDLE,
    INTERRUPT,
    RESUME,
    TERMINATE,
    THROW,
    VANISH,
    Instance,
    Move,
    Node,
    World,
)

DECIDING = (bpmn.EXCLUSIVE_GATEWAY, bpmn.INCLUSIVE_GATEWAY)
SCOPES = (bpmn.PROCESS, bpmn.SUB_PROCESS, bpmn.EVENT_SUB_PROCESS)


def settle(world: World, instance: Instance) -> None:
    """Make every move that is to be made in this step."""
    while not instance.blind and (moves := open_moves(world, instance)):
        move = min(moves, key=lambda one: position_of(world, one))
        at = position_of(world, move)
        if at > world.step.end:
            if not pauses(world, instance):
                when = "never does" if at == NEVER else f"does at position {at}"
                world.differ(f"instance {instance.key} should {move.kind} {move.name or move.key} here, but {when}")
                instance.blind = True
            return
        if move in instance.moves:
            instance.moves.remove(move)
        _MAKE[move.kind](world, move)


def pauses(world: World, instance: Instance) -> bool:
    """Whether the rest of the instance's moves come in a later step."""
    told = [r for r in world.step.events if r.value_type == "PROCESS_INSTANCE_CONTINUATION"]
    mine = [r.intent for r in told if getattr(r.value, "process_instance_key", NONE) == instance.key]
    return mine[-1] == "PAUSED" if mine else instance.pause != NONE


def open_moves(world: World, instance: Instance) -> list[Move]:
    """What has to happen: moves that were begun, and what follows from how things stand."""
    instance.moves = [move for move in instance.moves if is_open(world, move)]
    moves = list(instance.moves)
    children: dict[int, list[Node]] = {}
    for node in instance.nodes.values():
        children.setdefault(node.scope, []).append(node)
    for node in instance.nodes.values():
        inside = children.get(node.key, [])
        if node.element.type not in SCOPES:
            continue
        if node.state == "TERMINATING" or (node.ending and node.state == "ACTIVATED"):
            moves += [Move(TERMINATE, child.key) for child in inside if child.state != "TERMINATING"]
            if not inside:
                moves.append(Move(COMPLETE if node.ending and node.state == "ACTIVATED" else VANISH, node.key))
        elif node.successor:
            moves += [Move(TERMINATE, child.key) for child in inside if child.state != "TERMINATING"]
            if not inside:
                moves.append(Move(ACTIVATE, node.key, node.successor, node.successor_data))
        elif node.state == "ACTIVATED" and not inside and not node.joins:
            on_their_way = any(move.kind == ACTIVATE and move.key == node.key for move in instance.moves)
            if not on_their_way:
                moves.append(Move(COMPLETE, node.key))
    return moves


def is_open(world: World, move: Move) -> bool:
    """Whether a move can still be made."""
    node = world.node(move.key)
    if node is None:
        return False
    if move.kind == ACTIVATE:
        graph = world.instances[node.instance].graph
        element = graph.elements[move.name]
        if element.type == bpmn.BOUNDARY_EVENT and position_of(world, move) == NEVER:
            return any((n.element.id, n.scope) == (element.attached_to, node.key) for n in world.living(node))
        return node.state != "TERMINATING" and may_activate(node, element)
    if move.kind == RESUME:
        return node.state == "ACTIVATING"
    return move.kind == THROW or node.state != "TERMINATING"


def position_of(world: World, move: Move) -> int:
    """Where the log says that the move was made."""
    history, key = world.history, move.key
    incident = history.next_birth("INCIDENT", key)
    if move.kind == ACTIVATE:
        return history.next_birth("PROCESS_INSTANCE", key, move.name)
    if move.kind == RESUME:
        return min(incident, history.moment("ELEMENT_ACTIVATED", key))
    if move.kind == COMPLETE:
        begun = cast(Node, world.node(key)).state == "COMPLETING"
        return min(incident, history.moment("ELEMENT_COMPLETED" if begun else "ELEMENT_COMPLETING", key))
    if move.kind == THROW:
        follows = caught(world, cast(Node, world.node(key)), bpmn.Error, move.name, "")
        return min([incident, *(position_of(world, after) for after in follows)])
    if move.kind == HANDLE:
        inside = [child.key for child in world.living(cast(Node, world.node(key))) if child.scope == key]
        moments = [history.next_birth("PROCESS_INSTANCE", key, move.name)]
        moments += [history.moment("ELEMENT_TERMINATING", child) for child in inside]
        return min([*moments, *(history.moment("CANCELED", k) for k, t in world.timers.items() if t.node == key)])
    return history.moment("ELEMENT_TERMINATED" if move.kind == VANISH else "ELEMENT_TERMINATING", key)


# begin


def start(world: World, instance: Instance, document: dict[str, str], at: str = "") -> None:
    """The process itself begins, with its variables and a token at its start event, or at the one that is told."""
    root = Node(instance.key, instance.graph.root, NONE, instance.key)
    instance.nodes[root.key] = root
    tell(world, "ELEMENT_ACTIVATING", root)
    set_local(world, root, document)
    go_on(world, root, at)


def _activate(world: World, move: Move) -> None:
    scope = cast(Node, world.node(move.key))
    instance = world.instances[scope.instance]
    element = instance.graph.elements[move.name]
    waiting = scope.joins.get(element.id)
    if waiting is not None:
        waiting.subtract(dict.fromkeys(element.incoming, 1))
        scope.joins[element.id] = +waiting
        if not scope.joins[element.id]:
            del scope.joins[element.id]
    node = Node(world.history.born("PROCESS_INSTANCE", scope.key, element.id), element, scope.key, instance.key)
    instance.nodes[node.key] = node
    instance.visited.add(element.id)
    if scope.successor == element.id:
        scope.successor = ""
    tell(world, "ELEMENT_ACTIVATING", node)
    go_on(world, node, move.data)


def _resume(world: World, move: Move) -> None:
    go_on(world, cast(Node, world.node(move.key)), move.data)


def go_on(world: World, node: Node, data: str) -> None:
    """Input mappings, then what the element does; what fails raises an incident and is tried again."""
    again = Move(RESUME, node.key, data=data)
    try:
        made = apply_mappings(world, node, node.element.inputs) if node.element.inputs else {}
    except EvaluationFailure:
        raise_incident(world, node, "IO_MAPPING_ERROR", again)
        return
    set_local(world, node, made)
    try:
        begin_waiting(world, node)
        begin(world, node, data)
    except FormMissing:
        raise_incident(world, node, "FORM_NOT_FOUND", again)
    except EvaluationFailure:
        kind = "CONDITION_ERROR" if node.element.type in DECIDING else "EXTRACT_VALUE_ERROR"
        raise_incident(world, node, kind, again)


# end


def _complete(world: World, move: Move) -> None:
    node = cast(Node, world.node(move.key))
    outside = node.key if node.scope == NONE else node.scope
    if node.state != "COMPLETING":
        node.state = "COMPLETING"
        tell(world, "ELEMENT_COMPLETING", node)
    document = parse_document(move.data)
    if node.element.outputs:
        set_local(world, node, document)
        try:
            document = apply_mappings(world, node, node.element.outputs, outside)
        except EvaluationFailure:
            raise_incident(world, node, "IO_MAPPING_ERROR", Move(COMPLETE, node.key))
            return
    merge(world, outside, document)
    end_incidents(world, node)
    stop_waiting(world, node)
    tell_result(world, node, "COMPLETED")
    tell(world, "ELEMENT_COMPLETED", node)
    gone(world, node)
    if isinstance(node.element.event, bpmn.Terminate):
        end_scope(world, cast(Node, world.node(node.scope)))
    elif isinstance(node.element.event, bpmn.Link) and node.element.event.target:
        world.instances[node.instance].moves.append(Move(ACTIVATE, node.scope, node.element.event.target))
    elif node.scope != NONE and node.element.type != bpmn.END_EVENT:
        take(world, node, node.element.outgoing)


def end_scope(world: World, scope: Node) -> None:
    """A terminate end event: tokens on their way are gone, whatever else is in the scope ends."""
    instance = world.instances[scope.instance]
    instance.moves = [move for move in instance.moves if (move.kind, move.key) != (ACTIVATE, scope.key)]
    scope.ending = True


def _terminate(world: World, move: Move) -> None:
    node = cast(Node, world.node(move.key))
    node.state = "TERMINATING"
    tell(world, "ELEMENT_TERMINATING", node)
    if node.work in world.jobs:
        del world.jobs[node.work]
        world.expect("JOB", "CANCELED", node.work, node.instance)
    if node.work in world.tasks:
        task = world.tasks.pop(node.work)
        told = {"element_instance_key": node.key, "assignee": task.assignee}
        world.expect("USER_TASK", "CANCELED", node.work, node.instance, **told)
    end_incidents(world, node)
    stop_waiting(world, node)
    if node.element.type not in SCOPES:
        _vanish(world, move)


def _vanish(world: World, move: Move) -> None:
    node = cast(Node, world.node(move.key))
    tell_result(world, node, "TERMINATED")
    tell(world, "ELEMENT_TERMINATED", node)
    gone(world, node)


def tell_result(world: World, node: Node, intent: str) -> None:
    """An instance that ends answers whoever waits for it."""
    instance = world.instances[node.instance]
    if node.key == instance.key and instance.awaited:
        variables = visible(world, node.key, instance.fetched) if intent == "COMPLETED" else "{}"
        world.expect("PROCESS_INSTANCE_RESULT", intent, node.key, node.key, variables=variables)


# errors and incidents


def _throw(world: World, move: Move) -> None:
    """Whoever is nearest and fits best catches it; if nobody does, there is an incident."""
    node = cast(Node, world.node(move.key))
    follows = caught(world, node, bpmn.Error, move.name, move.data)
    world.instances[node.instance].moves += follows
    if not follows:
        by_job = node.work != NONE
        again = None if by_job else move
        raise_incident(world, node, "UNHANDLED_ERROR_EVENT", again, job=node.work if by_job else NONE)


def _interrupt(world: World, move: Move) -> None:
    host = cast(Node, world.node(move.key))
    _terminate(world, Move(TERMINATE, host.key))
    world.instances[host.instance].moves.append(Move(ACTIVATE, host.scope, move.name, move.data))


def _handle(world: World, move: Move) -> None:
    """Tokens are gone, whatever else is in the scope ends, and nothing else takes it over."""
    scope = cast(Node, world.node(move.key))
    instance = world.instances[scope.instance]
    instance.moves = [
        one for one in instance.moves if (one.kind, one.key) not in ((ACTIVATE, scope.key), (HANDLE, scope.key))
    ]
    scope.joins.clear()
    stop_waiting(world, scope, scope.element.handlers)
    scope.successor, scope.successor_data, scope.interrupted = move.name, move.data, True


_MAKE: dict[str, Callable[[World, Move], None]] = {
    ACTIVATE: _activate,
    RESUME: _resume,
    COMPLETE: _complete,
    THROW: _throw,
    INTERRUPT: _interrupt,
    HANDLE: _handle,
    TERMINATE: _terminate,
    VANISH: _vanish,
}
