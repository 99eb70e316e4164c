"""`batch`: batch operations. The commands that create one are generated, one for each type (`batch_creation`)."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from . import completion
from .accepted import send_accepted
from .batch_children import commit, retry, undo
from .batch_options import BatchKey
from .batch_running import approve, incidents, log, overlaps, progress, remove, resolve, update
from .batch_search import BatchSearch
from .batch_show import show
from .options import Connection, Limit, expand
from .output import print_json, print_note, print_table, shown, shown_count

PATH = "/batch-operations"

Phases = Annotated[
    list[str] | None,
    typer.Option(metavar="PHASE", help="INITIALIZATION, EXECUTION or COMPLETION alone; may be given several times."),
]


def list_batches(
    *,
    search: BatchSearch,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List batch operations, the newest first."""
    from .batch_watch import dry_run_mark
    from .client import Client, newest_first

    with Client(connection.url) as client:
        found = client.search(
            PATH, search.filter(), sort=newest_first("creationDate", "batchOperationKey"), limit=limit
        )
    if connection.json:
        print_json(found.document())
        return
    print_table(
        ("BATCH OPERATION", "TYPE", "STATE", "TOTAL", "COMPLETED", "FAILED", "STARTED", "ENDED"),
        [
            (
                item["batchOperationKey"],
                item["batchOperationType"] + dry_run_mark(item),
                item["state"],
                shown_count(item["operationsTotalCount"]),
                shown_count(item["operationsCompletedCount"]),
                shown_count(item["operationsFailedCount"]),
                shown(item["startDate"]),
                shown(item["endDate"]),
            )
            for item in found.items
        ],
    )
    print_note(f"{len(found.items)} of {shown_count(found.total, at_least=found.more)}")


def items(
    key: BatchKey,
    *,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="ACTIVE, COMPLETED, FAILED, SKIPPED or CANCELED.")
    ] = None,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List the items of a batch operation."""
    from .client import Client

    wanted: dict[str, Any] = {"batchOperationKey": key}
    if state is not None:
        wanted["state"] = state.upper()
    with Client(connection.url) as client:
        found = client.search("/batch-operation-items", wanted, sort=[("itemKey", "ASC")], limit=limit)
        if not found.items:
            client.get(f"{PATH}/{key}")  # no items of what is not there is an error
    if connection.json:
        print_json(found.document())
        return
    print_table(
        ("ITEM", "PROCESS INSTANCE", "STATE", "PROCESSED", "ERROR OR PREDICTION"),
        [
            (
                item["itemKey"],
                shown(item["processInstanceKey"]),
                item["state"],
                shown(item["processedDate"]),
                shown(item["errorMessage"] or item.get("prediction")),
            )
            for item in found.items
        ],
    )
    print_note(f"{len(found.items)} of {shown_count(found.total, at_least=found.more)}")


def watch(
    keys: Annotated[
        list[str],
        typer.Argument(metavar="KEY...", help="Keys of batch operations.", autocompletion=completion.batch_keys),
    ],
    *,
    interval: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Pause between looks at the engine.")] = 0.5,
    connection: Connection,
) -> None:
    """Show progress until all have ended.

    Ctrl-C ends the watching only; the batch operations go on in the engine.
    """
    from .batch_watch import watch_to_end

    watch_to_end(keys, connection, interval)


def suspend(key: BatchKey, *, phase: Phases = None, connection: Connection) -> None:
    """Suspend a batch operation."""
    _manage(key, "suspension", connection, phase)


def resume(key: BatchKey, *, phase: Phases = None, connection: Connection) -> None:
    """Resume a suspended batch operation."""
    _manage(key, "resumption", connection, phase)


def abort(key: BatchKey, connection: Connection) -> None:
    """Cancel a batch operation; what is pending is not done."""
    _manage(key, "cancellation", connection)


def _manage(key: str, what: str, connection: Connection, phases: list[str] | None = None) -> None:
    body = {"phases": [phase.upper() for phase in phases]} if phases else {}
    send_accepted(connection, "POST", f"{PATH}/{key}/{what}", body, about={"batchOperationKey": key}, accepted=what)


class BatchGroup(TyperGroup):
    """The group with its generated commands, which are loaded when the group is used, not for `retold --help`."""

    def list_commands(self, context: Any) -> list[str]:
        """Creation first."""
        return [*self._creations().commands, *super().list_commands(context)]

    def get_command(self, context: Any, name: str) -> Any:
        """One of ours, or a generated one."""
        return super().get_command(context, name) or self._creations().get_command(context, name)

    def _creations(self) -> TyperGroup:
        from .batch_creation import creation_group

        return creation_group(self.commands)


def batch_app() -> typer.Typer:
    """The group `batch`."""
    app = typer.Typer(
        cls=BatchGroup,
        help="Batch operations: one decision, many instances.",
        no_args_is_help=True,
    )
    app.command("list")(expand(list_batches))
    for command in (
        show,
        items,
        incidents,
        watch,
        progress,
        log,
        overlaps,
        suspend,
        resume,
        update,
        resolve,
        abort,
        retry,
        undo,
        commit,
        approve,
        remove,
    ):
        app.command(command.__name__)(expand(command))
    return app
