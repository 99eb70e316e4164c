"""Expressions: evaluate one, with the variables of the request and those that a scope sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta

from exporters.search.store import Within
from gateway.access import EVALUATE
from gateway.bodies import Body, HttpRequest
from gateway.evaluation import NoResult
from gateway.fields import Document, Key, Tenant
from gateway.gateway import Gateway
from gateway.problems import bad_request, not_found
from gateway.responses import json_response

from .queries import PREFIX
from .route import Route

NAMES_MAX = 100
"""Variables of a scope that one expression may read."""


class Evaluate(Body, frozen=True, kw_only=True):
    """What to evaluate; the variables of the request hide those of the scope."""

    expression: Annotated[str, Meta(min_length=1)]
    scope_key: Key | None = None
    variables: Document | None = None
    tenant_id: Tenant | None = None


async def evaluate_expression(gateway: Gateway, request: HttpRequest) -> ASGIResponse:
    """The result of an expression at this moment; nothing is written anywhere."""
    await gateway.require(*EVALUATE)
    body = await gateway.bodies.read(request, Evaluate)
    given = msgspec.json.decode((body.variables or "{}").encode(), type=dict[str, object])

    async def read(names: frozenset[str]) -> Mapping[str, object]:
        missing = sorted(names - given.keys())
        if body.scope_key is None:
            return given
        return await _read_scope(gateway, body.scope_key, missing) | given

    try:
        evaluation = await gateway.evaluations.evaluate(body.expression, read, gateway.clock.now())
    except NoResult as error:
        raise bad_request([f"expression: {error}"]) from None
    warnings = [{"message": message} for message in evaluation.warnings]
    result = {"expression": body.expression, "result": evaluation.result, "warnings": warnings}
    return json_response({**result, "referencedSecrets": []})


async def _read_scope(gateway: Gateway, scope_key: int, names: list[str]) -> dict[str, object]:
    """The variables of these names that a process instance or an element instance sees, as far as they are searchable.

    Raises Problem 404 for a scope that is not known, 400 for too many names.
    """
    entities = ("PROCESS_INSTANCE", "ELEMENT_INSTANCE")
    known = [entity for entity in entities if await gateway.search.get(entity, scope_key) is not None]
    if not known:
        raise not_found("process instance or element instance", scope_key)
    await gateway.check_readable(known[0], scope_key)
    if len(names) > NAMES_MAX:
        raise bad_request([f"expression: expected at most {NAMES_MAX} variables of the scope, got {len(names)}"])
    if not names:
        return {}
    question = {"filter": {"name": {"$in": names}}, "page": {"limit": len(names)}, "truncateValues": False}
    page = await gateway.find("VARIABLE", question, Within("SCOPE", scope_key))
    return {item["name"]: msgspec.json.decode(item["value"]) for item in page.items}


ROUTES = (
    Route(
        method="POST",
        path=f"{PREFIX}/expression/evaluation",
        summary="Evaluate an expression",
        handle=evaluate_expression,
        body=Evaluate,
    ),
)
