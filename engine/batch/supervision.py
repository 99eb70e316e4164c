"""What the lead partition does while a batch operation runs: it hears how far the others are, divides the rate among
them by what they have pending, and suspends the batch operation when too many items have failed.

Rule: only a batch operation with a rate or a limit of failures is supervised; partitions report at most once a slice.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.effects import Effects, Event, Send
from engine.core.faults import INVALID_STATE, NOT_FOUND, Reject
from engine.core.record import Record
from engine.core.record import command as make_command
from engine.core.state import View
from engine.records import BatchOperationLifecycleManagement, BatchOperationPartitionLifecycle
from engine.records.batch_operation_lifecycle_management import PHASES

from .lifecycle import (
    MANAGEMENT,
    PARTITION_EVENTS,
    PARTITION_LIFECYCLE,
    finish_if_all_reported,
    part_of,
    refuse_given_up,
    step_of,
    tell_all,
)
from .pacing import advance
from .plans import judge
from .tables import BATCHES, PROGRESS, REPORTS, Batch, Progress, Report

REPORTED, PACED = "PARTITION_REPORTED", "PARTITION_PACED"
#: The rate is divided anew when the share of a partition would change by more than this part of it.
SHARE_CHANGE_MIN = 0.1


def supervise(view: View, key: int) -> Effects:
    """After a slice: tell the lead partition how far this one is, or on the lead partition look at all of them."""
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None or not batch.reports or progress.abandoned or progress.finished:
        return
    if batch.lead_partition == view.partition:
        yield from _judge(view, key, batch, progress)
    elif (
        progress.failed > progress.reported_failed
        or view.now - progress.reported_at >= view.settings.batch_poll_time_ms
    ):
        value = part_of(view, key, progress)
        yield Event(value_type=PARTITION_LIFECYCLE, intent=REPORTED, key=key, value=value)
        report = make_command(PARTITION_LIFECYCLE, "REPORT_PARTITION", value, key=key, step=step_of(key))
        yield Send(partition=batch.lead_partition, command=report)


def take_report(command: Record, view: View) -> Effects:
    """COMPLETE_PARTITION, FAIL_PARTITION, CANCEL_PARTITION, REPORT_PARTITION on the lead partition."""
    key = command.key
    batch = view.get(BATCHES, key)
    if batch is None or batch.lead_partition != view.partition or command.step.sender_partition == 0:
        raise Reject(NOT_FOUND, f"expected a report on a batch operation that this partition leads, got '{key}'")
    intent = PARTITION_EVENTS.get(command.intent.removesuffix("_PARTITION"), REPORTED)
    if intent == REPORTED:
        refuse_given_up(command, view)
    yield Event(value_type=PARTITION_LIFECYCLE, intent=intent, key=key, value=command.value)
    progress = view.get(PROGRESS, key)
    if batch.reports and progress is not None and not progress.abandoned:
        yield from _judge(view, key, batch, progress)
        after = view.get(PROGRESS, key)
        if after is not None and after.token != progress.token:  # its own share is another one, its loop a new one
            yield from advance(view, key)
    if intent != REPORTED:
        yield from judge(view, key)
        yield from finish_if_all_reported(view, key, batch)


def take_pace(command: Record, view: View) -> Effects:
    """PACE_PARTITION: the lead partition gives this one another share of the rate."""
    progress = view.get(PROGRESS, command.key)
    if progress is None or command.step.sender_partition == 0:
        raise Reject(NOT_FOUND, f"expected a batch operation that runs on this partition, got '{command.key}'")
    if progress.abandoned or progress.finished:
        raise Reject(INVALID_STATE, f"expected batch operation '{command.key}' to execute items, got one that ends")
    yield Event(value_type=PARTITION_LIFECYCLE, intent=PACED, key=command.key, value=command.value)
    yield from advance(view, command.key)


def limit_reached(view: View, key: int, batch: Batch, progress: Progress) -> str:
    """Why the batch operation has to be suspended on its lead partition; empty if it may go on."""
    options = batch.options
    if not (options.failures_max or options.failure_share_max):
        return ""
    reports = _others(view, key)
    parts: list[Progress | Report] = [progress, *reports.values()]
    failed = sum(part.failed for part in parts) - progress.forgiven
    if options.failures_max and failed >= options.failures_max:
        return f"expected fewer than {options.failures_max} failed items, got {failed}; see them, then resume or cancel"
    total = sum(part.total for part in parts)
    is_known = progress.initialized and len(reports) == len(batch.partition_ids) - 1
    if options.failure_share_max and is_known and failed and failed >= options.failure_share_max * total:
        share = f"{options.failure_share_max:.4g} of {total} items"
        return f"expected fewer than {share} to fail, got {failed}; see them, then resume or cancel"
    return ""


def shares(view: View, key: int, batch: Batch, rate: float) -> dict[int, float]:
    """Partition -> its share of a rate: by what is pending, or evenly while a partition has not told that."""
    progress = view.get(PROGRESS, key)
    reports = _others(view, key)
    weights = {partition: _weight(reports.get(partition)) for partition in batch.partition_ids}
    if progress is not None:
        own = progress.total - progress.done if progress.initialized else None
        weights[view.partition] = 0 if progress.finished else own if own is None else max(own, 1)
    if None in weights.values():
        weights = {partition: 0 if weight == 0 else 1 for partition, weight in weights.items()}
    whole = sum(weight or 0 for weight in weights.values()) or 1
    return {partition: rate * (weight or 0) / whole for partition, weight in weights.items()}


def _weight(report: Report | None) -> int | None:
    """None: it has not told how much it has."""
    if report is None:
        return None
    return 0 if report.ended else max(report.pending, 1)


def _others(view: View, key: int) -> Mapping[int, Report]:
    """The last report of each partition but this one."""
    return {report.partition: report for _, report in view.scan(REPORTS, key) if report.partition != view.partition}


def _judge(view: View, key: int, batch: Batch, progress: Progress) -> Effects:
    reason = limit_reached(view, key, batch, progress)
    if reason and not progress.suspended and _has_work(view, key, batch, progress):
        value = BatchOperationLifecycleManagement(
            batch_operation_key=key, batch_operation_type=batch.type, reason=reason, phases=PHASES
        )
        yield Event(value_type=MANAGEMENT, intent="SUSPENDED", key=key, value=value)
        yield from tell_all(view, "SUSPEND", value)
    if batch.rate:
        yield from _divide_rate(view, key, batch)


def _has_work(view: View, key: int, batch: Batch, progress: Progress) -> bool:
    """Whether suspending would hold anything."""
    if not progress.finished and (progress.has_pending or not progress.initialized):
        return True
    reports = _others(view, key)
    return len(reports) < len(batch.partition_ids) - 1 or any(not report.ended for report in reports.values())


def _divide_rate(view: View, key: int, batch: Batch) -> Effects:
    progress = view.get(PROGRESS, key)
    if progress is None:
        return
    given = {partition: report.rate for partition, report in _others(view, key).items()}
    given[view.partition] = 0.0 if progress.finished else progress.rate
    wanted = {p: share for p, share in shares(view, key, batch, batch.rate).items() if p in given and share}
    if all(abs(share - given[partition]) <= SHARE_CHANGE_MIN * given[partition] for partition, share in wanted.items()):
        return
    for partition, share in wanted.items():
        if share != given[partition]:
            yield from _pace(view, key, partition, share)


def _pace(view: View, key: int, partition: int, share: float) -> Effects:
    value = BatchOperationPartitionLifecycle(batch_operation_key=key, source_partition_id=partition, rate=share)
    yield Event(value_type=PARTITION_LIFECYCLE, intent=PACED, key=key, value=value)
    if partition != view.partition:
        yield Send(
            partition=partition,
            command=make_command(PARTITION_LIFECYCLE, "PACE_PARTITION", value, key=key, step=step_of(key)),
        )
