"""When history is deleted by itself: of one process instance, one evaluation of decisions, or one batch operation."""

from __future__ import annotations

import math
from datetime import datetime

from litestar.response.base import ASGIResponse

from engine.core.ports import NO_VARIABLES
from engine.records import BatchOperationLifecycleManagement, HistoryDeletion
from gateway.bodies import Body, HttpRequest
from gateway.fields import DateTime, OperationReference
from gateway.gateway import Gateway, path_key
from gateway.problems import bad_request, not_found
from gateway.responses import no_content

from .deletions import DECISION_INSTANCE, FAMILY, PROCESS_INSTANCE
from .queries import PREFIX
from .route import Route

MANAGEMENT = "BATCH_OPERATION_LIFECYCLE_MANAGEMENT"
CLEARED, CALCULATED = 0, -1


class RemovalTimeBody(Body, frozen=True, kw_only=True):
    """A time, none, or as long after the end as the settings say; exactly one of them."""

    exactly_one_of = ("absolute_removal_time", "cleared_removal_time", "calculated_removal_time")
    absolute_removal_time: DateTime | None = None
    cleared_removal_time: bool | None = None
    calculated_removal_time: bool | None = None
    operation_reference: OperationReference | None = None

    def milliseconds(self) -> int:
        """As the log has it. Raises Problem 400."""
        if self.absolute_removal_time is None:
            return CLEARED if self.cleared_removal_time is not None else CALCULATED
        try:
            time = math.floor(datetime.fromisoformat(self.absolute_removal_time).timestamp() * 1000)
        except ValueError:
            time = CLEARED
        if time <= 0:
            raise bad_request([f"absoluteRemovalTime: expected a date after 1970, got '{self.absolute_removal_time}'"])
        return time


async def schedule_process_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Say when an instance that has ended is deleted by itself."""
    key = path_key(request)
    await gateway.get(PROCESS_INSTANCE, key)
    return await _schedule(gateway, request, key, PROCESS_INSTANCE)


async def schedule_decision_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Say when an evaluation is deleted by itself with all its decisions."""
    key = path_key(request)
    question = {"filter": {"decisionEvaluationKey": str(key)}, "page": {"limit": 1}}
    if not (await gateway.find(DECISION_INSTANCE, question)).items:
        raise not_found("decision evaluation", key)
    return await _schedule(gateway, request, key, DECISION_INSTANCE)


async def _schedule(gateway: Gateway, request: HttpRequest, key: int, resource_type: str) -> ASGIResponse:
    body = await gateway.bodies.read(request, RemovalTimeBody)
    time, end = body.milliseconds(), 0
    if time == CALCULATED:
        end = (await gateway.search.facts(resource_type, [key], NO_VARIABLES, 0))[0].end_time
    value = HistoryDeletion(resource_key=key, resource_type=resource_type, removal_time=time, end_time=end)
    await gateway.change(request, key, FAMILY, "SCHEDULE", value, operation_reference=body.operation_reference)
    return no_content()


async def schedule_batch_operation(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Say when a batch operation that has ended is deleted by itself."""
    key = path_key(request)
    body = await gateway.bodies.read(request, RemovalTimeBody)
    value = BatchOperationLifecycleManagement(batch_operation_key=key, removal_time=body.milliseconds())
    await gateway.change(request, key, MANAGEMENT, "SCHEDULE", value, operation_reference=body.operation_reference)
    return no_content()


ROUTES = tuple(
    Route(
        method="POST",
        path=f"{PREFIX}/{path}/{{key:str}}/removal-time",
        summary=f"Set when {name} is deleted by itself",
        handle=handle,
        body=RemovalTimeBody,
        status=204,
    )
    for path, name, handle in (
        ("process-instances", "a process instance that has ended", schedule_process_instance),
        ("decision-instances", "a decision instance", schedule_decision_instance),
        ("batch-operations", "a batch operation that has ended", schedule_batch_operation),
    )
)
