"""Deleting history one at a time: a process instance that has ended, or an evaluation of decisions."""

from __future__ import annotations

from typing import Annotated

from litestar.response.base import ASGIResponse
from msgspec import Meta

from engine.records import HistoryDeletion
from gateway.bodies import Body, HttpRequest
from gateway.fields import OperationReference
from gateway.gateway import Gateway, path_key
from gateway.problems import not_found
from gateway.responses import no_content

from .queries import PREFIX
from .route import Route

FAMILY = "HISTORY_DELETION"
PROCESS_INSTANCE = "PROCESS_INSTANCE"
DECISION_INSTANCE = "DECISION_INSTANCE"


class DeletionBody(Body, frozen=True, kw_only=True):
    """Why, for people, and a reference to follow the deletion through the log."""

    operation_reference: OperationReference | None = None
    reason: Annotated[str, Meta(max_length=4096)] = ""


async def delete_process_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Delete an instance that has ended from secondary storage, which knows which there are."""
    key = path_key(request)
    await gateway.get(PROCESS_INSTANCE, key)
    return await _delete(gateway, request, key, PROCESS_INSTANCE)


async def delete_decision_instance(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Delete an evaluation with all its decisions."""
    key = path_key(request)
    question = {"filter": {"decisionEvaluationKey": str(key)}, "page": {"limit": 1}}
    if not (await gateway.find(DECISION_INSTANCE, question)).items:
        raise not_found("decision evaluation", key)
    return await _delete(gateway, request, key, DECISION_INSTANCE)


async def _delete(gateway: Gateway, request: HttpRequest, key: int, resource_type: str) -> ASGIResponse:
    body = await gateway.bodies.read(request, DeletionBody)
    value = HistoryDeletion(resource_key=key, resource_type=resource_type, reason=body.reason)
    await gateway.change(request, key, FAMILY, "DELETE", value, operation_reference=body.operation_reference)
    return no_content()


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}/process-instances/{{key:str}}/deletion",
        summary="Delete a process instance that has ended",
        handle=delete_process_instance,
        body=DeletionBody,
        status=204,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}/decision-instances/{{key:str}}/deletion",
        summary="Delete a decision instance",
        handle=delete_decision_instance,
        body=DeletionBody,
        status=204,
    ),
)
