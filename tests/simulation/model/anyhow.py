"""Ad-hoc sub-processes: elements inside begin when a list or a person says so, each in an instance of its own.

The model looks away from those that have a worker, and where a person has what is active ended first.
Sources: BPMN 2.0.2, 13.3.5; Camunda 8 "Ad-hoc sub-processes".
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from engine.bpmn import model as bpmn
from engine.bpmn.feel import EvaluationFailure

from .happenings import activated, end_scope, raise_incident
from .variables import Scope, encode, evaluate, merge, parse_document, set_local
from .world import ACTIVATE, CHECK, COMPLETE, Move, Node, World

DESCRIPTION = "adHocSubProcessElements"
INSTRUCTION = "AD_HOC_SUB_PROCESS_INSTRUCTION"
#: What a completion condition gave when it was asked for.
OVER, NOT_OVER, FAILED = "over", "not over", "failed"


def ad_hoc_of(node: Node) -> bpmn.AdHoc:
    assert node.element.ad_hoc is not None
    return node.element.ad_hoc


def begin_ad_hoc(world: World, node: Node, _data: str) -> None:
    """Raises EvaluationFailure."""
    ad_hoc = ad_hoc_of(node)
    collection = {ad_hoc.output_collection: "[]"} if ad_hoc.output_collection else {}
    set_local(world, node, {DESCRIPTION: ad_hoc.description, **collection})
    names = evaluate(world, node, ad_hoc.active_elements) if ad_hoc.active_elements is not None else []
    if not isinstance(names, list) or not ad_hoc.activatable.issuperset(map(str, names)):
        raise EvaluationFailure("no list of elements inside")
    node.begins_inside = bool(names)
    activated(world, node, *[begins(node, name) for name in names])


def begins(node: Node, name: str, variables: str = "{}", *, late: bool = False) -> Move:
    """An element inside that is to begin, with variables that it gets."""
    data = msgspec.json.encode({name: msgspec.Raw(variables.encode())}).decode()
    return Move(ACTIVATE, node.key, f"{node.element.id}#innerInstance", data, late=late)


def begin_inner(world: World, node: Node, data: str) -> None:
    """It has variables of its own for what its output is made of, so that activations do not mix them up."""
    ((name, variables),) = parse_document(data).items()
    set_local(world, node, parse_document(variables))
    output = ad_hoc_of(cast(Node, world.node(node.scope))).output_element
    if output is not None:
        declared = {name for scope in world.scopes(node.key) for name in scope.variables}
        own = {*(output.names - declared), *({output.variable} - node.variables.keys() if output.variable else ())}
        set_local(world, node, dict.fromkeys(sorted(own), "null"))
    activated(world, node, Move(ACTIVATE, node.key, name))


def collect_inner(world: World, node: Node) -> None:
    """Nothing is left in it: what it gives becomes one item more. Raises EvaluationFailure."""
    outer = cast(Node, world.node(node.scope))
    ad_hoc = ad_hoc_of(outer)
    if ad_hoc.output_element is None:
        return
    output = encode(evaluate(world, node, ad_hoc.output_element))
    collected = outer.variables.get(ad_hoc.output_collection, "[]")
    if not collected.startswith("["):
        raise EvaluationFailure("no list")
    items = [item for item in (collected[1:-1], output) if item]
    merge(world, outer.key, {ad_hoc.output_collection: f"[{','.join(items)}]"})


def give_collection(world: World, node: Node) -> None:
    """What was collected becomes a variable around the sub-process."""
    name = ad_hoc_of(node).output_collection
    if name in node.variables:
        merge(world, node.scope, {name: node.variables[name]})


# when it is over


def completes(world: World, node: Node) -> bool:
    """Whether a scope is done as soon as it is empty. One that has a condition asks that."""
    if node.element.type == bpmn.AD_HOC_SUB_PROCESS_INNER_INSTANCE:  # an incident about its output stops it
        return all(trouble.node != node.key for trouble in world.incidents.values())
    ad_hoc = node.element.ad_hoc
    return ad_hoc is None or node.interrupted or (node.begins_inside and ad_hoc.completion_condition is None)


def ask(world: World, inner: Node) -> None:
    """An activation has ended: the completion condition is asked, before anything else happens inside."""
    outer = cast(Node, world.node(inner.scope))
    if ad_hoc_of(outer).completion_condition is None:
        return
    instance, before = world.instances[outer.instance], Move(CHECK, outer.key, NOT_OVER)
    instance.moves = [move for move in instance.moves if move != before]
    instance.moves.append(Move(CHECK, outer.key, answer(world, outer)))


def answer(world: World, node: Node) -> str:
    condition = ad_hoc_of(node).completion_condition
    assert condition is not None
    try:
        over: Any = condition.evaluate(Scope(world, node.key))
    except EvaluationFailure:
        return FAILED
    return FAILED if not isinstance(over, bool) else OVER if over else NOT_OVER


def checked_at(world: World, key: int) -> int:
    """Where the log says that the condition of a sub-process was true, or failed."""
    moments = [world.history.moment(intent, key) for intent in ("COMPLETED", "ELEMENT_COMPLETING")]
    return min([*moments, world.history.next_birth("INCIDENT", key)])


def check(world: World, move: Move) -> None:
    """If the condition is true whatever is left inside ends. It may have been asked before something changed."""
    node = cast(Node, world.node(move.key))
    instance = world.instances[node.instance]
    inside = instance.beginning(node.key) or any(child.scope == node.key for child in instance.nodes.values())
    now, happens = answer(world, node), checked_at(world, node.key) <= world.step.end
    if now == NOT_OVER or (move.name == NOT_OVER and not happens):
        return
    if now == FAILED:
        raise_incident(world, node, "EXTRACT_VALUE_ERROR", Move(CHECK, node.key))
    elif not inside:
        instance.moves.append(Move(COMPLETE, node.key))
    elif now == OVER and ad_hoc_of(node).cancels_remaining:
        told = {"element_id": node.element.id, "cancel_remaining_instances": True}
        world.expect(INSTRUCTION, "COMPLETED", node.key, node.instance, **told)
        end_scope(world, node)
