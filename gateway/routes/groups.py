"""Groups and their members: create, get, search, update, delete; add, list and remove users and clients."""

from __future__ import annotations

from typing import Annotated

from litestar.response.base import ASGIResponse
from msgspec import Meta

from engine.core.record import Record
from engine.records.group import VALUE_TYPE, Group
from gateway.access import READS
from gateway.bodies import Body, HttpRequest, read_object
from gateway.fields import Name
from gateway.gateway import IDENTITY_PARTITION, Gateway
from gateway.problems import bad_request, not_found
from gateway.responses import json_response, no_content, page_response

from .queries import PREFIX, search_route
from .route import Route

ENTITY = "GROUP"
PATH = "/groups"

ShortText = Annotated[str, Meta(max_length=256)]


class GroupBody(Body, frozen=True, kw_only=True):
    """A new group."""

    group_id: Name
    name: ShortText
    description: ShortText | None = None


class GroupUpdateBody(Body, frozen=True, kw_only=True):
    """What a group is from now on."""

    name: ShortText
    description: ShortText | None = None


async def create_group(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Create a group."""
    body = await gateway.bodies.read(request, GroupBody)
    group = Group(group_id=body.group_id, name=body.name, description=body.description or "")
    return json_response(_shown(await _send(gateway, request, "CREATE", group)), 201)


async def get_group(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """One group by its id."""
    return json_response(await _find(gateway, request))


async def update_group(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Change name and description of a group."""
    body = await gateway.bodies.read(request, GroupUpdateBody)
    group = Group(group_id=_group_id(request), name=body.name, description=body.description or "")
    return json_response(_shown(await _send(gateway, request, "UPDATE", group)))


async def delete_group(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Delete a group, with its memberships and authorizations."""
    await _send(gateway, request, "DELETE", Group(group_id=_group_id(request)))
    return no_content()


async def _find(gateway: Gateway, request: HttpRequest) -> dict[str, object]:
    await gateway.require(*READS[ENTITY])
    group_id = _group_id(request)
    found = (await gateway.find(ENTITY, {"filter": {"groupId": group_id}})).items
    if not found:
        raise not_found("group", repr(group_id[:60]), what_is_given="id")
    return found[0]


async def _send(gateway: Gateway, request: HttpRequest, intent: str, group: Group) -> Record:
    return await gateway.create(request, VALUE_TYPE, intent, group, partition=IDENTITY_PARTITION)


def _group_id(request: HttpRequest) -> str:
    return str(request.path_params["group_id"])


def _shown(record: Record) -> dict[str, object]:
    group = record.value
    assert isinstance(group, Group)
    return {"groupId": group.group_id, "name": group.name, "description": group.description or None}


def _member_routes(member_type: str, plural: str) -> tuple[Route, ...]:
    """Add, remove and search the members of one type."""
    noun = member_type.lower()

    def change(intent: str) -> Route:
        async def handle(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
            member = Group(
                group_id=_group_id(request), member_type=member_type, member_id=str(request.path_params["member_id"])
            )
            await _send(gateway, request, intent, member)
            return no_content()

        method, verb = {"ADD_MEMBER": ("PUT", "Add"), "REMOVE_MEMBER": ("DELETE", "Remove")}[intent]
        return Route(
            method=method,
            path=f"{_ONE}/{plural}/{{member_id:str}}",
            summary=f"{verb} a {noun} of a group",
            handle=handle,
            status=204,
        )

    async def search(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
        question = await read_object(request)
        if question.get("filter"):
            raise bad_request(["filter: expected none, for the path says which group; leave it out"])
        await _find(gateway, request)
        wanted = {**question, "filter": {"groupId": _group_id(request)}}
        return page_response(await gateway.find(f"GROUP_{member_type}", wanted))

    searching = Route(
        method="POST",
        path=f"{_ONE}/{plural}/search",
        summary=f"Search the {plural} of a group",
        handle=search,
        search=True,
    )
    return change("ADD_MEMBER"), change("REMOVE_MEMBER"), searching


_ONE = f"{PREFIX}{PATH}/{{group_id:str}}"

ROUTES = (
    Route(
        method="POST", path=f"{PREFIX}{PATH}", summary="Create a group", handle=create_group, body=GroupBody, status=201
    ),
    search_route(ENTITY, PATH),
    Route(method="GET", path=_ONE, summary="Get a group", handle=get_group),
    Route(method="PUT", path=_ONE, summary="Update a group", handle=update_group, body=GroupUpdateBody),
    Route(method="DELETE", path=_ONE, summary="Delete a group", handle=delete_group, status=204),
    *_member_routes("USER", "users"),
    *_member_routes("CLIENT", "clients"),
)
