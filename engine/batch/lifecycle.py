"""A batch operation on all its partitions: creation, suspension, resumption, cancellation, and how it ends.

The lead partition is the one that decided the CREATE; the others follow it by partition messages. When a partition's
part has ended it reports its counts to the lead partition, which decides the final state (design section 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import msgspec

from engine.core.effects import Effects, Event, Send
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.record import NONE, Record, Step, partition_of
from engine.core.record import command as make_command
from engine.core.state import View
from engine.records import (
    BatchOperationCreation,
    BatchOperationExecution,
    BatchOperationLifecycleManagement,
    BatchOperationPartitionLifecycle,
)

from .operation import Operation
from .tables import BATCHES, PROGRESS, REPORTS, Batch, Progress, Report

CREATION = "BATCH_OPERATION_CREATION"
MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
PARTITION_LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"
EXECUTION = "BATCH_OPERATION_EXECUTION"


def step_of(key: int) -> Step:
    """What internal commands of a batch operation carry: its reference, and its creator's claims."""
    return Step(batch_operation_reference=key, claims=f"batch:{key}")


def others(view: View) -> Iterator[int]:
    return (partition for partition in range(1, view.partition_count + 1) if partition != view.partition)


def refuse_bad_creation(wish: BatchOperationCreation, operations: Mapping[str, Operation]) -> None:
    """Raises Reject INVALID_ARGUMENT for what cannot be executed."""
    if wish.batch_operation_type not in operations:
        known = ", ".join(sorted(operations))
        raise Reject(INVALID_ARGUMENT, f"expected a batch operation type of {known}, got '{wish.batch_operation_type}'")
    if not wish.item_keys and not is_filter(wish.filter):
        raise Reject(INVALID_ARGUMENT, "expected a filter that is not empty, or keys, got neither; say what is meant")


def is_filter(text: str) -> bool:
    """Whether the text is a JSON object with something in it."""
    if not text:
        return False
    try:
        return bool(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, RecursionError):
        return False


def create(command: Record, view: View) -> Effects:
    """BATCH_OPERATION_CREATION CREATE, checked: from a client on the lead partition, from there on the others."""
    wish = cast(BatchOperationCreation, command.value)
    follows = command.step.sender_partition != 0
    key_max = view.last_key
    key = command.key if follows else view.next_key()
    settings = view.settings
    value = msgspec.structs.replace(
        wish,
        batch_operation_key=key,
        partition_ids=wish.partition_ids if follows else tuple(range(1, view.partition_count + 1)),
        lead_partition=wish.lead_partition if follows else view.partition,
        key_max=key_max,
        actor_type=wish.actor_type or "ANONYMOUS",
        chunk_size=settings.chunk_size,
        page_size=settings.query_page_size,
    )
    yield Event(value_type=CREATION, intent="CREATED", key=key, value=value, answers=not follows)
    if not follows:
        for partition in others(view):
            keys = tuple(item for item in value.item_keys if partition_of(item) == partition)
            copied = msgspec.structs.replace(value, item_keys=keys)
            copy = make_command(CREATION, "CREATE", copied, key=key, step=step_of(key))
            yield Send(partition=partition, command=copy)


def manage(command: Record, view: View) -> Effects:
    """SUSPEND, RESUME, CANCEL: from a client on the lead partition, from there on the others."""
    key = command.key
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    verb = command.intent.lower()
    if batch is None or progress is None:
        raise Reject(NOT_FOUND, f"expected a batch operation to {verb}, got key {key} of none; it may have ended")
    from_client = command.step.sender_partition == 0
    if from_client and batch.lead_partition != view.partition:
        raise Reject(INVALID_ARGUMENT, f"expected the command on lead partition {batch.lead_partition}")
    _refuse_wrong_state(command.intent, key, progress)
    done = {"SUSPEND": "SUSPENDED", "RESUME": "RESUMED", "CANCEL": "CANCELING"}[command.intent]
    value = BatchOperationLifecycleManagement(batch_operation_key=key, batch_operation_type=batch.type)
    yield Event(value_type=MANAGEMENT, intent=done, key=key, value=value, answers=from_client)
    if from_client:
        for partition in others(view):
            copy = make_command(MANAGEMENT, command.intent, value, key=key, step=step_of(key))
            yield Send(partition=partition, command=copy)
    goes_on = progress.initialized or progress.abandoned or command.intent == "CANCEL"
    if command.intent != "SUSPEND" and goes_on and not progress.finished:
        yield execute_later(view, key)


