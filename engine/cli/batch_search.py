"""Which batch operations are listed: the options of `batch list` as a filter of the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from msgspec import Struct

from .filters import between, text_filter

Time = str | None
_TIME = "TIME"


class BatchSearch(Struct, frozen=True, kw_only=True):
    """What may be asked of batch operations; all of it holds."""

    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE", help="CREATED, ACTIVE, SUSPENDED, COMPLETED, PARTIALLY_COMPLETED, CANCELED or FAILED."
        ),
    ] = None
    operation: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Such as CANCEL_PROCESS_INSTANCE.")
    ] = None
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Name; * and ? match any text.")] = None
    label: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A label that it has; repeat it for several.")
    ] = None
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Reason; * and ? match any text.")] = None
    actor: Annotated[str | None, typer.Option(metavar="ID", help="Who created it; * and ? match any text.")] = None
    min_failed: Annotated[int | None, typer.Option(metavar="N", help="At least so many failed items.")] = None
    created_from: Annotated[Time, typer.Option(metavar=_TIME, help="Created at this time or later.")] = None
    created_until: Annotated[Time, typer.Option(metavar=_TIME, help="Created at this time or before.")] = None
    ended_from: Annotated[Time, typer.Option(metavar=_TIME, help="Ended at this time or later.")] = None
    ended_until: Annotated[Time, typer.Option(metavar=_TIME, help="Ended at this time or before.")] = None

    def filter(self) -> dict[str, Any]:
        """The properties of a filter that were asked for."""
        given = {
            "state": self.state and self.state.upper(),
            "operationType": self.operation and self.operation.upper(),
            "name": text_filter(self.name),
            "labels": self.label or None,
            "reason": text_filter(self.reason),
            "actorId": text_filter(self.actor),
            "operationsFailedCount": None if self.min_failed is None else {"$gte": self.min_failed},
            "creationDate": between(self.created_from, self.created_until),
            "endDate": between(self.ended_from, self.ended_until),
        }
        return {name: value for name, value in given.items() if value is not None}
