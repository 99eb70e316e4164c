"""`batch retry`, `undo`, `commit`: batch operations that another one, or an instance, says what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .batch_options import BatchKey, PlannedRunOptions, RequestOptions, RunOptions, TrialOptions
from .options import Connection
from .output import print_fields, print_json, print_request

if TYPE_CHECKING:
    from .client import Document


def retry(
    key: BatchKey, *, running: RunOptions, trial: TrialOptions, request: RequestOptions, connection: Connection
) -> None:
    """Create a batch operation of the items that failed in another one."""
    body = {**running.body(), **trial.body()}
    create_related(f"/batch-operations/{key}/retry", body, ("Retries", key), request, connection)


def undo(
    key: BatchKey, *, running: RunOptions, trial: TrialOptions, request: RequestOptions, connection: Connection
) -> None:
    """Create a batch operation that puts back what another one changed."""
    body = {**running.body(), **trial.body()}
    create_related(f"/batch-operations/{key}/undo", body, ("Undoes", key), request, connection)


def commit(key: BatchKey, *, running: PlannedRunOptions, request: RequestOptions, connection: Connection) -> None:
    """Do what a kept dry run foresaw, or nothing if it would differ."""
    create_related(f"/batch-operations/{key}/commit", running.body(), ("Commits plan", key), request, connection)


def create_related(
    path: str, body: Document, origin: tuple[str, str], request: RequestOptions, connection: Connection
) -> None:
    """Create it and show it with what it comes from; or only show the request."""
    from .client import Client

    with Client(connection.url) as client:
        if request.show_request:
            print_request(client.url + path, body, request.headers(), as_json=connection.json)
            return
        answer = client.send("POST", path, body, request.headers())
    report_created(answer, body, [origin], request, connection)


def report_created(
    answer: Document, body: Document, more: list[tuple[str, str]], request: RequestOptions, connection: Connection
) -> None:
    """Show a batch operation that was created by this body, with `more` fields, and watch it if wished."""
    from .batch_watch import dry_run_mark, watch_to_end

    key, name = answer["batchOperationKey"], answer["batchOperationType"]
    if connection.json:
        print_json(answer)
    else:
        print_fields([("Batch operation", key), ("Type", name + dry_run_mark(body)), *more])
    if request.watch:
        watch_to_end([key], connection, are_new=True)
