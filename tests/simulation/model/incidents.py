"""Items of batch operations that failed too often and wait for somebody.

Source: docs/batch-operations.md, "Incidents". Which key an incident has is read from the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND
from engine.core.record import Record, partition_of
from engine.records import BatchOperationIncident, BatchOperationItem, BatchOperationLifecycleManagement

from . import pace
from .batch_commands import MANAGEMENT, Managed
from .part import OUTCOMES, Part, failure_of
from .restarts import look_away_from_new
from .world import Refused, Rule, World

FAMILY = "BATCH_OPERATION_INCIDENT"
PER_STEP_MAX = 100


class Incidents(Managed):
    """Those of a partition."""

    def outcome(self, part: Part, item: int, intent: str, code: str = "") -> None:
        """An item ends."""
        raise NotImplementedError

    def incident_rules(self) -> dict[tuple[str, str], Rule]:
        return {
            (FAMILY, "RESOLVE"): self.resolve,
            (FAMILY, "RESOLVE_SOME"): self.resolve_some,
            (MANAGEMENT, "RESOLVE_INCIDENTS"): self.resolve_all,
        }

    def fail_item(self, part: Part, item: int, code: str, attempts: int) -> None:
        """It is tried again behind those that already wait for that, waits for somebody, or has failed for good."""
        options = part.options
        if attempts < options.item_retries:
            due = self.world.now + options.retry_backoff
            part.again.append((item, attempts + 1, due))
            said = {"error_code": code, "attempts": attempts + 1, "retry_at": due}
            self.world.expect("BATCH_OPERATION_ITEM", "RETRYING", item, batch_operation_key=part.key, **said)
        elif options.raises_incidents:
            self.raise_incident(part, item, code)
        else:
            self.outcome(part, item, "FAILED", code)

    def take_told(self, part: Part, item: int, attempts: int) -> None:
        """An item that the model looks away from: it ends as the log says, and so it looks away from what is begun.
        One that is tried again, or waits for somebody, has failed."""
        world = self.world
        part.executing.add(item)
        look_away_from_new(world, item)
        for record in list(world.step.events):
            value = record.value
            is_outcome = isinstance(value, BatchOperationItem) and record.intent in OUTCOMES
            if is_outcome and (record.key, value.batch_operation_key) == (item, part.key):
                self.outcome(part, item, record.intent, value.error_code)
            elif code := failure_of(record, part.key, item):
                part.executing.discard(item)
                self.fail_item(part, item, code, attempts)

    def is_changed(self, part: Part, item: int) -> bool:
        """Whether an item that is COMPLETED in this step was not so before, as the log says."""
        outcomes = [record for record in self.world.step.events if record.value_type == "BATCH_OPERATION_ITEM"]
        values = [cast(BatchOperationItem, record.value) for record in outcomes if record.key == item]
        return any(not value.unchanged for value in values if value.batch_operation_key == part.key)

    def raise_incident(self, part: Part, item: int, code: str) -> None:
        found = [record for record in told(self.world, "CREATED", part.key) if value_of(record).item_key == item]
        if not found or partition_of(found[0].key) != self.world.partition:
            self.world.differ(f"batch operation {part.key}: item {item} should have an incident")
            return
        part.incidents[found[0].key] = (item, code)
        self.expect_incident(part, "CREATED", found[0].key, item, code)

    def expect_incident(
        self, part: Part, intent: str, key: int, item: int, code: str = "", resolution: str = ""
    ) -> None:
        said = {"batch_operation_key": part.key, "item_key": item, "error_code": code, "resolution": resolution}
        self.world.expect(FAMILY, intent, key, **said)

    def give_up(self, part: Part) -> None:
        """Of what is given up: as many as the log says, the oldest first."""
        keys = [record.key for record in told(self.world, "RESOLVED", part.key)]
        if keys != sorted(part.incidents)[: len(keys)]:
            self.world.differ(f"batch operation {part.key}: incidents {keys} given up of {sorted(part.incidents)}")
        for key in keys:
            self.end_incident(part, key, "FAIL" if part.silent and not part.canceling else "CANCEL")

    def end_incident(self, part: Part, key: int, resolution: str) -> None:
        item, code = part.incidents.pop(key)
        self.expect_incident(part, "RESOLVED", key, item, resolution=resolution)
        if resolution == "RETRY":
            part.pending.append(item)
        else:
            self.outcome(
                part, item, "FAILED" if resolution == "FAIL" else "CANCELED", code if resolution == "FAIL" else ""
            )

    def resolve(self, _world: World, command: Record) -> None:
        wish = value_of(command)
        check_resolution(wish.resolution)
        part = self.parts.get(wish.batch_operation_key)
        if part is None or command.key not in part.incidents:
            raise Refused(NOT_FOUND)
        if part.canceling:
            raise Refused(INVALID_STATE)
        self.resolve_these(part, [command.key], wish.resolution)

    def resolve_all(self, world: World, command: Record) -> None:
        part = self.managed(world, command)
        resolution = cast(BatchOperationLifecycleManagement, command.value).resolution
        check_resolution(resolution)
        world.expect_life(part, "RESOLVING_INCIDENTS", resolution=resolution)
        if command.step.sender_partition == 0:
            self.send_others()

    def resolve_some(self, _world: World, command: Record) -> None:
        wish = value_of(command)
        part = self.parts.get(wish.batch_operation_key)
        if part is None or part.abandoned:
            raise Refused(NOT_FOUND)
        keys = [key for key in sorted(part.incidents) if key <= wish.key_max][:PER_STEP_MAX]
        self.resolve_these(part, keys, wish.resolution)

    def resolve_these(self, part: Part, keys: Iterable[int], resolution: str) -> None:
        world, was_idle = self.world, bool(part.wake or not part.has_pending)
        for key in keys:
            self.end_incident(part, key, resolution)
        pace.wait(world, part)
        if resolution == "FAIL":
            pace.supervise(world, part)
        if was_idle:
            self.advance(part)


def check_resolution(resolution: str) -> None:
    if resolution not in ("RETRY", "FAIL"):
        raise Refused(INVALID_ARGUMENT)


def told(world: World, intent: str, batch: int) -> list[Record]:
    """The events of this step about incidents of a batch operation."""
    events = [record for record in world.step.events if (record.value_type, record.intent) == (FAMILY, intent)]
    return [record for record in events if value_of(record).batch_operation_key == batch]


def value_of(record: Record) -> BatchOperationIncident:
    return cast(BatchOperationIncident, record.value)
