"""`instances`: look at process instances, and end one."""

from __future__ import annotations

from typing import Annotated

import typer

from . import completion
from .filters import FilterOptions, filter_of
from .listing import print_found
from .options import Connection, Limit, expand
from .output import print_fields, print_json

InstanceKey = Annotated[
    str,
    typer.Argument(metavar="KEY", help="Key of the process instance.", autocompletion=completion.instance_keys),
]

COLUMNS = {
    "PROCESS INSTANCE": "processInstanceKey",
    "PROCESS": "processDefinitionId",
    "VERSION": "processDefinitionVersion",
    "STATE": "state",
    "INCIDENT": "hasIncident",
    "STARTED": "startDate",
    "ENDED": "endDate",
}


def list_instances(*, wanted: FilterOptions, limit: Limit = 20, connection: Connection) -> None:
    """List process instances, the newest first."""
    from .client import newest_first

    sort = newest_first("startDate", "processInstanceKey")
    print_found(connection, "/process-instances", filter_of(wanted), COLUMNS, sort=sort, limit=limit)


def show(
    key: InstanceKey,
    *,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show at most so many elements.")] = 200,
    connection: Connection,
) -> None:
    """Show a process instance as a tree.

    Its elements, and their variables, jobs, user tasks and incidents.
    """
    from .client import Client
    from .instance_tree import print_tree, read_tree

    with Client(connection.url) as client:
        tree = read_tree(client, key, limit)
    if connection.json:
        print_json(tree.document())
    else:
        print_tree(tree)


def cancel(
    key: Annotated[
        str,
        typer.Argument(metavar="KEY", help="Process instance key.", autocompletion=completion.running_instance_keys),
    ],
    connection: Connection,
) -> None:
    """Cancel one process instance.

    For many at once there is `retold batch cancel`.
    """
    from .client import Client

    with Client(connection.url) as client:
        client.post(f"/process-instances/{key}/cancellation")
    if connection.json:
        print_json({"processInstanceKey": key, "accepted": "cancellation"})
    else:
        print_fields([("Process instance", key), ("Accepted", "cancellation")])


def instances_app() -> typer.Typer:
    """The group `instances`."""
    app = typer.Typer(help="Look at process instances, and end one.", no_args_is_help=True)
    app.command("list")(expand(list_instances))
    app.command("show")(expand(show))
    app.command("cancel")(expand(cancel))
    return app
