"""Multi-instance activities: a body, and in it one instance of the activity for each item of a list.

Sources: BPMN 2.0.2, 13.3.7; Camunda 8 "Multi-instance".
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from engine.bpmn.feel import EvaluationFailure
from engine.core.record import NONE

from .happenings import activated, raise_incident, tell
from .log import NEVER
from .variables import Scope, encode, evaluate, merge, set_local
from .world import COLLECT, DISCARD, LEAVE, Loop, Move, Node, World

FAMILY = "MULTI_INSTANCE"


def begin_body(world: World, node: Node, _data: str) -> None:
    """The items are taken once. Raises EvaluationFailure."""
    loop = node.element.multi_instance
    assert loop is not None
    value = evaluate(world, node, loop.input_collection)
    if not isinstance(value, list):
        raise EvaluationFailure("no list")
    node.loop = Loop([bytes(raw).decode() for raw in msgspec.json.decode(encode(value), type=list[msgspec.Raw])])
    expect(world, "CREATED", node, total=len(node.loop.items))
    if node.loop.items:  # they are few here, so one record holds them
        expect(world, "ITEMS_ADDED", node, number=0, items=tuple(node.loop.items))
    activated(world, node)


def expect(world: World, intent: str, body: Node, **told: Any) -> None:
    world.expect(FAMILY, intent, body.key, body.instance, **told)


def begins_next(body: Node) -> bool:
    """All at once, or one after the other."""
    loop, definition = body.loop, body.element.multi_instance
    if loop is None or definition is None or loop.begun == len(loop.items):
        return False
    return not definition.is_sequential or loop.begun == loop.ended


def begin_next(world: World, body: Node) -> Node:
    """The next instance, with variables of its own."""
    loop, graph = cast(Loop, body.loop), world.instances[body.instance].graph
    element = graph.elements[body.element.id].inner
    assert element is not None
    assert element.multi_instance is not None
    key = world.history.born("PROCESS_INSTANCE", body.key, element.id)
    loop.begun += 1
    node = Node(key, element, body.key, body.instance, counter=loop.begun)
    world.instances[body.instance].nodes[key] = node
    tell(world, "ELEMENT_ACTIVATING", node)
    own = {"loopCounter": str(loop.begun)}
    output = element.multi_instance.output_element
    if output is not None and output.variable:
        own[output.variable] = "null"
    if element.multi_instance.input_element:
        own[element.multi_instance.input_element] = loop.items[loop.begun - 1]
    set_local(world, node, own)
    return node


def collect(world: World, move: Move) -> None:
    """What an instance gives is kept; what a body kept becomes a variable."""
    node = cast(Node, world.node(move.key))
    moves = world.instances[node.instance].moves
    if node.loop is not None:
        collection = cast(Any, node.element.multi_instance).output_collection
        if collection:
            merge(world, node.scope, {collection: outputs_of(node.loop)})
        moves.append(Move(DISCARD if node.loop.outputs else LEAVE, node.key))
        return
    try:
        is_over = collect_one(world, node)
    except EvaluationFailure:
        raise_incident(world, node, "EXTRACT_VALUE_ERROR", Move(COLLECT, node.key))
        return
    body = cast(Node, world.node(node.scope))
    if is_over:
        body.state, body.ending = "COMPLETING", True
        tell(world, "ELEMENT_COMPLETING", body)
    moves.append(Move(LEAVE, node.key))


def collect_one(world: World, node: Node) -> bool:
    """Whether the body is over with it. Raises EvaluationFailure, and then nothing is kept."""
    body, definition = cast(Node, world.node(node.scope)), node.element.multi_instance
    loop = body.loop
    assert loop is not None
    assert definition is not None
    output = encode(evaluate(world, node, definition.output_element)) if definition.output_element is not None else ""
    over: Any = False
    if definition.completion_condition is not None and body.state == "ACTIVATED":
        scope = Scope(world, node.key)
        scope.made = {
            "numberOfInstances": loop.begun,
            "numberOfActiveInstances": loop.begun - loop.ended - 1,
            "numberOfCompletedInstances": loop.completed + 1,
            "numberOfTerminatedInstances": loop.terminated,
        }
        over = definition.completion_condition.evaluate(scope)
        if not isinstance(over, bool):
            raise EvaluationFailure("neither true nor false")
    if output:
        loop.outputs[node.counter] = output
        expect(world, "OUTPUT_COLLECTED", body, number=node.counter, output=output)
    return bool(over)


def outputs_of(loop: Loop) -> str:
    """In the order of the items, null where there is none."""
    return f"[{','.join(loop.outputs.get(number, 'null') for number in range(1, len(loop.items) + 1))}]"


def discard(world: World, move: Move) -> None:
    """The outputs are needed no longer."""
    body = cast(Node, world.node(move.key))
    loop = cast(Loop, body.loop)
    expect(world, "OUTPUTS_DISCARDED", body, number=min(loop.outputs))  # they are few here, so one record does
    loop.outputs.clear()
    if body.state == "COMPLETING":
        world.instances[body.instance].moves.append(Move(LEAVE, body.key))


def collected_at(world: World, node: Node) -> int:
    """Where the log says that the output of an instance, or of a body, was collected."""
    history, completed = world.history, world.history.moment("ELEMENT_COMPLETED", node.key)
    if node.loop is not None:
        collection = cast(Any, node.element.multi_instance).output_collection
        since, text = world.step.first.position, outputs_of(node.loop)
        as_variable = history.variable_set(node.instance, collection, text, since) if collection else NEVER
        return min(as_variable, discarded_at(world, node), completed)
    body = world.node(node.scope)
    kept = history.moment(f"OUTPUT_COLLECTED {node.counter}", node.scope)
    is_open = body is not None and body.state == "ACTIVATED" and body.key != NONE
    over = history.moment("ELEMENT_COMPLETING", node.scope) if is_open and kept == NEVER and ends_early(node) else NEVER
    return min(kept, over, completed, history.next_birth("INCIDENT", node.key))


def discarded_at(world: World, body: Node) -> int:
    """Where the log says that the outputs of a body are needed no longer."""
    loop = cast(Loop, body.loop)
    return world.history.moment(f"OUTPUTS_DISCARDED {min(loop.outputs)}", body.key) if loop.outputs else NEVER


def ends_early(node: Node) -> bool:
    return node.element.multi_instance is not None and node.element.multi_instance.completion_condition is not None
