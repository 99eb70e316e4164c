"""Plans: dry runs that are kept, approved by somebody else, and committed as they were foreseen or not at all.

Source: docs/batch-operations.md, "Plans". What would happen to an item is read from the log; held against what the
model knows of its instance: one that nothing has touched comes out as foreseen, one that is gone does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec

from engine.batch.operation import Operation
from engine.core.faults import FORBIDDEN, INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.principal import NOBODY, Principal, principal_of
from engine.core.record import NONE, Record
from engine.records import (
    BatchOperationCreation,
    BatchOperationInitialization,
    BatchOperationItem,
    BatchOperationLifecycleManagement,
    BatchOperationPartitionLifecycle,
)
from engine.records.batch_operation_chunk import BatchItem

from . import pace, silence
from .batch_commands import MANAGEMENT
from .finding import INITIALIZATION, Finding
from .part import Part, numbers_of
from .permits import permits_item
from .registry import Known
from .selection import is_filter
from .world import UNFORESEEN, Refused, Rule, World

LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"
CHANGED = "CHANGED"
#: Of which all effects are on their own process instance, so that what nothing has touched comes out the same.
SELF_CONTAINED = ("CANCEL_PROCESS_INSTANCE", "SUSPEND_PROCESS_INSTANCE", "RESUME_PROCESS_INSTANCE")


class Planned(NamedTuple):
    """What becomes of an item, as a plan foresees it. `position`: where that was found out."""

    item: BatchItem
    intent: str
    code: str
    position: int


class Made(NamedTuple):
    """A plan that has been made, on its lead partition."""

    creator: Principal
    state: str
    has_errors: bool
    total: int
    approved_by: Principal = NOBODY


def refuse_without_plan(world: World, wish: BatchOperationCreation, items_max: int | None) -> None:
    """Where others have to approve, nothing goes by without a plan. `items_max`: None if unknown. Raises Refused."""
    settings, options = world.settings, wish.options
    smallest = settings.approval_items_min
    is_large = bool(smallest) and (items_max is None or items_max >= smallest)
    must = is_large or wish.batch_operation_type in settings.approval_types
    if must and not options.dry_run and options.plan_key == NONE:
        raise Refused(INVALID_ARGUMENT)


class Plans(Finding):
    """Those of a partition."""

    def __init__(self, world: World, known: Known) -> None:
        super().__init__(world, known)
        #: plan -> what it foresees here, in the order in which it was found out
        self.foreseen: dict[int, list[Planned]] = {}
        self.made: dict[int, Made] = {}
        #: batch operation that has ended -> its items that have failed, and that are completed
        self.sums: dict[int, tuple[int, int]] = {}

    def plan_rules(self) -> dict[tuple[str, str], Rule]:
        return {
            (INITIALIZATION, "VALIDATE"): self.validate,
            (LIFECYCLE, "VALIDATE_PARTITION"): self.take_validation,
            (MANAGEMENT, "START"): self.start,
            (MANAGEMENT, "APPROVE"): self.approve,
        }

    # making one

    def foresee(self, part: Part, item: int, intent: str, code: str) -> None:
        """An item of a plan has its outcome."""
        for record in self.world.step.events:
            value = record.value
            if record.key == item and isinstance(value, BatchOperationItem) and value.batch_operation_key == part.key:
                found = BatchItem(
                    item_key=item,
                    process_instance_key=value.process_instance_key,
                    root_process_instance_key=value.root_process_instance_key,
                )
                self.foreseen.setdefault(part.key, []).append(Planned(found, intent, code, self.world.step.end))
                return

    def keep_end(self, part: Part, state: str, numbers: Mapping[str, int]) -> None:
        """It has ended."""
        self.sums[part.key] = (numbers["failed"], numbers["completed"])
        if part.options.keep_plan:
            has_errors = any(report.errors for report in part.reports.values())
            self.made[part.key] = Made(part.creator, state, has_errors, numbers["total"])

    def forget(self, key: int) -> None:
        self.foreseen.pop(key, None)
        self.made.pop(key, None)

    def approve(self, world: World, command: Record) -> None:
        key, who = command.key, principal_of(command.step.claims)
        if key not in self.ended and key not in self.parts:
            raise Refused(NOT_FOUND)
        if key not in self.made:
            raise Refused(INVALID_STATE)
        if who in (NOBODY, self.made[key].creator):
            raise Refused(FORBIDDEN)
        if self.made[key].approved_by != NOBODY:
            raise Refused(INVALID_STATE)
        self.made[key] = self.made[key]._replace(approved_by=who)
        self.expect_life(key, "APPROVED")

    def items_at_most(self, wish: BatchOperationCreation, operation: Operation) -> int | None:
        """How many items one can have; None if that is not known. Of incidents of instances the log tells."""
        if wish.options.parent_key != NONE:
            failed, completed = self.sums.get(wish.options.parent_key, (0, 0))
            return completed if wish.options.undoes else failed
        if is_filter(wish.filter):
            return None
        if operation.selects.entity == "INCIDENT":
            return None if self.world.step.rejection == INVALID_ARGUMENT else 0
        return len(set(wish.item_keys) - set(wish.excluded_keys))

    # committing one

    def commit_of(self, wish: BatchOperationCreation) -> BatchOperationCreation:
        """What the commit of a plan says in whole. Raises Refused."""
        options = wish.options
        plan, settings = options.plan_key, self.world.settings
        if wish.item_keys or wish.filter or options.dry_run or options.parent_key != NONE:
            raise Refused(INVALID_ARGUMENT)
        if options.item_retries or options.raises_incidents:
            raise Refused(INVALID_ARGUMENT)
        if plan not in self.ended and plan not in self.parts:
            raise Refused(NOT_FOUND)
        made = self.made.get(plan)
        if made is None or made.has_errors or made.state not in ("COMPLETED", "FAILED"):
            raise Refused(INVALID_STATE)
        name, parameters = self.ended[plan]
        is_large = bool(settings.approval_items_min) and made.total >= settings.approval_items_min
        if (is_large or name in settings.approval_types) and made.approved_by == NOBODY:
            raise Refused(INVALID_STATE)
        return msgspec.structs.replace(wish, batch_operation_type=name, parameters=parameters)

    def validate(self, world: World, command: Record) -> None:
        part = self.parts.get(command.key)
        if part is None:
            raise Refused(NOT_FOUND)
        cursor = cast(BatchOperationInitialization, command.value).cursor
        if part.validated or part.abandoned or part.finished or part.total != cursor:
            raise Refused(INVALID_STATE)
        told = world.step.find(INITIALIZATION, "VALIDATED")
        value = cast(BatchOperationInitialization, told.value) if told else BatchOperationInitialization(total=cursor)
        planned = self.foreseen.get(part.options.plan_key, [])
        items = planned[cursor : max(value.total, cursor)]
        most = part.slice_size or world.settings.slice_size
        if not min(1, len(planned) - cursor) <= len(items) <= most:
            world.differ(f"batch operation {part.key}: {len(items)} of {len(planned)} items are validated in a step")
        self.compare_changes(part, items, value.changes)
        if items:
            world.expect("BATCH_OPERATION_CHUNK", "CREATED", part.key, items=tuple(one.item for one in items))
        part.pending += [one.item.item_key for one in items]
        if self.known.operations[part.type].selects.is_of_instances:
            part.unknown |= {one.item.item_key for one in items if one.item.process_instance_key == NONE}
        part.total += len(items)
        part.changed += len(value.changes)
        self.expect_found(part, "VALIDATED")
        if part.total == len(planned):
            part.validated = True
            self.report_validation(part)

    def expect_found(self, part: Part, intent: str) -> None:
        told = {"cursor": part.total, "page_size": 0, "attempts": 0, "total": part.total}
        self.world.expect(INITIALIZATION, intent, part.key, **told)

    def compare_changes(self, part: Part, items: list[Planned], changes: tuple[str, ...]) -> None:
        named = {int(text.split()[1]) for text in changes}
        failed = {int(text.split()[1]) for text in changes if any(code in text for code in UNFORESEEN)}
        for one in items:
            key = one.item.item_key
            if key in named and key not in failed and self.is_unchanged(part, one):
                self.world.differ(f"batch operation {part.key}: item {key} should come out as foreseen")
            if key not in named and self.has_changed(part, one):
                self.world.differ(f"batch operation {part.key}: item {key} should not come out as foreseen")

    def is_unchanged(self, part: Part, planned: Planned) -> bool:
        """Whether nothing has happened since that could change the outcome."""
        world, key = self.world, planned.item.item_key
        is_known = part.type in SELF_CONTAINED and planned.item.process_instance_key == key
        if not is_known or world.is_blind(key) or planned.code in UNFORESEEN:
            return False
        may = permits_item(world, part, key)
        return (may is False) == (planned.code == FORBIDDEN) and world.touched.get(key, 0) <= planned.position

    def has_changed(self, part: Part, planned: Planned) -> bool:
        """Whether the outcome must be another one."""
        world, key = self.world, planned.item.item_key
        if planned.intent != "COMPLETED" or part.type not in SELF_CONTAINED or world.is_blind(key):
            return False
        return world.node(key) is None or permits_item(world, part, key) is False

    def report_validation(self, part: Part) -> None:
        world = self.world
        told = {"source_partition_id": world.partition, "rate": 0.0, **part.numbers}
        world.expect(LIFECYCLE, "PARTITION_VALIDATED", part.key, **told)
        if part.lead != world.partition:
            world.expect_sent(part.lead)
            return
        report = BatchOperationPartitionLifecycle(source_partition_id=world.partition, **part.numbers)
        self.judge(part, msgspec.structs.replace(report, changed=part.changed))

    def take_validation(self, world: World, command: Record) -> None:
        part = self.parts.get(command.key)
        if part is None or part.lead != world.partition or command.step.sender_partition == 0:
            raise Refused(NOT_FOUND)
        report = cast(BatchOperationPartitionLifecycle, command.value)
        silence.hear(world, part, report, ends=False)
        numbers = numbers_of(report)
        told = {"source_partition_id": report.source_partition_id, "rate": 0.0, **numbers}
        world.expect(LIFECYCLE, "PARTITION_VALIDATED", part.key, **told)
        self.judge(part, report)

    def judge(self, part: Part, report: BatchOperationPartitionLifecycle | None = None) -> None:
        """On the lead partition: when all have validated, or ended, all begin or none. `report`: the newest one."""
        world = self.world
        if part.options.plan_key == NONE or part.lead != world.partition:
            return
        if report is not None:
            part.told[report.source_partition_id] = report
            part.changes[report.source_partition_id] = report.changed
        if part.judged or part.canceling or len({*part.changes, *part.reports}) < len(part.partitions):
            return
        part.judged = True
        begins = not part.reports and not any(part.changes.values())
        judged = world.step.find(MANAGEMENT, "JUDGED")
        if judged is not None and bool(cast(BatchOperationLifecycleManagement, judged.value).reason) is begins:
            world.differ(f"batch operation {part.key}: expected {'to begin' if begins else 'not to begin'}")
        world.expect_life(part, "JUDGED")
        self.send_others()
        if not (part.abandoned or part.finished):
            self.begin(part, begins=begins)

    def start(self, _world: World, command: Record) -> None:
        part = self.parts.get(command.key)
        if command.step.sender_partition == 0 or part is None:
            raise Refused(NOT_FOUND)
        if part.initialized or part.abandoned or part.finished:
            raise Refused(INVALID_STATE)
        self.begin(part, begins=not cast(BatchOperationLifecycleManagement, command.value).reason)

    def begin(self, part: Part, *, begins: bool) -> None:
        if begins:
            part.initialized, part.cursor = True, part.total
        else:
            part.broken = True
            part.token += 1
        self.expect_found(part, "INITIALIZED" if begins else "FAILED")
        pace.wait(self.world, part)
        self.advance(part)

    # carrying it out

    def planned_of(self, part: Part, item: int) -> Planned | None:
        """What the plan says of an item; None where there is no plan."""
        if part.options.plan_key == NONE:
            return None
        planned = self.foreseen.get(part.options.plan_key, [])
        return next((one for one in planned if one.item.item_key == item), None)

    def hold_to_plan(self, part: Part, item: int, intent: str, code: str) -> None:
        """The outcome is the one of the plan, or says that it has changed."""
        planned = self.planned_of(part, item)
        if planned is None or intent == "CANCELED" or code in (CHANGED, silence.SILENT):
            return
        if (intent, code) != (planned.intent, planned.code):
            foreseen = f"{planned.intent} {planned.code}"
            self.world.differ(f"batch operation {part.key}: item {item} is {intent} {code}, the plan says {foreseen}")

    def take_change(self, part: Part, item: int) -> bool:
        """Whether the log says that the outcome would be another one; then nothing has happened to the item."""
        values = [value for value in self.values_of(part, item) if value.error_code == CHANGED]
        planned = self.planned_of(part, item)
        if not values or planned is None:
            return False
        is_unforeseen = any(code in values[0].error_message for code in UNFORESEEN)
        if self.is_unchanged(part, planned) and not is_unforeseen:
            self.world.differ(f"batch operation {part.key}: item {item} should come out as foreseen")
        return True

    def values_of(self, part: Part, item: int) -> list[BatchOperationItem]:
        """What the step says of an item."""
        told = [record for record in self.world.step.events if record.value_type == "BATCH_OPERATION_ITEM"]
        values = [cast(BatchOperationItem, record.value) for record in told if record.key == item]
        return [value for value in values if value.batch_operation_key == part.key]
