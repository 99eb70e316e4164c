"""How far a batch operation is, how fast, and when it may end, of what every partition's part shows. Pure.

Speed and end are those of the log: between the times of records, so they do not depend on when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exporters.search.store import Document
from exporters.search.values import date_text

#: Kinds of failures that are shown.
FAILURES_MAX = 20
EXAMPLES_MAX = 5
OUTCOMES = ("completed", "failed", "skipped", "canceled")

Part = Mapping[str, Any]


def progress_of(batch: Document, parts: Sequence[Part]) -> Document:
    """What `GET /batch-operations/{key}/progress` answers."""
    silent = {one["partitionId"]: one["since"] for part in parts for one in part["silent"]}
    shown = [_part(part, silent.get(part["partitionId"])) for part in parts]
    pending = sum(part["pending"] for part in shown)
    speeds = [_speed(part) for part in parts]
    speed = sum(speeds)
    return {
        "batchOperationKey": batch["batchOperationKey"],
        "state": batch["state"],
        "total": sum(part["total"] for part in shown),
        "pending": pending,
        "incidents": sum(part["incidents"] for part in shown),
        "itemsPerSecond": round(speed, 3),
        "end": _end(parts, speeds, pending) if batch["state"] == "ACTIVE" else None,
        "partitions": [{**part, "itemsPerSecond": round(of, 3)} for part, of in zip(shown, speeds, strict=True)],
        "silentPartitionIds": sorted(silent),
        "failures": failures_of(parts),
    }


def failures_of(parts: Sequence[Part]) -> list[Document]:
    """Failures by kind over all partitions, the most frequent first."""
    kinds: dict[tuple[str, str], Document] = {}
    for part in parts:
        for one in part["failures"]:
            kind = kinds.setdefault(
                (one["errorCode"], one["kind"]),
                {
                    "errorCode": one["errorCode"],
                    "message": one["message"],
                    "count": 0,
                    "partitionIds": [],
                    "itemKeys": [],
                },
            )
            kind["count"] += one["count"]
            kind["partitionIds"].append(part["partitionId"])
            kind["itemKeys"] = [*kind["itemKeys"], *one["itemKeys"]][:EXAMPLES_MAX]
    return sorted(kinds.values(), key=lambda kind: -int(kind["count"]))[:FAILURES_MAX]


def log_of(parts: Sequence[Part]) -> list[Document]:
    """What happened to it, on all partitions, in the order of time."""
    entries = [{"partitionId": part["partitionId"], **entry} for part in parts for entry in part["log"]]
    entries.sort(key=lambda entry: (entry["timestamp"], entry["partitionId"], entry["position"]))
    return [
        {**entry, **{name: date_text(entry[name]) for name in ("timestamp", "until") if name in entry}}
        for entry in entries
    ]


def overlaps_of(items: Sequence[Document]) -> list[Document]:
    """Items of other batch operations by batch operation, those with the most first."""
    found: dict[str, Document] = {}
    for item in items:
        other = found.setdefault(
            item["batchOperationKey"],
            {
                "batchOperationKey": item["batchOperationKey"],
                "batchOperationType": item["operationType"],
                "itemsCount": 0,
                "activeCount": 0,
                "processInstanceKeys": [],
            },
        )
        other["itemsCount"] += 1
        other["activeCount"] += item["state"] == "ACTIVE"
        other["processInstanceKeys"] = [*other["processInstanceKeys"], item["processInstanceKey"]][:EXAMPLES_MAX]
    return sorted(found.values(), key=lambda other: -int(other["itemsCount"]))


def _part(part: Part, silent_since: int | None) -> Document:
    counts = {name: part[name] for name in OUTCOMES}
    return {
        "partitionId": part["partitionId"],
        "initializationDate": part["initializationDate"],
        "total": part["total"],
        **counts,
        "pending": part["total"] - sum(counts.values()),
        "incidents": part["incidents"],
        "yieldingSince": part["yieldingSince"],
        "yieldPause": part["yieldPause"],
        "silentSince": None if silent_since is None else date_text(silent_since),
    }


def _done(part: Part) -> int:
    return sum(part[name] for name in OUTCOMES)


def _speed(part: Part) -> float:
    """Items per second since it began, was resumed or was given another rate.

    The first one comes at once: the pace is told by the intervals, of which there is one less than items.
    """
    if part["runningDate"] is None or part["outcomeDate"] is None or part["outcomeDate"] <= part["runningDate"]:
        return 0.0
    intervals = max(0, _done(part) - part["runningDone"] - 1)
    return float(intervals * 1000 / (part["outcomeDate"] - part["runningDate"]))


def _end(parts: Sequence[Part], speeds: Sequence[float], pending: int) -> Document | None:
    """From when all partitions together would be done to when the slowest alone is; None if nothing tells."""
    left = [(part["total"] - _done(part), speed) for part, speed in zip(parts, speeds, strict=True)]
    if not pending or any(items and not speed for items, speed in left):
        return None
    now = max(part["outcomeDate"] for part in parts if part["outcomeDate"] is not None)
    earliest = now + pending * 1000 / sum(speeds)
    latest = now + max(items * 1000 / speed for items, speed in left if items)
    return {"earliest": date_text(round(earliest)), "latest": date_text(round(max(earliest, latest)))}
