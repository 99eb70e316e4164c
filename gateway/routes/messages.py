"""Messages: publish one, or correlate one and learn who got it. Both go to the partition of the correlation key."""

from __future__ import annotations

from litestar.response.base import ASGIResponse
from msgspec import Struct

from engine.core.faults import NOT_FOUND
from engine.core.record import DEFAULT_TENANT, NONE, Record, partition_of_name
from engine.records import Message, MessageCorrelation
from gateway.bodies import Body, HttpRequest
from gateway.fields import Document, Milliseconds, Name, Tenant, Text, Unsupported
from gateway.gateway import Gateway
from gateway.problems import Problem
from gateway.responses import json_response

from .queries import PREFIX, search_route
from .route import Route


class MessagePublicationBody(Body, frozen=True, kw_only=True):
    """A message, kept `timeToLive` ms for who does not wait for it yet; `messageId` is unique while it is kept."""

    name: Name
    correlation_key: Text | None = None
    time_to_live: Milliseconds | None = None
    message_id: Text | None = None
    variables: Document | None = None
    tenant_id: Tenant | None = None
    business_id: Unsupported | None = None


class MessageCorrelationBody(Body, frozen=True, kw_only=True):
    """A message for who waits for it now."""

    name: Name
    correlation_key: Text | None = None
    variables: Document | None = None
    tenant_id: Tenant | None = None
    business_id: Unsupported | None = None


async def publish_message(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Publish a message."""
    body = await gateway.bodies.read(request, MessagePublicationBody)
    message = Message(
        name=body.name,
        correlation_key=body.correlation_key or "",
        time_to_live=body.time_to_live or 0,
        message_id=body.message_id or "",
        variables=body.variables or "",
        tenant_id=DEFAULT_TENANT,
    )
    record = await _send(gateway, request, "MESSAGE", "PUBLISH", message, message.correlation_key)
    return json_response({"tenantId": DEFAULT_TENANT, "messageKey": str(record.key)})


async def correlate_message(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Correlate a message, and tell the first process instance that got it."""
    body = await gateway.bodies.read(request, MessageCorrelationBody)
    message = MessageCorrelation(
        name=body.name,
        correlation_key=body.correlation_key or "",
        variables=body.variables or "",
        tenant_id=DEFAULT_TENANT,
    )
    record = await _send(gateway, request, "MESSAGE_CORRELATION", "CORRELATE", message, message.correlation_key)
    instance_key = getattr(record.value, "process_instance_key", NONE)
    if record.intent == "NOT_CORRELATED":
        expected = f"expected a process instance that still waits for the message '{body.name}'"
        raise Problem(404, f"{expected}, got none: those that waited have ended; send it again", title=NOT_FOUND)
    return json_response(
        {"tenantId": DEFAULT_TENANT, "messageKey": str(record.key), "processInstanceKey": str(instance_key)}
    )


async def _send(
    gateway: Gateway, request: HttpRequest, family: str, intent: str, message: Struct, correlation_key: str
) -> Record:
    partition = partition_of_name(correlation_key, gateway.partition_count)
    return await gateway.create(request, family, intent, message, partition=partition)


ROUTES = (
    search_route("MESSAGE_SUBSCRIPTION", "/message-subscriptions"),
    search_route("CORRELATED_MESSAGE_SUBSCRIPTION", "/correlated-message-subscriptions"),
    Route(
        method="POST",
        path=f"{PREFIX}/messages/publication",
        summary="Publish a message",
        handle=publish_message,
        body=MessagePublicationBody,
    ),
    Route(
        method="POST",
        path=f"{PREFIX}/messages/correlation",
        summary="Correlate a message, and learn which process instance got it",
        handle=correlate_message,
        body=MessageCorrelationBody,
    ),
)
