"""`variables`: look at variables, and set some."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import completion
from .listing import print_found
from .options import Connection, Limit, expand, read_json
from .output import print_fields, print_json

COLUMNS = {"VARIABLE": "variableKey", "SCOPE": "scopeKey", "NAME": "name", "VALUE": "value"}


def list_variables(
    instance: Annotated[
        str,
        typer.Argument(metavar="INSTANCE_KEY", help="Process instance key.", autocompletion=completion.instance_keys),
    ],
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of this name only.")] = None,
    limit: Limit = 100,
    connection: Connection,
) -> None:
    """List the variables of a process instance, of all its scopes."""
    wanted = {"processInstanceKey": instance, "name": name}
    sort = [("scopeKey", "ASC"), ("name", "ASC")]
    print_found(connection, "/variables", wanted, COLUMNS, sort=sort, limit=limit)


def set_variables(
    scope: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="Process instance or element instance.",
            autocompletion=completion.running_instance_keys,
        ),
    ],
    variables: Annotated[str, typer.Argument(metavar="JSON", help="A JSON object, or @FILE.")],
    *,
    local: Annotated[bool, typer.Option("--local", help="Set them there, even if they exist further out.")] = False,
    connection: Connection,
) -> None:
    """Set variables of a process instance or an element instance."""
    from .client import Client

    body = {"variables": read_json("JSON", variables, dict[str, Any]), "local": local}
    with Client(connection.url) as client:
        client.send("PUT", f"/element-instances/{scope}/variables", body)
    if connection.json:
        print_json({"elementInstanceKey": scope, "accepted": "variables"})
    else:
        print_fields([("Scope", scope), ("Accepted", ", ".join(body["variables"]) or "nothing")])


def variables_app() -> typer.Typer:
    """The group `variables`."""
    app = typer.Typer(help="Look at variables, and set some.", no_args_is_help=True)
    app.command("list")(expand(list_variables))
    app.command("set")(expand(set_variables))
    return app
