"""Tokens that begin before chosen elements: at the creation of an instance, or at its modification."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.bpmn.model import Element, Process

from . import work as kinds
from .work import Work

#: An element to begin before, and by element the variables (a JSON object) of scopes that begin with it, itself too.
Place = tuple[str, dict[str, msgspec.Raw]]


def beginnings(graph: Process, scope: Element, key: int, places: Sequence[Place]) -> list[Work]:
    """A token in the scope `key` for each element, or for the sub-process there that it is in.

    One instance of that is for all of them. `data` of the work is a JSON array of what is inside and of variables.
    """
    works: list[Work] = []
    inside: dict[str, list[Place]] = {}
    for element_id, variables in places:
        outer = graph.elements[element_id]
        while outer.scope != scope.id:
            outer = graph.elements[outer.scope]
        if outer.id == element_id:
            works.append(Work(kinds.START, key, element_id, write_beginnings([], variables)))
        else:
            inside.setdefault(outer.id, []).append((element_id, variables))
    return [*works, *(Work(kinds.START, key, outer, _together(some)) for outer, some in inside.items())]


def _together(places: list[Place]) -> str:
    variables = {name: document for _, each in places for name, document in each.items()}
    return write_beginnings([element_id for element_id, _ in places], variables)


def write_beginnings(element_ids: Sequence[str], variables: dict[str, msgspec.Raw] | None = None) -> str:
    """Empty for nothing."""
    if not element_ids and not variables:
        return ""
    return msgspec.json.encode([element_ids, variables or {}]).decode()


def read_beginnings(data: str) -> list[Place]:
    """Where to begin inside; nothing if the text does not say it."""
    element_ids, variables = _read(data)
    return [(element_id, variables) for element_id in element_ids]


def variables_at(data: str, element_id: str) -> str:
    """The variables that the element itself begins with, a JSON object; or empty."""
    found = _read(data)[1].get(element_id)
    return "" if found is None else bytes(found).decode()


def _read(data: str) -> tuple[list[str], dict[str, msgspec.Raw]]:
    if not data.startswith("["):
        return [], {}
    return msgspec.json.decode(data, type=tuple[list[str], dict[str, msgspec.Raw]])
