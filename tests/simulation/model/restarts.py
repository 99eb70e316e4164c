"""Restarts: a new instance of the same definition, with what was looked up of the old one.

What was looked up is on the log with the items; here it is held against what the model knows of the old instance.
"""

from __future__ import annotations

from typing import cast

from engine.batch.operation import FINISHED
from engine.core.faults import INVALID_STATE, NOT_FOUND
from engine.core.record import NONE
from engine.operations import restart_process_instance
from engine.records import ProcessInstanceCreation
from engine.records.batch_operation_chunk import ItemFacts

from .instances import begin_created
from .part import Part
from .world import Refused, World

CREATED = ("PROCESS_INSTANCE_CREATION", "CREATED")


def look_away_from_new(world: World, item: int) -> None:
    """Of an instance that the model looks away from, it cannot tell what the one that is begun anew has."""
    for record in world.step.events:
        if getattr(record.value, "restarted_process_instance_key", NONE) == item:
            world.blind(record.key)


def restart_item(world: World, part: Part, item: int) -> bool:
    parameters = cast(restart_process_instance.Parameters, part.parameters)
    facts = part.facts.get(item, ItemFacts())
    if world.node(item) is not None:
        raise Refused(INVALID_STATE)
    if not facts.state:
        raise Refused(NOT_FOUND)
    if facts.state not in FINISHED:
        raise Refused(INVALID_STATE)
    old = world.instances.get(item)
    if old is not None and (facts.process_definition_key, facts.business_id) != (old.definition, old.business_id):
        world.differ(f"what was looked up of instance {item} is not what it had")
    told = (
        record
        for record in world.step.events
        if (record.value_type, record.intent) == CREATED
        and cast(ProcessInstanceCreation, record.value).restarted_process_instance_key == item
        and record.key not in world.instances
    )
    created = next(told, None)
    if parameters.start_instructions:
        world.skip("restarts at chosen elements", created.key if created else item)
        world.blind(item)
        return False
    wish = ProcessInstanceCreation(
        process_definition_key=facts.process_definition_key,
        variables=facts.variables,
        tags=facts.tags,
        business_id="" if parameters.without_business_id else facts.business_id,
        restarted_process_instance_key=item,
    )
    begin_created(world, wish, created)
    return True
