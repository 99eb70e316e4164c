"""Instances that go on with another definition. The model looks away from them, but knows what they are from then on.

What it does foretell: that what is gone, is ending or pauses does not migrate; that an instance that does not leaves
nothing but its outcome; what becomes of message subscriptions on the partition of the correlation key.
"""

from __future__ import annotations

from typing import cast

import msgspec

from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record
from engine.operations.migrate_process_instance import Parameters
from engine.records import BatchOperationItem, MessageSubscription, ProcessInstanceMigration, Variable

from .happenings import release
from .messages import SUBSCRIPTION, expect_subscription, find_subscription, give_next
from .part import Part, failure_of
from .world import Refused, Rule, World

FAMILY = "PROCESS_INSTANCE_MIGRATION"
#: What the plan, or the instance, may be refused with; which of them the model does not know.
REFUSALS = (INVALID_ARGUMENT, INVALID_STATE)


def migrate_item(world: World, part: Part, item: int) -> bool:
    """An item of a batch operation. Raises Refused."""
    told = [
        record for record in world.step.events if record.value_type == "BATCH_OPERATION_ITEM" and record.key == item
    ]
    values = [cast(BatchOperationItem, record.value) for record in told]
    refused = next((one.error_code for one in values if one.batch_operation_key == part.key), "")
    refused = refused or next(filter(None, (failure_of(one, part.key, item) for one in world.step.events)), "")
    check(world, item, refused)
    if refused:
        raise Refused(refused)
    expect_variables(world, item, cast(Parameters, part.parameters).variables)
    world.skip("migration", item)
    return False


def migrate(world: World, command: Record) -> None:
    """PROCESS_INSTANCE_MIGRATION MIGRATE. Raises Refused."""
    wanted = cast(ProcessInstanceMigration, command.value).mapping_instructions
    sources = {one.source_element_id for one in wanted}
    if (
        len(sources) != len(wanted)
        or not sources
        or not all(sources)
        or not all(one.target_element_id for one in wanted)
    ):
        raise Refused(INVALID_ARGUMENT)
    check(world, command.key, world.step.rejection)
    if world.step.rejection:
        raise Refused(world.step.rejection)
    expect_variables(world, command.key, cast(ProcessInstanceMigration, command.value).variables)
    world.skip("migration", command.key)


def check(world: World, key: int, refused: str) -> None:
    """Raises Refused for an instance that cannot migrate whatever the plan is."""
    instance = world.instances.get(key)
    root = world.node(key)
    if instance is None or root is None or root.instance != key:
        raise Refused(NOT_FOUND)
    if root.state == "TERMINATING":
        raise Refused(INVALID_STATE)
    if refused and refused not in (*REFUSALS, NOT_FOUND):
        world.differ(f"instance {key} should migrate, or not because of the plan, but is refused with {refused}")


def expect_variables(world: World, key: int, variables: str) -> None:
    """Those of the plan are set at the instance in this step, but what it has already."""
    told = {
        value.name: value.value
        for record in world.step.events
        if record.value_type == "VARIABLE" and record.intent in ("CREATED", "UPDATED")
        for value in [cast(Variable, record.value)]
        if value.scope_key == key
    }
    instance = world.instances[key]
    for name, raw in msgspec.json.decode(variables or "{}", type=dict[str, msgspec.Raw]).items():
        text = msgspec.json.format(bytes(raw), indent=-1).decode()
        is_so = name not in told and (instance.blind or instance.kept.get((key, name)) == text)
        if told.get(name) != text and not is_so:
            world.differ(f"instance {key} should have got {name} = {text} with its migration, got {told.get(name)}")


def become(world: World, command: Record) -> None:
    """MESSAGE_SUBSCRIPTION MIGRATE: as another process it is not given once more what it had its turn for."""
    value = cast(MessageSubscription, command.value)
    one = find_subscription(world, command.key)
    if value.bpmn_process_id != one.process_id:
        one.after = max(value.message_key, one.message)
    one.process_id, one.interrupting = value.bpmn_process_id, value.interrupting
    expect_subscription(world, "MIGRATED", command.key, one, one.after)
    if one.message == NONE:
        give_next(world, command.key)


def note(world: World, record: Record) -> None:
    """An instance has migrated: of which process it is now."""
    value = cast(ProcessInstanceMigration, record.value)
    instance = world.instances.get(record.key)
    if instance is None:
        return
    if value.target_bpmn_process_id != value.bpmn_process_id and instance.correlation_key:
        release(world, instance)
        world.board.started[value.target_bpmn_process_id, instance.correlation_key] = instance.key
    definition = world.definitions[value.target_process_definition_key]
    instance.graph, instance.version = definition.graph, definition.version
    instance.definition = value.target_process_definition_key


RULES: dict[tuple[str, str], Rule] = {(FAMILY, "MIGRATE"): migrate, (SUBSCRIPTION, "MIGRATE"): become}
