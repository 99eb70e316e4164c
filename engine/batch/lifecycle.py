"""A batch operation on all its partitions: its creation, and how it ends.

The lead partition is the one that decided the CREATE; the others follow it by partition messages. When a partition's
part has ended it reports its counts to the lead partition, which decides the final state (design section 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import msgspec

from engine.core.effects import Effects, Event, Send
from engine.core.faults import INVALID_ARGUMENT, INVALID_STATE, NOT_FOUND, Reject
from engine.core.principal import Principal, principal_of
from engine.core.record import NONE, Record, Step, partition_of
from engine.core.record import command as make_command
from engine.core.settings import MachineSettings
from engine.core.state import View
from engine.records import (
    BatchOperationCreation,
    BatchOperationExecution,
    BatchOperationInitialization,
    BatchOperationLifecycleManagement,
    BatchOperationPartitionLifecycle,
)

from .life import ENDED, UNKNOWN, state_of
from .operation import Operation
from .options import problems_of_options
from .tables import BATCHES, ENDED_BATCHES, PLANS, PROGRESS, REPORTS, Batch, Progress, Report

CREATION = "BATCH_OPERATION_CREATION"
INITIALIZATION = "BATCH_OPERATION_INITIALIZATION"
CHUNK = "BATCH_OPERATION_CHUNK"
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
    refuse_unknown_type(wish, operations)
    if wish.options.origin_key == NONE and not wish.item_keys and not is_filter(wish.filter):
        raise Reject(INVALID_ARGUMENT, "expected a filter that is not empty, or keys, got neither; say what is meant")
    operation = operations[wish.batch_operation_type]
    problems = [*problems_of_options(wish.options), *operation.contradictions(wish.filter)]
    got = operation.unplanned(undoes=wish.options.undoes)
    if wish.options.keep_plan and got:
        problems.append(f"keepPlan: expected a type about what runs, got {got}; make a dry run alone")
    if wish.options.undoable and (operation.replaces is None or wish.options.undoes):
        can = ", ".join(sorted(name for name, each in operations.items() if each.replaces))
        got = "an undo" if wish.options.undoes else operation.name
        problems.append(f"undoable: expected a type whose items say what they replace ({can}), got {got}; leave it out")
    if wish.filter and not is_filter(wish.filter):
        problems.append(f"filter: expected a JSON object with a property, got {wish.filter[:100]}; leave it out")
    if any(key < 0 for key in wish.item_keys):
        problems.append(f"keys: expected numbers above 0, got {min(wish.item_keys)}; correct it")
    if wish.facts:
        problems.append(f"facts: expected none, for a batch operation looks for them, got {len(wish.facts)}; omit them")
    if problems:
        raise Reject(INVALID_ARGUMENT, "; ".join(problems))


def refuse_unknown_type(wish: BatchOperationCreation, operations: Mapping[str, Operation]) -> None:
    """Raises Reject INVALID_ARGUMENT unless there is this type."""
    if wish.batch_operation_type not in operations:
        known = ", ".join(sorted(operations))
        raise Reject(INVALID_ARGUMENT, f"expected a batch operation type of {known}, got '{wish.batch_operation_type}'")


def as_child(wish: BatchOperationCreation, view: View, operations: Mapping[str, Operation]) -> BatchOperationCreation:
    """The creation of one that does to the FAILED items of another what that did, or that puts back what its COMPLETED
    ones changed. Raises Reject."""
    key, undoes = wish.options.parent_key, wish.options.undoes
    verb = "undo" if undoes else "retry"
    if wish.item_keys or wish.filter:
        raise Reject(INVALID_ARGUMENT, f"expected neither a filter nor keys to {verb} a batch operation, got some")
    state = state_of(view, key)
    ended = view.get(ENDED_BATCHES, key)
    if state == UNKNOWN:
        raise Reject(NOT_FOUND, f"expected a batch operation to {verb}, got key {key} of none; check the key")
    if ended is None:
        raise Reject(INVALID_STATE, f"expected batch operation {key} in state {ENDED} to {verb}, got {state}")
    if ended.dry_run:
        expected = f"expected a batch operation that was no dry run to {verb}"
        raise Reject(INVALID_STATE, f"{expected}, got {key}; create another")
    operation = operations[ended.type]
    if ended.undoes and operation.restore:
        expected = f"expected a batch operation that did not put back values itself to {verb}"
        raise Reject(INVALID_STATE, f"{expected}, got {key}; undo the first one again: what is back already stays")
    same = msgspec.structs.replace(wish, batch_operation_type=ended.type, parameters=ended.parameters)
    if not undoes:
        return same
    opposite = operation.undone_by
    if not opposite:
        can = ", ".join(sorted(name for name, operation in operations.items() if operation.undone_by))
        text = (
            f"expected a batch operation that can be undone ({can}), got {ended.type}: the log does not tell all that"
        )
        raise Reject(INVALID_STATE, f"{text} it replaced or ended; create a batch operation that repairs it")
    if operation.restore and not ended.undoable:
        expected = "expected a batch operation that was created with 'undoable', whose items say what they replaced"
        raise Reject(INVALID_STATE, f"{expected}, got {key}; create a batch operation that repairs it")
    return same if operation.restore else msgspec.structs.replace(wish, batch_operation_type=opposite, parameters=b"")


def is_filter(text: str) -> bool:
    """Whether the text is a JSON object with something in it."""
    if not text:
        return False
    try:
        return bool(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    except (msgspec.DecodeError, RecursionError):
        return False


def create(command: Record, wish: BatchOperationCreation, view: View) -> Effects:
    """BATCH_OPERATION_CREATION CREATE, checked: from a client on the lead partition, from there on the others."""
    follows = command.step.sender_partition != 0
    key_max = view.last_key
    key = command.key if follows else view.next_key()
    settings = view.settings
    creator = Principal(wish.actor_type, wish.actor_id) if follows else principal_of(command.step.claims)
    value = msgspec.structs.replace(
        wish,
        batch_operation_key=key,
        partition_ids=wish.partition_ids if follows else tuple(range(1, view.partition_count + 1)),
        lead_partition=wish.lead_partition if follows else view.partition,
        key_max=key_max,
        actor_type=creator.type,
        actor_id=creator.id,
        chunk_size=settings.chunk_size,
        page_size=page_size(settings),
    )
    yield Event(value_type=CREATION, intent="CREATED", key=key, value=value, answers=not follows)
    if value.options.plan_key != NONE:
        yield validate_later(key, 0, view.partition)
    if not follows:
        for partition in others(view):
            keys = tuple(item for item in value.item_keys if partition_of(item) == partition)
            copied = msgspec.structs.replace(value, item_keys=keys)
            copy = make_command(CREATION, "CREATE", copied, key=key, step=step_of(key))
            yield Send(partition=partition, command=copy)


def page_size(settings: MachineSettings) -> int:
    """Items that one query asks for."""
    seeded = settings.batch_jobs_per_seed * settings.invocations_per_batch_job
    return min(settings.query_page_size, seeded or settings.query_page_size)


def validate_later(key: int, cursor: int, partition: int) -> Send:
    """The command that goes on with the validation of a plan's items on this partition, from the item `cursor` on."""
    value = BatchOperationInitialization(batch_operation_key=key, cursor=cursor)
    return Send(
        partition=partition, command=make_command(INITIALIZATION, "VALIDATE", value, key=key, step=step_of(key))
    )


