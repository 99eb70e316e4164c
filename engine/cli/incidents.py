"""`incidents`: look at incidents, and resolve one."""

from __future__ import annotations

from typing import Annotated

import typer

from . import completion
from .accepted import send_accepted
from .listing import print_found, upper
from .options import Connection, Limit, expand

COLUMNS = {
    "INCIDENT": "incidentKey",
    "PROCESS INSTANCE": "processInstanceKey",
    "PROCESS": "processDefinitionId",
    "ELEMENT": "elementId",
    "STATE": "state",
    "ERROR": "errorType",
    "MESSAGE": "errorMessage",
}


def list_incidents(
    *,
    state: Annotated[str, typer.Option(metavar="STATE", help="ACTIVE or RESOLVED; empty for all.")] = "ACTIVE",
    process_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Process id.", autocompletion=completion.process_ids)
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Process instance key.", autocompletion=completion.instance_keys),
    ] = None,
    error_type: Annotated[str | None, typer.Option(metavar="TYPE", help="Such as JOB_NO_RETRIES.")] = None,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List incidents, the newest first."""
    from .client import newest_first

    wanted = {
        "state": upper(state),
        "processDefinitionId": process_id,
        "processInstanceKey": instance,
        "errorType": upper(error_type),
    }
    sort = newest_first("creationTime", "incidentKey")
    print_found(connection, "/incidents", wanted, COLUMNS, sort=sort, limit=limit)


def resolve(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="Key of the incident.", autocompletion=completion.incident_keys)
    ],
    connection: Connection,
) -> None:
    """Resolve an incident whose cause is gone.

    A job that has no retries left needs `retold jobs update KEY --retries N` before.
    """
    path = f"/incidents/{key}/resolution"
    send_accepted(connection, "POST", path, about={"incidentKey": key}, accepted="resolution")


def incidents_app() -> typer.Typer:
    """The group `incidents`."""
    app = typer.Typer(help="Look at incidents, and resolve one.", no_args_is_help=True)
    app.command("list")(expand(list_incidents))
    app.command("resolve")(expand(resolve))
    return app
