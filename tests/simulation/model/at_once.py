"""Types of batch operations that are applied at once: all of it happens in the step, or the step is a rejection alone.

What must be refused is foretold. Whether an item succeeds is read on the log when one is told to fail: its own effects,
and that nothing else is left of the step, are foretold then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from engine.core.faults import EXCEEDED_LIMIT, FORBIDDEN, INVALID_ARGUMENT, NOT_FOUND, BadRequest
from engine.core.principal import Principal, principal_of
from engine.core.record import NONE, Record, partition_of
from engine.records import BatchOperationCreation

from .effects import Effect
from .part import Part
from .permits import permits_item
from .plans import refuse_without_plan
from .registry import Known
from .restarts import look_away_from_new
from .selection import Selection
from .world import Refused, Rule, World

FAMILY = "BATCH_OPERATION_CREATION"


#: Of which secondary storage will be told nobody's end: it obeys when it gets there.
OBEYED_LATER = ("DELETE_PROCESS_INSTANCE", "DELETE_DECISION_INSTANCE")


def rules(known: Known, effects: Mapping[str, Effect]) -> dict[tuple[str, str], Rule]:
    """The rule of its command; `effects`: what each type does to an item."""
    return {(FAMILY, "EXECUTE"): lambda world, command: execute(known, effects, world, command)}


def execute(known: Known, effects: Mapping[str, Effect], world: World, command: Record) -> None:
    """BATCH_OPERATION_CREATION EXECUTE. Raises Refused."""
    wish = cast(BatchOperationCreation, command.value)
    part = _part(known, world, wish, principal_of(command.step.claims))
    # whose process it was, nobody is believed; what is started, he says
    asked = part if part.type == "RESTART_PROCESS_INSTANCE" else replace(part, facts={})
    may = [permits_item(world, asked, item) for item in dict.fromkeys(wish.item_keys)]
    if not world.step.rejection and not all(one is not False for one in may):
        raise Refused(FORBIDDEN)
    if world.step.rejection == FORBIDDEN and all(may):
        world.differ(f"{part.type} is refused to {part.creator.claims}, who may do it to all of {wish.item_keys}")
    if world.step.rejection:
        raise Refused(world.step.rejection)  # one of the items fails
    if not all(one.state for one in wish.facts):
        raise Refused(NOT_FOUND)
    effect = effects.get(part.type)
    for item in dict.fromkeys(wish.item_keys):
        if effect is None:
            world.skip(f"effects of {part.type}", world.history.owner.get(item, item))
        elif world.is_blind(item):
            look_away_from_new(world, item)
        else:
            ends = effect(world, part, item) or part.type in OBEYED_LATER
            if not ends and not world.is_blind(item):
                world.differ(f"{part.type} of {item} should end in the same step")
    who = {"actor_type": part.creator.type, "actor_id": part.creator.id}
    world.expect(FAMILY, "EXECUTED", NONE, batch_operation_type=part.type, lead_partition=world.partition, **who)


def _part(known: Known, world: World, wish: BatchOperationCreation, caller: Principal) -> Part:
    """What is to be done, as a part of a batch operation that there is not."""
    operation = known.operations.get(wish.batch_operation_type)
    if operation is None:
        raise Refused(INVALID_ARGUMENT)
    refuse_without_plan(world, wish, len(wish.item_keys))
    try:
        parameters = known.decode(operation.name, wish.parameters)
        problems = operation.check(parameters)
    except BadRequest:
        raise Refused(INVALID_ARGUMENT) from None
    if problems:
        raise Refused(INVALID_ARGUMENT)
    if world.step.rejection == INVALID_ARGUMENT:
        raise Refused(INVALID_ARGUMENT)  # what only the definitions tell of a plan
    if wish.filter or wish.excluded_keys or not wish.item_keys:
        raise Refused(INVALID_ARGUMENT)
    if len(set(wish.item_keys)) > world.settings.synchronous_items_max:
        raise Refused(EXCEEDED_LIMIT)
    if any(partition_of(key) != world.partition for key in wish.item_keys):
        raise Refused(INVALID_ARGUMENT)
    nothing = Selection(operation.selects.entity, "", (), (), (), NONE)
    facts = {one.item_key: one for one in wish.facts}
    return Part(NONE, operation.name, parameters, world.partition, (world.partition,), nothing, 0, caller, facts=facts)
