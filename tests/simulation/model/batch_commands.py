"""What is done to batch operations as a whole, and what is left of those that have ended.

Source: docs/batch-operations.md, "How it runs".
"""

from __future__ import annotations

from functools import partial
from typing import cast

import msgspec
from msgspec import Struct

from engine.batch.contradictions import contradictions
from engine.batch.operation import Operation
from engine.batch.removal_time import Parameters as RemovalTime
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import Record
from engine.process.history import RESOURCE_TYPES
from engine.process.removal_tables import timer_of
from engine.process.removals import CALCULATED, REMOVAL_TIME_MAX
from engine.records import BatchOperationCreation, BatchOperationLifecycleManagement
from engine.records.batch_options import BatchOptions

from . import deletions, pace, silence
from .effects import EFFECTS, Effect
from .part import OUTCOMES, PHASES, Part
from .told import UNSAID_OF_LIFE
from .world import Refused, World

MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
#: command -> state -> event
FITTING = {
    "SUSPEND": {"ACTIVE": "SUSPENDED", "HELD": "SUSPENDED"},
    "RESUME": {"HELD": "RESUMED", "SUSPENDED": "RESUMED"},
    "CANCEL": dict.fromkeys(("ACTIVE", "HELD", "SUSPENDED"), "CANCELING"),
    "UPDATE": dict.fromkeys(("ACTIVE", "HELD", "SUSPENDED"), "UPDATED"),
    "RESOLVE_INCIDENTS": dict.fromkeys(("ACTIVE", "HELD", "SUSPENDED"), "RESOLVING_INCIDENTS"),
    "SCHEDULE": {"ENDED": "SCHEDULED"},
    "DELETE": {"ENDED": "DELETED"},
}
#: The timer that deletes what has ended.
RETENTION = "BATCH_OPERATION_RETENTION"

#: What undoes what.
OPPOSITES = {
    "SUSPEND_PROCESS_INSTANCE": "RESUME_PROCESS_INSTANCE",
    "RESUME_PROCESS_INSTANCE": "SUSPEND_PROCESS_INSTANCE",
}
#: What is undone by putting back what its items say that they replaced.
KEEPING = ("SET_VARIABLES",)


