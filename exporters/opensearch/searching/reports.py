"""Reports: all rows about one thing; see `exporters/search/reports.py`."""

from __future__ import annotations

from typing import Any

from exporters.opensearch import mappings
from exporters.search.documents import shown_row
from exporters.search.filters import Conditions, Related
from exporters.search.instances import ELEMENTS, TENANT
from exporters.search.reports import REPORTS
from exporters.search.store import Document

from .batches import parts_of
from .conditions import Translation
from .indices import Indices
from .neighbourhood import Neighbourhood
from .places import ACTIVE, CONSTANTS, FLAGS, PROCESS_INSTANCES, WAITING, of_kind
from .queries import Query, all_of, any_of, has_parent, none_of, term
from .statistics import field

BROKEN = FLAGS["has_open_incident"]
#: An element with an incident does not count as active, as in Camunda 8.
ELEMENT_STATES = {
    "active": all_of(ACTIVE, none_of(BROKEN)),
    "canceled": term("state", "TERMINATED"),
    "incidents": all_of(ACTIVE, BROKEN),
    "completed": term("state", "COMPLETED"),
}
#: The body of a multi-instance activity counts only with an incident of its own, as in Camunda 8: what is in it counts.
COUNTED = any_of(none_of(term("type", "MULTI_INSTANCE_BODY")), all_of(ACTIVE, BROKEN))


class Reports:
    """Makes the rows of every report."""

    def __init__(self, indices: Indices, translation: Translation, neighbourhood: Neighbourhood) -> None:
        self._indices = indices
        self._translation = translation
        self._neighbourhood = neighbourhood

    async def rows(self, name: str, key: int) -> list[Document]:
        """All rows of the report of this name."""
        makers = {
            "ELEMENTS": lambda: self._elements(term("process_instance_key", key)),
            "ELEMENTS_OF_DEFINITION": lambda: self._elements(term("definition_key", key)),
            "WAIT_STATES": lambda: self._wait_states(key),
            "SEQUENCE_FLOWS": lambda: self._sequence_flows(key),
            "CALL_HIERARCHY": lambda: self._call_hierarchy(key),
            "BATCH_OPERATION_PARTS": lambda: self._parts(key),
        }
        return [shown_row(REPORTS[name].fields, row) for row in await makers[name]()]

    async def elements_of(self, definition_key: int, conditions: Conditions) -> list[Document]:
        """As ELEMENTS_OF_DEFINITION, of the instances that match. Conditions on elements also choose among these."""
        matching = await self._translation.query_of(conditions)
        instances = all_of(PROCESS_INSTANCES, term("definition_key", definition_key), matching)
        chosen = [
            await self._translation.query_of(condition.conditions)
            for condition in conditions
            if isinstance(condition, Related) and condition.relation is ELEMENTS and not condition.negated
        ]
        own = term("definition_key", definition_key)
        rows = await self._elements(all_of(own, has_parent(mappings.PROCESS_INSTANCE, instances), *chosen))
        return [shown_row(REPORTS["ELEMENTS"].fields, row) for row in rows]

    async def _elements(self, query: Query) -> list[list[Any]]:
        """Element instances by element and state."""
        states = {"states": {"filters": {"filters": ELEMENT_STATES}}}
        of_elements = all_of(of_kind(mappings.ELEMENT_INSTANCE), COUNTED, query)
        groups = await self._indices.groups(mappings.INSTANCES, of_elements, {"id": field("element_id")}, states)
        return [
            [group["key"]["id"], *(group["states"]["buckets"][state]["doc_count"] for state in ELEMENT_STATES)]
            for group in groups
        ]

    async def _wait_states(self, key: int) -> list[list[Any]]:
        by = {"id": field("element_id"), "instance": field("element_instance_key")}
        waiting = all_of(WAITING, term("process_instance_key", key))
        counts: dict[str, int] = {}
        for group in await self._indices.groups(mappings.INSTANCES, waiting, by):
            counts[group["key"]["id"]] = counts.get(group["key"]["id"], 0) + 1
        return [[element, count] for element, count in counts.items()]

    async def _sequence_flows(self, key: int) -> list[list[Any]]:
        paths = ["key", "root_key", "definition_key", "process_id", "sequence_flows"]
        one = await self._indices.first(mappings.INSTANCES, all_of(PROCESS_INSTANCES, term("key", key)), paths)
        if one is None:
            return []
        owner = [one["key"], one["root_key"], one["definition_key"], one.get("process_id")]
        return [
            [f"{key}_{flow}", *owner, flow, CONSTANTS[TENANT.column]] for flow in sorted(one.get("sequence_flows", ()))
        ]

    async def _call_hierarchy(self, key: int) -> list[list[Any]]:
        return [
            [one["key"], one["definition_key"], one.get("process_name") or one.get("process_id")]
            for one in await self._neighbourhood.callers(key)
        ]

    async def _parts(self, key: int) -> list[list[Any]]:
        return [
            [
                part.partition_id,
                part.initialization_date,
                part.total,
                part.completed,
                part.failed,
                part.skipped,
                part.canceled,
                part.running_date,
                part.running_done,
                part.outcome_date,
                part.failures,
                part.log,
                part.incidents,
                part.yielding_since,
                part.yield_pause,
                part.silent,
            ]
            for part in await parts_of(self._indices, key)
            if not part.deleted
        ]
