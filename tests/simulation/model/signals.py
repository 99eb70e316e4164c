"""Signals: whoever waits for one on a partition when it arrives there gets it.

How many get it in one step is the engine's choice: the page that comes next on the log says how far it got.
Source: Camunda 8 "Signals".
"""

from __future__ import annotations

from typing import cast

from engine.bpmn import model as bpmn
from engine.core.faults import INVALID_ARGUMENT
from engine.core.record import NONE, Record, partition_of
from engine.records import Signal

from . import waiting
from .instances import begin_instance, push
from .log import NEVER
from .variables import parse_document
from .waiting import TEXT_SIZE_MAX, broadcast
from .world import Refused, Rule, Signaled, World


def broadcast_signal(world: World, command: Record) -> None:
    wish = cast(Signal, command.value)
    if not wish.signal_name or len(wish.signal_name.encode()) > TEXT_SIZE_MAX:
        raise Refused(INVALID_ARGUMENT)
    parse_document(wish.variables)
    broadcast(world, wish.signal_name, wish.variables)


def trigger(world: World, command: Record) -> None:
    """One page of those who waited when the signal arrived."""
    signal, key = cast(Signal, command.value), command.key
    world.expect("SIGNAL", "TRIGGERED", key, signal_name=signal.signal_name, after=signal.after)
    if signal.after == NONE:
        reached = [number for number, one in world.signaled.items() if one.name == signal.signal_name]
        world.reached[key] = sorted(reached)
    later = [after for position, after in world.history.pages[key] if position > world.step.end]
    until = later[0] if later else NEVER
    for number in [one for one in world.reached[key] if signal.after < one <= until]:
        if number in world.signaled:  # what came before in this page may have ended it
            give(world, key, world.signaled[number], signal.variables)


def give(world: World, signal_key: int, waits: Signaled, variables: str) -> None:
    """A process is started on the partition that the signal came from, and only there."""
    if waits.node == NONE:
        if partition_of(signal_key) == world.partition:
            process_id = world.definitions[waits.definition].graph.id
            begin_instance(world, world.born_here(process_id), waits.definition, waits.element.id, variables)
    elif world.is_blind(waits.instance) or world.instances[waits.instance].suspended:
        return  # nobody looks, or it has missed the signal
    elif (node := world.node(waits.node)) is not None:
        push(world, waiting.happened(world, node, waits.element, variables))


def renew_subscriptions(world: World, definition: int, before: int | None) -> None:
    """What the new version is started by takes the place of what the version before was started by."""
    for key in [k for k, one in world.signaled.items() if one.node == NONE and one.definition == before]:
        waiting.expect_signal(world, "DELETED", key, world.signaled.pop(key))
    graph = world.definitions[definition].graph
    for element in (graph.elements[name] for name in graph.root.event_starts):
        if isinstance(element.event, bpmn.Signal):
            waiting.await_signal(world, Signaled(element.event.name.text, NONE, NONE, definition, element))


RULES: dict[tuple[str, str], Rule] = {
    ("SIGNAL", "BROADCAST"): broadcast_signal,
    ("SIGNAL", "TRIGGER"): trigger,
}
