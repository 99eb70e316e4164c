"""Batch operations: one partition's part of each, with its items, its counters and how it ends.

Source: the project's design, section 5. Holds for every operation, also for one without a rule in `effects.py`: one
outcome an item, its selection, its counters and its final state.
"""

from __future__ import annotations

from collections import Counter
from typing import cast

import msgspec

from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, BadRequest
from engine.core.record import NONE, Record, partition_of
from engine.records import (
    BatchOperationChunk,
    BatchOperationCreation,
    BatchOperationExecution,
    BatchOperationInitialization,
    BatchOperationItem,
    BatchOperationPartitionLifecycle,
)
from engine.records.batch_error import BatchError

from .effects import EFFECTS
from .part import OUTCOMES, Part
from .registry import Known
from .selection import NO_END, Selection
from .world import UNFORESEEN, Refused, Rule, World

MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"
INITIALIZATION = "BATCH_OPERATION_INITIALIZATION"


class Batches:
    """All batch operations of a partition."""

    def __init__(self, world: World, known: Known) -> None:
        self.world = world
        self.known = known
        self.parts: dict[int, Part] = {}
        #: batch operation -> what this partition told of its part; (batch operation, partition) -> what the lead heard
        self.told: dict[int, dict[str, int]] = {}
        self.heard: dict[tuple[int, int], dict[str, int]] = {}
        #: batch operation -> the partitions it was created for; on its lead partition only
        self.led: dict[int, tuple[int, ...]] = {}
        self.followed: set[int] = set()
        self.rules: dict[tuple[str, str], Rule] = {
            ("BATCH_OPERATION_CREATION", "CREATE"): self.create,
            (INITIALIZATION, "INITIALIZE"): self.change_page_size,
            (INITIALIZATION, "FAIL"): self.fail_initialization,
            ("BATCH_OPERATION_CHUNK", "CREATE"): self.find_items,
            ("BATCH_OPERATION_EXECUTION", "EXECUTE"): self.execute,
            **{(MANAGEMENT, intent): self.manage for intent in ("SUSPEND", "RESUME", "CANCEL")},
            **{(LIFECYCLE, f"{kind}_PARTITION"): self.hear for kind in ("COMPLETE", "FAIL", "CANCEL")},
        }

    # creation, and what is selected

    def create(self, _world: World, command: Record) -> None:
        world = self.world
        wish = cast(BatchOperationCreation, command.value)
        follows = command.step.sender_partition != 0
        operation = self.known.operations.get(wish.batch_operation_type)
        if operation is None or not (follows or wish.item_keys or is_filter(wish.filter)):
            raise Refused(INVALID_ARGUMENT)
        try:
            parameters = self.known.decode(operation.name, wish.parameters)
            problems = operation.check(parameters)
        except BadRequest:
            raise Refused(INVALID_ARGUMENT) from None
        if problems:
            raise Refused(INVALID_ARGUMENT)
        created = world.step.find("BATCH_OPERATION_CREATION", "CREATED")
        if created is None:
            world.differ(f"batch operation of type {operation.name} should be created")
            return
        value = cast(BatchOperationCreation, created.value)
        lead = wish.lead_partition if follows else world.partition
        selects = operation.selects
        selection = Selection(
            selects.entity,
            wish.filter,
            wish.item_keys,
            wish.excluded_keys,
            selects.states,
            value.key_max,
            roots_only=selects.roots_only,
        )
        selection.look(world, list(world.instances.values()))
        key = created.key
        size = world.settings.query_page_size
        self.parts[key] = Part(key, operation.name, parameters, lead, world.partitions, selection, size)
        world.expect(
            "BATCH_OPERATION_CREATION", "CREATED", key, batch_operation_type=operation.name, lead_partition=lead
        )
        if follows:
            self.followed.add(key)
        else:
            self.led[key] = world.partitions
            self.send_others()

    def send_others(self) -> None:
        for partition in self.world.others:
            self.world.expect_sent(partition)

    def look(self, touched: set[int]) -> None:
        """After a step: who of those that it touched matches now?"""
        instances = [self.world.instances[key] for key in touched if key in self.world.instances]
        for part in self.parts.values():
            if not part.initialized and not part.abandoned:
                part.selection.look(self.world, instances)

    def looking(self, key: int, cursor: int) -> Part:
        """The part that looks for items from this cursor on. Raises Refused."""
        part = self.parts.get(key)
        if part is None:
            raise Refused(NOT_FOUND)
        if part.initialized or part.abandoned or part.finished or part.cursor != cursor:
            raise Refused(INVALID_STATE)
        return part

    def find_items(self, world: World, command: Record) -> None:
        page = cast(BatchOperationChunk, command.value)
        part = self.looking(page.batch_operation_key, page.cursor)
        found = [item.item_key for item in page.items]
        until = NO_END if page.last else page.next_cursor
        if part.selection.problem:
            world.skip(part.selection.problem)
        elif wrong := part.selection.check(world, found, page.cursor, until):
            world.differ(f"batch operation {part.key}: {'; '.join(wrong)}")
        if any(partition_of(key) != world.partition for key in found):
            world.differ(f"batch operation {part.key} has items of another partition")
        size = world.settings.chunk_size
        for first in range(0, len(page.items), size):
            world.expect("BATCH_OPERATION_CHUNK", "CREATED", part.key, items=page.items[first : first + size])
        part.pending += found
        part.total += len(found)
        part.cursor, part.attempts = page.next_cursor, 0
        part.initialized = page.last
        self.expect_progress(part, "INITIALIZED" if page.last else "INITIALIZING")

    def expect_progress(self, part: Part, intent: str, **changed: int) -> None:
        told = {"cursor": part.cursor, "page_size": part.page_size, "attempts": part.attempts, "total": part.total}
        self.world.expect(INITIALIZATION, intent, part.key, **{**told, **changed})

    def change_page_size(self, _world: World, command: Record) -> None:
        wish = cast(BatchOperationInitialization, command.value)
        part = self.looking(command.key, wish.cursor)
        if not 0 < wish.page_size < part.page_size:
            raise Refused(INVALID_STATE)
        part.page_size, part.attempts = wish.page_size, 0
        self.expect_progress(part, "INITIALIZING")

    def fail_initialization(self, world: World, command: Record) -> None:
        wish = cast(BatchOperationInitialization, command.value)
        part = self.looking(command.key, wish.cursor)
        if wish.attempts != part.attempts:
            raise Refused(INVALID_STATE)
        if wish.retryable and part.attempts < world.settings.query_retry_max:
            part.attempts += 1
            self.expect_progress(part, "RETRYING")
            return
        part.broken = True
        part.token += 1
        self.expect_progress(part, "FAILED", page_size=wish.page_size)

    # management

    def manage(self, world: World, command: Record) -> None:
        part = self.parts.get(command.key)
        if part is None:
            raise Refused(NOT_FOUND)
        from_client = command.step.sender_partition == 0
        if from_client and part.lead != world.partition:
            raise Refused(INVALID_ARGUMENT)
        state = "CANCELING" if part.canceling else "SUSPENDED" if part.suspended else "ACTIVE"
        fitting = {"SUSPEND": ("ACTIVE",), "RESUME": ("SUSPENDED",), "CANCEL": ("ACTIVE", "SUSPENDED")}
        if state not in fitting[command.intent]:
            raise Refused(INVALID_STATE)
        part.suspended = command.intent == "SUSPEND"
        part.canceling = command.intent == "CANCEL"
        part.token += 1
        intent = {"SUSPEND": "SUSPENDED", "RESUME": "RESUMED", "CANCEL": "CANCELING"}[command.intent]
        world.expect(MANAGEMENT, intent, part.key, **dict.fromkeys(part.numbers, 0))
        if from_client:
            self.send_others()

    # execution

    def execute(self, world: World, command: Record) -> None:
        part = self.parts.get(command.key)
        if part is None:
            raise Refused(NOT_FOUND)
        held = part.suspended and not part.abandoned
        if cast(BatchOperationExecution, command.value).token != part.token or held or part.finished:
            raise Refused(INVALID_STATE)
        told = world.step.find("BATCH_OPERATION_EXECUTION", "EXECUTED")
        count = cast(BatchOperationExecution, told.value).item_count if told else 0
        most = world.settings.step_effects_max if part.abandoned else world.settings.slice_size
        if not (min(1, len(part.pending)) <= count <= min(most, len(part.pending))):
            world.differ(f"batch operation {part.key}: {count} of {len(part.pending)} pending items in a slice")
        items, part.pending = part.pending[:count], part.pending[count:]
        for item in items:
            if part.abandoned:
                self.outcome(part, item, "CANCELED")
            else:
                self.execute_item(part, item)
        part.token += 1
        world.expect("BATCH_OPERATION_EXECUTION", "EXECUTED", part.key, item_count=count)
        if not items:
            self.finish_when_done(part)

    def execute_item(self, part: Part, item: int) -> None:
        world = self.world
        effect = EFFECTS.get(part.type)
        if effect is None:
            instance = world.history.owner.get(item, item)
            world.skip(f"effects of {part.type}", instance)
        if effect is None or world.is_blind(item):
            part.executing.add(item)
            return
        if code := self.unforeseen(part, item):
            self.outcome(part, item, "FAILED", code)
            return
        try:
            ended = effect(world, part, item)
        except Refused as refused:
            skips = refused.code == NOT_FOUND and world.settings.skip_vanished_items
            self.outcome(part, item, "SKIPPED" if skips else "FAILED", refused.code)
            return
        if ended:
            self.outcome(part, item, "COMPLETED")
        else:
            part.executing.add(item)

    def unforeseen(self, part: Part, item: int) -> str:
        """Why an item failed, as the log says, if that cannot be foreseen."""
        told = [record for record in self.world.step.events if record.value_type == "BATCH_OPERATION_ITEM"]
        values = [cast(BatchOperationItem, record.value) for record in told if record.key == item]
        codes = [value.error_code for value in values if value.batch_operation_key == part.key]
        return next((code for code in codes if code in UNFORESEEN), "")

    def outcome(self, part: Part, item: int, intent: str, code: str = "") -> None:
        part.counts[intent] += 1
        part.executing.discard(item)
        self.world.expect("BATCH_OPERATION_ITEM", intent, item, batch_operation_key=part.key, error_code=code)

    def end_items(self) -> None:
        """Items that end in this step: their instance is gone, or the model looks away from it."""
        world = self.world
        for instance in world.instances.values():
            if instance.item is not None and not instance.nodes and not instance.blind:
                (batch, item), instance.item = instance.item, None
                if batch in self.parts:
                    self.outcome(self.parts[batch], item, "COMPLETED")
                    self.finish_when_done(self.parts[batch])
        for record in world.step.events:
            if record.value_type == "BATCH_OPERATION_ITEM" and record.intent in OUTCOMES:
                part = self.parts.get(getattr(record.value, "batch_operation_key", NONE))
                if part and record.key in part.executing and (world.is_blind(record.key) or part.type not in EFFECTS):
                    self.outcome(part, record.key, record.intent, getattr(record.value, "error_code", ""))
                    if world.step.find("BATCH_OPERATION_EXECUTION", "EXECUTED") is None:  # it looks for more first
                        self.finish_when_done(part)

    # the end

    def finish_when_done(self, part: Part) -> None:
        done = not part.pending and not part.executing
        ready = part.abandoned or (part.initialized and not part.suspended)
        if done and ready and not part.finished:
            self.finish(part)

    def finish(self, part: Part) -> None:
        world = self.world
        if part.total != sum(part.counts.values()):
            world.differ(f"batch operation {part.key}: {part.total} items have {sum(part.counts.values())} outcomes")
        intent = "FAILED" if part.broken else "CANCELED" if part.canceling else "COMPLETED"
        self.told[part.key] = part.numbers
        world.expect(LIFECYCLE, f"PARTITION_{intent}", part.key, source_partition_id=world.partition, **part.numbers)
        if part.lead != world.partition:
            del self.parts[part.key]
            world.expect_sent(part.lead)
            return
        part.finished = True
        part.token += 1
        errors = (BatchError(),) if part.broken else ()
        part.reports[world.partition] = BatchOperationPartitionLifecycle(
            source_partition_id=world.partition, errors=errors, **part.numbers
        )
        self.finish_all(part)

    def hear(self, world: World, command: Record) -> None:
        """Another partition's part has ended."""
        part = self.parts.get(command.key)
        if part is None or part.lead != world.partition or command.step.sender_partition == 0:
            raise Refused(NOT_FOUND)
        report = cast(BatchOperationPartitionLifecycle, command.value)
        numbers = numbers_of(report)
        part.reports[report.source_partition_id] = report
        self.heard[part.key, report.source_partition_id] = numbers
        intent = {"COMPLETE": "COMPLETED", "FAIL": "FAILED", "CANCEL": "CANCELED"}[command.intent.split("_")[0]]
        told = {"source_partition_id": report.source_partition_id, **numbers}
        world.expect(LIFECYCLE, f"PARTITION_{intent}", part.key, **told)
        self.finish_all(part)

    def finish_all(self, part: Part) -> None:
        """Every partition has reported: the final state and the sums."""
        if len(part.reports) < len(part.partitions):
            return
        sums = Counter[str]()
        for report in part.reports.values():
            sums.update(numbers_of(report))
        broken = sum(bool(report.errors) for report in part.reports.values())
        if part.canceling:
            state = "CANCELED"
        elif broken == len(part.reports) or 0 < sums["total"] == sums["failed"]:
            state = "FAILED"
        else:
            state = "PARTIALLY_COMPLETED" if broken else "COMPLETED"
        numbers = {name: sums[name] for name in part.numbers}
        self.world.expect(MANAGEMENT, state, part.key, **numbers)
        del self.parts[part.key]


def numbers_of(report: BatchOperationPartitionLifecycle) -> dict[str, int]:
    return {name: getattr(report, name) for name in ("total", *map(str.lower, OUTCOMES))}


def is_filter(text: str) -> bool:
    """A JSON object with something in it."""
    try:
        return bool(msgspec.json.decode(text or "{}", type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, RecursionError):
        return False
