"""Signals: broadcast one to all who wait for it, on every partition."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from engine.core.record import DEFAULT_TENANT
from engine.records import Signal
from gateway.bodies import Body, HttpRequest
from gateway.fields import Document, Name, Tenant
from gateway.gateway import Gateway
from gateway.responses import json_response

from .queries import PREFIX
from .route import Route


class SignalBroadcastBody(Body, frozen=True, kw_only=True):
    """A signal with the variables that come with it."""

    signal_name: Name
    variables: Document | None = None
    tenant_id: Tenant | None = None


async def broadcast_signal(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """Broadcast a signal."""
    body = await gateway.bodies.read(request, SignalBroadcastBody)
    signal = Signal(signal_name=body.signal_name, variables=body.variables or "", tenant_id=DEFAULT_TENANT)
    record = await gateway.create(request, "SIGNAL", "BROADCAST", signal)
    return json_response({"tenantId": DEFAULT_TENANT, "signalKey": str(record.key)})


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}/signals/broadcast",
        summary="Broadcast a signal",
        handle=broadcast_signal,
        body=SignalBroadcastBody,
    ),
)
