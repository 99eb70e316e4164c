"""`messages`: tell process instances that something has happened."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .options import Connection, Variables, expand, read_json
from .output import print_fields, print_json

MessageName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the message.")]
CorrelationKey = Annotated[
    str, typer.Argument(metavar="CORRELATION_KEY", help="Who it is for; empty for whom no key is needed.")
]


def publish(
    name: MessageName,
    correlation_key: CorrelationKey = "",
    *,
    variables: Variables = "{}",
    keep: Annotated[int, typer.Option(min=0, metavar="MS", help="Keep it so long for who does not wait yet.")] = 0,
    message_id: Annotated[str, typer.Option("--id", metavar="ID", help="Refuse another one while it is kept.")] = "",
    connection: Connection,
) -> None:
    """Publish a message for whoever waits for it."""
    body = {"timeToLive": keep, "messageId": message_id}
    answer = _send("publication", name, correlation_key, variables, body, connection)
    if connection.json:
        print_json({"messageKey": answer["messageKey"]})
    else:
        print_fields([("Message", answer["messageKey"])])


def correlate(
    name: MessageName, correlation_key: CorrelationKey = "", *, variables: Variables = "{}", connection: Connection
) -> None:
    """Publish a message for who waits now; tells which instance got it."""
    answer = _send("correlation", name, correlation_key, variables, {}, connection)
    names = ("messageKey", "processInstanceKey")
    if connection.json:
        print_json({name: answer[name] for name in names})
    else:
        print_fields([("Message", answer["messageKey"]), ("Process instance", answer["processInstanceKey"])])


def _send(
    what: str, name: str, correlation_key: str, variables: str, body: dict[str, Any], connection: Connection
) -> dict[str, Any]:
    from .client import Client

    document = read_json("--variables", variables, dict[str, Any])
    body = {"name": name, "correlationKey": correlation_key, "variables": document, **body}
    with Client(connection.url) as client:
        return client.post(f"/messages/{what}", body)


def messages_app() -> typer.Typer:
    """The group `messages`."""
    app = typer.Typer(help="Send messages to process instances.", no_args_is_help=True)
    for command in (publish, correlate):
        app.command(command.__name__)(expand(command))
    return app