def tell_all(view: View, intent: str, value: BatchOperationLifecycleManagement) -> Iterator[Send]:
    """From the lead partition to each of the others: the same command."""
    return (tell(partition, intent, value) for partition in others(view))


def tell(partition: int, intent: str, value: BatchOperationLifecycleManagement) -> Send:
    key = value.batch_operation_key
    return Send(partition=partition, command=make_command(MANAGEMENT, intent, value, key=key, step=step_of(key)))


def execute_later(view: View, key: int) -> Send:
    """The command that begins or goes on with the execution loop of this partition."""
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    token = progress.token if progress else NONE
    value = BatchOperationExecution(batch_operation_key=key, token=token)
    intent = "DRY_RUN" if batch and batch.options.dry_run else "EXECUTE"
    return Send(partition=view.partition, command=make_command(EXECUTION, intent, value, key=key, step=step_of(key)))


def part_of(view: View, key: int, progress: Progress) -> BatchOperationPartitionLifecycle:
    """How far this partition's part is."""
    plan = view.get(PLANS, key)
    return BatchOperationPartitionLifecycle(
        batch_operation_key=key,
        source_partition_id=view.partition,
        errors=(progress.error,) if progress.error else (),
        total=progress.total,
        completed=progress.completed,
        failed=progress.failed,
        skipped=progress.skipped,
        canceled=progress.canceled,
        plan_hash=plan.hash if plan else b"",
    )


