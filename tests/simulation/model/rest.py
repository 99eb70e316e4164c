"""What must be so when nothing is left to be done: nobody waits in vain, and both ends of what lies apart agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.bpmn import model as bpmn
from engine.core.record import EVENT, NONE, REJECTION, Record, partition_of_name
from engine.records import Signal

from .clock import timers
from .compensation import held
from .log import PartitionLog
from .tokens import SCOPES
from .world import Instance, Node, World


def unfinished(world: World, now: int) -> Iterator[str]:
    """What of a partition still had to happen. `now`: ms since 1970; what was due by then has happened."""
    for instance in world.instances.values():
        if world.is_blind(instance.key) or instance.suspended:
            continue
        if instance.pause != NONE and instance.key not in {one.node for one in world.incidents.values()}:
            yield f"instance {instance.key} pauses for ever"
        for node in instance.nodes.values():
            if not is_waiting(world, node) and not is_halted(world, instance):
                yield f"{node.element.type} {node.element.id} ({node.key}) waits for nothing: {node.state}"
    for due, name, key in timers(world, now):
        yield f"{name} of {key} is due since {now - due} ms"
    for key in world.held & (world.jobs.keys() | world.timers.keys() | world.awaited.keys()):
        owner = world.instances.get(world.history.owner.get(key, NONE))
        if owner is not None and not owner.suspended and not world.is_blind(owner.key):
            yield f"{key} was held while instance {owner.key} was suspended, and is not released"
    for key, missing in world.deployments.items():
        if missing:
            yield f"deployment {key} is not on partitions {missing}"
    for (intent, key), count in world.told.items():
        if count > 0 and intent == "START":
            yield f"after the end of {key} a message that is kept should start another instance"


def is_halted(world: World, instance: Instance) -> bool:
    """Whether an incident, here or above, holds it up."""
    if any(trouble.instance == instance.key for trouble in world.incidents.values()):
        return True
    call = world.call_of(instance.key)
    return call is not None and is_halted(world, world.instances[call.instance])


def is_waiting(world: World, node: Node) -> bool:
    """Whether something may still end the element instance."""
    if node.element.type in SCOPES:
        return bool(world.instances[node.instance].nodes.keys() - {node.key})
    if node.element.type == bpmn.CALL_ACTIVITY:
        called = world.instances.get(node.called)
        return called is not None and (world.is_blind(called.key) or bool(called.nodes))
    if node.has_undone:
        return any(world.node(world.undoable[key].handler) is not None for key in held(world, node.key))
    waits = [one.node for table in (world.timers, world.signaled, world.awaited) for one in table.values()]
    return node.work in world.jobs or node.work in world.tasks or node.key in waits


def compare_boards(worlds: Mapping[int, World], logs: Mapping[int, PartitionLog]) -> list[str]:
    """Messages and signals, whose two ends lie on different partitions."""
    wrong = [problem for world in worlds.values() for problem in _apart(world, worlds)]
    for number, world in worlds.items():
        for key, one in world.board.subscriptions.items():
            home = next((other for other in worlds.values() if key in other.awaited), None)
            seen = [other for other in worlds.values() if other.is_blind(one.instance)]
            if home is None and not seen:
                wrong.append(f"message subscription {key} on partition {number} is open, but nobody waits")
            elif one.message != NONE and not seen and home is not None and key not in home.unconfirmed | home.held:
                wrong.append(f"message {one.message} is on its way to subscription {key} for ever")
            elif (
                one.message == NONE
                and not seen
                and (kept := world.board.oldest(one.name, one.correlation_key, one.process_id, world.now, one.after))
            ):
                wrong.append(f"message {kept.key} is kept, and was not given to subscription {key}")
    return wrong + list(_signals(logs))


def _apart(world: World, worlds: Mapping[int, World]) -> Iterator[str]:
    for key, awaited in world.awaited.items():
        if world.is_blind(awaited.instance):
            continue
        home = worlds[partition_of_name(awaited.correlation_key, len(worlds))]
        one = home.board.subscriptions.get(key)
        told = (awaited.node, awaited.name, awaited.correlation_key, awaited.element.interrupting)
        if one is None or (one.node, one.name, one.correlation_key, one.interrupting) != told:
            yield f"{awaited.element.id} ({awaited.node}) waits, of which partition {home.partition} is not told"


def _signals(logs: Mapping[int, PartitionLog]) -> Iterator[str]:
    """A signal arrives on every partition, once."""
    records = {number: [entry.record for entry in log.events if entry.record] for number, log in logs.items()}
    sent = {r.key for each in records.values() for r in each if is_event(r, "BROADCASTED")}
    for number, each in records.items():
        refused = {r.key for r in each if r.record_type == REJECTION and r.value_type == "SIGNAL"}
        first = [
            r.key for r in each if is_event(r, "TRIGGERED") and isinstance(r.value, Signal) and r.value.after == NONE
        ]
        yield from (f"signal {key} does not arrive on partition {number}" for key in sent - set(first) - refused)
        yield from (f"signal {key} arrives on partition {number} twice" for key in set(first) if first.count(key) > 1)


def is_event(record: Record, intent: str) -> bool:
    return (record.record_type, record.value_type, record.intent) == (EVENT, "SIGNAL", intent)
