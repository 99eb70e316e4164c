"""`instances`: look at process instances, end one, and begin elements in one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import completion
from .filters import FilterOptions, filter_of
from .listing import print_found
from .options import Connection, Limit, Variables, expand, read_json
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


def activate(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Element instance key of the ad-hoc sub-process.")],
    elements: Annotated[list[str], typer.Argument(metavar="ELEMENT_ID...", help="Elements inside, as in the model.")],
    *,
    variables: Variables = "{}",
    cancel_remaining: Annotated[
        bool, typer.Option("--cancel-remaining", help="What is active inside ends first.")
    ] = False,
    connection: Connection,
) -> None:
    """Begin elements in an ad-hoc sub-process.

    Each gets the variables.
    """
    from .client import Client

    given = read_json("--variables", variables, dict[str, Any])
    body = {
        "elements": [{"elementId": element, "variables": given} for element in elements],
        "cancelRemainingInstances": cancel_remaining,
    }
    with Client(connection.url) as client:
        client.post(f"/element-instances/ad-hoc-activities/{key}/activation", body)
    if connection.json:
        print_json({"elementInstanceKey": key, "accepted": "activation"})
    else:
        print_fields([("Element instance", key), ("Accepted", "activation")])


def instances_app() -> typer.Typer:
    """The group `instances`."""
    app = typer.Typer(help="Look at process instances, and end one.", no_args_is_help=True)
    app.command("list")(expand(list_instances))
    app.command("show")(expand(show))
    app.command("cancel")(expand(cancel))
    app.command("activate")(expand(activate))
    return app
