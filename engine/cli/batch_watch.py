"""Watching batch operations until they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import typer
from msgspec import Struct

from .client import Client, Document
from .faults import EXIT_INTERRUPTED, CommandFailed, Refused
from .options import Connection
from .output import print_json, print_note, shown_count
from .progress import Bars, open_bars

#: States that a batch operation does not leave.
FINAL_STATES = ("COMPLETED", "PARTIALLY_COMPLETED", "CANCELED", "FAILED")

#: Seconds between two looks.
INTERVAL = 0.5

#: A batch operation that was created just now is found once it is projected; so many looks are made until then.
LOOKS_UNTIL_KNOWN = 10

NOT_FOUND = 404


class Counts(Struct, frozen=True, kw_only=True):
    """The items of a batch operation by outcome; they add up to the total."""

    total: int
    completed: int
    failed: int
    skipped: int
    canceled: int

    @classmethod
    def of(cls, document: Document) -> Counts:
        """The API counts what was skipped as completed."""
        skipped = document.get("operationsSkippedCount", 0)
        return cls(
            total=document["operationsTotalCount"],
            completed=document["operationsCompletedCount"] - skipped,
            failed=document["operationsFailedCount"],
            skipped=skipped,
            canceled=document.get("operationsCanceledCount", 0),
        )

    @property
    def done(self) -> int:
        """Items that have an outcome."""
        return self.completed + self.failed + self.skipped + self.canceled

    def parts(self) -> list[tuple[str, int]]:
        """Outcomes and pending items with their counts."""
        return [
            ("completed", self.completed),
            ("failed", self.failed),
            ("skipped", self.skipped),
            ("canceled", self.canceled),
            ("pending", self.total - self.done),
        ]


def follow(
    client: Client, keys: Sequence[str], changed: Callable[[Document], None], interval: float = INTERVAL
) -> dict[str, Document]:
    """Look at batch operations until all have ended; gives the last document of each. Raises NoConnection, Refused."""
    last: dict[str, Document] = {}
    pending = list(keys)
    looks = 0
    while pending:
        looks += 1
        for key in tuple(pending):
            document = _look(client, key, patient=key not in last and looks < LOOKS_UNTIL_KNOWN)
            if document is None:
                continue
            if last.get(key) != document:
                last[key] = document
                changed(document)
            if document["state"] in FINAL_STATES:
                pending.remove(key)
        if pending:
            time.sleep(interval)
    return last


def _look(client: Client, key: str, *, patient: bool) -> Document | None:
    try:
        return client.get(f"/batch-operations/{key}")
    except Refused as fault:
        if patient and fault.status == NOT_FOUND:
            return None
        raise


def show_batch(bars: Bars, document: Document) -> None:
    """The bar of a batch operation."""
    counts = Counts.of(document)
    parts = _waits_for(document)
    parts += [f"{name} {shown_count(count)}" for name, count in counts.parts() if count]
    parts += ["yields to clients"] if document.get("yieldingSince") else []
    parts += ["a partition is silent"] if document.get("silentSince") else []
    parts += [document["warning"]] if document.get("warning") else []
    known = document["state"] != "CREATED"
    verb = document["batchOperationType"].partition("_")[0]
    bars.show(
        f"{verb.capitalize()} {document['batchOperationKey']}{dry_run_mark(document)}",
        counts.done,
        counts.total if known else None,
        f"{document['state']}{': ' if parts else ''}{', '.join(parts)}",
    )


def dry_run_mark(document: Document) -> str:
    """Behind the type of a batch operation that does nothing."""
    return " (dry run)" if document.get("dryRun") else ""


def _waits_for(document: Document) -> list[str]:
    """Why a batch operation does not go on by itself, with the command by which it does: first, for a bar is cut."""
    if document["state"] in FINAL_STATES:
        return []
    key, held = document["batchOperationKey"], document.get("heldPhases") or []
    parts = []
    if document["state"] == "SUSPENDED":
        reason = document.get("suspensionReason")
        parts.append(f"{f'{reason}; ' if reason else ''}go on with `retold batch resume {key}`")
    elif held:
        parts.append(f"{' and '.join(held)} held; go on with `retold batch resume {key}`")
    if incidents := document.get("incidentsCount"):
        counted = "1 incident" if incidents == 1 else f"{shown_count(incidents)} incidents"
        parts.append(f"{counted} to look at with `retold batch incidents {key}`")
    if document.get("pausedUntil"):
        parts.append(f"pauses until {document['pausedUntil']}")
    return parts


def watch_to_end(
    keys: Sequence[str], connection: Connection, interval: float = INTERVAL, *, are_new: bool = False
) -> None:
    """Show every change until all have ended. Raises CommandFailed when one did not end COMPLETED; exits on Ctrl-C.

    New ones are first looked at after the interval: before it there is little to be seen of them.
    """
    with Client(connection.url) as client:
        try:
            if are_new:
                time.sleep(interval)
            if connection.json:
                last = follow(client, keys, print_json, interval)
            else:
                with open_bars(as_result=True) as bars:
                    last = follow(client, keys, lambda document: show_batch(bars, document), interval)
        except KeyboardInterrupt:
            again = f"retold batch watch {' '.join(keys)}"
            print_note(f"Stopped watching; the batch operation goes on in the engine. Watch it again: {again}")
            raise typer.Exit(EXIT_INTERRUPTED) from None
    others = [f"{key} ended {document['state']}" for key, document in last.items() if document["state"] != "COMPLETED"]
    if others:
        raise CommandFailed(f"expected COMPLETED, got: {', '.join(others)}; see `retold batch show KEY`")
