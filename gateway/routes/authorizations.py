"""Authorizations: create, get, search, update, delete. Who may do so is authorized for that himself."""

from __future__ import annotations

from typing import Annotated

from litestar.response.base import ASGIResponse
from msgspec import Meta

from engine.core.record import partition_of
from engine.records.authorization import VALUE_TYPE, Authorization
from gateway.bodies import Body, HttpRequest
from gateway.fields import Name
from gateway.gateway import IDENTITY_PARTITION, Gateway, path_key
from gateway.problems import not_found
from gateway.responses import json_response, no_content

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "AUTHORIZATION"
PATH = "/authorizations"


class AuthorizationBody(Body, frozen=True, kw_only=True):
    """Who may do what to which resource (`*`: to all of its type)."""

    owner_type: Name
    owner_id: Name
    resource_type: Name
    resource_id: Name
    permission_types: Annotated[list[Name], Meta(min_length=1, max_length=100)]


async def create_authorization(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Create an authorization."""
    wish = await _read(gateway, request)
    record = await gateway.create(request, VALUE_TYPE, "CREATE", wish, partition=IDENTITY_PARTITION)
    return json_response({"authorizationKey": str(record.key)}, 201)


async def update_authorization(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Replace an authorization by another."""
    wish = await _read(gateway, request)
    await gateway.change(request, _key(request), VALUE_TYPE, "UPDATE", wish)
    return no_content()


async def delete_authorization(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Take an authorization back."""
    await gateway.change(request, _key(request), VALUE_TYPE, "DELETE", Authorization())
    return no_content()


async def _read(gateway: Gateway, request: HttpRequest) -> Authorization:
    body = await gateway.bodies.read(request, AuthorizationBody)
    return Authorization(
        owner_type=body.owner_type,
        owner_id=body.owner_id,
        resource_type=body.resource_type,
        resource_id=body.resource_id,
        permission_types=tuple(body.permission_types),
    )


def _key(request: HttpRequest) -> int:
    """The key in the path. Raises Problem 404 for one that can be of no authorization."""
    key = path_key(request)
    if partition_of(key) != IDENTITY_PARTITION:
        raise not_found("authorization", key)
    return key


_ONE = f"{PREFIX}{PATH}/{{key:str}}"

ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}",
        summary="Authorize somebody",
        handle=create_authorization,
        body=AuthorizationBody,
        status=201,
    ),
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    Route(
        method="PUT",
        path=_ONE,
        summary="Update an authorization",
        handle=update_authorization,
        body=AuthorizationBody,
        status=204,
    ),
    Route(method="DELETE", path=_ONE, summary="Delete an authorization", handle=delete_authorization, status=204),
)
