"""`batch show`: all that is known of one batch operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .batch_options import BatchKey
from .options import Connection
from .output import print_fields, print_json, shown, shown_count

if TYPE_CHECKING:
    from .client import Document


def _listed(texts: list[str]) -> str:
    return ", ".join(texts)


def _limit(failures: Document) -> str:
    count, share = failures["count"], failures["share"]
    limits = (shown_count(count) if count else "", f"{share:.10g} of all items" if share else "")
    return " or ".join(filter(None, limits))


def _policy(policy: Document) -> str:
    then = "waiting for somebody" if policy["thenIncident"] else "FAILED"
    if not policy["retries"]:
        return then
    return f"tried again up to {policy['retries']} times, {policy['backoff']} ms apart, then {then}"


def _yes(_: bool) -> str:
    return "yes"


#: Title, property, and how it is said.
Lines = tuple[tuple[str, str, Callable[[Any], str]], ...]

#: What is shown of a batch operation if there is something to be shown: what was wished, and what is to be noticed.
WISHES: Lines = (
    ("Name", "name", shown),
    ("Labels", "labels", _listed),
    ("Reason", "reason", shown),
    ("Created", "creationDate", shown),
    ("Created by", "actorId", shown),
    ("Commits plan", "planBatchOperationKey", shown),
    ("Plan is kept", "keepPlan", _yes),
    ("Approved by", "approvedBy", shown),
    ("Starts", "startAt", shown),
    ("Items per second", "rate", shown),
    ("Items in a slice", "sliceSize", shown),
    ("Pauses", "pauseWindows", _listed),
    ("Suspends itself at failures", "maxFailures", _limit),
    ("Items that fail", "retryPolicy", _policy),
    ("Can be undone", "undoable", _yes),
    ("Tells at its end", "webhook", shown),
)
REMARKS: Lines = (
    ("Held", "heldPhases", _listed),
    ("Suspended because", "suspensionReason", shown),
    ("Pauses until", "pausedUntil", shown),
    ("Slower for clients since", "yieldingSince", shown),
    ("A partition is silent since", "silentSince", shown),
    ("Incidents", "incidentsCount", shown_count),
    ("Warning", "warning", shown),
)


def show(key: BatchKey, connection: Connection) -> None:
    """Show a batch operation with its counts and errors."""
    from .client import Client

    with Client(connection.url) as client:
        document = client.get(f"/batch-operations/{key}")
    if connection.json:
        print_json(document)
    else:
        print_fields(list(_fields(document)))


def _present(lines: Lines, document: Document) -> Iterator[tuple[str, str]]:
    return ((title, said(document[name])) for title, name, said in lines if document.get(name))


def _fields(document: Document) -> Iterator[tuple[str, str]]:
    from .batch_watch import Counts, dry_run_mark

    counts = Counts.of(document)
    yield "Batch operation", document["batchOperationKey"]
    yield "Type", document["batchOperationType"] + dry_run_mark(document)
    if parent := document.get("parentBatchOperationKey"):
        yield "Undoes" if document.get("undoes") else "Retries", parent
    yield from _present(WISHES, document)
    yield "State", document["state"]
    yield from _present(REMARKS, document)
    yield "Started", shown(document["startDate"])
    yield "Ended", shown(document["endDate"])
    yield "Items", shown_count(counts.total)
    yield from ((name.capitalize(), shown_count(count)) for name, count in counts.parts())
    for error in document["errors"]:
        yield f"Error on partition {error['partitionId']}", f"{error['type']}: {error['message']}"
