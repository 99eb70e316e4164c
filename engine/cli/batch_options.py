"""How a batch operation shall run: options of all commands that create one, and what they say to the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from . import completion
from .faults import UsageFault

if TYPE_CHECKING:
    from .client import Document

BatchKey = Annotated[
    str, typer.Argument(metavar="KEY", help="Key of the batch operation.", autocompletion=completion.batch_keys)
]
Rate = Annotated[float | None, typer.Option(metavar="N", help="Items per second over all partitions; 0 for no limit.")]
Pause = Annotated[
    list[str] | None,
    typer.Option(metavar="WINDOW", help="When it pauses, such as '08:00-18:00 Europe/Berlin'; may be repeated."),
]
SliceSize = Annotated[int | None, typer.Option(metavar="N", help="Items in one slice at most; 0 for the setting.")]


class PlannedRunOptions(Struct, frozen=True, kw_only=True):
    """What may be left out, all of it. What becomes of each item is said by a plan."""

    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it.")] = None
    label: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="A label; may be given several times.")] = None
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why it is done.")] = None
    start_suspended: Annotated[bool, typer.Option("--start-suspended", help="Do nothing until it is resumed.")] = False
    start_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When to begin, such as 2026-03-02T22:00:00+01:00.")
    ] = None
    pause: Pause = None
    rate: Rate = None
    slice_size: SliceSize = None
    max_failures: Annotated[int | None, typer.Option(metavar="N", help="Failed items at which it suspends itself.")] = (
        None
    )
    max_failure_share: Annotated[
        float | None, typer.Option(metavar="X", help="The same as a share of all items, from 0 to 1.")
    ] = None
    webhook: Annotated[
        str | None, typer.Option(metavar="URL", help="Told when it has ended; of a host that the engine allows.")
    ] = None

    def body(self) -> Document:
        """The properties of a request."""
        failures = {"count": self.max_failures, "share": self.max_failure_share}
        given = {
            "name": self.name,
            "labels": self.label or None,
            "reason": self.reason,
            "startSuspended": self.start_suspended or None,
            "startAt": self.start_at,
            "pauseWindows": self.pause or None,
            "rate": self.rate,
            "sliceSize": self.slice_size,
            "maxFailures": _present(failures) or None,
            "webhook": self.webhook,
        }
        return _present(given)


class RunOptions(PlannedRunOptions, frozen=True, kw_only=True):
    """The same, and what becomes of items."""

    retry_items: Annotated[
        int | None, typer.Option(metavar="N", help="How often an item that failed is tried again.")
    ] = None
    retry_backoff: Annotated[
        int | None, typer.Option(metavar="MS", help="Pause before an item is tried again, in milliseconds.")
    ] = None
    then_incident: Annotated[
        bool, typer.Option("--then-incident", help="An item that failed too often waits, instead of being FAILED.")
    ] = False

    undoable: Annotated[
        bool, typer.Option("--undoable", help="Keep what each item replaces, so that it can be undone.")
    ] = False

    def body(self) -> Document:
        """The properties of a request. Raises UsageFault."""
        if self.retry_backoff is not None and self.retry_items is None:
            raise UsageFault("--retry-backoff: expected --retry-items with it, got none; say how often to try again")
        retries = {
            "retries": 0 if self.then_incident and self.retry_items is None else self.retry_items,
            "backoff": self.retry_backoff,
            "thenIncident": self.then_incident or None,
        }
        given = {"retryPolicy": _present(retries) or None, "undoable": self.undoable or None}
        return {**PlannedRunOptions.body(self), **_present(given)}


class TrialOptions(Struct, frozen=True, kw_only=True):
    """Whether it is only tried."""

    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only try it: each item tells what would happen, and nothing does.")
    ] = False
    keep_plan: Annotated[
        bool, typer.Option("--keep-plan", help="Keep what a dry run foresees, so that it can be committed.")
    ] = False

    def body(self) -> Document:
        """The properties of a request."""
        return _present({"dryRun": self.dry_run or None, "keepPlan": self.keep_plan or None})


class RequestOptions(Struct, frozen=True, kw_only=True):
    """How the request is sent, and whether what it creates is watched."""

    show_request: Annotated[
        bool,
        typer.Option("--show-request", help="Print the REST request and send nothing."),
    ] = False
    watch: Annotated[bool, typer.Option("--watch", help="Show progress until it has ended.")] = False
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Sent again with the same text, it is refused, not done twice.")
    ] = None

    def headers(self) -> dict[str, str]:
        """Those beside the type of the body."""
        return {"Idempotency-Key": self.idempotency_key} if self.idempotency_key else {}


def _present(given: Document) -> Document:
    return {name: value for name, value in given.items() if value is not None}
