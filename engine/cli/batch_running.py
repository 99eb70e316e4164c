"""`batch`: what is done to a batch operation while it runs and when it has ended, and what it tells meanwhile."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .accepted import send_accepted
from .batch_options import BatchKey, Pause, Rate, SliceSize
from .faults import UsageFault
from .options import Connection, Limit
from .output import print_fields, print_json, print_line, print_note, print_table, shown, shown_count

PATH = "/batch-operations"


def update(
    key: BatchKey,
    *,
    rate: Rate = None,
    slice_size: SliceSize = None,
    pause: Pause = None,
    no_pause: Annotated[bool, typer.Option("--no-pause", help="It pauses no more.")] = False,
    connection: Connection,
) -> None:
    """Change how fast a batch operation runs."""
    from .client import Client

    if pause and no_pause:
        raise UsageFault("expected --pause or --no-pause, got both; leave one out")
    given = {"rate": rate, "sliceSize": slice_size, "pauseWindows": [] if no_pause else pause or None}
    changed = {name: value for name, value in given.items() if value is not None}
    if not changed:
        raise UsageFault("expected --rate, --slice-size, --pause or --no-pause, got none; say what to change")
    with Client(connection.url) as client:
        client.send("PATCH", f"{PATH}/{key}", changed)
    if connection.json:
        print_json({"batchOperationKey": key, **changed})
    else:
        print_fields([("Batch operation", key), *((name, _words(value)) for name, value in changed.items())])


def _words(value: object) -> str:
    return (", ".join(value) or "none") if isinstance(value, list) else str(value)


def approve(key: BatchKey, connection: Connection) -> None:
    """Approve a plan that another user has made."""
    path = f"{PATH}/{key}/approval"
    send_accepted(connection, "POST", path, about={"batchOperationKey": key}, accepted="approval")


def incidents(key: BatchKey, *, limit: Limit = 20, connection: Connection) -> None:
    """List the items of a batch operation that wait for somebody."""
    from .client import Client

    wanted = {"batchOperationKey": key, "incidentKey": {"$exists": True}}
    with Client(connection.url) as client:
        found = client.search("/batch-operation-items", wanted, sort=[("itemKey", "ASC")], limit=limit)
        if not found.items:
            client.get(f"{PATH}/{key}")  # no incidents of what is not there is an error
    if connection.json:
        print_json(found.document())
        return
    names = ("incidentKey", "itemKey", "processInstanceKey", "errorMessage")
    print_table(
        ("INCIDENT", "ITEM", "PROCESS INSTANCE", "ERROR"),
        [tuple(shown(item[name]) for name in names) for item in found.items],
    )
    print_note(f"{len(found.items)} of {shown_count(found.total, at_least=found.more)}")


def resolve(
    key: BatchKey,
    *,
    incident: Annotated[
        str | None, typer.Option(metavar="KEY", help="That one alone; all that there are without it.")
    ] = None,
    fail: Annotated[bool, typer.Option("--fail", help="The items have failed, instead of being tried again.")] = False,
    connection: Connection,
) -> None:
    """Resolve incidents of a batch operation: their items are tried again."""
    from .client import Client

    place = f"incidents/{incident}/resolution" if incident else "incident-resolution"
    resolution = "FAIL" if fail else "RETRY"
    with Client(connection.url) as client:
        client.post(f"{PATH}/{key}/{place}", {"resolution": resolution})
    if connection.json:
        print_json({"batchOperationKey": key, "resolution": resolution})
    else:
        print_fields([("Batch operation", key), ("Accepted", f"{resolution.lower()} of incidents")])


def remove(key: BatchKey, connection: Connection) -> None:
    """Delete a batch operation that has ended, with its items."""
    from .client import Client

    with Client(connection.url) as client:
        client.send("DELETE", f"{PATH}/{key}")
    if connection.json:
        print_json({"batchOperationKey": key, "deleted": True})
    else:
        print_fields([("Batch operation", key), ("Deleted", "yes")])


def progress(key: BatchKey, connection: Connection) -> None:
    """Show how far a batch operation is, by partition, and what failed."""
    from .client import Client

    with Client(connection.url) as client:
        document = client.get(f"{PATH}/{key}/progress")
    if connection.json:
        print_json(document)
        return
    print_fields(
        [
            ("Batch operation", document["batchOperationKey"]),
            ("State", document["state"]),
            ("Pending", f"{shown_count(document['pending'])} of {shown_count(document['total'])}"),
            ("Items per second", shown(document["itemsPerSecond"])),
            ("Ends", _range(document["end"])),
            ("Queue", _place(document["queue"])),
            *(
                (("Silent partitions", ", ".join(map(str, ids))),)
                if (ids := document.get("silentPartitionIds"))
                else ()
            ),
        ]
    )
    print_line("")
    print_table(
        (
            "PARTITION",
            "TOTAL",
            "PENDING",
            "COMPLETED",
            "FAILED",
            "SKIPPED",
            "CANCELED",
            "PER SECOND",
            "YIELDS",
            "SILENT SINCE",
        ),
        [
            (
                str(part["partitionId"]),
                *(shown_count(part[name]) for name in ("total", "pending", "completed", "failed")),
                *(shown_count(part[name]) for name in ("skipped", "canceled")),
                shown(part["itemsPerSecond"]),
                f"{part['yieldPause']} ms" if part.get("yieldingSince") else "-",
                shown(part.get("silentSince")),
            )
            for part in document["partitions"]
        ],
    )
    if document["failures"]:
        print_line("")
        print_table(
            ("FAILED", "CODE", "FIRST MESSAGE", "ITEMS SUCH AS"),
            [
                (shown_count(one["count"]), one["errorCode"], one["message"], " ".join(one["itemKeys"]))
                for one in document["failures"]
            ],
        )


def _place(queue: dict[str, int] | None) -> str:
    return "-" if queue is None else f"{shown_count(queue['position'])} of {shown_count(queue['length'])}"


def _range(end: dict[str, Any] | None) -> str:
    return "-" if end is None else f"between {end['earliest']} and {end['latest']}"


def overlaps(key: BatchKey, connection: Connection) -> None:
    """Show which other batch operations have items of the same process instances."""
    from .client import Client

    with Client(connection.url) as client:
        document = client.get(f"{PATH}/{key}/overlaps")
    if connection.json:
        print_json(document)
        return
    print_table(
        ("BATCH OPERATION", "TYPE", "ITEMS", "ACTIVE", "PROCESS INSTANCES SUCH AS"),
        [
            (
                other["batchOperationKey"],
                other["batchOperationType"],
                shown_count(other["itemsCount"]),
                shown_count(other["activeCount"]),
                " ".join(other["processInstanceKeys"]),
            )
            for other in document["items"]
        ],
    )
    print_note(f"of its first {shown_count(document['itemsLookedAt'])} items")


def log(key: BatchKey, connection: Connection) -> None:
    """Show what happened to a batch operation, phase by phase."""
    from .client import Client

    with Client(connection.url) as client:
        document = client.get(f"{PATH}/{key}/log")
    if connection.json:
        print_json(document)
        return
    known = ("timestamp", "partitionId", "position", "event")
    print_table(
        ("TIME", "PARTITION", "POSITION", "EVENT", "DETAILS"),
        [
            (
                *(str(entry[name]) for name in known),
                ", ".join(f"{name} {value}" for name, value in entry.items() if name not in known),
            )
            for entry in document["items"]
        ],
    )
