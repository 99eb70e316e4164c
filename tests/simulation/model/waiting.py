"""What element instances wait for: timers, messages, signals. Source: BPMN 2.0, 13.5; Camunda 8 "Timer events" ff."""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.bpmn import model as bpmn
from engine.bpmn.feel import EvaluationFailure, Variables
from engine.bpmn.model import Element
from engine.bpmn.schedules import FOREVER, Schedule, next_due, read_schedule
from engine.core.faults import INVALID_ARGUMENT
from engine.core.record import NONE, partition_of_name

from .log import sorted_document
from .variables import Document, Scope, text_of
from .variables import evaluate as evaluate_in
from .world import (
    ACTIVATE,
    BESIDE,
    CHOOSE,
    COMPLETE,
    HANDLE,
    INTERRUPT,
    Awaited,
    Move,
    Node,
    Refused,
    Signaled,
    Timer,
    World,
)

#: Bytes of names of messages and signals, and of correlation keys.
TEXT_SIZE_MAX = 4_096


def begin_waiting(world: World, node: Node) -> None:
    """Raises EvaluationFailure, and then nothing is waited for. Once begun, another attempt does not begin again."""
    graph = world.instances[node.instance].graph
    catching = [graph.elements[name] for name in node.element.waits]
    if node.waits or not catching:
        return
    begun = [begin(world, node, element) for element in catching]
    node.waits = True
    for wait in begun:
        if isinstance(wait, Timer):
            set_timer(world, wait)
        elif isinstance(wait, Signaled):
            await_signal(world, wait)
        else:
            await_message(world, wait)


def begin(world: World, node: Node, element: Element) -> Timer | Awaited | Signaled:
    """What is waited for, as it is told now. Raises EvaluationFailure."""
    definition = world.instances[node.instance].definition
    if isinstance(element.event, bpmn.Timer):
        schedule = evaluate(element, Scope(world, node.key), world.now)
        return Timer(node.key, node.instance, definition, element, schedule)
    event = cast(bpmn.Message | bpmn.Signal, element.event)
    name = short(text_of(world, node, event.name))
    if isinstance(event, bpmn.Signal):
        return Signaled(name, node.key, node.instance, definition, element)
    outside = world.node(node.scope) if element.type == bpmn.BOUNDARY_EVENT else node
    found = evaluate_in(world, cast(Node, outside), event.correlation_key)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise EvaluationFailure("no correlation key")
    return Awaited(node.key, node.instance, element, name, short(found if isinstance(found, str) else str(int(found))))


def short(text: str) -> str:
    """Raises EvaluationFailure."""
    if len(text.encode()) > TEXT_SIZE_MAX:
        raise EvaluationFailure("too long")
    return text


def stop_waiting(world: World, node: Node, only: tuple[str, ...] | None = None) -> None:
    """For nothing any longer, or only not for what these elements catch."""
    cancel_timers(world, [k for k, t in world.timers.items() if t.node == node.key], only)
    for key, signaled in list(world.signaled.items()):
        if signaled.node == node.key and (only is None or signaled.element.id in only):
            expect_signal(world, "DELETED", key, world.signaled.pop(key))
    for key, awaited in list(world.awaited.items()):
        if awaited.node == node.key and (only is None or awaited.element.id in only):
            expect_message(world, "DELETED", "DELETE", key, world.awaited.pop(key))


# signals


def await_signal(world: World, signaled: Signaled) -> None:
    key = world.history.born("SIGNAL_SUBSCRIPTION", signaled.node, signaled.definition, signaled.element.id)
    world.signaled[key] = signaled
    expect_signal(world, "CREATED", key, signaled)


def expect_signal(world: World, intent: str, key: int, signaled: Signaled) -> None:
    told = {
        "signal_name": signaled.name,
        "element_instance_key": signaled.node,
        "process_definition_key": signaled.definition,
        "element_id": signaled.element.id,
    }
    world.expect("SIGNAL_SUBSCRIPTION", intent, key, signaled.instance, **told)


def broadcast(world: World, name: str, variables: str) -> None:
    """A signal sets out to every partition."""
    key = world.history.born("SIGNAL", name, since=world.step.first.position)
    world.expect("SIGNAL", "BROADCASTED", key, signal_name=name, variables=sorted_document(variables))
    for partition in world.others:
        world.expect_sent(partition, "SIGNAL", "TRIGGER", key)


# messages


