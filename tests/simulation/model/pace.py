"""How fast a partition executes its part of a batch operation, what it tells of it, and when it is suspended by itself.

Source: docs/batch-operations.md, "How it runs". What share of a rate a partition has is read from the log, and checked:
together they are no more than the rate.
"""

from __future__ import annotations

import math
from typing import cast

from engine.core.record import Record
from engine.records import BatchOperationPartitionLifecycle

from . import silence
from .part import PHASES, Part
from .world import World

LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"
BURST_MS = 100
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
#: Of sums of shares.
ROUNDING = 1e-9


def wait(world: World, part: Part) -> None:
    """After an event that changes what the part waits for."""
    due = 0
    if part.runs and not part.abandoned and part.has_pending:
        due = max(math.ceil(part.paid_until), part.paused_until, part.turn, part.options.start_at)
        if not part.pending:
            due = max(due, part.again[0][2])
    part.wake = due if due > world.now else 0
    world.wakes.pop(part.key, None)
    if part.wake:
        world.wakes[part.key] = part.wake


def pause(world: World, part: Part) -> None:
    """Before a slice: a window of pause may hold it."""
    until = 0 if part.abandoned else max((end_of(text, world.now) for text in part.windows), default=0)
    if until:
        part.paused_until = until
        said = {"item_count": 0, "retry_count": 0, "paused_until": until}
        world.expect("BATCH_OPERATION_EXECUTION", "PAUSED", part.key, **said)
        wait(world, part)


def end_of(text: str, now: int) -> int:
    """When a window ends that holds now; 0 for none. Those of the simulation are all in UTC."""
    start, end = (int(at[:2]) * 60 + int(at[3:]) for at in text.split("-"))
    midnight = now // DAY_MS * DAY_MS
    begins = [midnight + day * DAY_MS + start * MINUTE_MS for day in (-1, 0)]
    length = (end - start) % (24 * 60)
    ends = [at + length * MINUTE_MS for at in begins if 0 <= now - at < length * MINUTE_MS]
    return max(ends, default=0)


def change_share(world: World, part: Part, share: float) -> None:
    """What is not paid for yet is paid for at the new rate."""
    left = (part.paid_until - world.now) * part.share
    if part.paid_until > world.now:
        part.paid_until = world.now + left / share if share else 0.0
    part.share = share
    part.token += 1
    wait(world, part)


def slice_max(world: World, part: Part) -> int:
    size = part.slice_size or world.settings.slice_size
    size = min(size, max(1, math.floor(part.share))) if part.share else size
    together = world.settings.invocations_per_batch_job
    return max(together, size - size % together)


def pay(world: World, part: Part, count: int) -> None:
    """Items were executed. Before they may be, the earlier ones are paid for, and its start has come."""
    if part.abandoned or not count:
        return
    if max(part.paid_until, part.turn, part.options.start_at) > world.now:
        world.differ(f"batch operation {part.key} executes items at {world.now}, before it may")
    if part.share:
        part.paid_until = max(part.paid_until, world.now - BURST_MS) + count * 1000 / part.share


def is_watched(part: Part) -> bool:
    return bool(part.rate or part.options.failures_max or part.options.failure_share_max)


def supervise(world: World, part: Part) -> None:
    """After a slice."""
    if not is_watched(part) or part.abandoned or part.finished:
        return
    if part.lead == world.partition:
        judge(world, part)
    elif (
        part.counts["FAILED"] > part.reported_failed
        or world.now - part.reported_at >= world.settings.batch_poll_time_ms
    ):
        part.reported_at, part.reported_failed = world.now, part.counts["FAILED"]
        told = {"source_partition_id": world.partition, "rate": 0.0, **part.numbers}
        world.expect(LIFECYCLE, "PARTITION_REPORTED", part.key, **told)
        world.expect_sent(part.lead)


def judge(world: World, part: Part) -> None:
    """On the lead partition: too many failures suspend it on all partitions, and the rate may be divided anew."""
    if not part.suspended and is_too_bad(part, world.partition) and has_work(part, world.partition):
        part.held = PHASES
        part.token += 1
        wait(world, part)
        silence.arm(world, part)
        world.expect_life(part, "SUSPENDED", phases=PHASES)
        for partition in world.others:
            world.expect_sent(partition)
    if part.rate:
        read_shares(world, part)


def others_of(part: Part, partition: int) -> dict[int, BatchOperationPartitionLifecycle]:
    """What each of the others told last."""
    return {other: report for other, report in {**part.told, **part.reports}.items() if other != partition}


def is_too_bad(part: Part, partition: int) -> bool:
    others = others_of(part, partition)
    failed = part.counts["FAILED"] + sum(report.failed for report in others.values()) - part.forgiven
    total = part.total + sum(report.total for report in others.values())
    options = part.options
    if options.failures_max and failed >= options.failures_max:
        return True
    is_known = part.initialized and len(others) == len(part.partitions) - 1
    return bool(options.failure_share_max and is_known and failed and failed >= options.failure_share_max * total)


def has_work(part: Part, partition: int) -> bool:
    """Whether anything is left that could be held."""
    if not part.finished and (part.has_pending or not part.initialized):
        return True
    others = others_of(part, partition)
    return len(others) < len(part.partitions) - 1 or any(other not in part.reports for other in others)


def read_shares(world: World, part: Part) -> None:
    """The shares that the log says; together they are no more than the rate."""
    told = [r for r in world.step.events if r.intent == "PARTITION_PACED" and r.key == part.key]
    shares = {value_of(record).source_partition_id: value_of(record).rate for record in told}
    if any(share <= 0 for share in shares.values()) or sum(shares.values()) > part.rate * (1 + ROUNDING):
        world.differ(f"batch operation {part.key}: shares {shares} of a rate of {part.rate}")
    for partition, share in shares.items():
        expect_pace(world, part, partition, share)
        if partition == world.partition:
            change_share(world, part, share)
        world.expect_sent(partition)


def expect_pace(world: World, part: Part, partition: int, share: float) -> None:
    told = {"source_partition_id": partition, "rate": share, **dict.fromkeys(part.numbers, 0)}
    world.expect(LIFECYCLE, "PARTITION_PACED", part.key, **told)


def value_of(record: Record) -> BatchOperationPartitionLifecycle:
    return cast(BatchOperationPartitionLifecycle, record.value)
