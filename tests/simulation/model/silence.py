"""Partitions that tell the lead partition of a batch operation nothing.

Source: docs/batch-operations.md, "How it runs".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from engine.core.faults import INVALID_STATE, NOT_FOUND
from engine.core.record import Record
from engine.records import BatchOperationPartitionLifecycle
from engine.records.batch_error import BatchError

from .part import OUTCOMES, Part, Silence, numbers_of
from .world import Refused, Rule, World

if TYPE_CHECKING:
    from .batches import Batches

LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"
SILENCE = "BATCH_OPERATION_SILENCE"
SILENT = "PARTITION_SILENT"
NOTHING = dict.fromkeys(("total", *map(str.lower, OUTCOMES)), 0)


def rules(batches: Batches) -> dict[tuple[str, str], Rule]:
    batches.world.fires[SILENCE] = partial(look, batches)
    return {
        (LIFECYCLE, "CHECK_PARTITION"): partial(answer, batches),
        (LIFECYCLE, "ANSWER_PARTITION"): partial(take_answer, batches),
        (LIFECYCLE, "ABANDON_PARTITION"): partial(abandon, batches),
    }


def begin(world: World, part: Part) -> None:
    """On its lead partition."""
    part.silences = {other: Silence(world.now, half_later(world), NOTHING) for other in world.others}
    arm(world, part)


def end(world: World, part: Part) -> None:
    part.silences = {}
    arm(world, part)


def resume(world: World, part: Part) -> None:
    """While it was suspended nobody was asked."""
    for row in part.silences.values():
        row.due = max(row.due, half_later(world))
    arm(world, part)


def arm(world: World, part: Part) -> None:
    """When somebody is asked, or given up."""
    dues = [] if part.suspended else [row.due for row in part.silences.values() if row.due]
    world.removals.pop((part.key, SILENCE), None)
    if dues:
        world.removals[part.key, SILENCE] = min(dues)


def half_later(world: World) -> int:
    limit = world.settings.partition_silence_max_ms
    return world.now + max(1, limit // 2) if limit else 0


def hear(world: World, part: Part, report: BatchOperationPartitionLifecycle, *, ends: bool) -> None:
    """Of a part that was given up only the end is heard."""
    source = report.source_partition_id
    if not ends and source in part.reports:
        raise Refused(INVALID_STATE)
    if ends:
        part.silences.pop(source, None)
    elif source in part.silences:
        part.silences[source] = Silence(world.now, half_later(world), numbers_of(report))
    arm(world, part)


def look(batches: Batches, key: int) -> None:
    """Somebody is due."""
    world, part = batches.world, batches.parts[key]
    for other, row in sorted(part.silences.items()):
        if not 0 < row.due <= world.now:
            continue
        said = {"source_partition_id": other, "rate": 0.0, **row.numbers}
        limit = world.settings.partition_silence_max_ms
        was_away = world.now - row.due > limit // 2
        if row.asked and limit and not was_away:
            del part.silences[other]
            part.reports[other] = BatchOperationPartitionLifecycle(
                source_partition_id=other, errors=(BatchError(),), **row.numbers
            )
            world.expect(LIFECYCLE, "PARTITION_GIVEN_UP", key, **said)
        else:
            row.asked, row.due = True, half_later(world)
            world.expect(LIFECYCLE, "PARTITION_CHECKED", key, **said)
        world.expect_sent(other)
    arm(world, part)
    batches.judge(part)
    batches.finish_all(part)


def answer(batches: Batches, world: World, command: Record) -> None:
    world.expect_sent(followed(batches, command).lead)


def take_answer(batches: Batches, world: World, command: Record) -> None:
    report = cast(BatchOperationPartitionLifecycle, command.value)
    part = batches.parts.get(command.key)
    if part is None or report.source_partition_id not in part.silences:
        raise Refused(NOT_FOUND)
    hear(world, part, report, ends=False)
    said = {"source_partition_id": report.source_partition_id, "rate": 0.0, **numbers_of(report)}
    world.expect(LIFECYCLE, "PARTITION_ANSWERED", part.key, **said)


def abandon(batches: Batches, world: World, command: Record) -> None:
    part = followed(batches, command)
    if part.abandoned:
        raise Refused(INVALID_STATE)
    part.broken = part.silent = True
    part.token += 1
    batches.expect_progress(part, "FAILED", attempts=0)
    batches.wait(part)
    batches.advance(part)


def followed(batches: Batches, command: Record) -> Part:
    part = batches.parts.get(command.key)
    if part is None or command.step.sender_partition != part.lead:
        raise Refused(NOT_FOUND)
    return part


def given_up(part: Part) -> tuple[str, str]:
    """The outcome of an item that is not executed, and its error."""
    return ("FAILED", SILENT) if part.silent and not part.canceling else ("CANCELED", "")


def retry_later(batches: Batches, part: Part) -> None:
    """A part that was given up has ended: all its items that were not executed are FAILED, and those are retried."""
    for child in batches.parts.values():
        if child.options.parent_key == part.key:
            chosen = batches.changed if child.options.undoes else batches.failed
            child.selection.candidates = {item: [True, True] for item in chosen.get(part.key, ())}