def refuse_given_up(command: Record, view: View) -> None:
    """A report on what goes on; the end of a part is heard gladly. Raises Reject."""
    partition = cast(BatchOperationPartitionLifecycle, command.value).source_partition_id
    report = view.get(REPORTS, command.key, partition)
    if report is not None and report.ended:
        text = f"expected a report on a part that goes on, got one of partition {partition}, which was given up"
        raise Reject(INVALID_STATE, text)


def finish_when_done(view: View, key: int) -> Effects:
    """Report this partition's part when every item has its outcome and no more will come."""
    progress = view.get(PROGRESS, key)
    if progress is None or progress.has_pending or progress.done < progress.total:
        return
    if progress.abandoned or (progress.initialized and progress.may_end):
        yield from finish_partition(view, key)


def finish_partition(view: View, key: int) -> Effects:
    """This partition's part has ended: say so here, and tell the lead partition."""
    batch, progress = view.get(BATCHES, key), view.get(PROGRESS, key)
    if batch is None or progress is None or progress.finished:
        return
    kind = "FAIL" if progress.error else "CANCEL" if progress.canceling else "COMPLETE"
    value = part_of(view, key, progress)
    yield Event(value_type=PARTITION_LIFECYCLE, intent=PARTITION_EVENTS[kind], key=key, value=value)
    if batch.lead_partition == view.partition:
        yield from finish_if_all_reported(view, key, batch)
        return
    report = make_command(PARTITION_LIFECYCLE, f"{kind}_PARTITION", value, key=key, step=step_of(key))
    yield Send(partition=batch.lead_partition, command=report)
    if progress.deleting:  # nothing of it comes any more, so it can be forgotten
        told = BatchOperationLifecycleManagement(batch_operation_key=key, batch_operation_type=batch.type)
        yield Event(value_type=MANAGEMENT, intent="DELETED", key=key, value=told)


#: How a part ends -> the event, on its partition and on the lead partition.
PARTITION_EVENTS = {"FAIL": "PARTITION_FAILED", "CANCEL": "PARTITION_CANCELED", "COMPLETE": "PARTITION_COMPLETED"}


def finish_if_all_reported(view: View, key: int, batch: Batch) -> Effects:
    """The final event, once every partition has ended."""
    progress = view.get(PROGRESS, key)
    if progress is not None and not progress.may_end:
        return
    reports = [report for _, report in view.scan(REPORTS, key) if report.ended]
    if len(reports) < len(batch.partition_ids):
        return
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
        removal_time=removal_time_of(view.settings, batch.type, view.now),
    )
    yield Event(value_type=MANAGEMENT, intent=intent, key=key, value=value)


def removal_time_of(settings: MachineSettings, operation: str, end_time: int) -> int:
    """When a batch operation of this type that ended then is deleted by itself, ms since 1970; 0 never."""
    retention = settings.retention_by_type_ms.get(operation, settings.retention_ms)
    return end_time + retention if retention else 0


def final_state(reports: list[Report], *, canceled: bool) -> str:
    """Design section 5, first match wins."""
    failed_partitions = sum(report.failed_partition for report in reports)
    total = sum(report.total for report in reports)
    if canceled:
        return "CANCELED"
    if failed_partitions == len(reports) or (total > 0 and sum(report.failed for report in reports) == total):
        return "FAILED"
    return "PARTIALLY_COMPLETED" if failed_partitions else "COMPLETED"