class Managed:
    """The batch operations of a partition, as far as commands about the whole of one are concerned."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.parts: dict[int, Part] = {}
        #: batch operation that has ended -> its type and its parameters, on its lead partition until it is deleted
        self.ended: dict[int, tuple[str, bytes]] = {}
        #: those that only tried what they were about
        self.dry_runs: set[int] = set()
        #: whose items say what they replaced, and those that undo others
        self.undoable: set[int] = set()
        self.undoing: set[int] = set()
        #: the same -> when it is deleted by itself, 0 never; those that retry it
        self.kept_until: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.retried_by: dict[int, set[int]] = {}
        self.effects: dict[str, Effect] = {**EFFECTS, "SET_BATCH_REMOVAL_TIME": self.schedule_item}
        world.fires |= {"BATCH_OPERATION_WAKE": self.wake, RETENTION: self.remove}
        for kind in RESOURCE_TYPES:
            world.fires[timer_of(kind)] = partial(deletions.delete, world, kind)

    def keep(self, part: Part) -> None:
        """A new one."""
        self.parts[part.key] = part
        if part.options.dry_run:
            self.dry_runs.add(part.key)
        if part.options.undoable:
            self.undoable.add(part.key)
        if part.options.undoes:
            self.undoing.add(part.key)

    def finish_when_done(self, part: Part) -> None:
        """Its part may have ended."""
        raise NotImplementedError

    def finish_all(self, part: Part) -> None:
        """All parts may have ended."""
        raise NotImplementedError

    def send_others(self) -> None:
        for partition in self.world.others:
            self.world.expect_sent(partition)

    def child(self, wish: BatchOperationCreation) -> BatchOperationCreation:
        """What a retry of what failed in another one, or its undoing, says in whole. Raises Refused."""
        parent = wish.options.parent_key
        if wish.item_keys or wish.filter:
            raise Refused(INVALID_ARGUMENT)
        if parent not in self.ended:
            raise Refused(INVALID_STATE if parent in self.parts else NOT_FOUND)
        if parent in self.dry_runs:
            raise Refused(INVALID_STATE)
        name, parameters = self.ended[parent]
        if name in KEEPING and (parent in self.undoing or (wish.options.undoes and parent not in self.undoable)):
            raise Refused(INVALID_STATE)
        if wish.options.undoes and name not in KEEPING:
            name, parameters = OPPOSITES.get(name, ""), b""
            if not name:
                raise Refused(INVALID_STATE)
        return msgspec.structs.replace(wish, batch_operation_type=name, parameters=parameters)

    def state_of(self, key: int) -> str:
        part = self.parts.get(key)
        if part is None:
            return "ENDED" if key in self.ended else "UNKNOWN"
        if part.canceling:
            return "CANCELING"
        return "SUSPENDED" if part.suspended else "HELD" if part.held else "ACTIVE"

    def allow(self, intent: str, key: int) -> None:
        """Raises Refused."""
        if (state := self.state_of(key)) not in FITTING[intent]:
            raise Refused(NOT_FOUND if state == "UNKNOWN" else INVALID_STATE)

    def managed(self, world: World, command: Record) -> Part:
        """The one that a command is about, which allows it now. Raises Refused."""
        part = self.parts.get(command.key)
        if part is not None and command.step.sender_partition == 0 and part.lead != world.partition:
            raise Refused(INVALID_ARGUMENT)
        self.allow(command.intent, command.key)
        assert part is not None
        return part

    def manage(self, world: World, command: Record) -> None:
        part = self.managed(world, command)
        from_client = command.step.sender_partition == 0
        done = FITTING[command.intent][self.state_of(part.key)]
        told: dict[str, object] = {}
        if command.intent == "UPDATE":
            told = self.update(part, cast(BatchOperationLifecycleManagement, command.value), from_client=from_client)
        else:
            told = {"phases": self.hold(part, command)}
            part.canceling = command.intent == "CANCEL"
            part.token += 1
            if command.intent == "RESUME":
                others = pace.others_of(part, world.partition).values()
                part.forgiven = part.counts["FAILED"] + sum(report.failed for report in others)
            pace.wait(world, part)
            silence.arm(world, part) if command.intent == "SUSPEND" else silence.resume(world, part)
        world.expect_life(part, done, **told)
        if from_client:
            self.send_others()
        self.advance(part)

    def hold(self, part: Part, command: Record) -> tuple[str, ...]:
        """Phases are held or go on: those that the command names, all if it names none. Raises Refused."""
        named = cast(BatchOperationLifecycleManagement, command.value).phases
        if command.intent == "CANCEL":
            part.held = ()
            return ()
        if not set(named) <= set(PHASES):
            raise Refused(INVALID_ARGUMENT)
        suspends = command.intent == "SUSPEND"
        phases = tuple(phase for phase in PHASES if phase in (named or PHASES))
        if command.step.sender_partition == 0:
            phases = tuple(phase for phase in phases if (phase in part.held) != suspends)
        if not phases:
            raise Refused(INVALID_STATE)
        part.held = tuple(phase for phase in PHASES if (suspends if phase in phases else phase in part.held))
        return phases

    def update(self, part: Part, wish: BatchOperationLifecycleManagement, *, from_client: bool) -> dict[str, object]:
        """Another pace. The share of this partition is the one that the log says."""
        world = self.world
        rate = wish.rate if wish.rate >= 0 else part.rate
        size = wish.slice_size if wish.slice_size >= 0 else part.slice_size
        if from_client and not is_within_bounds(BatchOptions(rate=rate, slice_size=size)):
            raise Refused(INVALID_ARGUMENT)
        told = world.step.find(MANAGEMENT, "UPDATED")
        share = getattr(told.value, "partition_rate", 0.0) if told else 0.0
        if not from_client:
            share = wish.partition_rate
        if not 0 <= share <= rate * (1 + pace.ROUNDING):
            world.differ(f"batch operation {part.key}: a share of {share} of a rate of {rate}")
        part.rate, part.slice_size, part.paused_until = rate, size, 0
        if wish.changes_pauses or not from_client:
            part.windows = wish.pause_windows
        pace.change_share(world, part, share)
        return {"rate": rate, "slice_size": size, "pause_windows": part.windows, "partition_rate": share}

    def take_pace(self, world: World, command: Record) -> None:
        part = self.parts.get(command.key)
        if part is None or command.step.sender_partition == 0:
            raise Refused(NOT_FOUND)
        if part.abandoned or part.finished:
            raise Refused(INVALID_STATE)
        share = pace.value_of(command).rate
        pace.expect_pace(world, part, world.partition, share)
        pace.change_share(world, part, share)
        self.advance(part)

    def schedule(self, world: World, command: Record) -> None:
        """When one that has ended is deleted by itself."""
        self.set_removal_time(world, command.key, pace.value_of(command).removal_time)

    def schedule_item(self, world: World, part: Part, item: int) -> bool:
        """The same as what a batch operation does to this item."""
        self.set_removal_time(world, item, cast(RemovalTime, part.parameters).removal_time)
        return True

    def set_removal_time(self, world: World, key: int, time: int) -> None:
        self.allow("SCHEDULE", key)
        if not CALCULATED <= time <= REMOVAL_TIME_MAX:
            raise Refused(INVALID_ARGUMENT)
        settings, name = world.settings, self.ended[key][0]
        if time == CALCULATED:
            retention = settings.retention_by_type_ms.get(name, settings.retention_ms)
            time = self.ends[key] + retention if retention else 0
        self.kept_until[key] = time
        if not self.retried_by.get(key):
            world.removals.pop((key, RETENTION), None)
            if time:
                world.removals[key, RETENTION] = time
        self.expect_life(key, "SCHEDULED", removal_time=time)

    def delete(self, world: World, command: Record) -> None:
        if command.step.sender_partition:
            part = self.parts.get(command.key)
            if part is None:
                self.expect_deleted(command.key)
            else:  # it was given up, and is not over
                part.deleting = True
                self.expect_life(command.key, "DELETING")
            return
        self.allow("DELETE", command.key)
        if self.retried_by.get(command.key):
            raise Refused(INVALID_STATE)
        self.remove(command.key)

    def remove(self, key: int) -> None:
        """One that has ended is forgotten everywhere."""
        self.ended.pop(key)
        self.world.removals.pop((key, RETENTION), None)
        self.expect_deleted(key)
        self.send_others()

    def forget(self, key: int) -> None:
        """What else is known of one that is deleted."""
        raise NotImplementedError

    def expect_deleted(self, key: int) -> None:
        self.forget(key)
        self.expect_life(key, "DELETED")

    def expect_life(self, key: int, intent: str, removal_time: int = 0) -> None:
        """What happens to one that has ended."""
        told = {**UNSAID_OF_LIFE, "removal_time": removal_time}
        names = ("total", *map(str.lower, OUTCOMES))
        self.world.expect(MANAGEMENT, intent, key, **told, **dict.fromkeys(names, 0))

    def wake(self, key: int) -> None:
        """What it waited for has come."""
        said = {"item_count": 0, "retry_count": 0, "paused_until": 0}
        self.world.expect("BATCH_OPERATION_EXECUTION", "CONTINUED", key, **said)
        pace.wait(self.world, self.parts[key])
        pace.pause(self.world, self.parts[key])

    def wait(self, part: Part) -> None:
        pace.wait(self.world, part)

    def advance(self, part: Part) -> None:
        """It goes on, or has ended."""
        if part.finished:
            self.finish_all(part)
        elif not part.wake and not part.has_pending:
            self.finish_when_done(part)
        elif not part.wake and (part.runs or part.abandoned):
            pace.pause(self.world, part)


def is_within_bounds(options: BatchOptions, type_name: str = "") -> bool:
    """Of what clients of the simulation may wish wrongly: the pace, and to undo what cannot be."""
    if options.undoable and (options.undoes or type_name not in KEEPING):
        return False
    if options.dry_run and (options.item_retries or options.raises_incidents):
        return False
    return (options.rate == 0 or 0.001 <= options.rate <= 1_000_000) and 0 <= options.slice_size <= 1_000


def problems_here(operation: Operation, parameters: Struct, given: str, world: World) -> list[str]:
    """What is wrong with a creation where it is made."""
    problems = contradictions(operation, given)
    of_history = operation.selects.entity != "BATCH_OPERATION"
    if isinstance(parameters, RemovalTime) and parameters.removal_time == CALCULATED and of_history:
        problems += [] if world.settings.history_time_to_live_ms else ["no time to live"]
    return problems
