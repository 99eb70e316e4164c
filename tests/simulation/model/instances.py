"""Commands about process instances: begun, canceled, continued.

A rule reads the command and either raises Refused, or changes the world and says which events it expects.
"""

from __future__ import annotations

from typing import cast

from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record
from engine.records import ProcessInstanceBusinessId, ProcessInstanceContinuation, ProcessInstanceCreation

from .happenings import raise_incident
from .positions import pauses
from .suspensions import release
from .tokens import settle, start
from .variables import parse_document
from .world import TERMINATE, Instance, Move, Node, Refused, Rule, World

BUSINESS_ID_LENGTH_MAX = 256


def push(world: World, *moves: Move) -> None:
    """More things to do in one instance, and all that follows from them."""
    node = cast(Node, world.node(moves[0].key))
    instance = world.instances[node.instance]
    instance.moves += moves
    settle(world, instance)


def create_instance(world: World, command: Record) -> None:
    created = world.step.find("PROCESS_INSTANCE_CREATION", "CREATED")
    begin_created(world, cast(ProcessInstanceCreation, command.value), created)


def begin_created(world: World, wish: ProcessInstanceCreation, created: Record | None) -> None:
    """An instance that was wished for; `created`: what the log says of it."""
    key = wish.process_definition_key
    if key == NONE:
        versions = world.versions.get(wish.bpmn_process_id, {})
        if wish.version_tag:
            tagged = [v for v, one in versions.items() if world.definitions[one].graph.version_tag == wish.version_tag]
            versions = {version: versions[version] for version in tagged}
        wanted = wish.bpmn_version if wish.bpmn_version > 0 and not wish.version_tag else max(versions, default=0)
        if wanted not in versions:
            raise Refused(NOT_FOUND)
        key = versions[wanted]
    if key not in world.definitions:
        raise Refused(NOT_FOUND)
    graph = world.definitions[key].graph
    if not graph.root.start and not wish.start_instructions:
        raise Refused(INVALID_STATE)
    document = parse_document(wish.variables)
    born = created.key if created else world.history.born("PROCESS_INSTANCE_CREATION")
    instance = new_instance(world, born, key, wish.tags, wish.business_id)
    instance.awaited, instance.fetched = wish.await_result, wish.fetch_variables
    world.expect("PROCESS_INSTANCE_CREATION", "CREATED", instance.key, instance.key, process_definition_key=key)
    start(world, instance, document)
    settle(world, instance)


def new_instance(
    world: World, key: int, definition: int, tags: tuple[str, ...] = (), business_id: str = ""
) -> Instance:
    found = world.definitions[definition]
    if key in world.instances:
        world.differ(f"instance {key} is created twice")
    world.instances[key] = Instance(key, found.graph, definition, found.version, tags, business_id, root=key)
    return world.instances[key]


def begin_instance(
    world: World,
    key: int,
    definition: int,
    at: str = "",
    given: str = "",
    correlation_key: str = "",
    *,
    document: dict[str, str] | None = None,
    call: Node | None = None,
    business_id: str = "",
) -> None:
    """An instance that something begins: an event at its start event `at` that brings variables, or a call activity."""
    instance = new_instance(world, key, definition, business_id=business_id)
    instance.begun_at, instance.begun_with, instance.correlation_key = at, given, correlation_key
    if call is not None:
        above = world.instances[call.instance]
        instance.caller, instance.root, instance.depth = call.key, above.root, above.depth + 1
    brought = parse_document(given) if at and not instance.graph.elements[at].outputs else {}
    start(world, instance, document or brought)
    settle(world, instance)


def assign_business_id(world: World, command: Record) -> None:
    """Once and for all; the same one again changes nothing."""
    instance = world.instances.get(command.key)
    root = instance.nodes.get(command.key) if instance else None
    if instance is None or root is None:
        raise Refused(NOT_FOUND)
    wanted = cast(ProcessInstanceBusinessId, command.value).business_id
    if not 0 < len(wanted) <= BUSINESS_ID_LENGTH_MAX:
        raise Refused(INVALID_ARGUMENT)
    if root.state == "TERMINATING" or instance.caller != NONE or world.settings.business_id_uniqueness:
        raise Refused(INVALID_STATE)
    if instance.business_id not in ("", wanted):
        raise Refused(INVALID_STATE)
    instance.business_id = wanted
    world.expect("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGNED", instance.key, instance.key, business_id=wanted)


def cancel_instance(world: World, command: Record) -> None:
    cancel(world, command.key)


def cancel(world: World, key: int) -> Instance:
    """Raises Refused for an instance that has ended, that is ending, or that another one called."""
    instance = world.instances.get(key)
    root = instance.nodes.get(key) if instance else None
    if instance is None or root is None:
        raise Refused(NOT_FOUND)
    if root.state == "TERMINATING" or instance.caller != NONE:
        raise Refused(INVALID_STATE)
    terminate(world, instance)
    return instance


def terminate(world: World, instance: Instance) -> None:
    """Whatever it does, and if it stands still."""
    instance.moves.clear()
    instance.suspended = False
    push(world, Move(TERMINATE, instance.key))


def continue_instance(world: World, command: Record) -> None:
    """The rest of a step that was too long, unless there were too many of them."""
    wish = cast(ProcessInstanceContinuation, command.value)
    instance = world.instances.get(wish.process_instance_key)
    root = instance.nodes.get(instance.key) if instance else None
    if instance is None or root is None or instance.pause == NONE or instance.pause != wish.token:
        raise Refused(INVALID_STATE)
    if instance.suspended:
        raise Refused(INVALID_STATE)
    release(world, instance)
    if instance.rounds >= world.settings.continuation_rounds_max and root.state != "TERMINATING":
        raise_incident(world, root, "UNKNOWN", None)
        if not pauses(world, instance):
            world.differ(f"instance {instance.key} should pause until its incident is resolved, but goes on")
        return
    settle(world, instance)


RULES: dict[tuple[str, str], Rule] = {
    ("PROCESS_INSTANCE_CREATION", "CREATE"): create_instance,
    ("PROCESS_INSTANCE_BUSINESS_ID", "ASSIGN"): assign_business_id,
    ("PROCESS_INSTANCE", "CANCEL"): cancel_instance,
    ("PROCESS_INSTANCE_CONTINUATION", "CONTINUE"): continue_instance,
}
