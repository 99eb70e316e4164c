"""`signals`: tell all process instances that wait for it that something has happened."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .options import Connection, Variables, expand, read_json
from .output import print_fields, print_json

SignalName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the signal.")]


def broadcast(name: SignalName, *, variables: Variables = "{}", connection: Connection) -> None:
    """Broadcast a signal to all who wait for it."""
    from .client import Client

    body = {"signalName": name, "variables": read_json("--variables", variables, dict[str, Any])}
    with Client(connection.url) as client:
        answer = client.post("/signals/broadcast", body)
    if connection.json:
        print_json({"signalKey": answer["signalKey"]})
    else:
        print_fields([("Signal", answer["signalKey"])])


def _group() -> None:
    """Broadcast signals."""


def signals_app() -> typer.Typer:
    """The group `signals`."""
    app = typer.Typer(help="Broadcast signals.", no_args_is_help=True)
    app.callback()(_group)
    app.command("broadcast")(expand(broadcast))
    return app
