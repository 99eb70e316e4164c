"""One partition's part of a batch operation: which record changes what of it, whatever it is stored in.

Rule: a partition's events change that partition's part and no other, so parts may arrive in any order. Outcomes come
from the items' own events and the total from the chunks: those are counted by who writes the items. What a part lists
(its log, kinds of failures) is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engine.core.record import Record, partition_of
from engine.records.batch_operation_creation import BatchOperationCreation
from engine.records.batch_operation_execution import BatchOperationExecution
from engine.records.batch_operation_incident import BatchOperationIncident
from engine.records.batch_operation_initialization import BatchOperationInitialization
from engine.records.batch_operation_item import BatchOperationItem
from engine.records.batch_operation_lifecycle_management import PHASES, BatchOperationLifecycleManagement
from engine.records.batch_operation_partition_lifecycle import BatchOperationPartitionLifecycle
from engine.records.batch_operation_webhook import BatchOperationWebhook
from engine.records.batch_options import BatchOptions

from .facts import errors_json

LIFECYCLE = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
PARTITION_LIFECYCLE = "BATCH_OPERATION_PARTITION_LIFECYCLE"
WEBHOOK = "BATCH_OPERATION_WEBHOOK"
#: Kinds of failures that a part tells apart; those beyond count as one.
FAILURES_MAX = 20
#: Items that are named of each kind.
EXAMPLES_MAX = 5
#: Entries of its log that a part keeps: the first and the last of them.
LOG_MAX = 100
#: What differs between two failures of a kind: keys, and other numbers.
NUMBERS = re.compile(r"\d+")


class Part(Struct, kw_only=True):
    """What is stored, in the order of the columns of `batch_operation_partitions` in `sqlite/schema.sql`."""

    batch_operation_key: int
    partition_id: int
    type: str = ""
    actor_type: str | None = None
    actor_id: str | None = None
    creation_date: int = 0
    initialization_date: int | None = None
    suspended: bool = False
    held: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    canceled: int = 0
    errors: str = "[]"
    final_state: str | None = None
    final_date: int | None = None
    final_errors: str | None = None
    final_total: int = 0
    final_completed: int = 0
    final_failed: int = 0
    final_skipped: int = 0
    final_canceled: int = 0
    name: str | None = None
    labels: str = "[]"
    reason: str | None = None
    start_at: int | None = None
    parent_key: int | None = None
    rate: float = 0.0
    slice_size: int = 0
    suspension_reason: str | None = None
    running_date: int | None = None
    running_done: int = 0
    outcome_date: int | None = None
    failures: str = "[]"
    log: str = "[]"
    incidents: int = 0
    pause_windows: str = "[]"
    paused_until: int | None = None
    deleted: bool = False
    dry_run: bool = False
    undoable: bool = False
    plan_key: int | None = None
    approved_by: str | None = None
    yielding_since: int | None = None
    yield_pause: int = 0
    silent: str = "[]"
    silent_since: int | None = None
    undoes: bool = False
    keep_plan: bool = False
    max_failures: str | None = None
    retry_policy: str | None = None
    webhook: str | None = None
    partitions: int = 0

    @property
    def done(self) -> int:
        """Items that have their outcome."""
        return self.completed + self.failed + self.skipped + self.canceled


def count_outcome(part: Part, record: Record, value: BatchOperationItem) -> None:
    """An item has its outcome."""
    counter = record.intent.lower()
    setattr(part, counter, getattr(part, counter) + 1)
    part.outcome_date = record.step.timestamp
    if record.intent == "FAILED":
        part.failures = _with_failure(part.failures, record.key, value)


def count_incident(part: Part, record: Record, _: BatchOperationIncident) -> None:
    """An item waits for somebody, or waits no more."""
    part.incidents += 1 if record.intent == "CREATED" else -1


def _with_failure(known: str, item_key: int, value: BatchOperationItem) -> str:
    """Failures by kind: how many there are, what the first says, and which items had it."""
    kinds: list[dict[str, Any]] = msgspec.json.decode(known)
    kind = NUMBERS.sub("#", value.error_message)
    found = next((one for one in kinds if (one["errorCode"], one["kind"]) == (value.error_code, kind)), None)
    if found is None and len(kinds) == FAILURES_MAX:
        found = kinds[-1]
        found.update(errorCode="", kind="")
    if found is None:
        found = {"errorCode": value.error_code, "kind": kind, "count": 0, "message": value.error_message}
        found["itemKeys"] = []
        kinds.append(found)
    found["count"] += 1
    if len(found["itemKeys"]) < EXAMPLES_MAX:
        found["itemKeys"].append(str(item_key))
    return msgspec.json.encode(kinds).decode()


def _note(part: Part, record: Record, **told: object) -> None:
    """An entry of the log of this part. When there are too many the second half is thinned from its beginning."""
    entries: list[dict[str, Any]] = msgspec.json.decode(part.log)
    if len(entries) == LOG_MAX:
        del entries[LOG_MAX // 2]
    entry = {"event": record.intent, "timestamp": record.step.timestamp, "position": record.position}
    entries.append(entry | {name: value for name, value in told.items() if value not in (None, "")})
    part.log = msgspec.json.encode(entries).decode()


def _created(part: Part, record: Record, value: BatchOperationCreation) -> None:
    options = value.options
    part.type = value.batch_operation_type
    part.actor_type = value.actor_type or None
    part.actor_id = value.actor_id or None
    part.creation_date = record.step.timestamp
    _hold(part, PHASES if options.start_suspended else ())
    part.name = options.name or None
    part.labels = msgspec.json.encode(options.labels).decode()
    part.reason = options.reason or None
    part.dry_run = options.dry_run
    part.undoable = options.undoable
    part.plan_key = options.plan_key if options.plan_key >= 0 else None
    part.start_at = options.start_at or None
    part.parent_key = options.parent_key if options.parent_key >= 0 else None
    part.rate, part.slice_size = options.rate, options.slice_size
    part.pause_windows = msgspec.json.encode(options.pause_windows).decode()
    part.undoes, part.keep_plan = options.undoes, options.keep_plan
    part.max_failures, part.retry_policy = _max_failures(options), _retry_policy(options)
    part.webhook = options.webhook or None
    part.partitions = len(value.partition_ids)
    _note(part, record)


def _max_failures(options: BatchOptions) -> str | None:
    """When it suspends itself, as the API was told; None for never."""
    given = {"count": options.failures_max or None, "share": options.failure_share_max or None}
    return msgspec.json.encode(given).decode() if any(given.values()) else None


def _retry_policy(options: BatchOptions) -> str | None:
    """What becomes of an item that fails, as the API was told; None if it is FAILED at once."""
    if not (options.item_retries or options.raises_incidents):
        return None
    policy = {
        "retries": options.item_retries,
        "backoff": options.retry_backoff,
        "thenIncident": options.raises_incidents,
    }
    return msgspec.json.encode(policy).decode()


def _initialized(part: Part, record: Record, value: BatchOperationInitialization) -> None:
    part.initialization_date = record.step.timestamp
    _run(part, max(record.step.timestamp, part.start_at or 0))
    _note(part, record, total=value.total)


def _initialization_trouble(part: Part, record: Record, value: BatchOperationInitialization) -> None:
    _note(part, record, errorType=value.error_type, message=value.error_message)


def _run(part: Part, since: int) -> None:
    """From now on the speed is measured."""
    part.running_date, part.running_done = since, part.done


def _suspended(part: Part, record: Record, value: BatchOperationLifecycleManagement) -> None:
    _hold(part, [phase for phase in PHASES if phase in _held(part) or phase in value.phases])
    part.suspension_reason = value.reason or None
    _note(part, record, reason=value.reason, phases=_told_apart(value))


def _resumed(part: Part, record: Record, value: BatchOperationLifecycleManagement) -> None:
    _hold(part, [phase for phase in _held(part) if phase not in value.phases])
    part.suspension_reason = None
    _run(part, record.step.timestamp)
    _note(part, record, phases=_told_apart(value))


def _canceling(part: Part, record: Record, _: BatchOperationLifecycleManagement) -> None:
    _hold(part, ())
    part.suspension_reason = part.paused_until = None
    _yield_no_more(part)
    _run(part, record.step.timestamp)
    _note(part, record)


def _held(part: Part) -> list[str]:
    return msgspec.json.decode(part.held or "[]", type=list[str])


def _hold(part: Part, phases: Sequence[str]) -> None:
    """These phases are held, and no others."""
    part.held = msgspec.json.encode(phases).decode() if phases else None
    part.suspended = len(phases) == len(PHASES)


def _told_apart(value: BatchOperationLifecycleManagement) -> str:
    """Which phases it is about, unless it is about all."""
    return "" if len(value.phases) == len(PHASES) else ", ".join(value.phases)


def _updated(part: Part, record: Record, value: BatchOperationLifecycleManagement) -> None:
    part.rate, part.slice_size = value.rate, value.slice_size
    part.pause_windows, part.paused_until = msgspec.json.encode(value.pause_windows).decode(), None
    _run(part, record.step.timestamp)
    _note(part, record, rate=value.rate, sliceSize=value.slice_size, pauses=", ".join(value.pause_windows))


def _part_ended(part: Part, record: Record, value: BatchOperationPartitionLifecycle) -> None:
    if value.source_partition_id != record.step.partition_id:
        _answered(part, record, value)
    # the lead partition tells it once more, of every partition
    if value.source_partition_id == record.step.partition_id:
        part.errors = errors_json(value.errors)
        if partition_of(record.key) != record.step.partition_id:  # the lead partition goes on
            _hold(part, ())
        _yield_no_more(part)
        _note(part, record, planHash=value.plan_hash.hex())


def _checked(part: Part, _: Record, value: BatchOperationPartitionLifecycle) -> None:
    """On the lead partition: another one has told nothing for some time. That it was asked is no news."""
    _keep_silent(part, value, {"partitionId": value.source_partition_id, "since": value.silent_since})


def _answered(part: Part, _: Record, value: BatchOperationPartitionLifecycle) -> None:
    _keep_silent(part, value, None)


def _given_up(part: Part, record: Record, value: BatchOperationPartitionLifecycle) -> None:
    _note(part, record, silentPartitionId=value.source_partition_id, message=value.errors[0].message)


def _keep_silent(part: Part, value: BatchOperationPartitionLifecycle, entry: dict[str, int] | None) -> None:
    known: list[dict[str, int]] = msgspec.json.decode(part.silent)
    silent = [one for one in known if one["partitionId"] != value.source_partition_id] + ([entry] if entry else [])
    part.silent = msgspec.json.encode(silent).decode()
    part.silent_since = min((one["since"] for one in silent), default=None)


def _validated(part: Part, record: Record, value: BatchOperationPartitionLifecycle) -> None:
    if value.source_partition_id == record.step.partition_id:
        _note(part, record, total=value.total, changed=value.changed)


def _judged(part: Part, record: Record, value: BatchOperationLifecycleManagement) -> None:
    _note(part, record, reason=value.reason)


def _approved(part: Part, record: Record, value: BatchOperationLifecycleManagement) -> None:
    part.approved_by = value.actor_id
    _note(part, record, actorType=value.actor_type, actorId=value.actor_id)


def _ended(part: Part, record: Record, value: BatchOperationLifecycleManagement) -> None:
    _hold(part, ())
    part.suspension_reason = part.paused_until = part.silent_since = None
    part.silent = "[]"
    part.final_state = record.intent
    part.final_date = record.step.timestamp
    part.final_errors = errors_json(value.errors)
    part.final_total = value.total
    part.final_completed = value.completed
    part.final_failed = value.failed
    part.final_skipped = value.skipped
    part.final_canceled = value.canceled
    _note(part, record)


def _paused(part: Part, record: Record, value: BatchOperationExecution) -> None:
    part.paused_until = value.paused_until
    _note(part, record, until=value.paused_until)


def _continued(part: Part, record: Record, _: BatchOperationExecution) -> None:
    if part.paused_until is not None:
        part.paused_until = None
        _run(part, record.step.timestamp)


def _yielding(part: Part, record: Record, value: BatchOperationExecution) -> None:
    """Longer and shorter pauses are no news, nor is the speed measured anew for each."""
    part.yield_pause = value.yield_pause
    if part.yielding_since is None:
        part.yielding_since = record.step.timestamp
        _run(part, record.step.timestamp)
        _note(part, record, latency=value.latency)


def _yielding_ended(part: Part, record: Record, _: BatchOperationExecution) -> None:
    _yield_no_more(part)
    _run(part, record.step.timestamp)
    _note(part, record)


def _yield_no_more(part: Part) -> None:
    part.yielding_since, part.yield_pause = None, 0


def _resolving(part: Part, record: Record, value: BatchOperationLifecycleManagement) -> None:
    _run(part, record.step.timestamp)
    _note(part, record, resolution=value.resolution)


def _webhook(part: Part, record: Record, value: BatchOperationWebhook) -> None:
    _note(
        part, record, url=value.url, attempts=value.attempts, status=value.status or None, message=value.error_message
    )


def _deleted(part: Part, _: Record, __: BatchOperationLifecycleManagement) -> None:
    part.deleted = True


#: value type, intent -> what such a record, whose key is the batch operation's, changes
PART_CHANGES: Mapping[tuple[str, str], Callable[[Any, Record, Any], None]] = {
    ("BATCH_OPERATION_CREATION", "CREATED"): _created,
    ("BATCH_OPERATION_INITIALIZATION", "INITIALIZED"): _initialized,
    ("BATCH_OPERATION_INITIALIZATION", "RETRYING"): _initialization_trouble,
    ("BATCH_OPERATION_INITIALIZATION", "FAILED"): _initialization_trouble,
    ("BATCH_OPERATION_EXECUTION", "PAUSED"): _paused,
    ("BATCH_OPERATION_EXECUTION", "CONTINUED"): _continued,
    ("BATCH_OPERATION_EXECUTION", "YIELDING"): _yielding,
    ("BATCH_OPERATION_EXECUTION", "YIELDING_ENDED"): _yielding_ended,
    (LIFECYCLE, "SUSPENDED"): _suspended,
    (LIFECYCLE, "RESUMED"): _resumed,
    (LIFECYCLE, "CANCELING"): _canceling,
    (LIFECYCLE, "UPDATED"): _updated,
    (LIFECYCLE, "RESOLVING_INCIDENTS"): _resolving,
    (LIFECYCLE, "DELETED"): _deleted,
    **{(LIFECYCLE, state): _ended for state in ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")},
    (LIFECYCLE, "JUDGED"): _judged,
    (LIFECYCLE, "APPROVED"): _approved,
    (PARTITION_LIFECYCLE, "PARTITION_VALIDATED"): _validated,
    (PARTITION_LIFECYCLE, "PARTITION_CHECKED"): _checked,
    (PARTITION_LIFECYCLE, "PARTITION_ANSWERED"): _answered,
    (PARTITION_LIFECYCLE, "PARTITION_GIVEN_UP"): _given_up,
    (PARTITION_LIFECYCLE, "PARTITION_COMPLETED"): _part_ended,
    (PARTITION_LIFECYCLE, "PARTITION_CANCELED"): _part_ended,
    (PARTITION_LIFECYCLE, "PARTITION_FAILED"): _part_ended,
    **{(WEBHOOK, f"WEBHOOK_{name}"): _webhook for name in ("DELIVERED", "RETRYING", "FAILED")},
}

#: Intents of an item's outcome.
OUTCOMES = ("COMPLETED", "FAILED", "SKIPPED", "CANCELED")
