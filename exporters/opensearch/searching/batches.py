"""Batch operations: a document for each partition's part, made one here like the view of schema.sql.

All parts are read, but of the batch operations that are asked for by their keys: an operator's batch operations are
thousands, not millions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from exporters.opensearch import mappings
from exporters.opensearch.documents import PartDocument
from exporters.search.entities import BATCH_LABELS, NOTHING_MATCHED
from exporters.search.filters import Compare, Conditions, Related

from .conditions import Translation
from .evaluation import all_hold
from .indices import Indices
from .made import Row
from .places import path_of
from .queries import term

KEY_PATH = "batch_operation_key"
ORDER = (KEY_PATH, "partition_id")
FINAL_STATES = ("COMPLETED", "PARTIALLY_COMPLETED", "FAILED", "CANCELED")

Value = TypeVar("Value", int, str)


async def batch_operations(indices: Indices, translation: Translation, conditions: Conditions) -> list[Row]:
    """All batch operations that match."""
    compares = [condition for condition in conditions if isinstance(condition, Compare)]
    about_key = tuple(compare for compare in compares if path_of(compare.field) == KEY_PATH)
    query = await translation.query_of(about_key)
    parts: dict[int, list[PartDocument]] = {}
    for source in await indices.all_of(mappings.BATCH_OPERATIONS, query, ["*"], ORDER):
        part = msgspec.convert(source, PartDocument)
        parts.setdefault(part.batch_operation_key, []).append(part)
    rows = (_joined(key, of_one) for key, of_one in parts.items() if not any(part.deleted for part in of_one))
    labels = _labels_in(conditions)
    return [row for row in rows if all_hold(compares, row) and labels <= set(msgspec.json.decode(row["labels"]))]


def _labels_in(conditions: Conditions) -> set[object]:
    """Labels that must be there, all of them."""
    related = [condition for condition in conditions if isinstance(condition, Related)]
    return {compare.operand for one in related if one.relation == BATCH_LABELS for compare in one.conditions}


def _joined(key: int, parts: Sequence[PartDocument]) -> Row:
    started = min((part.initialization_date for part in parts if part.initialization_date is not None), default=None)
    kind = max(part.type for part in parts)
    final_errors = _largest(part.final_errors for part in parts)
    state, counts = _state(parts, started), _counts(parts)
    matched = state != "COMPLETED" or counts["operationsTotalCount"] > 0
    return {
        "batchOperationKey": key,
        "batchOperationType": kind,
        "operationType": kind,
        "state": state,
        "startDate": started,
        "endDate": _largest(part.final_date for part in parts),
        "actorType": _largest(part.actor_type for part in parts),
        "actorId": _largest(part.actor_id for part in parts),
        **counts,
        "errors": final_errors or [msgspec.json.decode(part.errors) for part in parts],
        "creationDate": min(part.creation_date for part in parts),
        "name": _largest(part.name for part in parts),
        "labels": max(part.labels for part in parts),
        "reason": _largest(part.reason for part in parts),
        "startAt": _largest(part.start_at for part in parts),
        "parentBatchOperationKey": _largest(part.parent_key for part in parts),
        "rate": max(part.rate for part in parts),
        "sliceSize": max(part.slice_size for part in parts),
        "maxFailures": _largest(part.max_failures for part in parts),
        "retryPolicy": _largest(part.retry_policy for part in parts),
        "webhook": _largest(part.webhook for part in parts),
        "suspensionReason": None if state in FINAL_STATES else _largest(part.suspension_reason for part in parts),
        "dryRun": any(part.dry_run for part in parts),
        "undoes": any(part.undoes for part in parts),
        "keepPlan": any(part.keep_plan for part in parts),
        "undoable": any(part.undoable for part in parts),
        "planBatchOperationKey": _largest(part.plan_key for part in parts),
        "approvedBy": _largest(part.approved_by for part in parts),
        "heldPhases": "[]" if state in FINAL_STATES else _largest(part.held for part in parts) or "[]",
        "incidentsCount": sum(part.incidents for part in parts),
        "pauseWindows": max(part.pause_windows for part in parts),
        "pausedUntil": None if state in FINAL_STATES else _largest(part.paused_until for part in parts),
        "yieldingSince": None if state in FINAL_STATES else _smallest(part.yielding_since for part in parts),
        "silentSince": _smallest(part.silent_since for part in parts),
        "warning": None if matched else NOTHING_MATCHED,
    }


async def parts_of(indices: Indices, key: int) -> list[PartDocument]:
    """Every partition's part of a batch operation, in the order of the partitions."""
    sources = await indices.all_of(mappings.BATCH_OPERATIONS, term(KEY_PATH, key), ["*"], ORDER)
    return [msgspec.convert(source, PartDocument) for source in sources]


def _state(parts: Sequence[PartDocument], started: int | None) -> str:
    final = _largest(part.final_state for part in parts)
    if final is not None:
        return final
    if any(part.suspended for part in parts):
        return "SUSPENDED"
    return "CREATED" if started is None else "ACTIVE"


def _counts(parts: Sequence[PartDocument]) -> dict[str, int]:
    """The final event's are exact at once, the sums when every partition has caught up; both only grow."""

    def count(so_far: Callable[[PartDocument], int], final: Callable[[PartDocument], int]) -> int:
        return max(sum(map(so_far, parts)), sum(map(final, parts)))

    skipped = count(lambda part: part.skipped, lambda part: part.final_skipped)
    completed = count(lambda part: part.completed, lambda part: part.final_completed)
    return {
        "operationsTotalCount": count(lambda part: part.total, lambda part: part.final_total),
        "operationsFailedCount": count(lambda part: part.failed, lambda part: part.final_failed),
        # as in Camunda 8, what was skipped counts as completed
        "operationsCompletedCount": completed + skipped,
        "operationsSkippedCount": skipped,
        "operationsCanceledCount": count(lambda part: part.canceled, lambda part: part.final_canceled),
    }


def _largest(values: Iterable[Value | None]) -> Value | None:
    return max((value for value in values if value is not None), default=None)


def _smallest(values: Iterable[Value | None]) -> Value | None:
    return min((value for value in values if value is not None), default=None)
