"""From documents of the indices to those of the API: what is read of them, and what is computed.

Rule: what is shown is what the embedded store shows, null where there is no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exporters.opensearch import mappings
from exporters.search.documents import DocumentReader
from exporters.search.fields import Entity, Field
from exporters.search.instances import VALUE_SHOWN_MAX
from exporters.search.store import Document
from exporters.search.values import date_text

from .indices import Indices, Source
from .places import CONSTANTS, is_constant, path_of
from .queries import terms

#: Entity -> what its documents show of their process instance and do not have.
OF_OWNER: Mapping[str, tuple[str, ...]] = {"JOB": ("business_id",)}
#: What the details of a wait state are made of.
WAIT_DETAILS = ("kind", "key", "type", "job_kind", "retries", "due_date")


class Rows:
    """Makes the API's documents of one entity. `paths`: what must be read of its documents."""

    def __init__(self, indices: Indices, entity: Entity, *, truncate_values: bool) -> None:
        self._indices = indices
        self._of_owner = OF_OWNER.get(entity.name, ())
        self._truncated = truncate_values and entity.name == "VARIABLE"
        self._reader = DocumentReader(entity, truncate_values=truncate_values)
        self._read = [self._reading(field) for field in entity.shown()]
        paths = {path_of(field) for field in entity.shown() if not is_constant(field)}
        if "has_open_incident" in paths:
            paths.add("incident_key")
        if "has_start_form" in paths:
            paths.add("start_form_id")
        if "details" in paths:
            paths.update(WAIT_DETAILS)
        if self._of_owner:
            paths.add("process_instance_key")
        if self._truncated:
            paths.discard("value")
            paths.update(("value_start", "value_hash"))
        self.paths = sorted(paths)

    async def documents(self, sources: Sequence[Source]) -> list[Document]:
        """The documents, in order."""
        if self._of_owner and sources:
            sources = await self._with_owners(sources)
        return [self._reader.read([read(source) for read in self._read]) for source in sources]

    async def _with_owners(self, sources: Sequence[Source]) -> list[Source]:
        wanted = terms("key", sorted({source["process_instance_key"] for source in sources}))
        found = await self._indices.all_of(mappings.INSTANCES, wanted, ["key", *self._of_owner])
        owners = {owner["key"]: owner for owner in found}
        return [{**owners.get(source["process_instance_key"], {}), **source} for source in sources]

    def _reading(self, field: Field) -> Callable[[Source], Any]:
        """What gives the stored value of a property."""
        if is_constant(field):
            constant = CONSTANTS[field.column]
            return lambda _: constant
        path = path_of(field)
        if path == "has_open_incident":
            return lambda source: "incident_key" in source
        if path == "has_start_form":
            return lambda source: "start_form_id" in source
        if path == "is_truncated":
            return (lambda source: "value_hash" in source) if self._truncated else (lambda _: False)
        if path == "value" and self._truncated:
            return lambda source: source["value_start"][:VALUE_SHOWN_MAX]
        if path == "details":
            return wait_details
        return lambda source: source.get(path)


def wait_details(source: Source) -> Document:
    """What an element instance waits for."""
    key = str(source["key"])
    if source["kind"]["name"] == mappings.JOB:
        return {
            "waitStateType": "JOB",
            "jobKey": key,
            "jobType": source["type"],
            "jobKind": source["job_kind"],
            "listenerEventType": None,
            "retries": source["retries"],
        }
    due = source.get("due_date")
    return {"waitStateType": "USER_TASK", "taskKey": key, "dueDate": None if due is None else date_text(due)}
