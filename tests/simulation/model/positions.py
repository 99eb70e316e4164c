"""Where the log says that a move was made: the first of the events that it leaves."""

from __future__ import annotations

from typing import cast

from engine.bpmn import model as bpmn
from engine.core.record import NONE

from .anyhow import checked_at
from .catching import catching_call, caught
from .log import NEVER
from .repeating import collected_at, discarded_at
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
    LEAVE,
    RESUME,
    SPAWN,
    THROW,
    UNDO,
    UNDONE,
    VANISH,
    Instance,
    Move,
    Node,
    World,
)

#: The position of a move that leaves no event of its own.
AT_ONCE = 0


def pauses(world: World, instance: Instance) -> bool:
    """Whether the rest of the instance's moves come in a later step."""
    told = [r for r in world.step.events if r.value_type == "PROCESS_INSTANCE_CONTINUATION"]
    mine = [r.intent for r in told if getattr(r.value, "process_instance_key", NONE) == instance.key]
    return mine[-1] == "PAUSED" if mine else instance.pause != NONE


def position_of(world: World, move: Move) -> int:
    """Where the log says that the move was made."""
    history, key = world.history, move.key
    incident = history.next_birth("INCIDENT", key)
    if move.kind == ACTIVATE:
        return history.next_birth("PROCESS_INSTANCE", key, move.name)
    if move.kind == BESIDE:
        return history.next_birth("PROCESS_INSTANCE", cast(Node, world.node(key)).scope, move.name)
    if move.kind == CHOOSE:
        return history.moment("ELEMENT_COMPLETING", key)
    if move.kind == RESUME:
        tries_call = cast(Node, world.node(key)).element.type == bpmn.CALL_ACTIVITY
        if tries_call and not pauses(world, world.instances[cast(Node, world.node(key)).instance]):
            return AT_ONCE
        return min(incident, history.moment("ELEMENT_ACTIVATED", key))
    if move.kind == SPAWN:
        return history.next_birth("PROCESS_INSTANCE", key, cast(Node, world.node(key)).element.id)
    if move.kind == CHECK:  # it leaves no event where not enough was done
        at = checked_at(world, key)
        is_told = at <= world.step.end or pauses(world, world.instances[cast(Node, world.node(key)).instance])
        return at if is_told else AT_ONCE
    if move.kind in (UNDO, UNDONE, FORGET):
        told = {UNDO: f"TRIGGERED {key}", UNDONE: "COMPLETED", FORGET: "DELETED"}
        return history.moment(told[move.kind], int(move.name))
    if move.kind == COLLECT:
        return collected_at(world, cast(Node, world.node(key)))
    if move.kind == DISCARD:
        return discarded_at(world, cast(Node, world.node(key)))
    if move.kind == LEAVE:
        return history.moment("ELEMENT_COMPLETED", key)
    if move.kind == COMPLETE:
        node = cast(Node, world.node(key))
        begun = node.state == "COMPLETING"
        if begun and node.scope == NONE and world.instances[node.instance].caller != NONE:
            return AT_ONCE  # what called it is told
        if begun and node.element.multi_instance is not None:
            return min([incident, collected_at(world, node), *ends_of_waits(world, key)])
        return min(incident, history.moment("ELEMENT_COMPLETED" if begun else "ELEMENT_COMPLETING", key))
    if move.kind == THROW:
        node = cast(Node, world.node(key))
        follows = caught(world, node, bpmn.Error, move.name, "")
        moment = min([incident, *(position_of(world, after) for after in follows)])
        told = moment == NEVER and catching_call(world, node, bpmn.Error, move.name) is not None
        return AT_ONCE if told else moment
    if move.kind == HANDLE:
        living = world.living(cast(Node, world.node(key)))
        inside = [child.key for child in living if child.scope == key and child.state != "TERMINATING"]
        moments = [history.next_birth("PROCESS_INSTANCE", key, move.name)]
        moments += [history.moment("ELEMENT_TERMINATING", child) for child in inside]
        return min([*moments, *ends_of_waits(world, key)])
    return history.moment("ELEMENT_TERMINATED" if move.kind == VANISH else "ELEMENT_TERMINATING", key)


def ends_of_waits(world: World, key: int) -> list[int]:
    """When the element instance no longer waits for each of the things that it waits for."""
    moments = [world.history.moment("CANCELED", k) for k, timer in world.timers.items() if timer.node == key]
    moments += [world.history.moment("DELETED", k) for k, signaled in world.signaled.items() if signaled.node == key]
    return moments + [world.history.moment("DELETED", k) for k, one in world.awaited.items() if one.node == key]
