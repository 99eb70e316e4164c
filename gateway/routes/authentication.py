"""Who the caller is."""

from __future__ import annotations

from litestar.response.base import ASGIResponse

from engine.core.principal import ANONYMOUS_CLAIMS
from engine.core.record import DEFAULT_TENANT
from gateway.access import CALLER
from gateway.bodies import HttpRequest
from gateway.gateway import Gateway
from gateway.responses import json_response

from .queries import PREFIX
from .route import Route


async def get_me(gateway: Gateway, _request: HttpRequest) -> ASGIResponse:
    """The caller with his groups; without authorization it is nobody in particular, who may use everything."""
    caller = CALLER.get()
    person = await gateway.access.person(caller)
    return json_response(
        {
            "username": caller.id or ANONYMOUS_CLAIMS,
            "displayName": person.name or caller.id or None,
            "email": person.email,
            "authorizedComponents": ["*"],
            "tenants": [{"tenantId": DEFAULT_TENANT, "name": "Default", "description": None}],
            "groups": person.groups,
            "roles": [],
            "salesPlanType": None,
            "c8Links": {},
            "canLogout": False,
        }
    )


ROUTES = (Route(method="GET", path=f"{PREFIX}/authentication/me", summary="Who the caller is", handle=get_me),)
