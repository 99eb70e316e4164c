"""Process instances that stand still, and what is held meanwhile. Source: Camunda 8.10 "Process instance suspension".

When what was held is released is the engine's choice: the log says it. That all of it is, is looked at in the end.
"""

from __future__ import annotations

from engine.core.faults import INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record

from .happenings import tell
from .tokens import settle
from .waiting import await_message, expect_message, expect_timer
from .world import Instance, Node, Refused, Rule, World

HERE = "PROCESS_MESSAGE_SUBSCRIPTION"


def suspend_instance(world: World, command: Record) -> None:
    instance = world.instances.get(command.key)
    if instance is not None and instance.suspended:
        raise Refused(INVALID_STATE)
    suspend(world, command.key)


def suspend(world: World, key: int) -> None:
    """Nothing happens to one that stands still. Raises Refused."""
    instance, root = _find(world, key)
    if root.state == "TERMINATING":
        raise Refused(INVALID_STATE)
    if not instance.suspended:
        instance.suspended = True
        tell(world, "SUSPENDED", root)


def resume_instance(world: World, command: Record) -> None:
    instance, _ = _find(world, command.key)
    if not instance.suspended:
        raise Refused(INVALID_STATE)
    resume(world, command.key)


def resume(world: World, key: int) -> None:
    """Nothing happens to one that goes on. Raises Refused."""
    instance, root = _find(world, key)
    if instance.suspended:
        instance.suspended = False
        tell(world, "RESUMED", root)
        release(world, instance)
        settle(world, instance)


def _find(world: World, key: int) -> tuple[Instance, Node]:
    instance = world.instances.get(key)
    root = instance.nodes.get(key) if instance else None
    if instance is None or root is None:
        raise Refused(NOT_FOUND)
    return instance, root


def release(world: World, instance: Instance) -> None:
    """What the log says is released in this step."""
    mine = {key for key in world.held if world.history.owner.get(key) == instance.key}
    for record in world.step.events:
        if record.key not in mine:
            continue
        if (record.value_type, record.intent) == ("JOB", "RESUMED") and record.key in world.jobs:
            world.held.discard(record.key)
            world.jobs[record.key].state = "ACTIVATABLE"
            world.expect("JOB", "RESUMED", record.key, instance.key)
        elif (record.value_type, record.intent) == ("TIMER", "RESUMED") and record.key in world.timers:
            world.held.discard(record.key)
            expect_timer(world, "RESUMED", record.key, world.timers[record.key])
        elif (record.value_type, record.intent) == (HERE, "DELETED") and record.key in world.awaited:
            _reopen(world, record.key)


def _reopen(world: World, key: int) -> None:
    """Closed and opened at once, if so."""
    awaited = world.awaited[key]
    told = [r.value for r in world.step.events if (r.value_type, r.intent) == (HERE, "CREATED")]
    places = [(getattr(value, "element_instance_key", NONE), getattr(value, "element_id", "")) for value in told]
    if (awaited.node, awaited.element.id) in places:
        world.held.discard(key)
        expect_message(world, "DELETED", "DELETE", key, world.awaited.pop(key))
        await_message(world, awaited)


RULES: dict[tuple[str, str], Rule] = {
    ("PROCESS_INSTANCE", "SUSPEND"): suspend_instance,
    ("PROCESS_INSTANCE", "RESUME"): resume_instance,
}
