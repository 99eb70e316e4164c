"""Users who log in with a password: create, get, search, update, delete. No answer shows a password or its hash."""

from __future__ import annotations

from typing import Annotated

from litestar.response.base import ASGIResponse
from msgspec import Meta

from engine.core.record import Record
from engine.records.user import VALUE_TYPE, User
from engine.shell.passwords import PASSWORD_LENGTH_MAX
from gateway.access import READS
from gateway.bodies import Body, HttpRequest
from gateway.fields import Name
from gateway.gateway import IDENTITY_PARTITION, Gateway
from gateway.problems import not_found
from gateway.responses import json_response, no_content

from .queries import PREFIX, search_route
from .route import Route

ENTITY = "USER"
PATH = "/users"

#: Not empty and not of spaces alone.
Password = Annotated[
    str, Meta(min_length=1, max_length=PASSWORD_LENGTH_MAX, pattern=r"\S", examples=["a long sentence"])
]
#: One that says nothing leaves the password as it is.
NewPassword = Annotated[str, Meta(max_length=PASSWORD_LENGTH_MAX)]
ShortText = Annotated[str, Meta(max_length=256)]


class UserBody(Body, frozen=True, kw_only=True):
    """A new user."""

    username: Name
    password: Password
    name: ShortText | None = None
    email: ShortText | None = None


class UserUpdateBody(Body, frozen=True, kw_only=True):
    """What a user is from now on; without a password he keeps his."""

    password: NewPassword | None = None
    name: ShortText | None = None
    email: ShortText | None = None


async def create_user(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Create a user."""
    body = await gateway.bodies.read(request, UserBody)
    user = User(
        username=body.username,
        name=body.name or "",
        email=body.email or "",
        password_hash=await gateway.passwords.hash(body.password),
    )
    return json_response(_shown(await _send(gateway, request, "CREATE", user)), 201)


async def get_user(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """One user by name."""
    await gateway.require(*READS[ENTITY])
    username = str(request.path_params["username"])
    found = (await gateway.find(ENTITY, {"filter": {"username": username}})).items
    if not found:
        raise not_found("user", repr(username[:60]), what_is_given="name")
    return json_response(found[0])


async def update_user(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Change a user."""
    body = await gateway.bodies.read(request, UserUpdateBody)
    password = body.password if body.password and body.password.strip() else ""
    user = User(
        username=str(request.path_params["username"]),
        name=body.name or "",
        email=body.email or "",
        password_hash=await gateway.passwords.hash(password) if password else "",
    )
    return json_response(_shown(await _send(gateway, request, "UPDATE", user)))


async def delete_user(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Delete a user, with his memberships and authorizations."""
    await _send(gateway, request, "DELETE", User(username=str(request.path_params["username"])))
    return no_content()


async def _send(gateway: Gateway, request: HttpRequest, intent: str, user: User) -> Record:
    return await gateway.create(request, VALUE_TYPE, intent, user, partition=IDENTITY_PARTITION)


def _shown(record: Record) -> dict[str, object]:
    user = record.value
    assert isinstance(user, User)
    return {"username": user.username, "name": user.name or None, "email": user.email or None}


_ONE = f"{PREFIX}{PATH}/{{username:str}}"

ROUTES = (
    Route(
        method="POST", path=f"{PREFIX}{PATH}", summary="Create a user", handle=create_user, body=UserBody, status=201
    ),
    search_route(ENTITY, PATH),
    Route(method="GET", path=_ONE, summary="Get a user", handle=get_user),
    Route(method="PUT", path=_ONE, summary="Update a user", handle=update_user, body=UserUpdateBody),
    Route(method="DELETE", path=_ONE, summary="Delete a user", handle=delete_user, status=204),
)
