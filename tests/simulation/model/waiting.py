"""What element instances wait for: timers. Source: BPMN 2.0, 13.5; Camunda 8 "Timer events"."""

from __future__ import annotations

from typing import cast

from msgspec import structs

from engine.bpmn import model as bpmn
from engine.bpmn.feel import EvaluationFailure, Variables
from engine.bpmn.model import Element
from engine.bpmn.schedules import FOREVER, Schedule, next_due, read_schedule
from engine.core.faults import INVALID_ARGUMENT
from engine.core.record import NONE

from .variables import Scope
from .world import ACTIVATE, COMPLETE, HANDLE, INTERRUPT, Move, Node, Refused, Timer, World


class Time:
    """What the start event of a process sees: no variables."""

    def __init__(self, now: int) -> None:
        self.now = now

    def get(self, _name: str, /) -> None:
        return None


def begin_waiting(world: World, node: Node) -> None:
    """Raises EvaluationFailure, and then nothing is waited for. Once begun, another attempt does not begin again."""
    graph = world.instances[node.instance].graph
    catching = [graph.elements[name] for name in node.element.waits]
    if node.waits or not catching:
        return
    if not all(isinstance(element.event, bpmn.Timer) for element in catching):
        world.skip("waiting for something other than a timer", node.instance)
        return
    schedules = [evaluate(element, Scope(world, node.key), world.now) for element in catching]
    node.waits = True
    for element, schedule in zip(catching, schedules, strict=True):
        set_timer(world, Timer(node.key, node.instance, world.instances[node.instance].definition, element, schedule))


def stop_waiting(world: World, node: Node, only: tuple[str, ...] | None = None) -> None:
    """For nothing any longer, or only not for what these elements catch."""
    cancel_timers(world, [k for k, t in world.timers.items() if t.node == node.key], only)


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


def follow(node: Node, catching: Element) -> Move:
    """What the event that `catching` catches for the element instance makes happen next."""
    if catching.type == bpmn.BOUNDARY_EVENT:
        if catching.interrupting:
            return Move(INTERRUPT, node.key, catching.id)
        return Move(ACTIVATE, node.scope, catching.id)
    if catching.type == bpmn.START_EVENT:
        return Move(HANDLE if catching.interrupting else ACTIVATE, node.key, catching.scope)
    return Move(COMPLETE, node.key)


def renew_starts(world: World, process_id: str) -> None:
    """The timers of the newest version that start instances take the place of those of the version before."""
    *_, newest = versions = world.versions[process_id]
    cancel_timers(world, [k for k, t in world.timers.items() if t.node == NONE and t.definition in versions])
    for element in starts(world.definitions[newest][0]):
        schedule = evaluate(element, Time(world.now), world.now)
        set_timer(world, Timer(NONE, NONE, newest, element, schedule))


def check_starts(world: World, graphs: list[bpmn.Process]) -> None:
    """Raises Refused if a timer at a start event cannot be evaluated."""
    try:
        for element in [element for graph in graphs for element in starts(graph)]:
            evaluate(element, Time(world.now), world.now)
    except EvaluationFailure:
        raise Refused(INVALID_ARGUMENT) from None


def starts(graph: bpmn.Process) -> list[Element]:
    found = [graph.elements[name] for name in graph.root.event_starts]
    return [element for element in found if isinstance(element.event, bpmn.Timer)]
