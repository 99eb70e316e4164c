"""Batch operations: one partition's part of each, with its items, its counters and how it ends.

Holds for every operation, also without a rule in `effects.py`: outcomes of items, selection, counters, final state.
"""

from __future__ import annotations

from collections import Counter
from typing import cast

from engine.core.faults import FORBIDDEN, INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, BadRequest
from engine.core.principal import Principal, principal_of
from engine.core.record import NONE, Record
from engine.records import (
    BatchOperationCreation,
    BatchOperationExecution,
    BatchOperationPartitionLifecycle,
)
from engine.records.batch_error import BatchError

from . import pace, silence
from .batch_commands import MANAGEMENT, RETENTION, is_within_bounds, problems_here
from .deletions import FAMILY as DELETION
from .deletions import Waiting
from .finding import INITIALIZATION
from .part import OUTCOMES, PHASES, Part, numbers_of, told_of, unforeseen
from .permits import permits_creation, permits_item
from .plans import CHANGED, Plans, refuse_without_plan
from .registry import Known
from .selection import is_filter
from .webhooks import FAMILY as WEBHOOK
from .webhooks import Webhook, Webhooks
from .world import Refused, Rule, World
from .yields import Yields

LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"


class Batches(Plans):
    """All batch operations of a partition."""

    def __init__(self, world: World, known: Known) -> None:
        super().__init__(world, known)
        #: batch operation -> what this partition told of its part; (batch operation, partition) -> what the lead heard
        self.told: dict[int, dict[str, int]] = {}
        self.heard: dict[tuple[int, int], dict[str, int]] = {}
        #: batch operation -> the partitions it was created for; on its lead partition only
        self.led: dict[int, tuple[int, ...]] = {}
        self.followed: set[int] = set()
        self.deletions = Waiting()
        self.webhooks = Webhooks()
        self.yields = Yields()
        self.rules: dict[tuple[str, str], Rule] = {
            ("BATCH_OPERATION_CREATION", "CREATE"): self.create,
            (INITIALIZATION, "INITIALIZE"): self.change_page_size,
            (INITIALIZATION, "FAIL"): self.fail_initialization,
            ("BATCH_OPERATION_CHUNK", "CREATE"): self.find_items,
            **{("BATCH_OPERATION_EXECUTION", intent): self.execute for intent in ("EXECUTE", "DRY_RUN")},
            (DELETION, "CONFIRM"): self.confirm,
            **{(MANAGEMENT, intent): self.manage for intent in ("SUSPEND", "RESUME", "CANCEL", "UPDATE")},
            **self.incident_rules(),
            **self.plan_rules(),
            (WEBHOOK, "REPORT_WEBHOOK"): self.webhooks.report,
            (MANAGEMENT, "SCHEDULE"): self.schedule,
            (MANAGEMENT, "DELETE"): self.delete,
            **{(LIFECYCLE, f"{kind}_PARTITION"): self.hear for kind in ("COMPLETE", "FAIL", "CANCEL", "REPORT")},
            (LIFECYCLE, "PACE_PARTITION"): self.take_pace,
            ("COMMAND_LATENCY", "MEASURE"): self.yields.measure,
            **silence.rules(self),
        }

    # creation, and what is selected

    def create(self, _world: World, command: Record) -> None:
        world = self.world
        wish = cast(BatchOperationCreation, command.value)
        follows = command.step.sender_partition != 0
        if not follows:
            wish = self.whole(command, wish)
        operation = self.known.operations.get(wish.batch_operation_type)
        retries = wish.options.origin_key != NONE
        if operation is None or not (follows or retries or wish.item_keys or is_filter(wish.filter)):
            raise Refused(INVALID_ARGUMENT)
        restores = wish.options.undoes and operation.restore is not None
        if wish.options.keep_plan and (operation.variables is not None or restores or not wish.options.dry_run):
            raise Refused(INVALID_ARGUMENT)
        if not follows:
            refuse_without_plan(world, wish, self.items_at_most(wish, operation))
        try:
            undoes = not wish.parameters and (wish.options.undoes or not operation.parameters.__struct_fields__)
            parameters = operation.parameters() if undoes else self.known.decode(operation.name, wish.parameters)
            problems = operation.check(parameters)
        except BadRequest:
            raise Refused(INVALID_ARGUMENT) from None
        problems += [] if follows else problems_here(operation, parameters, wish.filter, world)
        if problems or not (follows or is_within_bounds(wish.options, operation.name)):
            raise Refused(INVALID_ARGUMENT)
        created = world.step.find("BATCH_OPERATION_CREATION", "CREATED")
        if created is None:
            world.differ(f"batch operation of type {operation.name} should be created")
            return
        key, lead = created.key, wish.lead_partition if follows else world.partition
        creator = Principal(wish.actor_type, wish.actor_id) if follows else principal_of(command.step.claims)
        told = cast(BatchOperationCreation, created.value)
        part = Part(
            key, operation.name, parameters, lead, world.partitions, self.select(told, operation.selects, creator),
            world.settings.query_page_size, creator, wish.options, held=PHASES if wish.options.start_suspended else (),
            rate=wish.options.rate, share=wish.options.rate / len(world.partitions),
            slice_size=wish.options.slice_size, raw_parameters=wish.parameters, windows=wish.options.pause_windows,
        )  # fmt: skip
        self.keep(part)
        world.expect(
            "BATCH_OPERATION_CREATION", "CREATED", key, batch_operation_type=operation.name, lead_partition=lead,
            actor_type=creator.type, actor_id=creator.id,
        )  # fmt: skip
        if follows:
            self.followed.add(key)
        else:
            self.led[key] = world.partitions
            silence.begin(world, part)
            self.send_others()
            if retries:
                self.retried_by.setdefault(wish.options.origin_key, set()).add(key)
                world.removals.pop((wish.options.origin_key, RETENTION), None)

    def whole(self, command: Record, wish: BatchOperationCreation) -> BatchOperationCreation:
        """What a client wishes, with what another batch operation says of it. Raises Refused."""
        if wish.options.plan_key != NONE:
            wish = self.commit_of(wish)
        elif wish.options.parent_key != NONE:
            wish = self.child(wish)
        else:
            return wish
        if not permits_creation(self.world, command, wish.batch_operation_type):
            raise Refused(FORBIDDEN)
        return wish

    # execution

    def execute(self, world: World, command: Record) -> None:
        part = self.parts.get(command.key)
        if part is None:
            raise Refused(NOT_FOUND)
        held = not part.runs and not part.abandoned
        if cast(BatchOperationExecution, command.value).token != part.token or held or part.finished:
            raise Refused(INVALID_STATE)
        told = world.step.find("BATCH_OPERATION_EXECUTION", "EXECUTED")
        value = cast(BatchOperationExecution, told.value) if told else BatchOperationExecution()
        most = world.settings.step_effects_max if part.abandoned else pace.slice_max(world, part)
        due = [one for one in part.again if part.abandoned or one[2] <= world.now][:most]
        count, again = value.item_count, value.retry_count
        available = len(due) + len(part.pending)
        if not min(1, available) <= count + again <= min(most, available) or again > len(due):
            world.differ(f"batch operation {part.key}: {again} and {count} of {available} pending items in a slice")
        if count and again < len(due):
            world.differ(f"batch operation {part.key}: new items before those that are to be tried again")
        tried, part.again = part.again[:again], part.again[again:]
        items, part.pending = part.pending[:count], part.pending[count:]
        pace.pay(world, part, count + again)
        for item, attempts in [(item, attempts) for item, attempts, _ in tried] + [(item, 0) for item in items]:
            if part.abandoned:
                self.outcome(part, item, *silence.given_up(part))
            else:
                self.execute_item(part, item, attempts)
        if part.abandoned:
            self.give_up(part)
        part.token += 1
        said = {"item_count": count, "retry_count": again, "paused_until": 0}
        self.yields.execute(world, part, said)
        pace.wait(world, part)
        pace.supervise(world, part)
        self.advance(part)

    def execute_item(self, part: Part, item: int, attempts: int) -> None:
        world = self.world
        effect, operation = self.effects.get(part.type), self.known.operations[part.type]
        is_unknown = item in part.unknown
        if self.take_change(part, item):
            self.outcome(part, item, "FAILED", CHANGED)
            return
        if effect is None:
            instance = world.history.owner.get(item, item)
            world.skip(f"effects of {part.type}", instance)
        may = True if is_unknown else permits_item(world, part, item)
        if may is None:
            may = FORBIDDEN not in self.codes_of(part, item)  # its process is not known to the model
        if not may:
            self.fail_item(part, item, FORBIDDEN, attempts)
            return
        if part.options.dry_run and not is_unknown:
            self.outcome(part, item, *told_of(world, part.key, item))
            return
        if not is_unknown and (effect is None or world.is_blind(item)):
            self.take_told(part, item, attempts)
            return
        if code := unforeseen(world, part.key, item):
            self.fail_item(part, item, code, attempts)
            return
        try:
            if is_unknown or effect is None:
                raise Refused(NOT_FOUND)
            ended = effect(world, part, item)
        except Refused as refused:
            skips = world.settings.skip_vanished_items or operation.skips_missing
            skips = skips or (is_unknown and operation.skips_unknown)
            if refused.code == NOT_FOUND and skips:
                self.outcome(part, item, "SKIPPED", refused.code)
            else:
                self.fail_item(part, item, refused.code, attempts)
            return
        part.executing.add(item)
        if world.is_blind(item):  # from what the effect would be, it has looked away
            self.take_told(part, item, attempts)
        elif ended:
            self.outcome(part, item, "COMPLETED")

    def confirm(self, world: World, command: Record) -> None:
        for batch, item in self.deletions.confirm(world, command):
            part = self.parts.get(batch)
            if part is not None and not world.is_blind(item):
                self.outcome(part, item, "COMPLETED")
                self.finish_when_done(part)

    def codes_of(self, part: Part, item: int) -> list[str]:
        """Why an item failed, as the log says."""
        return [value.error_code for value in self.values_of(part, item)]

    def forget(self, key: int) -> None:
        """Of one that is deleted nobody is told any more."""
        super().forget(key)
        if key in self.webhooks.open:
            self.webhooks.end(self.world, key, "FAILED")

    def outcome(self, part: Part, item: int, intent: str, code: str = "") -> None:
        part.counts[intent] += 1
        self.hold_to_plan(part, item, intent, code)
        if part.options.keep_plan:
            self.foresee(part, item, intent, code)
        part.executing.discard(item)
        if intent == "FAILED":
            self.failed.setdefault(part.key, []).append(item)
        if intent == "COMPLETED" and self.is_changed(part, item):
            self.changed.setdefault(part.key, []).append(item)
        told = {"batch_operation_key": part.key, "error_code": code, "attempts": 0, "retry_at": 0}
        self.world.expect("BATCH_OPERATION_ITEM", intent, item, **told)

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
                unforeseen = world.is_blind(record.key) or (part is not None and part.type not in self.effects)
                if part and record.key in part.executing and unforeseen:
                    self.outcome(part, record.key, record.intent, getattr(record.value, "error_code", ""))
                    self.finish_when_done(part)

    # the end

    def finish_when_done(self, part: Part) -> None:
        done = not part.has_pending and not part.executing and not part.incidents
        ready = part.abandoned or (part.initialized and part.may_end)
        if done and ready and not part.finished:
            self.finish(part)

    def finish(self, part: Part) -> None:
        world = self.world
        if part.total != sum(part.counts.values()):
            world.differ(f"batch operation {part.key}: {part.total} items have {sum(part.counts.values())} outcomes")
        intent = "FAILED" if part.broken else "CANCELED" if part.canceling else "COMPLETED"
        self.told[part.key] = part.numbers
        silence.retry_later(self, part)
        told = {"source_partition_id": world.partition, "rate": 0.0, **part.numbers}
        world.expect(LIFECYCLE, f"PARTITION_{intent}", part.key, **told)
        if part.lead != world.partition:
            del self.parts[part.key]
            world.expect_sent(part.lead)
            if part.deleting:
                self.expect_deleted(part.key)
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
        ends = command.intent != "REPORT_PARTITION"
        silence.hear(world, part, report, ends=ends)
        (part.reports if ends else part.told)[report.source_partition_id] = report
        intent = {"COMPLETE": "COMPLETED", "FAIL": "FAILED", "CANCEL": "CANCELED", "REPORT": "REPORTED"}[
            command.intent.split("_")[0]
        ]
        told = {"source_partition_id": report.source_partition_id, "rate": 0.0, **numbers}
        world.expect(LIFECYCLE, f"PARTITION_{intent}", part.key, **told)
        if pace.is_watched(part) and not part.abandoned:
            token = part.token
            pace.judge(world, part)
            if part.token != token:
                self.advance(part)
        if not ends:
            return
        self.heard[part.key, report.source_partition_id] = numbers
        self.judge(part)
        self.finish_all(part)

    def finish_all(self, part: Part) -> None:
        """Every partition has reported: the final state and the sums."""
        if len(part.reports) < len(part.partitions) or not part.may_end:
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
        self.end(part, state, numbers)

    def end(self, part: Part, state: str, numbers: dict[str, int]) -> None:
        """It is over, and known until it is deleted."""
        world = self.world
        retention = world.settings.retention_by_type_ms.get(part.type, world.settings.retention_ms)
        removal = world.now + retention if retention else 0
        world.expect_life(part, state, **numbers, removal_time=removal)
        silence.end(world, part)
        del self.parts[part.key]
        self.ended[part.key] = (part.type, part.raw_parameters)
        self.kept_until[part.key], self.ends[part.key] = removal, world.now
        self.keep_end(part, state, numbers)
        if part.options.webhook:
            self.webhooks.open[part.key] = Webhook(part.options.webhook)
        if removal:
            world.removals[part.key, RETENTION] = removal
        parent = part.options.origin_key
        if parent in self.retried_by:
            self.retried_by[parent].discard(part.key)
            if not self.retried_by[parent] and self.kept_until.get(parent):
                world.removals[parent, RETENTION] = self.kept_until[parent]