def await_message(world: World, awaited: Awaited) -> None:
    key = world.history.born("PROCESS_MESSAGE_SUBSCRIPTION", awaited.node, awaited.element.id)
    world.awaited[key] = awaited
    expect_message(world, "CREATED", "CREATE", key, awaited)


def expect_message(world: World, intent: str, sent: str, key: int, awaited: Awaited) -> None:
    """The event here, and what the partition of the correlation key is told."""
    told = {
        "element_instance_key": awaited.node,
        "element_id": awaited.element.id,
        "message_name": awaited.name,
        "correlation_key": awaited.correlation_key,
    }
    world.expect("PROCESS_MESSAGE_SUBSCRIPTION", intent, key, awaited.instance, **told)
    home = partition_of_name(awaited.correlation_key, len(world.partitions))
    world.expect_sent(home, "MESSAGE_SUBSCRIPTION", sent, key)


# timers


def cancel_timers(world: World, keys: list[int], only: tuple[str, ...] | None = None) -> None:
    for key in keys:
        if only is None or world.timers[key].element.id in only:
            expect_timer(world, "CANCELED", key, world.timers.pop(key))


def evaluate(element: Element, variables: Variables, now: int) -> Schedule:
    definition = cast(bpmn.Timer, element.event)
    value = definition.expression.evaluate(variables)
    if not isinstance(value, str):
        raise EvaluationFailure("no timer")
    return read_schedule(definition.kind, value, now)


def set_timer(world: World, timer: Timer) -> None:
    key = world.history.born("TIMER", timer.node, timer.definition, timer.element.id)
    world.timers[key] = timer
    expect_timer(world, "CREATED", key, timer)


def expect_timer(world: World, intent: str, key: int, timer: Timer) -> None:
    told = {
        "element_instance_key": timer.node,
        "target_element_id": timer.element.id,
        "due_date": timer.schedule.due,
        "repetitions": timer.schedule.repetitions,
    }
    world.expect("TIMER", intent, key, timer.instance, **told)


def fire(world: World, key: int, instance: int) -> Timer:
    """A timer is due, for this process instance; it is set again if it is a cycle."""
    timer = world.timers.pop(key)
    expect_timer(world, "TRIGGERED", key, timer._replace(instance=instance))
    schedule = timer.schedule
    if schedule.repetitions != 1:
        due = next_due(schedule.interval, schedule.due, world.now)
        left = FOREVER if schedule.repetitions == FOREVER else schedule.repetitions - 1
        if due is not None:
            set_timer(world, timer._replace(schedule=structs.replace(schedule, due=due, repetitions=left)))
    return timer


def happened(world: World, node: Node, catching: Element, data: str = "") -> Move:
    """What happens next, because of the event that `catching` catches for the element instance."""
    return follow(node, catching)._replace(data=data, late=world.instances[node.instance].pause != NONE)


def follow(node: Node, catching: Element) -> Move:
    """What the event that `catching` catches for the element instance makes happen next."""
    if catching.type == bpmn.BOUNDARY_EVENT:
        return Move(INTERRUPT if catching.interrupting else BESIDE, node.key, catching.id)
    if node.element.type == bpmn.EVENT_BASED_GATEWAY:
        return Move(CHOOSE, node.key, catching.id)
    if catching.type == bpmn.START_EVENT:
        return Move(HANDLE if catching.interrupting else ACTIVATE, node.key, catching.scope)
    return Move(COMPLETE, node.key)


def renew_timers(world: World, definition: int, before: int | None) -> None:
    """The timers of the newest version that start instances take the place of those of the version before."""
    cancel_timers(world, [k for k, t in world.timers.items() if t.node == NONE and t.definition == before])
    for element in starts(world.definitions[definition].graph):
        schedule = evaluate(element, Document(world, {}), world.now)
        set_timer(world, Timer(NONE, NONE, definition, element, schedule))


def check_starts(world: World, graphs: list[bpmn.Process]) -> None:
    """Raises Refused if a timer at a start event cannot be evaluated."""
    try:
        for element in [element for graph in graphs for element in starts(graph)]:
            evaluate(element, Document(world, {}), world.now)
    except EvaluationFailure:
        raise Refused(INVALID_ARGUMENT) from None


def starts(graph: bpmn.Process) -> list[Element]:
    found = [graph.elements[name] for name in graph.root.event_starts]
    return [element for element in found if isinstance(element.event, bpmn.Timer)]
