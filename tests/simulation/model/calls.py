"""Calls: the instance that a call activity started, its end, and what it throws (BPMN 2.0, 13.3.4).

A call activity and what it called are on one partition, and tell each other by commands of that partition to itself.
Source: Camunda 8 "Call activities".
"""

from __future__ import annotations

from typing import cast

from engine.bpmn import model as bpmn
from engine.bpmn.feel import EvaluationFailure
from engine.core.faults import INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record
from engine.records import ProcessInstanceCall

from .catching import caught
from .happenings import end_incidents, gone, raise_incident, tell
from .instances import begin_instance, push
from .instances import terminate as end_instance
from .tokens import settle
from .variables import evaluate, merge, set_local, text_of
from .world import COMPLETE, RESUME, THROW, Instance, Move, Node, Refused, Rule, World

BUSINESS_ID_LENGTH_MAX = 256


class NotCalled(Exception):
    """There is no process that can be called."""


def begin(world: World, command: Record) -> None:
    """The process is found, and an instance of it started with the variables that it gets."""
    call = world.node(command.key)
    if call is None or call.state != "ACTIVATING":
        raise Refused(NOT_FOUND)
    caller = world.instances[call.instance]
    caller.moves = [move for move in caller.moves if (move.kind, move.key) != (RESUME, call.key)]
    root = world.instances[caller.root].nodes.get(caller.root)
    if root is None or root.state == "TERMINATING":
        raise Refused(INVALID_STATE)
    called = call.element.called
    assert called is not None
    try:
        business_id = caller.business_id
        if called.business_id is not None:
            business_id = evaluate(world, call, called.business_id)
            if not isinstance(business_id, str) or len(business_id) > BUSINESS_ID_LENGTH_MAX:
                raise EvaluationFailure("no business id")
        definition = find_called(world, call, caller, called)
    except EvaluationFailure:
        raise_incident(world, call, "EXTRACT_VALUE_ERROR", Move(RESUME, call.key))
    except NotCalled:
        raise_incident(world, call, "CALLED_ELEMENT_ERROR", Move(RESUME, call.key))
    else:
        document: dict[str, str] = {}
        for scope in reversed(world.scopes(call.key)):
            document |= scope.variables if called.gets_all_variables or scope is call else {}
        call.state, call.called = "ACTIVATED", world.born_here(world.definitions[definition].graph.id, call.key)
        tell(world, "ELEMENT_ACTIVATED", call)
        begin_instance(world, call.called, definition, document=document, call=call, business_id=business_id)


def find_called(world: World, call: Node, caller: Instance, called: bpmn.CalledProcess) -> int:
    """Raises EvaluationFailure and NotCalled."""
    process_id, binding = text_of(world, call, called.process_id), called.binding
    versions = world.versions.get(process_id, {})
    keys = [versions[version] for version in sorted(versions)]
    if binding.type == "deployment":
        deployment = world.definitions[caller.definition].deployment
        keys = [key for key in keys if world.definitions[key].deployment == deployment]
    elif binding.version_tag is not None:
        tag = evaluate(world, call, binding.version_tag)
        if not isinstance(tag, str):
            raise EvaluationFailure("no version tag")
        keys = [key for key in keys if world.definitions[key].graph.version_tag == tag]
    if not keys or not world.definitions[keys[-1]].graph.root.start or caller.depth >= world.settings.call_depth_max:
        raise NotCalled
    return keys[-1]


def give_back(world: World, command: Record) -> None:
    """Nothing is left in the called instance: it completes, and the call activity with it."""
    world.hear("RETURN", command.key)
    root = world.node(command.key)
    call = world.node(world.instances[command.key].caller) if root is not None else None
    if root is None or call is None or root.state != "COMPLETING" or call.state == "TERMINATING":
        raise Refused(INVALID_STATE)
    called = call.element.called
    assert called is not None
    if call.element.outputs:
        set_local(world, call, dict(root.variables))
    elif called.gives_all_variables:
        merge(world, call.key, dict(root.variables))
    end_incidents(world, root)
    tell(world, "ELEMENT_COMPLETED", root)
    gone(world, root)
    call.called = NONE
    push(world, Move(COMPLETE, call.key))


def terminate(world: World, command: Record) -> None:
    """The call activity is ending."""
    world.hear("TERMINATE", command.key)
    root = world.node(command.key)
    if root is None:
        raise Refused(NOT_FOUND)
    end_instance(world, world.instances[root.instance])


def throw_error(world: World, command: Record) -> None:
    """What nobody in the called instance catches is thrown at the call activity."""
    world.hear("THROW_ERROR", command.key)
    thrown, call = cast(ProcessInstanceCall, command.value), world.node(command.key)
    if call is None or call.state == "TERMINATING":
        raise Refused(NOT_FOUND)
    push(world, Move(THROW, call.key, thrown.error_code, thrown.variables))


def escalate(world: World, command: Record) -> None:
    world.hear("ESCALATE", command.key)
    call = world.node(command.key)
    if call is None or call.state == "TERMINATING":
        raise Refused(NOT_FOUND)
    caller = world.instances[call.instance]
    code = cast(ProcessInstanceCall, command.value).escalation_code
    caller.moves += caught(world, call, bpmn.Escalation, code, "")
    settle(world, caller)


FAMILY = "PROCESS_INSTANCE_CALL"

RULES: dict[tuple[str, str], Rule] = {
    (FAMILY, "BEGIN"): begin,
    (FAMILY, "RETURN"): give_back,
    (FAMILY, "TERMINATE"): terminate,
    (FAMILY, "THROW_ERROR"): throw_error,
    (FAMILY, "ESCALATE"): escalate,
}
