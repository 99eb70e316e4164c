"""Statistics of definitions, process instances, incidents and jobs."""

from __future__ import annotations

import re
from typing import Any

from litestar.response.base import ASGIResponse

from exporters.search.store import Within
from gateway.access import READS
from gateway.bodies import HttpRequest, read_object
from gateway.gateway import Gateway, path_key
from gateway.problems import bad_request, forbidden
from gateway.responses import json_response, page_response

from .queries import PREFIX, question_route, report_route
from .route import Route

DEFINITIONS = "/process-definitions"
INSTANCES = "/process-instances"
INCIDENTS = "/incidents/statistics"
JOBS = "/jobs/statistics"

#: ISO 8601 without years and months, which have no fixed length.
DURATION = re.compile(r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?", re.ASCII)
SECONDS = (86_400, 3_600, 60, 1)
RESOLUTION_DEFAULT = "PT1M"


async def element_statistics(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Element instances of a definition by element and state; the filter chooses process instances."""
    key = path_key(request)
    question = await read_object(request)
    unknown = [f"{name}: expected filter, got {name}; leave it out" for name in question if name != "filter"]
    if unknown:
        raise bad_request(unknown)
    await _check_definition(gateway, key)
    return json_response({"items": await gateway.search.element_statistics(key, question.get("filter") or {})})


async def _check_definition(gateway: Gateway, key: int) -> None:
    """That the caller may see the instances of this definition. Raises Reject FORBIDDEN."""
    readable = await gateway.readable("ELEMENT_INSTANCE")
    if readable is None:
        return
    definition = await gateway.search.get("PROCESS_DEFINITION", key)
    if definition is None or definition["processDefinitionId"] not in readable:
        raise forbidden(*READS["ELEMENT_INSTANCE"])


async def global_job_statistics(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """All jobs that were created in a window of time."""
    await gateway.require(*READS["JOBS_IN_ALL"])
    page = await gateway.find("JOBS_IN_ALL", {"filter": dict(request.query_params)})
    return json_response({**page.items[0], "isIncomplete": False})


async def job_time_series(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The jobs of a type by the time of their creation; windows without any are left out."""
    question = await read_object(request)
    given = question.get("filter")
    resolution: Any = None
    if isinstance(given, dict):
        question["filter"] = given = dict(given)
        resolution = given.pop("resolution", None)
    milliseconds = _milliseconds(RESOLUTION_DEFAULT if resolution is None else resolution)
    return page_response(await gateway.find("JOBS_BY_TIME", question, Within("RESOLUTION", milliseconds)))


def _milliseconds(duration: object) -> int:
    """Raises Problem 400."""
    found = DURATION.fullmatch(duration) if isinstance(duration, str) else None
    seconds = sum(int(part or 0) * unit for part, unit in zip(found.groups(), SECONDS, strict=True)) if found else 0
    if seconds <= 0:
        shown = repr(duration)[:40]
        raise bad_request(
            [f"filter.resolution: expected a duration of ISO 8601 of at least a second such as PT1M, got {shown}"]
        )
    return seconds * 1000


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}{DEFINITIONS}/{{key:str}}/statistics/element-instances",
        summary="Element instances of a definition, by element and state",
        handle=element_statistics,
        search=True,
    ),
    question_route(
        "PROCESS_INSTANCES_BY_PROCESS",
        f"{DEFINITIONS}/statistics/process-instances",
        "Active process instances by process",
    ),
    question_route(
        "PROCESS_INSTANCES_BY_VERSION",
        f"{DEFINITIONS}/statistics/process-instances-by-version",
        "Active process instances of a process by version",
    ),
    question_route(
        "MESSAGE_SUBSCRIPTIONS_BY_DEFINITION",
        f"{DEFINITIONS}/statistics/message-subscriptions",
        "Message subscriptions that wait, by definition",
    ),
    report_route(
        "ELEMENTS",
        "PROCESS_INSTANCE",
        f"{INSTANCES}/{{key:str}}/statistics/element-instances",
        "Element instances of a process instance, by element and state",
    ),
    report_route(
        "WAIT_STATES",
        "PROCESS_INSTANCE",
        f"{INSTANCES}/{{key:str}}/statistics/wait-states",
        "Waiting element instances of a process instance, by element",
    ),
    question_route(
        "PROCESS_INSTANCES_BY_DEFINITION",
        f"{INCIDENTS}/process-instances-by-definition",
        "Process instances with an error, by definition",
    ),
    question_route(
        "PROCESS_INSTANCES_BY_ERROR",
        f"{INCIDENTS}/process-instances-by-error",
        "Process instances with open incidents, by error",
    ),
    Route(
        method="GET",
        path=f"{PREFIX}{JOBS}/global",
        summary="Jobs of a window of time",
        handle=global_job_statistics,
        query=("from", "to", "jobType"),
    ),
    question_route("JOBS_BY_TYPE", f"{JOBS}/by-types", "Jobs by type"),
    question_route("JOBS_BY_WORKER", f"{JOBS}/by-workers", "Jobs of a type by worker"),
    question_route("JOBS_BY_ERROR", f"{JOBS}/errors", "Failed jobs of a type by error"),
    Route(
        method="POST",
        path=f"{PREFIX}{JOBS}/time-series",
        summary="Jobs of a type by time",
        handle=job_time_series,
        search=True,
    ),
)
