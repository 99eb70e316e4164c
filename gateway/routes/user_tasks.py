"""User tasks: search, get, complete."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from engine.records import UserTask
from gateway.bodies import Body, HttpRequest
from gateway.fields import Document, Name
from gateway.gateway import Gateway, path_key
from gateway.responses import no_content

from .queries import PREFIX, get_route, search_route
from .route import Route

ENTITY = "USER_TASK"
PATH = "/user-tasks"
DEFAULT_ACTION = "complete"


class UserTaskCompletionBody(Body, frozen=True, kw_only=True):
    """A person has done it; `action` says what."""

    variables: Document | None = None
    action: Name | None = None


async def complete_user_task(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Complete a user task."""
    key = path_key(request)
    body = await gateway.bodies.read(request, UserTaskCompletionBody)
    task = UserTask(variables=body.variables or "{}", action=body.action or DEFAULT_ACTION)
    await gateway.change(request, key, ENTITY, "COMPLETE", task, urgent=True)
    return no_content()


ROUTES = (
    search_route(ENTITY, PATH),
    get_route(ENTITY, PATH),
    Route(
        method="POST",
        path=f"{PREFIX}{PATH}/{{key:str}}/completion",
        summary="Complete a user task",
        handle=complete_user_task,
        body=UserTaskCompletionBody,
        status=204,
    ),
)
