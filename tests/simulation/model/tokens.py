"""How a process instance moves: what has to happen in it, in the order in which the log says it did.

Sources: BPMN 2.0, chapter 13; Camunda 8 documentation. What may happen is told here, not how the engine gets there:
the moves of an instance are made one by one, always the one whose event comes first on the log, until none is left.
When the log says that the instance paused, moves that come later on the log wait. What came first is made first where
the log does not tell moves apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from engine.bpmn import model as bpmn
from engine.bpmn.feel import EvaluationFailure
from engine.core.record import NONE

from .anyhow import ask, check, collect_inner, completes, give_collection
from .catching import catching_call, caught
from .compensation import can_be_undone, compensation_moves, end_handler, forget, forgets, is_undoable, undo, undone
from .elements import Halted, begin, begin_pass
from .happenings import end_incidents, end_scope, gone, raise_incident, take, tell
from .joining import inclusive_joins, may_activate, take_joined
from .log import NEVER
from .positions import pauses, position_of
from .repeating import begin_next, begins_next, collect, discard
from .variables import apply_mappings, merge, parse_document, set_local, visible
from .waiting import begin_waiting, stop_waiting
from .world import (
    ACTIVATE,
    BESIDE,
    CHECK,
    CHOOSE,
    COLLECT,
    COMPLETE,
    DISCARD,
    FORGET,
    HANDLE,
    INTERRUPT,
    LEAVE,
    RESUME,
    SPAWN,
    TERMINATE,
    THROW,
    UNDO,
    UNDONE,
    VANISH,
    Instance,
    Loop,
    Move,
    Node,
    World,
)

DECIDING = (bpmn.EXCLUSIVE_GATEWAY, bpmn.INCLUSIVE_GATEWAY)
SCOPES = (
    bpmn.PROCESS,
    bpmn.SUB_PROCESS,
    bpmn.EVENT_SUB_PROCESS,
    bpmn.AD_HOC_SUB_PROCESS,
    bpmn.AD_HOC_SUB_PROCESS_INNER_INSTANCE,
    bpmn.MULTI_INSTANCE_BODY,
)


def settle(world: World, instance: Instance) -> None:
    """Make every move that is to be made in this step."""
    while not instance.blind and not instance.suspended and (moves := open_moves(world, instance)):
        at, number = min((position_of(world, one), number) for number, one in enumerate(moves))
        move = moves[number]
        if at > world.step.end:
            if not pauses(world, instance):
                when = "never does" if at == NEVER else f"does at position {at}"
                world.differ(f"instance {instance.key} should {move.kind} {move.name or move.key} here, but {when}")
                instance.blind = True
            return
        if move in instance.moves:
            instance.moves.remove(move)
        _MAKE[move.kind](world, move)


def open_moves(world: World, instance: Instance) -> list[Move]:
    """What has to happen: moves that were begun, and what follows from how things stand."""
    instance.moves = [move for move in instance.moves if is_open(world, move)]
    moves = [*instance.moves, *compensation_moves(world, instance)]
    children: dict[int, list[Node]] = {}
    for node in instance.nodes.values():
        children.setdefault(node.scope, []).append(node)
    for node in instance.nodes.values():
        inside = children.get(node.key, [])
        if node.element.type not in SCOPES or node.after_forgetting is not None:
            continue
        if node.state == "ACTIVATED" and node.joins:
            moves += inclusive_joins(world, node)
        if node.state == "TERMINATING":
            moves += [Move(TERMINATE, child.key) for child in inside if child.state != "TERMINATING"]
            is_kept = node.loop is not None and node.loop.outputs
            moves += [Move(DISCARD if is_kept else VANISH, node.key)] if not inside else []
        elif node.successor:
            moves += [Move(TERMINATE, child.key) for child in inside if child.state != "TERMINATING"]
            moves += [Move(ACTIVATE, node.key, node.successor, node.successor_data)] if not inside else []
        elif node.ending and node.state in ("ACTIVATED", "COMPLETING"):
            moves += [Move(TERMINATE, child.key) for child in inside if child.state != "TERMINATING"]
            moves += [Move(COMPLETE, node.key)] if not inside else []
        elif node.loop is not None and node.state == "ACTIVATED":
            moves += [Move(SPAWN, node.key)] if begins_next(node) else []
            moves += [Move(COMPLETE, node.key)] if node.loop.ended == len(node.loop.items) else []
        elif node.state == "ACTIVATED" and not inside and not node.joins and completes(world, node):
            begins = instance.beginning(node.key)
            if not any(not move.late or position_of(world, move) < NEVER for move in begins):
                moves.append(Move(COMPLETE, node.key))
    return moves


def is_open(world: World, move: Move) -> bool:
    """Whether a move can still be made."""
    node = world.node(move.key)
    if node is None:
        return False
    if move.kind == ACTIVATE:
        element = world.instances[node.instance].graph.elements[move.name]
        return node.state != "TERMINATING" and may_activate(node, element)
    if move.kind == RESUME:
        return node.state == "ACTIVATING"
    if move.kind in (UNDO, UNDONE) and not is_undoable(world, move):
        return False
    if move.kind == CHECK and (node.state != "ACTIVATED" or node.ending or node.interrupted):
        return False
    if move.kind in (INTERRUPT, BESIDE) and any(scope.successor for scope in world.scopes(node.scope)):
        return False
    return move.kind == THROW or node.state != "TERMINATING"


# begin


def start(world: World, instance: Instance, document: dict[str, str]) -> None:
    """The process itself begins, with its variables and a token at its start event, or at the one that is told."""
    root = Node(instance.key, instance.graph.root, NONE, instance.key)
    instance.nodes[root.key] = root
    tell(world, "ELEMENT_ACTIVATING", root)
    set_local(world, root, document)
    go_on(world, root, "")


def _activate(world: World, move: Move) -> None:
    scope = cast(Node, world.node(move.key))
    instance = world.instances[scope.instance]
    element = instance.graph.elements[move.name]
    take_joined(scope, element)
    element = element.body or element
    node = Node(world.history.born("PROCESS_INSTANCE", scope.key, element.id), element, scope.key, instance.key)
    instance.nodes[node.key] = node
    instance.visited.add(element.id)
    if scope.successor == element.id:
        scope.successor = ""
    tell(world, "ELEMENT_ACTIVATING", node)
    if move.passes:
        begin_pass(world, node, move.data)
    else:
        go_on(world, node, move.data)


def _resume(world: World, move: Move) -> None:
    go_on(world, cast(Node, world.node(move.key)), move.data)


def go_on(world: World, node: Node, data: str) -> None:
    """Input mappings, then what the element does; what fails raises an incident and is tried again."""
    if node.element.ad_hoc is not None and node.element.job is not None:
        world.skip("ad-hoc sub-processes with a worker", node.instance)
        return
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
    except Halted as halted:
        raise_incident(world, node, halted.error_type, again)
    except EvaluationFailure:
        kind = "CONDITION_ERROR" if node.element.type in DECIDING else "EXTRACT_VALUE_ERROR"
        raise_incident(world, node, kind, again)


# end


def _complete(world: World, move: Move) -> None:
    node = cast(Node, world.node(move.key))
    outside = node.key if node.scope == NONE else node.scope
    node.ending = False
    if node.state != "COMPLETING":
        if not gives(world, node):
            return
        node.state = "COMPLETING"
        tell(world, "ELEMENT_COMPLETING", node)
    if forgets(world, node, move):
        return
    document, target = parse_document(move.data), node.key
    if node.element.outputs:
        set_local(world, node, document)
        try:
            document, target = apply_mappings(world, node, node.element.outputs, outside), outside
        except EvaluationFailure:
            raise_incident(world, node, "IO_MAPPING_ERROR", Move(COMPLETE, node.key))
            return
    merge(world, target, document)
    stop_waiting(world, node)
    if node.scope == NONE and world.instances[node.instance].caller != NONE:
        world.told["RETURN", node.key] += 1  # it completes together with its call activity
        return
    if node.element.multi_instance is not None:
        world.instances[node.instance].moves.append(Move(COLLECT, node.key))
    else:
        _leave(world, move)


def gives(world: World, node: Node) -> bool:
    """Of ad-hoc sub-processes and what is begun in them: what they give. False: there is an incident."""
    if node.element.ad_hoc is not None:
        give_collection(world, node)
    elif node.element.type == bpmn.AD_HOC_SUB_PROCESS_INNER_INSTANCE:
        try:
            collect_inner(world, node)
        except EvaluationFailure:
            raise_incident(world, node, "EXTRACT_VALUE_ERROR", Move(COMPLETE, node.key))
            return False
    return True


def _leave(world: World, move: Move) -> None:
    node = cast(Node, world.node(move.key))
    can_be_undone(world, node)
    end_incidents(world, node)
    tell_result(world, node, "COMPLETED")
    tell(world, "ELEMENT_COMPLETED", node)
    gone(world, node)
    end_handler(world, node)
    if node.counter:
        cast(Loop, cast(Node, world.node(node.scope)).loop).completed += 1
        return
    if node.element.type == bpmn.AD_HOC_SUB_PROCESS_INNER_INSTANCE:
        ask(world, node)
    elif isinstance(node.element.event, bpmn.Terminate):
        end_scope(world, cast(Node, world.node(node.scope)))
    elif isinstance(node.element.event, bpmn.Link) and node.element.event.target:
        world.instances[node.instance].moves.append(Move(ACTIVATE, node.scope, node.element.event.target))
    elif node.scope != NONE and node.element.type != bpmn.END_EVENT:
        take(world, node, node.element.outgoing)


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
    if node.called != NONE:
        world.told["TERMINATE", node.called] += 1  # it ends when what it called has ended
    elif node.element.type not in SCOPES:
        _vanish(world, Move(VANISH, node.key))


def _vanish(world: World, move: Move) -> None:
    node = cast(Node, world.node(move.key))
    if forgets(world, node, move):
        return
    tell_result(world, node, "TERMINATED")
    tell(world, "ELEMENT_TERMINATED", node)
    call = world.call_of(node.instance) if node.scope == NONE else None
    gone(world, node)
    if node.counter:
        cast(Loop, cast(Node, world.node(node.scope)).loop).terminated += 1
    if call is not None and call.state == "TERMINATING":
        tell(world, "ELEMENT_TERMINATED", call)
        gone(world, call)


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
    call = None if follows else catching_call(world, node, bpmn.Error, move.name)
    if call is not None:
        world.told["THROW_ERROR", call[0].key] += 1
    elif not follows:
        by_job = node.work != NONE
        again = None if by_job else move
        raise_incident(world, node, "UNHANDLED_ERROR_EVENT", again, job=node.work if by_job else NONE)


def _interrupt(world: World, move: Move) -> None:
    host = cast(Node, world.node(move.key))
    _terminate(world, Move(TERMINATE, host.key))
    world.instances[host.instance].moves.append(Move(ACTIVATE, host.scope, move.name, move.data))


def _spawn(world: World, move: Move) -> None:
    go_on(world, begin_next(world, cast(Node, world.node(move.key))), "")


def _begin_beside(world: World, move: Move) -> None:
    host = cast(Node, world.node(move.key))
    _activate(world, Move(ACTIVATE, host.scope, move.name, move.data))


def _choose(world: World, move: Move) -> None:
    """The first event that happens decides where an event-based gateway goes on."""
    node = cast(Node, world.node(move.key))
    instance = world.instances[node.instance]
    tell(world, "ELEMENT_COMPLETING", node)
    stop_waiting(world, node)
    tell(world, "ELEMENT_COMPLETED", node)
    gone(world, node)
    flows = instance.graph.flows
    (name,) = (name for name in node.element.outgoing if flows[name].target == move.name)
    told = {"element_id": name, "flow_scope_key": node.scope}
    world.expect("PROCESS_INSTANCE", "SEQUENCE_FLOW_TAKEN", None, instance.key, **told)
    instance.moves.append(Move(ACTIVATE, node.scope, move.name, move.data, passes=True))


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
    BESIDE: _begin_beside,
    CHOOSE: _choose,
    HANDLE: _handle,
    TERMINATE: _terminate,
    VANISH: _vanish,
    SPAWN: _spawn,
    COLLECT: collect,
    DISCARD: discard,
    LEAVE: _leave,
    CHECK: check,
    UNDO: undo,
    UNDONE: undone,
    FORGET: forget,
}
