"""Rows to documents in the API's shape: every property of an entity is there, null when there is no value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from .enums import BATCH_ERROR_TYPES
from .fields import (
    BASIC_KEY,
    BOOLEAN,
    DATE,
    ERRORS,
    KEY,
    METRIC,
    NULLABLE_OBJECT,
    OBJECT,
    OBJECTS,
    STRING_KEY,
    STRINGS,
    Entity,
)
from .instances import VALUE_SHOWN_MAX
from .store import Document
from .values import date_text

Convert = Callable[[Any], Any]


def _decoded(value: Any) -> Any:
    """Stored as JSON text, or as it is."""
    return msgspec.json.decode(value) if isinstance(value, str) else value


def _errors(stored: Any) -> list[Document]:
    """The errors of one partition or of several; of a type the API does not know, it says the nearest one."""
    listed: list[Any] = _decoded(stored)
    errors = [error for part in listed for error in (part if isinstance(part, list) else [part])]
    return [
        {**error, "type": error["type"] if error["type"] in BATCH_ERROR_TYPES else BATCH_ERROR_TYPES[0]}
        for error in errors
    ]


def _metric(stored: Any) -> Document:
    """A count, and when something last changed in it."""
    count, at = _decoded(stored)
    return {"count": count, "lastUpdatedAt": None if at is None else date_text(at)}


#: kind -> from what is stored to what is shown; kinds that are missing stay as they are
CONVERSIONS: dict[str, Convert] = {
    KEY: str,
    BASIC_KEY: str,
    STRING_KEY: str,
    BOOLEAN: bool,
    DATE: date_text,
    STRINGS: _decoded,
    OBJECT: _decoded,
    NULLABLE_OBJECT: _decoded,
    OBJECTS: _decoded,
    ERRORS: _errors,
    METRIC: _metric,
}
#: kind -> what is shown when nothing is stored; null for the others
EMPTY: dict[str, Callable[[], object]] = {STRINGS: list, OBJECT: dict, OBJECTS: list}


class DocumentReader:
    """Makes the documents of one entity from rows whose columns are `columns`, in order."""

    def __init__(self, entity: Entity, *, truncate_values: bool) -> None:
        shown = entity.shown()
        variable = entity.name == "VARIABLE"
        truncated = variable and truncate_values
        self.columns = [
            f"substr({field.column}, 1, {VALUE_SHOWN_MAX})"
            if truncated and field.name == "value"
            else ("0" if variable and not truncated and field.name == "isTruncated" else field.column)
            for field in shown
        ]
        self._names = [field.name for field in shown]
        self._conversions = [
            (index, field.name, CONVERSIONS.get(field.kind), EMPTY.get(field.kind))
            for index, field in enumerate(shown)
            if field.kind in CONVERSIONS
        ]

    def read(self, row: Sequence[Any]) -> Document:
        """One document."""
        document: Document = dict(zip(self._names, row, strict=False))
        for index, name, convert, empty in self._conversions:
            value = row[index]
            if value is not None and value != "" and convert:
                document[name] = convert(value)
            elif empty:
                document[name] = empty()
        return document


def shown_row(fields: Sequence[tuple[str, str]], row: Sequence[Any]) -> Document:
    """One document of a report, whose `fields` are names and kinds in the order of the columns."""
    return {
        name: CONVERSIONS[kind](value) if kind in CONVERSIONS and value is not None else value
        for (name, kind), value in zip(fields, row, strict=True)
    }
