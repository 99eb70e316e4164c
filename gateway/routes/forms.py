"""Forms: by key, of a user task, and at the start of a process. Who may see a task or a process sees its form."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.problems import not_found
from gateway.responses import json_response, no_content

from . import process_definitions, user_tasks
from .queries import PREFIX, get_route
from .route import Route

ENTITY = "FORM"
PATH = "/forms"


async def get_user_task_form(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The form that a user task is linked to, in the version that it got; 204 without one."""
    task = await gateway.get(user_tasks.ENTITY, path_key(request))
    if task["formKey"] is None:
        return no_content()
    form = await gateway.search.get(ENTITY, int(task["formKey"]))
    if form is None:
        raise not_found("form", task["formKey"])
    return json_response(form)


async def get_start_form(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The latest version of the form at the start of a process; 204 without one, or while it is not deployed."""
    key = path_key(request)
    await gateway.get(process_definitions.ENTITY, key)
    form_id = await gateway.search.start_form_id(key)
    if not form_id:
        return no_content()
    latest = {"filter": {"formId": form_id}, "sort": [{"field": "version", "order": "DESC"}], "page": {"limit": 1}}
    page = await gateway.search.search(ENTITY, latest)
    return json_response(page.items[0]) if page.items else no_content()


ROUTES = (
    get_route(ENTITY, PATH),
    Route(
        method="GET",
        path=f"{PREFIX}{user_tasks.PATH}/{{key:str}}/form",
        summary="The form of a user task",
        handle=get_user_task_form,
    ),
    Route(
        method="GET",
        path=f"{PREFIX}{process_definitions.PATH}/{{key:str}}/form",
        summary="The form at the start of a process",
        handle=get_start_form,
    ),
)
