"""`authorizations`: who may do what."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import completion
from .accepted import send_accepted
from .faults import UsageFault
from .listing import print_found, upper
from .options import Connection, Limit, expand
from .output import print_fields, print_json

COLUMNS = {
    "AUTHORIZATION": "authorizationKey",
    "OWNER TYPE": "ownerType",
    "OWNER": "ownerId",
    "RESOURCE TYPE": "resourceType",
    "RESOURCE": "resourceId",
    "PERMISSIONS": "permissionTypes",
}
OWNER_TYPES = ("USER", "GROUP", "CLIENT")

Key = Annotated[str, typer.Argument(metavar="KEY", help="Key of the authorization.")]
Owner = Annotated[
    str, typer.Argument(metavar="OWNER", help="TYPE:ID, such as user:ada, group:operators, client:robot.")
]
ResourceType = Annotated[
    str, typer.Argument(metavar="RESOURCE_TYPE", help="Such as PROCESS_DEFINITION, BATCH, RESOURCE, USER.")
]
Permissions = Annotated[list[str], typer.Argument(metavar="PERMISSION...", help="Such as READ_PROCESS_INSTANCE.")]
Resource = Annotated[str, typer.Option("--resource", metavar="ID", help="Id of the resource; * for all.")]


def list_authorizations(
    *,
    owner: Annotated[str | None, typer.Option(metavar="OWNER", help="TYPE:ID, such as user:ada.")] = None,
    resource_type: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE", help="Such as BATCH.", autocompletion=completion.choices(("BATCH", "PROCESS_DEFINITION"))
        ),
    ] = None,
    limit: Limit = 20,
    connection: Connection,
) -> None:
    """List authorizations."""
    owner_type, owner_id = _owner(owner) if owner else (None, None)
    wanted = {"ownerType": owner_type, "ownerId": owner_id, "resourceType": upper(resource_type)}
    print_found(connection, "/authorizations", wanted, COLUMNS, sort=[("ownerId", "ASC")], limit=limit)


def create(
    owner: Owner,
    resource_type: ResourceType,
    permissions: Permissions,
    *,
    resource: Resource = "*",
    connection: Connection,
) -> None:
    """Authorize somebody."""
    from .client import Client

    with Client(connection.url) as client:
        answer = client.post("/authorizations", _body(owner, resource_type, permissions, resource))
    if connection.json:
        print_json(answer)
    else:
        print_fields([("Authorization", answer["authorizationKey"])])


def update(
    key: Key,
    owner: Owner,
    resource_type: ResourceType,
    permissions: Permissions,
    *,
    resource: Resource = "*",
    connection: Connection,
) -> None:
    """Replace an authorization by another."""
    _send(connection, "PUT", key, _body(owner, resource_type, permissions, resource), "update")


def delete(key: Key, *, connection: Connection) -> None:
    """Take an authorization back."""
    _send(connection, "DELETE", key, None, "deletion")


def _owner(text: str) -> tuple[str, str]:
    """Raises UsageFault."""
    owner_type, _, owner_id = text.partition(":")
    if owner_type.upper() not in OWNER_TYPES or not owner_id:
        raise UsageFault(f"expected an owner such as user:ada, group:operators or client:robot, got {text!r}")
    return owner_type.upper(), owner_id


def _body(owner: str, resource_type: str, permissions: list[str], resource: str) -> dict[str, Any]:
    owner_type, owner_id = _owner(owner)
    return {
        "ownerType": owner_type,
        "ownerId": owner_id,
        "resourceType": resource_type.upper(),
        "resourceId": resource,
        "permissionTypes": [name.upper() for name in permissions],
    }


def _send(connection: Connection, method: str, key: str, body: dict[str, Any] | None, accepted: str) -> None:
    path = f"/authorizations/{key}"
    send_accepted(connection, method, path, body, about={"authorizationKey": key}, accepted=accepted)


def authorizations_app() -> typer.Typer:
    """The group `authorizations`."""
    app = typer.Typer(help="Who may do what.", no_args_is_help=True)
    app.command("list")(expand(list_authorizations))
    app.command("create")(expand(create))
    app.command("update")(expand(update))
    app.command("delete")(expand(delete))
    return app