def _refuse_wrong_state(intent: str, key: int, progress: Progress) -> None:
    state = "CANCELING" if progress.canceling else "SUSPENDED" if progress.suspended else "ACTIVE"
    allowed = {"SUSPEND": ("ACTIVE",), "RESUME": ("SUSPENDED",), "CANCEL": ("ACTIVE", "SUSPENDED")}[intent]
    if state not in allowed:
        raise Reject(
            INVALID_STATE,
            f"expected batch operation {key} in state {' or '.join(allowed)}, got {state}; do not {intent.lower()} it",
        )


def execute_later(view: View, key: int) -> Send:
    """The command that begins or goes on with the execution loop of this partition."""
    progress = view.get(PROGRESS, key)
    token = progress.token if progress else NONE
    value = BatchOperationExecution(batch_operation_key=key, token=token)
    return Send(partition=view.partition, command=make_command(EXECUTION, "EXECUTE", value, key=key, step=step_of(key)))


def finish_partition(view: View, key: int) -> Effects:
    """This partition's part has ended: say so here, and tell the lead partition."""
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None or progress.finished:
        return
    error = progress.error
    kind = "FAIL" if error else "CANCEL" if progress.canceling else "COMPLETE"
    value = BatchOperationPartitionLifecycle(
        batch_operation_key=key,
        source_partition_id=view.partition,
        errors=(error,) if error else (),
        total=progress.total,
        completed=progress.completed,
        failed=progress.failed,
        skipped=progress.skipped,
        canceled=progress.canceled,
    )
    yield Event(value_type=PARTITION_LIFECYCLE, intent=_PARTITION_EVENTS[kind], key=key, value=value)
    if batch.lead_partition == view.partition:
        yield from _finish_if_all_reported(view, key, batch)
        return
    report = make_command(PARTITION_LIFECYCLE, f"{kind}_PARTITION", value, key=key, step=step_of(key))
    yield Send(partition=batch.lead_partition, command=report)


_PARTITION_EVENTS = {"FAIL": "PARTITION_FAILED", "CANCEL": "PARTITION_CANCELED", "COMPLETE": "PARTITION_COMPLETED"}


def take_report(command: Record, view: View) -> Effects:
    """COMPLETE_PARTITION, FAIL_PARTITION, CANCEL_PARTITION on the lead partition."""
    key = command.key
    batch = view.get(BATCHES, key)
    if batch is None or batch.lead_partition != view.partition or command.step.sender_partition == 0:
        raise Reject(NOT_FOUND, f"expected a report on a batch operation that this partition leads, got '{key}'")
    kind = command.intent.removesuffix("_PARTITION")
    yield Event(value_type=PARTITION_LIFECYCLE, intent=_PARTITION_EVENTS[kind], key=key, value=command.value)
    yield from _finish_if_all_reported(view, key, batch)


def _finish_if_all_reported(view: View, key: int, batch: Batch) -> Effects:
    reports = [report for _, report in view.scan(REPORTS, key)]
    if len(reports) < len(batch.partition_ids):
        return
    progress = view.get(PROGRESS, key)
    intent = final_state(reports, canceled=progress is not None and progress.canceling)
    value = BatchOperationLifecycleManagement(
        batch_operation_key=key,
        batch_operation_type=batch.type,
        errors=tuple(error for report in reports for error in report.errors),
        total=sum(report.total for report in reports),
        completed=sum(report.completed for report in reports),
        failed=sum(report.failed for report in reports),
        skipped=sum(report.skipped for report in reports),
        canceled=sum(report.canceled for report in reports),
    )
    yield Event(value_type=MANAGEMENT, intent=intent, key=key, value=value)


def final_state(reports: list[Report], *, canceled: bool) -> str:
    """Design section 5, first match wins."""
    failed_partitions = sum(report.failed_partition for report in reports)
    total = sum(report.total for report in reports)
    if canceled:
        return "CANCELED"
    if failed_partitions == len(reports) or (total > 0 and sum(report.failed for report in reports) == total):
        return "FAILED"
    return "PARTIALLY_COMPLETED" if failed_partitions else "COMPLETED"
