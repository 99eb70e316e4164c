"""The OpenAPI document (3.1), made from the same routes as the application."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from .fields import schema_of
from .problems import MEDIA_TYPE
from .routes.route import Route

_KEY = re.compile(r"\{(\w+):str\}")

_SEARCH: dict[str, Any] = {
    "type": "object",
    "properties": {
        "filter": {"type": "object"},
        "sort": {"type": "array", "items": {"type": "object"}},
        "page": {"type": "object"},
    },
    "additionalProperties": False,
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "problems": {"type": "array", "items": {"type": "string"}},
    },
}
_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["resources"],
    "properties": {
        "resources": {"type": "array", "items": {"type": "string", "format": "binary"}},
        "tenantId": {"type": "string"},
    },
}


def openapi_document(routes: Sequence[Route], version: str) -> bytes:
    """The document as JSON."""
    bodies = [route.body for route in routes if route.body is not None]
    references, components = msgspec.json.schema_components(
        bodies, schema_hook=schema_of, ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(bodies, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = _KEY.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Retold", "version": version},
            "paths": paths,
            "components": {"schemas": {**components, "ProblemDetail": _PROBLEM}},
        }
    )


def _operation(route: Route, schemas: dict[type[msgspec.Struct], dict[str, Any]]) -> dict[str, Any]:
    problem = {"$ref": "#/components/schemas/ProblemDetail"}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "responses": {
            str(route.status): {"description": "Done"},
            "default": {"description": "A problem", "content": {MEDIA_TYPE: {"schema": problem}}},
        },
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _KEY.findall(route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in route.query
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body_size_max:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}
    elif route.search or route.body is not None:
        schema = _SEARCH if route.body is None else schemas[route.body]
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation
