"""`groups`: users and clients that are authorized together."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from .accepted import send_accepted
from .listing import print_found
from .options import Connection, Limit, expand
from .output import print_fields, print_json

COLUMNS = {"GROUP": "groupId", "NAME": "name", "DESCRIPTION": "description"}

GroupId = Annotated[str, typer.Argument(metavar="GROUP", help="Id of the group.")]
User = Annotated[str | None, typer.Option(metavar="NAME", help="Name of a user.")]
Client_ = Annotated[str | None, typer.Option("--client", metavar="ID", help="Id of a client.")]


def list_groups(*, limit: Limit = 20, connection: Connection) -> None:
    """List groups, by id."""
    print_found(connection, "/groups", {}, COLUMNS, sort=[("groupId", "ASC")], limit=limit)


def create(
    group_id: GroupId,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Name for people to read. Default: the id.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    connection: Connection,
) -> None:
    """Create a group."""
    from .client import Client

    with Client(connection.url) as client:
        answer = client.post("/groups", {"groupId": group_id, "name": name or group_id, "description": description})
    if connection.json:
        print_json(answer)
    else:
        print_fields([(title, str(answer[field] or "")) for title, field in COLUMNS.items()])


def delete(group_id: GroupId, *, connection: Connection) -> None:
    """Delete a group, with all that it is authorized to."""
    path = f"/groups/{quote(group_id, safe='')}"
    send_accepted(connection, "DELETE", path, about={"groupId": group_id}, accepted="deletion")


def members(group_id: GroupId, *, connection: Connection) -> None:
    """List the users and clients of a group."""
    from .client import Client

    path = f"/groups/{quote(group_id, safe='')}"
    with Client(connection.url) as client:
        users = [item["username"] for item in client.search(f"{path}/users").items]
        clients = [item["clientId"] for item in client.search(f"{path}/clients").items]
    if connection.json:
        print_json({"users": users, "clients": clients})
    else:
        print_fields([("Users", ", ".join(users)), ("Clients", ", ".join(clients))])


def add(group_id: GroupId, *, user: User = None, client: Client_ = None, connection: Connection) -> None:
    """Add a user or a client to a group."""
    path, member = _member(group_id, user, client)
    send_accepted(connection, "PUT", path, about=member, accepted="addition")


def remove(group_id: GroupId, *, user: User = None, client: Client_ = None, connection: Connection) -> None:
    """Remove a user or a client from a group."""
    path, member = _member(group_id, user, client)
    send_accepted(connection, "DELETE", path, about=member, accepted="removal")


def _member(group_id: str, user: str | None, client: str | None) -> tuple[str, dict[str, str]]:
    """The path of a member, and what it is. Raises BadParameter."""
    if (user is None) == (client is None):
        raise typer.BadParameter("expected either --user or --client; give one of them")
    kind, name, field = ("users", user, "username") if user is not None else ("clients", client, "clientId")
    path = f"/groups/{quote(group_id, safe='')}/{kind}/{quote(str(name), safe='')}"
    return path, {"groupId": group_id, field: str(name)}


def groups_app() -> typer.Typer:
    """The group `groups`."""
    app = typer.Typer(help="Users and clients that are authorized together.", no_args_is_help=True)
    app.command("list")(expand(list_groups))
    app.command("create")(expand(create))
    app.command("delete")(expand(delete))
    app.command("members")(expand(members))
    app.command("add")(expand(add))
    app.command("remove")(expand(remove))
    return app
