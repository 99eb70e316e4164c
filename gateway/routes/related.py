"""What belongs to one thing: its incidents, variables, flows and callers."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from gateway.bodies import HttpRequest
from gateway.gateway import Gateway, path_key
from gateway.responses import json_response

from .queries import PREFIX, narrowed_route, report_route, search_route
from .route import Route

DEFINITION = "/process-definitions"
INSTANCE = "/process-instances/{key:str}"
USER_TASK = "/user-tasks"


async def get_call_hierarchy(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The process instances from the root to this one; nothing for one that nobody called."""
    key = path_key(request)
    await gateway.get("PROCESS_INSTANCE", key)
    return json_response(await gateway.search.report("CALL_HIERARCHY", key))


ROUTES = (
    narrowed_route(
        "VARIABLE_NAME",
        f"{DEFINITION}/{{key:str}}/variable-names/search",
        "Search names of variables of a definition",
        "PROCESS_DEFINITION",
    ),
    narrowed_route(
        "INCIDENT",
        f"{INSTANCE}/incidents/search",
        "Search the incidents of a process instance and of those that it called",
        "PROCESS_INSTANCE",
        "PROCESS_INSTANCE",
    ),
    Route(
        method="GET",
        path=f"{PREFIX}{INSTANCE}/call-hierarchy",
        summary="The callers of a process instance",
        handle=get_call_hierarchy,
    ),
    report_route("SEQUENCE_FLOWS", "PROCESS_INSTANCE", f"{INSTANCE}/sequence-flows", "Sequence flows that were taken"),
    narrowed_route(
        "INCIDENT",
        "/element-instances/{key:str}/incidents/search",
        "Search the incidents of an element instance and of those inside it",
        "ELEMENT_INSTANCE",
        "ELEMENT_INSTANCE",
    ),
    search_route("WAIT_STATE", "/element-instances/wait-states"),
    narrowed_route(
        "VARIABLE",
        f"{USER_TASK}/{{key:str}}/variables/search",
        "Search the variables that a user task sees, of all scopes",
        "USER_TASK",
        "USER_TASK",
        truncates=True,
    ),
    narrowed_route(
        "VARIABLE",
        f"{USER_TASK}/{{key:str}}/effective-variables/search",
        "Search the variables that a user task sees, one of each name",
        "EFFECTIVE",
        "USER_TASK",
        truncates=True,
    ),
)
