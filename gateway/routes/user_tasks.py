"""User tasks: search, get, assign, unassign, update, complete."""

from __future__ import annotations

import msgspec
from litestar.response.base import ASGIResponse

from engine.records import UserTask
from gateway.bodies import Body, HttpRequest
from gateway.fields import DateTime, Document, Identities, Identity, Name, Priority
from gateway.gateway import Gateway, path_key
from gateway.problems import bad_request
from gateway.responses import no_content

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "USER_TASK"
PATH = "/user-tasks"

#: property of a changeset -> attribute as the engine calls it
ATTRIBUTES = {
    "candidate_groups": "candidateGroupsList",
    "candidate_users": "candidateUsersList",
    "due_date": "dueDate",
    "follow_up_date": "followUpDate",
    "priority": "priority",
}


class UserTaskAssignmentBody(Body, frozen=True, kw_only=True):
    """Give a task to somebody. `allowOverride` false: only if nobody else has it."""

    assignee: Identity
    allow_override: bool | None = None
    action: Name | None = None


class UserTaskChangeset(Body, frozen=True, kw_only=True):
    """What to change: null changes nothing, an empty list or string takes the attribute away."""

    candidate_groups: Identities | None = None
    candidate_users: Identities | None = None
    due_date: DateTime | None = None
    follow_up_date: DateTime | None = None
    priority: Priority | None = None


class UserTaskUpdateBody(Body, frozen=True, kw_only=True):
    """Change a task; without anything to change, its `action` alone is noted."""

    changeset: UserTaskChangeset | None = None
    action: Name | None = None


class UserTaskCompletionBody(Body, frozen=True, kw_only=True):
    """A person has done it; `action` says what."""

    variables: Document | None = None
    action: Name | None = None


async def assign_user_task(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Assign a user task."""
    key = path_key(request)
    body = await gateway.bodies.read(request, UserTaskAssignmentBody)
    task = UserTask(assignee=body.assignee, action=body.action or "assign")
    await gateway.change(request, key, ENTITY, "CLAIM" if body.allow_override is False else "ASSIGN", task)
    return no_content()


async def unassign_user_task(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Take a user task from whoever has it."""
    key = path_key(request)
    await gateway.change(request, key, ENTITY, "ASSIGN", UserTask(action="unassign"))
    return no_content()


async def update_user_task(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Change attributes of a user task."""
    key = path_key(request)
    body = await gateway.bodies.read(request, UserTaskUpdateBody)
    changeset = body.changeset or UserTaskChangeset()
    given = {name: value for name in ATTRIBUTES if (value := getattr(changeset, name)) is not None}
    if not given and body.action is None:
        wanted = ", ".join(field.encode_name for field in msgspec.structs.fields(UserTaskChangeset))
        raise bad_request([f"changeset: expected at least one of {wanted}, or an action, got none; give one"])
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    names = tuple(ATTRIBUTES[name] for name in given)
    task = UserTask(changed_attributes=names, action=body.action or "update")
    await gateway.change(request, key, ENTITY, "UPDATE", msgspec.structs.replace(task, **fields))
    return no_content()


async def complete_user_task(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Complete a user task."""
    key = path_key(request)
    body = await gateway.bodies.read(request, UserTaskCompletionBody)
    task = UserTask(variables=body.variables or "{}", action=body.action or "complete")
    await gateway.change(request, key, ENTITY, "COMPLETE", task, urgent=True)
    return no_content()


ROUTES = (
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    Route(
        method="PATCH",
        path=f"{PREFIX}{PATH}/{{key:str}}",
        summary="Change a user task",
        handle=update_user_task,
        body=UserTaskUpdateBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/assignment",
        summary="Assign a user task",
        handle=assign_user_task,
        body=UserTaskAssignmentBody,
        status=204,
    ),
    Route(
        method="DELETE",
        path=f"{PREFIX}{PATH}/{{key:str}}/assignee",
        summary="Unassign a user task",
        handle=unassign_user_task,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/completion",
        summary="Complete a user task",
        handle=complete_user_task,
        body=UserTaskCompletionBody,
        status=204,
    ),
)
