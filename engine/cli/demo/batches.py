"""The batch operations of the demo, and the checks that their numbers add up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.cli.batch_watch import FINAL_STATES, INTERVAL, NOT_FOUND, Counts, follow, show_batch
from engine.cli.client import Client, Document
from engine.cli.faults import CommandFailed, Refused
from engine.cli.output import is_terminal
from engine.cli.progress import Bars

INSTANCES = "/process-instances"
ITEMS = "/batch-operation-items"

#: Seconds between two looks at something that moves fast.
PAUSE = 0.02
WAIT_SECONDS_MAX = 120.0


class Outcome(Struct, frozen=True, kw_only=True):
    """A batch operation that has ended, with some of its failed items."""

    document: Document
    counts: Counts
    failed: Sequence[Document]


def count_of(client: Client, wanted: Mapping[str, Any]) -> int:
    """How many process instances match a filter now."""
    return client.count(INSTANCES, wanted).total


def wait_for_count(client: Client, wanted: Mapping[str, Any], expected: int, bars: Bars, name: str) -> None:
    """Wait until so many process instances match: until then search lags behind. Raises CommandFailed."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while (found := count_of(client, wanted)) != expected:
        bars.show(name, found, expected)
        if time.monotonic() > deadline:
            raise CommandFailed(f"expected {expected} process instances for {wanted}, got {found} in search")
        time.sleep(0.2)
    bars.show(name, expected, expected)


def create(client: Client, path: str, wanted: Mapping[str, Any]) -> str:
    """Create a batch operation; gives its key."""
    return str(client.post(path, {"filter": wanted})["batchOperationKey"])


def finish(client: Client, key: str, bars: Bars) -> Outcome:
    """Watch a batch operation to its end. Raises CommandFailed when it is not COMPLETED or its numbers are wrong."""
    document = follow(client, [key], lambda one: show_batch(bars, one), 0.1 if is_terminal() else INTERVAL)[key]
    counts = Counts.of(document)
    if document["state"] != "COMPLETED" or counts.done != counts.total:
        raise CommandFailed(f"expected batch operation {key} to be COMPLETED and all its items done, got {document}")
    items = _wait_for_items(client, key, counts)
    return Outcome(document=document, counts=counts, failed=[item for item in items if item["state"] == "FAILED"])


def _wait_for_items(client: Client, key: str, counts: Counts) -> Sequence[Document]:
    """The items, as soon as search shows of all partitions what was counted. Raises CommandFailed."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    expected = Counter({name.upper(): count for name, count in counts.parts() if count})
    while True:
        items = client.search(ITEMS, {"batchOperationKey": key}, limit=counts.total).items
        states = Counter(item["state"] for item in items)
        if states == expected:
            return items
        has_others = any(count > expected[state] for state, count in states.items() if state != "ACTIVE")
        if has_others or time.monotonic() > deadline:
            raise CommandFailed(f"expected as many items as counted, got {dict(states)} and {counts}")
        time.sleep(0.2)


def suspend_midway(client: Client, key: str, bars: Bars) -> bool:
    """Suspend a batch operation as soon as items are known. False: it was too quick and has ended."""
    while True:
        document = _find(client, key)
        if document and document["operationsTotalCount"]:
            break
        if document and document["state"] in FINAL_STATES:
            return False
        time.sleep(PAUSE)
    try:
        client.post(f"/batch-operations/{key}/suspension")
    except Refused as fault:
        if fault.status != NOT_FOUND and client.get(f"/batch-operations/{key}")["state"] not in FINAL_STATES:
            raise
        return False  # search, which is behind, did not say so yet
    return _wait_suspended(client, key, bars)


def _wait_suspended(client: Client, key: str, bars: Bars) -> bool:
    """All partitions stand still: two looks in a row are the same."""
    last: Document = {}
    while True:
        document = client.get(f"/batch-operations/{key}")
        show_batch(bars, document)
        if document["state"] in FINAL_STATES:
            return False
        if document["state"] == "SUSPENDED" and document == last:
            return True
        last = document
        time.sleep(0.3)


def pending_instances(client: Client, key: str) -> list[str]:
    """The process instances of items that are still to be done, the last of them first."""
    found = client.search(ITEMS, {"batchOperationKey": key, "state": "ACTIVE"}, sort=[("itemKey", "DESC")])
    return [item["processInstanceKey"] for item in found.items]


def _find(client: Client, key: str) -> Document | None:
    try:
        return client.get(f"/batch-operations/{key}")
    except Refused as fault:
        if fault.status == NOT_FOUND:  # not projected yet
            return None
        raise
