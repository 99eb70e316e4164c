"""Deleted history: what still runs is refused, and items end when secondary storage shows what their events say."""

from __future__ import annotations

from typing import cast

from engine.batch.removal_time import Parameters
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import NONE, Record, partition_of
from engine.process.history import DECISION_INSTANCE, PROCESS_INSTANCE, REASON_SIZE_MAX
from engine.process.removal_tables import timer_of
from engine.process.removals import CALCULATED, REMOVAL_TIME_MAX
from engine.records import HistoryDeletion
from engine.records.batch_operation_chunk import ItemFacts

from .log import LoggedStep
from .part import Part
from .world import Refused, Rule, World

FAMILY = "HISTORY_DELETION"


def delete_for_client(world: World, command: Record) -> None:
    wish = cast(HistoryDeletion, command.value)
    if len(wish.reason) > REASON_SIZE_MAX or wish.resource_type not in (PROCESS_INSTANCE, DECISION_INSTANCE):
        raise Refused(INVALID_ARGUMENT)
    delete(world, wish.resource_type, wish.resource_key)


def delete(world: World, resource_type: str, key: int) -> None:
    """Which keys were given out for nothing that is on the log, the model does not know. Raises Refused."""
    if partition_of(key) != world.partition:
        raise Refused(NOT_FOUND)
    if world.node(key) is not None:
        raise Refused(INVALID_STATE)
    if key in world.instances:
        world.instances[key].deleted = True
    world.removals.pop((key, timer_of(resource_type)), None)
    told: dict[str, object] = {"resource_type": resource_type, "exported_position": NONE, "removal_time": 0}
    world.expect(FAMILY, "DELETED", key, key, **told)


def schedule_for_client(world: World, command: Record) -> None:
    wish = cast(HistoryDeletion, command.value)
    time, is_known = wish.removal_time, wish.resource_type in (PROCESS_INSTANCE, DECISION_INSTANCE)
    unset = time == CALCULATED and not world.settings.history_time_to_live_ms
    if not is_known or unset or not CALCULATED <= time <= REMOVAL_TIME_MAX:
        raise Refused(INVALID_ARGUMENT)
    schedule(world, wish.resource_type, wish.resource_key, time, wish.end_time)


def schedule(world: World, resource_type: str, key: int, time: int, end: int) -> None:
    """When it is deleted by itself; 0 never. Raises Refused."""
    if partition_of(key) != world.partition:
        raise Refused(NOT_FOUND)
    if world.node(key) is not None or (time == CALCULATED and end <= 0):
        raise Refused(INVALID_STATE)
    time = end + world.settings.history_time_to_live_ms if time == CALCULATED else time
    world.removals.pop((key, timer_of(resource_type)), None)
    if time:
        world.removals[key, timer_of(resource_type)] = time
    told: dict[str, object] = {"resource_type": resource_type, "exported_position": NONE, "removal_time": time}
    world.expect(FAMILY, "SCHEDULED", key, key, **told)


def set_removal_time(world: World, part: Part, item: int) -> bool:
    parameters = cast(Parameters, part.parameters)
    facts = part.facts.get(item, ItemFacts())
    if parameters.removal_time == CALCULATED and not facts.state:
        raise Refused(NOT_FOUND)
    resource_type = PROCESS_INSTANCE if part.type == "SET_REMOVAL_TIME" else DECISION_INSTANCE
    schedule(world, resource_type, item, parameters.removal_time, facts.end_time)
    return True


def delete_process_instance(world: World, _part: Part, item: int) -> bool:
    delete(world, PROCESS_INSTANCE, item)
    return False


def delete_decision_instance(world: World, _part: Part, item: int) -> bool:
    delete(world, DECISION_INSTANCE, item)
    return False


class Waiting:
    """Items that wait until it is told that secondary storage has got to the position of their event."""

    def __init__(self) -> None:
        #: position -> batch operation and item
        self._items: dict[int, tuple[int, int]] = {}

    def note(self, step: LoggedStep) -> None:
        """After a step: who waits now?"""
        for record in step.events:
            if record.value_type == FAMILY and cast(HistoryDeletion, record.value).work:
                self._items[record.position] = (record.step.batch_operation_reference, record.key)

    def confirm(self, world: World, command: Record) -> list[tuple[int, int]]:
        """Those who are told; at most as many as a step may have. Raises Refused."""
        exported = cast(HistoryDeletion, command.value).exported_position
        positions = sorted(position for position in self._items if position <= exported)
        positions = positions[: world.settings.step_effects_max]
        if not positions:
            raise Refused(INVALID_STATE)
        world.expect(FAMILY, "CONFIRMED", resource_type="", exported_position=positions[-1], removal_time=0)
        return [self._items.pop(position) for position in positions]


RULES: dict[tuple[str, str], Rule] = {
    (FAMILY, "DELETE"): delete_for_client,
    (FAMILY, "SCHEDULE"): schedule_for_client,
}
